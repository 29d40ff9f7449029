"""What trains now, how far it is, and about how long is left: a live line on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence

import pytest

EVERY = 15.0  # seconds between two lines of a log


class Progress:
    """Shows the training of the variants in ``expected``: name -> seconds that its trials took when last stored.

    The time left is that of the variants to come, scaled by how long the finished ones took against what was expected,
    and the running one's share of epochs still to do; a variant without stored seconds counts as the mean so far. A
    terminal that cannot be written to, or a quiet one (-q), shows nothing.
    """

    def __init__(self, config: pytest.Config, expected: Mapping[str, float | None]) -> None:
        self._expected = dict(expected)
        self._spent: dict[str, float] = {}
        self._config = config
        self._writer = config.get_terminal_writer()
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        dumb = os.environ.get("TERM") == "dumb"  # colours may be forced on it; its cursor cannot be moved
        self._live = bool(self._writer.hasmarkup and self._reporter and self._reporter.isatty) and not dumb
        self._quiet = config.getoption("verbose") < 0
        self._name, self._epochs, self._fraction = "", 0, 0.0
        self._seeds: list[int] = []
        self._shown = -EVERY
        self._started = 0.0

    def start(self, name: str, seeds: Sequence[int], epochs: int) -> None:
        """A variant begins to train, with these seeds one after another."""
        self._name, self._seeds, self._epochs, self._fraction = name, list(seeds), epochs, 0.0
        self._started = time.monotonic()
        self._show(f"{name}: {len(seeds)} seeds of {epochs} epochs")

    def epoch(self, seed: int, epochs: int) -> None:
        """``epochs`` of the trial of ``seed`` are finished."""
        index = self._seeds.index(seed)
        self._fraction = (index + epochs / self._epochs) / len(self._seeds)
        self._show(f"{self._name}: seed {index + 1} of {len(self._seeds)}, epoch {epochs} of {self._epochs}")

    def finish(self, name: str, seconds: float) -> None:
        """A variant is trained, or was interrupted."""
        self._spent.setdefault(name, seconds)  # what was expected is the time of its first seeds
        self._name = ""
        self._clear()

    def note(self, name: str) -> None:
        """An exact claim is being checked."""
        if self._live:
            self._show(name)

    def say(self, text: str) -> None:
        """A line of its own, whatever is shown: of something that must not pass unseen. Workers have no terminal."""
        with self._uncaptured():
            self._line(text)

    def left(self) -> float | None:
        """Estimated seconds until the last variant is trained; None while nothing is known."""
        elapsed = time.monotonic() - self._started if self._name else 0.0
        running = [elapsed / self._fraction] if self._name and self._fraction else []
        known = [(seconds, self._expected[name]) for name, seconds in self._spent.items() if self._expected.get(name)]
        scale = sum(seconds for seconds, _ in known) / sum(stored or 0.0 for _, stored in known) if known else 1.0
        measured = [*self._spent.values(), *running]
        average = sum(measured) / len(measured) if measured else None
        total = 0.0
        for name in (name for name in self._expected if name not in self._spent):
            stored = self._expected[name]
            if name == self._name and running:
                total += max(running[0] - elapsed, 0.0)
            elif stored:
                total += max(stored * scale - (elapsed if name == self._name else 0.0), 0.0)
            elif average is None:
                return None
            else:
                total += average
        return total

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

    def _uncaptured(self) -> contextlib.AbstractContextManager[None]:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()

    def _write(self, text: str) -> None:
        with self._uncaptured():
            if not self._live:
                self._line(text)
                return
            # Behind pytest's own dots, cut to what the line has left; the cursor goes back to where it was. pytest's
            # writer would count the escapes as letters of its line.
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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
