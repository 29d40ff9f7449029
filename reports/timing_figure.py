"""timing.svg: seconds per epoch by work and engine, on a logarithmic scale; a line from the quickest round to the
slowest, a mark at the median, and how many times faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.record.run import Run, Timed
from reports.picture import Picture
from reports.style import FAINT, INK, LOOKS, fitting, styled, svg
from reports.timing import duration, speed
from reports.words import backend_name

NAME = "timing.svg"
WIDTH, LEFT, RIGHT = 9.2, 1.7, 6.9
"""Inches: the figure's width and both ends of the axis."""


def timing_figure(run: Run) -> Picture | None:
    """None where nothing was timed."""
    if not run.timings:
        return None
    works: dict[str, list[Timed]] = {}
    for record in run.timings.values():
        works.setdefault(record.work, []).append(record)
    engines = list(dict.fromkeys(record.engine for record in run.timings.values()))
    with styled():
        content = _draw(run, works, engines)
    words = [f"{r.work} {r.engine} {duration(r.steady_epoch)}" for r in run.timings.values()]
    caption = (
        "Seconds per epoch, steady state, by engine: mark at the median, line from the quickest round to the slowest. "
        "Logarithmic scale."
    )
    return Picture(NAME, content, "Seconds per epoch", fitting("Seconds per epoch by work and engine", words), caption)


def _draw(run: Run, works: Mapping[str, Sequence[Timed]], engines: Sequence[str]) -> bytes:
    from matplotlib.figure import Figure

    row, head, foot = 0.5, 0.75, 0.55
    height = head + foot + row * len(works)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT / WIDTH, foot / height, (RIGHT - LEFT) / WIDTH, 1 - (head + foot) / height))
    axes.set_xscale("log")
    for y, (work, records) in enumerate(works.items()):
        for index, record in enumerate(records):
            look, at = LOOKS[engines.index(record.engine) % len(LOOKS)], y + 0.24 * (index - (len(records) - 1) / 2)
            ends = [min(record.rounds), max(record.rounds)]
            axes.plot(ends, [at, at], color=look.colour, linewidth=2, solid_capstyle="butt")
            label = record.engine if y == 0 else None
            axes.plot(
                [record.steady_epoch], [at], color=look.colour, marker=look.marker, markersize=7, ls="", label=label
            )
        figure.text(0.08 / WIDTH, 1 - (head + row * (y + 0.5)) / height, work, va="center", fontsize=9, color=INK)
        figure.text(
            (RIGHT + 0.15) / WIDTH, 1 - (head + row * (y + 0.5)) / height, _said(records), va="center", color=FAINT
        )
    axes.set_ylim(len(works) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda x, _: decade(x))
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel("time per epoch (logarithmic)")
    title = f"Seconds per epoch, steady state: {backend_name(run.header.backend)}"
    figure.text(0.08 / WIDTH, 1 - 0.2 / height, title, fontsize=11, va="center", fontweight="bold")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(engines), borderaxespad=0.1, handletextpad=0.3)
    return svg(figure)


def _said(records: Sequence[Timed]) -> str:
    """ "compiled 15.2x as fast as fit", from the ratio of steady epochs."""
    rows = [row for record in records for row in record.ratios if row.of == "steady epoch"]
    return ", ".join(map(speed, rows))


def decade(value: float) -> str:
    """A power of ten of seconds in the unit a reader says it in: "10 µs", "1 ms", "100 s"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.999 * scale:
            return f"{value / scale:.0f} {unit}"
    return f"{value / 1e-9:.0f} ns"
