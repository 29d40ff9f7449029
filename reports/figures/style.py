"""The style of all figures, and their SVG files. Colours suit colour-blind readers and grey print; text stays text."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.domain.verdict import Verdict
from harness.record.run import ExperimentDeclared, Run
from reports.words import backend_name, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

COORDINATES = re.compile(r' (?:d|x|y|points)="[^"]*"')
LONG = re.compile(r"(\.\d)\d+")
"""Decimals beyond the first. Coordinates are in points, so one decimal is enough; this halves the file."""
NOTHING = re.compile(
    r' transform="rotate\(-0 [^"]*"|(?<=<g) id="(?!figure)[a-zA-Z0-9_.]+_\d+"|<g/>|<metadata>.*?</metadata>', re.S
)
STYLE = re.compile(r'style="[^"]*"')
MARKERS = re.compile(r"(?:<use [^>]*/>\n){2,}")
INDENT = re.compile(r"\n\s*")
CLIP = re.compile(r"(?<=[\"#])p[0-9a-f]{10}(?=[\")])")
"""The id of a clip path: a hash of its size, in which the last bits of the layout vary from run to run."""

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
    Verdict.OUTDATED: Theme("#E69F00", "X", "-"),
    Verdict.NEGLIGIBLE: Theme(FAINT, "s", "-"),
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
    """The same SVG in fewer characters: rounded coordinates, no rotations by 0, no unused ids.

    Clip paths are numbered, with a prefix for this content, so that several files can stand in one page.
    """
    clips: dict[str, str] = {}
    drawn = CLIP.sub(lambda found: clips.setdefault(found.group(), f"CLIP{len(clips) + 1}"), drawn)
    drawn = COORDINATES.sub(lambda found: LONG.sub(r"\1", found.group()).replace("\n", ""), drawn)
    drawn = NOTHING.sub("", drawn)
    drawn = STYLE.sub(lambda found: found.group().replace("; ", ";").replace(": ", ":"), drawn)
    drawn = MARKERS.sub(_together, INDENT.sub("\n", drawn))
    return re.sub(r'(?<=["#])CLIP(?=\d+[")])', f"c{zlib.crc32(drawn.encode()):08x}-", drawn)


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


@dataclass(frozen=True)
class Label:
    """A label at the right of a panel: the point of the data that it belongs to, its text, and its mark.

    ``hollow``: with a white mark, for a value of the slide.
    """

    at: tuple[float, float]
    text: str
    theme: Theme
    hollow: bool = False


LONGEST = 48
"""The number of letters of a label."""
LINE_POINTS = 11.5
"""Distance of two labels, in points (1/72 inch)."""


def canvas(title: str, source: str, width: float, height: float) -> tuple[Figure, SubFigure]:
    """A figure of this size in inches, with a title and a line that names the source; and the part to draw in."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.06))
    heading = textwrap.fill(title, int(width * 10.5))
    figure.suptitle(heading, x=0.008, ha="left", fontsize=11, fontweight="bold", linespacing=1.1)
    inner: SubFigure = figure.subfigures(1, 1, squeeze=False)[0, 0]
    wrapped = "\n".join(textwrap.fill(line, int(width * 14)) for line in source.split("\n"))
    inner.suptitle(wrapped, x=0.008, ha="left", fontsize=8, color=FAINT)
    return figure, inner


def source(run: Run, seeds: Iterable[int], experiment: ExperimentDeclared | None = None) -> str:
    """Where a figure comes from: "TensorFlow 2.20.0, cpu · n = 30 seeds · 20 epochs of all examples, batch 512"."""
    header = run.header
    version = header.fingerprint.get("backend_version") or ""
    device = header.stack.partition("-")[2].replace("-", " ") or str(header.fingerprint.get("device") or "")
    counts = sorted(set(seeds))
    text = [" ".join(filter(None, (backend_name(header.backend), str(version)))) + (f", {device}" if device else "")]
    if counts:
        most = plural(counts[-1], "seed")
        text.append(f"n = {most}" if len(counts) == 1 else f"n = {counts[0]:,} to {most}")
    if experiment is not None:
        size = experiment.size
        images = "all examples" if size.train is None else f"{size.train:,} examples"
        trained = f"{plural(size.epochs, 'epoch')} of {images}" if size.epochs else "untrained"
        text.append(f"{trained}, batch {size.batch_size}")
    return " · ".join(text)


def end_labels(axes: Axes, labels: Sequence[Label]) -> None:
    """Writes the labels at the right of a panel whose limits are set, each at the height of its point.

    Labels that would overlap are moved apart, and a thin line leads from each to its point.
    """
    if not labels:
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    points = [to_axes.transform(label.at) for label in labels]
    heights = [float(np.clip(y, 0, 1)) if np.isfinite(y) else 1.0 for _, y in points]
    figure = axes.get_figure(root=True)
    assert figure is not None
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)  # the panel's height is known from here on
    gap = LINE_POINTS * figure.dpi / 72 / axes.get_window_extent().height
    for label, (x, _), height, place in zip(labels, points, heights, spread_out(heights, gap), strict=True):
        lead = [[min(float(x), 1.0) if np.isfinite(x) else 1.0, 1.015, 1.04], [height, place, place]]
        axes.plot(*lead, transform=axes.transAxes, color=FAINT, linewidth=0.5, clip_on=False, zorder=1)
        axes.plot(
            [1.06],
            [place],
            transform=axes.transAxes,
            linestyle="",
            marker="o" if label.hollow else label.theme.marker,
            color=label.theme.colour,
            markerfacecolor="white" if label.hollow else label.theme.colour,
            markersize=4.5,
            clip_on=False,
        )
        axes.text(
            1.085, place, shorten(label.text, LONGEST), transform=axes.transAxes, va="center", fontsize=8.5, color=INK
        )


def spread_out(positions: Sequence[float], gap: float) -> list[float]:
    """The positions, in the given order, moved so that they are at least ``gap`` apart and none is above 1.

    If they do not fit between 0 and 1, the lowest are below 0.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(positions[i], placed[-1] + gap) if placed else positions[i])
    limit = 1.0
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], limit)
        limit = placed[k] - gap
    result = [0.0] * len(positions)
    for k, i in enumerate(order):
        result[i] = placed[k]
    return result


FLOOR = 1e-6
"""The lowest start of a logarithmic axis: a smaller loss is zero in single precision."""


def scale(axes: Axes, values: np.ndarray, log: bool | None = None) -> None:
    """Sets the limits of the y axis to those of the values, with a margin.

    ``log``: whether the axis is logarithmic; None: if the values are not negative and span more than a decade. Then it
    starts at FLOOR or above.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    values = values[np.isfinite(values)]
    if not values.size:
        axes.set_yticks([])
        return
    low, high = float(values.min()), float(values.max())
    if spans_decades(values) if log is None else log and high > 0:
        positive = values[values > 0]
        bottom = float(np.maximum(positive, min(FLOOR, high)).min() if log is None else positive.min())
        decades = float(np.log10(high / bottom))
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,)))
        axes.yaxis.set_major_formatter(lambda y, _: short(y))
        axes.yaxis.set_minor_locator(NullLocator())
        pad = 10 ** (0.06 * decades or 0.1)
        axes.set_ylim(bottom / pad, min(high, 1e300) * pad)
        return
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    axes.set_ylim(low - pad, high + pad)
    axes.ticklabel_format(axis="y", useOffset=False)


def spans_decades(values: np.ndarray, factor: float = 10.0) -> bool:
    """Whether a logarithmic axis suits the values: none is negative, and they span more than ``factor``."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    return positive.size > 1 and (finite >= 0).all() and bool(positive.max() / positive.min() > factor)


def short(value: float) -> str:
    """A number on an axis: "0.05", "10,000", "2e−7"."""
    if 1e-3 <= abs(value) < 1e5 or not value:
        return f"{value:,.6g}".replace("-", "−")
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")
