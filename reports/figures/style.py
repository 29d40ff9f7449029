"""The style of all figures, and their SVG files. Colours suit colour-blind readers and grey print; text stays text."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.domain.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COORDINATES = re.compile(r' (?:d|x|y|points)="[^"]*"')
LONG = re.compile(r"(\.\d)\d+")
"""Decimals beyond the first. Coordinates are in points, so one decimal is enough; this halves the file."""
NOTHING = re.compile(
    r' transform="rotate\(-0 [^"]*"|(?<=<g) id="(?!figure)[a-zA-Z0-9_.]+_\d+"|<g/>|<metadata>.*?</metadata>', re.S
)
STYLE = re.compile(r'style="[^"]*"')
MARKERS = re.compile(r"(?:<use [^>]*/>\n){2,}")
INDENT = re.compile(r"\n\s*")

INK, FAINT, GRID = "#1f2328", "#59636e", "#d8dee4"


@dataclass(frozen=True)
class Theme:
    """One variant's colour (of Okabe and Ito, yellow replaced), marker and line; each alone identifies the variant."""

    colour: str
    marker: str
    line: Any


THEMES = (
    Theme("#0072B2", "o", "-"),
    Theme("#D55E00", "s", (0, (5, 1.5))),
    Theme("#009E73", "^", (0, (5, 1.5, 1, 1.5))),
    Theme("#CC79A7", "D", (0, (1.2, 1.2))),
    Theme("#000000", "v", "-"),
    Theme("#56B4E9", "P", (0, (3, 1, 1, 1, 1, 1))),
    Theme("#E69F00", "X", (0, (8, 2))),
    Theme("#7F5539", "*", (0, (2, 2))),
)

VERDICT_LOOKS: dict[str, Theme] = {
    Verdict.SUPPORTED: Theme("#0072B2", "o", "-"),
    Verdict.REFUTED: Theme("#D55E00", "X", "-"),
    Verdict.INCONCLUSIVE: Theme(FAINT, "D", "-"),
    Verdict.NOT_RUN: Theme(FAINT, "_", "-"),
}

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lecture-claims",
    "text.parse_math": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "path.simplify": True,
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Sets Matplotlib's style, and silences warnings about letters that its font lacks but the reader's font has."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context(dict(SETTINGS)):
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def svg(figure: Figure) -> bytes:
    """The figure as SVG, the same bytes every time. Call it inside ``styled()``."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return smaller(buffer.getvalue().decode()).encode()


def smaller(drawn: str) -> str:
    """The same SVG in fewer characters: rounded coordinates, no rotations by 0, no unused ids."""
    drawn = COORDINATES.sub(lambda found: LONG.sub(r"\1", found.group()).replace("\n", ""), drawn)
    drawn = NOTHING.sub("", drawn)
    drawn = STYLE.sub(lambda found: found.group().replace("; ", ";").replace(": ", ":"), drawn)
    return MARKERS.sub(_together, INDENT.sub("\n", drawn))


def _together(markers: re.Match[str]) -> str:
    """Groups consecutive markers under their style if they all have the same one."""
    styles = set(STYLE.findall(markers.group()))
    if len(styles) != 1:
        return markers.group()
    [style] = styles
    return f"<g {style}>\n{markers.group().replace(' ' + style, '')}</g>\n"


def fitting(start: str, items: Sequence[str], most: int = 280) -> str:
    """``start`` and as many items as fit into ``most`` characters, then the number of the others."""
    text = shorten(start, most - 20)
    for index, item in enumerate(items):
        left = len(items) - index
        longer = text + ("; " if index else ": ") + item
        if len(longer) > most - (14 if left > 1 else 1):
            return f"{text}{'; ' if index else ': '}{left} more."
        text = longer
    return text + "."


def shorten(text: str, most: int) -> str:
    """Text of at most ``most`` characters; an ellipsis replaces the rest."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
