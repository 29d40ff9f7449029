"""Text on a terminal: how wide it is, how it is cut and wrapped, and what stands for letters that it cannot show."""

from __future__ import annotations

import itertools
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

ASCII = {
    "✅": "[OK]", "❌": "[FAILED]", "⚪": "[--]", "→": "->", "·": "-", "…": "...", "–": "-", "−": "-", "×": "x",
    "±": "+/-", "µ": "u", "✔": "+", "✘": "x", "≈": "~", "↻": "o",
}  # fmt: skip
"""What stands for the letters of our own texts where the terminal's encoding lacks them."""


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
    for place, taken in enumerate(itertools.accumulate(map(width, text))):
        if taken > columns:
            return text[:place]
    return text


def shortened(name: str, columns: int) -> str:
    """The name, or its beginning, "…" and its end if it is wider than ``columns``."""
    if width(name) <= columns:
        return name
    return cut(name, columns - columns // 2) + _beginning(name[::-1], columns // 2)[::-1]


def wrapped(text: str, columns: int) -> Iterator[str]:
    """The text in lines of at most ``columns``, broken between words; further lines are indented by two more.

    A word that is too wide is broken, but not a path: it could not be copied.
    """
    if width(text) <= columns:
        yield text
        return
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    first, *rest = [part for word in text.split() for part in _parts(word, max(columns - len(indent), 10))]
    line = indent[2:] + first
    for word in rest:
        if width(line) + 1 + width(word) > columns:
            yield line
            line = indent + word
        else:
            line += f" {word}"
    yield line


def _parts(word: str, columns: int) -> Iterator[str]:
    while width(word) > columns and os.sep not in word:
        part = _beginning(word, columns)
        yield part
        word = word[len(part) :]
    yield word


def shown(text: str, encoding: str | None = None) -> str:
    """The text on one line, without control characters, in letters that the encoding has.

    ``encoding`` is that of the standard output by default.
    """
    name = encoding or getattr(sys.__stdout__, "encoding", None) or "utf-8"
    one = "".join(letter if letter.isprintable() else " " for letter in text)
    try:
        one.encode(name)
    except UnicodeEncodeError:
        return "".join(_letter(letter, name) for letter in one)
    return one


def _letter(letter: str, encoding: str) -> str:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return ASCII.get(letter, "?")
    return letter


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], columns: int, right: Sequence[str] = ()
) -> Iterator[str]:
    """The lines of a table of at most ``columns``: the names in its first column are cut where it would be wider.

    ``right``: the headers of the right-aligned columns.
    """
    cells = [list(map(str, row)) for row in (headers, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    excess = sum(widths) + 2 * (len(widths) - 1) - columns
    widths[0] = min(widths[0], max(widths[0] - excess, 9))
    for row in (cells[0], ["-" * one for one in widths], *cells[1:]):
        row[0] = shortened(row[0], widths[0])
        padded = [" " * (room - width(cell)) for cell, room in zip(row, widths, strict=True)]
        aligned = [
            padding + cell if header in right else cell + padding
            for header, cell, padding in zip(headers, row, padded, strict=True)
        ]
        yield "  ".join(aligned).rstrip()


def columns_of(config: pytest.Config) -> int:
    """The number of columns of the terminal; of a log there is no limit."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    return config.get_terminal_writer().fullwidth if reporter is not None and reporter.isatty else sys.maxsize


def write(config: pytest.Config, lines: Sequence[Line]) -> None:
    """Writes lines by pytest's terminal reporter. A terminal gets them wrapped to its width, a log gets them whole."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return
    columns = columns_of(config)
    for line in lines:
        for part in wrapped(shown(line.text), sys.maxsize if line.whole else columns):
            reporter.write_line(part, **({line.colour: True} if line.colour else {}))
