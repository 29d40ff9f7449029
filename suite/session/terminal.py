"""Text on a terminal: the summary's lines, tables, and one live line with the progress and the time left.

A log gets the progress as plain lines, at most one in EVERY seconds.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import textwrap
import time
import unicodedata
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from reports.words import plural

ASCII = {
    "✅": "[OK]", "❌": "[FAILED]", "⚪": "[--]", "→": "->", "·": "-", "…": "...", "–": "-", "−": "-", "×": "x",
    "±": "+/-", "µ": "u", "✔": "+", "✘": "x", "≈": "~", "↻": "o",
}  # fmt: skip
"""What stands for the letters of our own texts where the terminal's encoding lacks them."""
EVERY = 30.0
"""Seconds between two lines of a log."""
LIVE = 0.1
"""Seconds between two changes of the live line."""
UNKNOWN = 3.0
"""Expected seconds of a variant of which nothing is known."""
TRUST = 0.01
"""What is expected counts as much as this share of a run, measured: so the first trials decide little."""


class Line(NamedTuple):
    """A line of the summary.

    Attributes:
        text: its text.
        colour: "red", "green", or "" for none; only terminals with colours show it.
        whole: never wrapped, because it ends with a path to copy.
    """

    text: str
    colour: str = ""
    whole: bool = False


def width(text: str) -> int:
    """The number of columns that a text takes. An East Asian letter or a symbol takes two, an accent none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def cut(text: str, columns: int) -> str:
    """The text, or its beginning and "…" if it is wider than ``columns``."""
    if width(text) <= columns:
        return text
    return f"{_beginning(text, columns - 1).rstrip()}…"


def _beginning(text: str, columns: int) -> str:
    """The longest beginning of a text that takes at most so many columns."""
    return text[: sum(taken <= columns for taken in itertools.accumulate(map(width, text)))]


def wrapped(text: str, columns: int) -> list[str]:
    """The text in lines of at most ``columns``, broken between words; further lines are indented by two more.

    A word that is too wide is broken, but not a path: it could not be copied.
    """
    if width(text) <= columns:
        return [text]
    padded = "".join(letter + "\0" * (width(letter) - 1) for letter in text)  # so that each column is one letter
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    no_path = not any(os.sep in word for word in text.split() if width(word) > columns)
    lines = textwrap.wrap(padded, columns, subsequent_indent=indent, break_long_words=no_path, break_on_hyphens=False)
    return [line.replace("\0", "") for line in lines]


def shown(text: str, encoding: str | None = None) -> str:
    """The text on one line, without control characters, in letters that the encoding has.

    ``encoding`` is that of the standard output by default.
    """
    name = encoding or getattr(sys.__stdout__, "encoding", None) or "utf-8"
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(letter if letter.encode(name, "ignore") else ASCII.get(letter, "?") for letter in text)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], columns: int, right: Sequence[str] = ()
) -> Iterator[str]:
    """The lines of a table of at most ``columns``: a name in its first column loses its middle where it is too wide.

    ``right``: the headers of the right-aligned columns.
    """
    cells = [list(map(str, row)) for row in (headers, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    widths[0] = min(widths[0], max(columns - sum(widths[1:]) - 2 * (len(widths) - 1), 9))
    for row in (cells[0], ["-" * room for room in widths], *cells[1:]):
        if width(row[0]) > widths[0]:
            end = _beginning(row[0][::-1], widths[0] // 2)[::-1]
            row[0] = cut(row[0], widths[0] - widths[0] // 2) + end
        padded = []
        for header, cell, room in zip(headers, row, widths, strict=True):
            space = " " * (room - width(cell))
            padded.append(space + cell if header in right else cell + space)
        yield "  ".join(padded).rstrip()


def columns_of(config: pytest.Config) -> int:
    """The number of columns of the terminal; of a log there is no limit."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    return config.get_terminal_writer().fullwidth if reporter is not None and reporter.isatty else sys.maxsize


def write(config: pytest.Config, lines: Sequence[Line]) -> None:
    """Writes lines by pytest's terminal reporter. A terminal gets them wrapped to its width, a log gets them whole."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    columns = columns_of(config)
    for line in lines if reporter is not None else ():
        for part in wrapped(shown(line.text), sys.maxsize if line.whole else columns):
            reporter.write_line(part, **({line.colour: True} if line.colour else {}))


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
        processes: number of processes that train.
    """

    def __init__(self, config: pytest.Config, expected: Mapping[str, float | None], processes: int = 1) -> None:
        self._expected = {name: seconds or UNKNOWN for name, seconds in expected.items()}
        self._all_known = all(expected.values())
        self._processes = processes
        self._spent = dict.fromkeys(expected, 0.0)
        self._shares = dict.fromkeys(expected, 0.0)
        self._config = config
        self._writer = config.get_terminal_writer()
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        dumb = os.environ.get("TERM") == "dumb"  # its cursor cannot be moved, even if colours are forced
        self._live = bool(self._writer.hasmarkup and self._reporter and self._reporter.isatty) and not dumb
        self.columns = columns_of(config)
        self.quiet = config.getoption("verbose") < 0
        self._variant, self._seeds, self._epochs = "", list[int](), 0  # what this process trains
        self._epoch = 0.0  # the finished part of its present trial, 0 to 1
        self._what = ""
        self._shown = -EVERY
        self._drawn = False

    def start(self, variant: str, seeds: Sequence[int], epochs: int, states: int = 0) -> None:
        """This process begins to train ``seeds`` to the end, or, without seeds, some steps from so many states."""
        self._variant, self._seeds, self._epochs, self._epoch = variant, list(seeds), epochs, 0.0
        some = f"steps from {plural(states, 'state')}"
        what = f"{plural(len(seeds), 'seed')} of {plural(epochs, 'epoch')}" if seeds else some
        self._show(f"{variant}: {what}")

    def epoch(self, seed: int, epochs: int) -> None:
        """The trial of ``seed`` that this process trains has finished ``epochs`` epochs."""
        if self._variant:
            number, self._epoch = self._seeds.index(seed) + 1, epochs / self._epochs
            self._show(f"{self._variant}: seed {number} of {len(self._seeds)}, epoch {epochs} of {self._epochs}")

    def trained(self, variant: str, seconds: float, share: float = 0.0) -> None:
        """A trial, a ``share`` of its variant, has taken ``seconds``, by the clock of the process that trained it."""
        self._spent[variant] = self._spent.get(variant, 0.0) + seconds
        self._shares[variant] = min(1.0, self._shares.get(variant, 0.0) + share)
        self._epoch = 0.0
        self._show()

    def finish(self, variant: str, whole: bool = True) -> None:
        """A task of a variant has ended; ``whole``: its last."""
        self._variant = ""
        if whole:
            self._shares[variant] = 1.0
        self.close()

    def note(self, name: str) -> None:
        """Shows on a terminal what this process does now."""
        self._what = name
        if self._live:
            self._show(name)

    def say(self, text: str) -> None:
        """Prints a line of its own that must be seen: in a quiet run too, and past pytest's capture."""
        self.close()
        with self._capture_suspended():
            self._line(text)

    def close(self) -> None:
        """Removes the live line."""
        if self._drawn:
            with self._capture_suspended():
                self._below("")
            self._drawn = False

    def left(self) -> float | None:
        """Estimated seconds until the last variant is trained; None while nothing is known."""
        whole = sum(self._expected.values())
        done = sum(seconds * self._shares[name] for name, seconds in self._expected.items())
        spent = sum(self._spent[name] for name in self._expected if self._shares[name])
        if not done and not self._all_known:
            return None
        pace = (spent + TRUST * whole) / (done + TRUST * whole)
        if self._seeds and self._variant in self._expected:
            done += self._expected[self._variant] * self._epoch / len(self._seeds)
        return max(whole - done, 0.0) * pace / self._processes

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self) -> Generator[None]:
        """Removes the live line while pytest writes, and draws it again."""
        drawn = self._drawn
        self.close()
        yield
        if drawn:
            self._draw()

    pytest_runtest_logstart = pytest_runtest_logfinish = pytest_runtest_logreport

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, Any, Any]:
        """Removes the live line when the last item has run, or the run was interrupted."""
        try:
            return (yield)
        finally:
            self.close()

    def _show(self, what: str = "") -> None:
        self._what = what or self._what
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
        if not self._expected:
            return cut(shown(self._what), columns)
        whole = sum(share >= 1.0 for share in self._shares.values())
        text = shown(f"[{min(whole + 1, len(self._expected))}/{len(self._expected)}] {self._what}")
        left = self.left()
        rest = shown("" if left is None else f" · about {_duration(left)} left")
        return cut(cut(text, max(columns - width(rest), columns // 2)) + rest, columns)

    def _draw(self) -> None:
        """Draws the live line, or draws it anew."""
        with self._capture_suspended():  # else the terminal's width is unknown
            if self._column or not self._writer.width_of_current_line:
                self._below(self._text(self._writer.fullwidth - 1))
                self._drawn = True

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
