"""timing.svg: seconds per epoch by work and engine: a line over the rounds, a mark at the median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.record.run import Run, Timed
from reports.figures.picture import Picture
from reports.figures.style import FAINT, INK, THEMES, Theme, canvas, fitting, source, styled, svg
from reports.sections.timing_runs import ratios, speed
from reports.words import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "timing.svg"
WIDTH, HEIGHT, ROW = 7.6, 1.2, 0.32
"""Inches: the figure's width, its height without rows, and the height of a row."""
FAR = 1.5
"""Decades: times that are further from all others are at the edge, with an arrow."""


def timing_figure(run: Run) -> Picture | None:
    """The figure; None if nothing was timed."""
    if not run.timings:
        return None
    works: dict[str, list[Timed]] = {}
    for record in run.timings.values():
        works.setdefault(record.work, []).append(record)
    engines = list(dict.fromkeys(record.engine for record in run.timings.values()))
    with styled():
        content = _draw(run, works, engines)
    words = [f"{r.work} {r.engine} {duration(r.measured.median)}" for r in run.timings.values()]
    caption = (
        "Seconds per epoch, steady state, by engine: mark at the median, line from the quickest round to the slowest. "
        "Logarithmic scale; an arrow stands for a time far outside it."
    )
    return Picture(NAME, content, "", fitting("Seconds per epoch by work and engine", words), caption)


def _draw(run: Run, works: Mapping[str, Sequence[Timed]], engines: Sequence[str]) -> bytes:
    rows = sum(map(len, works.values()))
    rounds = sorted({len(record.measured.rounds) for record in run.timings.values()})
    where = f"{source(run, ())} · {' to '.join(map(str, (rounds[0], rounds[-1])[: len(rounds)]))} rounds"
    figure, inner = canvas("Seconds per epoch, steady state", where, WIDTH, HEIGHT + ROW * (rows + 0.4 * len(works)))
    axes = inner.subplots()
    axes.set_xscale("log")
    low, high = visible(
        [value for record in run.timings.values() for value in (*record.measured.rounds, record.measured.median)]
    )
    axes.set_xlim(low / 1.25, high * 1.25)
    y, ticks = 0.0, []
    for records in works.values():
        ticks.append(y + 0.5 * (len(records) - 1))
        words = ", ".join(speed(slow, fast, a) for _, of, slow, fast, (a, _) in ratios(records) if of == "steady epoch")
        axes.annotate(words, (1, ticks[-1]), (10, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                      va="center", color=FAINT, fontsize=8.5)  # fmt: skip
        for record in records:
            _row(axes, y, record, THEMES[engines.index(record.engine) % len(THEMES)], low, high)
            y += 1.0
        y += 0.4
    axes.set_ylim(y - 0.8, -0.6)
    axes.set_yticks(ticks, list(works))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda x, _: decade(x))
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel("time per epoch (logarithmic)")
    return svg(figure)


def visible(values: Sequence[float]) -> tuple[float, float]:
    """The range of the times that are not FAR from the median by a gap."""
    decades = np.sort(np.log10(np.asarray(values, "float64")))
    middle = len(decades) // 2
    low = high = middle
    while low > 0 and decades[low] - decades[low - 1] <= FAR:
        low -= 1
    while high < len(decades) - 1 and decades[high + 1] - decades[high] <= FAR:
        high += 1
    return float(10 ** decades[low]), float(10 ** decades[high])


def _row(axes: Axes, y: float, record: Timed, look: Theme, low: float, high: float) -> None:
    median, rounds = record.measured.median, record.measured.rounds
    text = f"{record.engine} {duration(median)}"
    inside = low * 0.999 <= median <= high * 1.001
    at = min(max(median, low), high)
    if inside:
        axes.plot([min(rounds), max(rounds)], [y, y], color=look.colour, linewidth=2, solid_capstyle="butt")
    marker = look.marker if inside else "<" if median < low else ">"
    axes.plot([at], [y], color=look.colour, marker=marker, markersize=7, linestyle="")
    left = np.log10(at) < (np.log10(low) + np.log10(high)) / 2
    axes.annotate(text, (at, y), (9 if left else -9, 0), textcoords="offset points", va="center",
                  ha="left" if left else "right", fontsize=8.5, color=INK)  # fmt: skip


def decade(value: float) -> str:
    """A power of ten of seconds in a suitable unit: "10 µs", "1 ms", "100 s"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.999 * scale:
            return f"{value / scale:.0f} {unit}"
    return f"{value / 1e-9:.0f} ns"
