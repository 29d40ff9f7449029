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

EVERY = 30.0
"""Seconds between two lines of a log."""
LIVE = 0.1
"""Seconds between two changes of the live line."""
UNKNOWN = 3.0
"""Expected seconds of a variant of which nothing is known."""
TRUST = 0.01
"""What is expected counts as much as this share of a run, measured: so the first trials decide little."""


@dataclass
class _Running:
    """What this process trains.

    Attributes:
        variant: name of the training.
        seeds: trained to the end.
        epochs: of each seed.
        what: what it does, in words.
        epoch: the finished part of the present trial, 0 to 1.
    """

    variant: str
    seeds: Sequence[int]
    epochs: int
    what: str
    epoch: float = 0.0


class Progress:
    """Shows the progress of the trainings. A quiet run (-q) shows nothing but what ``say`` prints.

    The live line is below the line that pytest writes. As a plugin of pytest, this object removes it whenever pytest
    writes.

    The time left is the expected seconds of what is not yet trained, times the ratio of measured to expected seconds
    of what is, divided by the number of processes.

    Attributes:
        quiet: whether the run is quiet (-q).
        columns: of the terminal; of a log there is no limit.

    Args:
        config: pytest's.
        expected: expected seconds of each variant, by its name; None where nothing is known.
        workers: number of processes.
    """

    def __init__(self, config: pytest.Config, expected: Mapping[str, float | None], workers: int = 1) -> None:
        self._expected = {name: seconds or UNKNOWN for name, seconds in expected.items()}
        self._all_known = all(expected.values())
        self._workers = workers
        self._spent = dict.fromkeys(expected, 0.0)
        self._shares = dict.fromkeys(expected, 0.0)
        self._config = config
        self._writer = config.get_terminal_writer()
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        dumb = os.environ.get("TERM") == "dumb"  # its cursor cannot be moved, even if colours are forced
        self._live = bool(self._writer.hasmarkup and self._reporter and self._reporter.isatty) and not dumb
        self.columns = columns_of(config)
        self.quiet = config.getoption("verbose") < 0
        self._running: _Running | None = None
        self._note = ""
        self._shown = -EVERY
        self._drawn = False

    def start(self, variant: str, seeds: Sequence[int], epochs: int, steps: int = 0) -> None:
        """This process begins to train ``seeds`` to the end, or, without seeds, only the first ``steps``."""
        what = f"{plural(len(seeds), 'seed')} of {plural(epochs, 'epoch')}" if seeds else plural(steps, "step")
        self._running = _Running(variant, seeds, epochs, what)
        self._show()

    def epoch(self, seed: int, epochs: int) -> None:
        """The trial of ``seed`` that this process trains has finished ``epochs`` epochs."""
        if running := self._running:
            index = running.seeds.index(seed)
            running.epoch = epochs / running.epochs
            running.what = f"seed {index + 1} of {len(running.seeds)}, epoch {epochs} of {running.epochs}"
            self._show()

    def trained(self, variant: str, seconds: float, share: float = 0.0) -> None:
        """A trial, a ``share`` of its variant, has taken ``seconds``, by the clock of the process that trained it."""
        self._spent[variant] = self._spent.get(variant, 0.0) + seconds
        self._shares[variant] = min(1.0, self._shares.get(variant, 0.0) + share)
        if self._running:
            self._running.epoch = 0.0
        self._show()

    def finish(self, variant: str, whole: bool = True) -> None:
        """A task of a variant has ended; ``whole``: its last."""
        self._running = None
        if whole:
            self._shares[variant] = 1.0
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
        whole = sum(self._expected.values())
        done = sum(seconds * self._shares[name] for name, seconds in self._expected.items())
        spent = sum(self._spent[name] for name in self._expected if self._shares[name])
        if not done and not self._all_known:
            return None
        pace = (spent + TRUST * whole) / (done + TRUST * whole)
        if (running := self._running) and running.variant in self._expected and running.seeds:
            done += self._expected[running.variant] * running.epoch / len(running.seeds)
        return max(whole - done, 0.0) * pace / self._workers

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
        text = f"{self._running.variant}: {self._running.what}" if self._running else self._note
        if not self._expected:
            return cut(shown(text), columns)
        whole = sum(share >= 1.0 for share in self._shares.values())
        text = f"[{min(whole + 1, len(self._expected))}/{len(self._expected)}] {text}"
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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
