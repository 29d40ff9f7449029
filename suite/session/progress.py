"""The progress of the trainings and the time left: one live line on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from reports.words import plural
from suite.session.screen import columns_of, cut, shown, width

EVERY = 15.0
"""Seconds between two lines of a log."""
LIVE = 0.1
"""Seconds between two changes of the live line."""


@dataclass
class _Running:
    """A running task.

    Attributes:
        variant: name of the training.
        seeds: trained to the end.
        epochs: of each seed.
        started: a time of ``time.monotonic``.
        what: what it does, in words.
        share: the finished part of the task, 0 to 1.
        spent: seconds of its finished trials.
    """

    variant: str
    seeds: Sequence[int]
    epochs: int
    started: float
    what: str
    share: float = 0.0
    spent: float = 0.0


class Progress:
    """Shows the progress of the trainings. A quiet run (-q) shows nothing but what ``say`` prints.

    The live line is below the line that pytest writes. As a plugin of pytest, this object removes it whenever pytest
    writes. It shows the task that has run longest.

    The time left is the sum over the unfinished variants, divided by the number of processes. A running variant takes
    as long as its pace so far predicts. Another one takes its expected seconds, times the ratio of actual to expected
    seconds of the finished variants. A variant without expected seconds takes the mean of the measured ones.

    Attributes:
        quiet: whether the run is quiet (-q).
        columns: of the terminal; of a log there is no limit.

    Args:
        config: pytest's.
        expected: expected seconds of each variant, by its name; None where nothing is known.
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
        self.columns = columns_of(config)
        self.quiet = config.getoption("verbose") < 0
        self._running: dict[str, _Running] = {}
        self._note = ""
        self._shown = -EVERY
        self._drawn = False

    def start(self, task: str, variant: str, seeds: Sequence[int], epochs: int, steps: int = 0) -> None:
        """A task of a variant begins: it trains ``seeds`` to the end, or, without seeds, only the first ``steps``."""
        what = f"{plural(len(seeds), 'seed')} of {plural(epochs, 'epoch')}" if seeds else plural(steps, "step")
        self._running[task] = _Running(variant, seeds, epochs, time.monotonic(), what)
        self._show()

    def epoch(self, task: str, seed: int, epochs: int) -> None:
        """The trial of ``seed`` has finished ``epochs`` epochs."""
        one = self._running[task]
        index = one.seeds.index(seed)
        one.share = (index + epochs / one.epochs) / len(one.seeds)
        one.what = f"seed {index + 1} of {len(one.seeds)}, epoch {epochs} of {one.epochs}"
        self._show()

    def trained(self, task: str, seconds: float) -> None:
        """A trial of the task has taken ``seconds``, by the clock of the process that trained it."""
        self._running[task].spent += seconds

    def finish(self, task: str) -> None:
        """A task has ended. A task that never began is ignored."""
        one = self._running.pop(task, None)
        if one is not None:
            seconds = one.spent or time.monotonic() - one.started
            self._spent[one.variant] = self._spent.get(one.variant, 0.0) + seconds
        if not self._running:
            self._remove()

    def note(self, name: str) -> None:
        """Shows on a terminal what this process does now."""
        self._note = name
        if self._live:
            self._show()

    def say(self, text: str) -> None:
        """Prints a line of its own that must be seen: in a quiet run too, and past pytest's capture."""
        self._remove()
        with self._capture_suspended():
            self._line(text)

    def close(self) -> None:
        """Removes the live line."""
        self._remove()

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

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logstart(self) -> Generator[None]:
        yield from self._beside()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self) -> Generator[None]:
        yield from self._beside()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logfinish(self) -> Generator[None]:
        yield from self._beside()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, Any, Any]:
        """Removes the live line when the last item has run, or the run was interrupted."""
        try:
            return (yield)
        finally:
            self.close()

    def _beside(self) -> Generator[None]:
        """Removes the live line while pytest writes, and draws it again."""
        drawn = self._drawn
        self._remove()
        yield
        if drawn:
            self._draw()

    def _show(self) -> None:
        now = time.monotonic()
        if self.quiet or now - self._shown < (LIVE if self._live else EVERY):
            return
        self._shown = now
        if self._live:
            self._draw()
        else:
            with self._capture_suspended():
                self._line(self._text(sys.maxsize))

    def _text(self, columns: int) -> str:
        """What is being done and the time left. What is being done is cut so that both fit into ``columns``."""
        one = next(iter(self._running.values()), None)
        text = f"{one.variant}: {one.what}" if one else self._note
        if not self._expected:
            return cut(shown(text), columns)
        text = f"[{min(len(self._spent) + 1, len(self._expected))}/{len(self._expected)}] {text}"
        left = self.left()
        rest = shown("" if left is None else f" · about {_duration(left)} left")
        return cut(cut(shown(text), max(columns - width(rest), columns // 2)) + rest, columns)

    def _draw(self) -> None:
        """Draws the live line, or draws it anew."""
        with self._capture_suspended():  # else the terminal's width is unknown
            if self._column or not self._writer.width_of_current_line:
                self._below(self._text(self._writer.fullwidth - 1))
                self._drawn = True

    def _remove(self) -> None:
        if self._drawn:
            with self._capture_suspended():
                self._below("")
            self._drawn = False

    @property
    def _column(self) -> int:
        """The column of the cursor, in pytest's line; 0 too if that line is full, and the cursor may have left it."""
        return int(self._writer.width_of_current_line % self._writer.fullwidth)

    def _below(self, text: str) -> None:
        """Writes in the line below the cursor's, which pytest writes next, and moves the cursor back.

        pytest's writer is not used: it would count the escape sequences as letters of its line.
        """
        if sys.__stdout__ is not None:
            self._writer.flush()
            sys.__stdout__.write(f"\n\x1b[K{text}\x1b[A\x1b[{self._column + 1}G")
            sys.__stdout__.flush()

    def _capture_suspended(self) -> contextlib.AbstractContextManager[None]:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()

    def _line(self, text: str) -> None:
        if self._reporter is not None:
            self._reporter.ensure_newline()
            self._reporter.write_line(shown(text))


def _total_seconds(one: _Running) -> float:
    """Seconds that a task takes from begin to end, at its pace so far."""
    return (time.monotonic() - one.started) / one.share


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
