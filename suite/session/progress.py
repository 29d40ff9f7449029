"""The progress of the trainings and the time left: a live line on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

EVERY = 15.0
"""Seconds between two lines of a log."""


@dataclass
class _Running:
    """A running task.

    Attributes:
        variant: name of the training.
        seeds: trained to the end.
        epochs: of each seed.
        started: a time of ``time.monotonic``.
        share: the finished part of the task, 0 to 1.
    """

    variant: str
    seeds: Sequence[int]
    epochs: int
    started: float
    share: float = 0.0


class Progress:
    """Shows the progress of the trainings. A quiet run (-q) shows nothing but what ``say`` prints.

    The time left is the sum over the unfinished variants, divided by the number of processes. A running variant takes
    as long as its pace so far predicts. Another one takes its expected seconds, times the ratio of actual to expected
    seconds of the finished variants. A variant without expected seconds takes the mean of the measured ones.

    Args:
        config: pytest's.
        expected: stored seconds of the trials of each variant, by its name; None where none are stored.
        workers: number of processes.
    """

    def __init__(self, config: pytest.Config, expected: Mapping[str, float | None], workers: int = 1) -> None:
        self._expected, self._workers = dict(expected), workers
        self._spent: dict[str, float] = {}
        self._config = config
        self._writer = config.get_terminal_writer()
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        dumb = os.environ.get("TERM") == "dumb"  # its cursor cannot be moved, even if colours are forced
        self._live = bool(self._writer.hasmarkup and self._reporter and self._reporter.isatty) and not dumb
        self._quiet = config.getoption("verbose") < 0
        self._running: dict[str, _Running] = {}
        self._shown = -EVERY

    def start(self, task: str, variant: str, seeds: Sequence[int], epochs: int, steps: int = 0) -> None:
        """A task of a variant begins: it trains ``seeds`` to the end, or, without seeds, only the first ``steps``."""
        self._running[task] = _Running(variant, seeds, epochs, time.monotonic())
        what = f"{len(seeds)} seeds of {epochs} epochs" if seeds else f"{steps} steps"
        self._show(f"{variant}: {what}")

    def epoch(self, task: str, seed: int, epochs: int) -> None:
        """The trial of ``seed`` has finished ``epochs`` epochs."""
        one = self._running[task]
        index = one.seeds.index(seed)
        one.share = (index + epochs / one.epochs) / len(one.seeds)
        self._show(f"{one.variant}: seed {index + 1} of {len(one.seeds)}, epoch {epochs} of {one.epochs}")

    def finish(self, task: str) -> None:
        """A task has ended. A task that never began is ignored."""
        one = self._running.pop(task, None)
        if one is not None:
            seconds = time.monotonic() - one.started
            self._spent[one.variant] = self._spent.get(one.variant, 0.0) + seconds
        self._clear()

    def note(self, name: str) -> None:
        """Shows on a terminal what this process does now."""
        if self._live:
            self._show(name)

    def say(self, text: str) -> None:
        """Prints a line of its own that must be seen: in a quiet run too, and past pytest's capture."""
        with self._capture_suspended():
            self._line(text)

    def left(self) -> float | None:
        """Estimated seconds until the last variant is trained; None while nothing is known."""
        running = {one.variant: one for one in self._running.values()}
        finished = {name: seconds for name, seconds in self._spent.items() if name not in running}
        known = [(seconds, self._expected[name]) for name, seconds in finished.items() if self._expected.get(name)]
        scale = sum(seconds for seconds, _ in known) / sum(stored or 0.0 for _, stored in known) if known else 1.0
        measured = [*finished.values(), *(_total_seconds(one) for one in running.values() if one.share)]
        average = sum(measured) / len(measured) if measured else None
        total = 0.0
        for name in (name for name in self._expected if name not in finished):
            stored, one = self._expected[name], running.get(name)
            elapsed = time.monotonic() - one.started if one else 0.0
            if one is not None and one.share:
                total += max(_total_seconds(one) - elapsed, 0.0)
            elif stored:
                total += max(stored * scale - elapsed, 0.0)
            elif average is None:
                return None
            else:
                total += average
        return total / self._workers

    def _show(self, text: str) -> None:
        if self._quiet:
            return
        now = time.monotonic()
        if now - self._shown < (0.1 if self._live else EVERY):
            return
        self._shown = now
        left = self.left()
        if self._expected:
            text = f"[{min(len(self._spent) + 1, len(self._expected))}/{len(self._expected)}] {text}"
        if left is not None and self._expected:
            text += f", about {_duration(left)} left"
        self._write(text)

    def _capture_suspended(self) -> contextlib.AbstractContextManager[None]:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()

    def _write(self, text: str) -> None:
        with self._capture_suspended():
            if not self._live:
                self._line(text)
                return
            # The text follows pytest's own dots and is cut to the rest of the line. Then the cursor goes back. pytest's
            # writer is not used: it would count the escape sequences as letters of its line.
            room = self._writer.fullwidth - self._writer.width_of_current_line - 2
            if room >= 10 and sys.__stdout__ is not None:
                self._writer.flush()
                sys.__stdout__.write(f"\x1b7 {text[:room]}\x1b[K\x1b8")
                sys.__stdout__.flush()

    def _line(self, text: str) -> None:
        if self._reporter is not None:
            self._reporter.ensure_newline()
            self._reporter.write_line(text)

    def _clear(self) -> None:
        if self._live and not self._quiet:
            self._write("")


def _total_seconds(one: _Running) -> float:
    """Seconds that a task takes from begin to end, at its pace so far."""
    return (time.monotonic() - one.started) / one.share


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
