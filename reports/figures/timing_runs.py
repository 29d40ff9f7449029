"""timing.svg: seconds per epoch by work and engine on a logarithmic scale.

A line spans the rounds, a mark is at the median, and a text gives the ratios of the engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.record.run import Run, Timed
from reports.figures.picture import Picture
from reports.figures.style import FAINT, THEMES, fitting, styled, svg
from reports.labels import backend_name
from reports.sections.timing_runs import duration, speed

NAME = "timing.svg"
WIDTH, HEAD_AND_FOOT, ROW = 9.2, 1.3, 0.5
"""Inches: the figure's width, its height without rows, and the height of a row."""


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
    words = [f"{r.work} {r.engine} {duration(r.steady_epoch)}" for r in run.timings.values()]
    caption = (
        "Seconds per epoch, steady state, by engine: mark at the median, line from the quickest round to the slowest. "
        "Logarithmic scale."
    )
    return Picture(NAME, content, "Seconds per epoch", fitting("Seconds per epoch by work and engine", words), caption)


def _draw(run: Run, works: Mapping[str, Sequence[Timed]], engines: Sequence[str]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEAD_AND_FOOT + ROW * len(works)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    for y, records in enumerate(works.values()):
        for index, record in enumerate(records):
            look, at = THEMES[engines.index(record.engine) % len(THEMES)], y + 0.24 * (index - (len(records) - 1) / 2)
            ends = [min(record.rounds), max(record.rounds)]
            axes.plot(ends, [at, at], color=look.colour, linewidth=2, solid_capstyle="butt")
            label = record.engine if y == 0 else None
            axes.plot(
                [record.steady_epoch], [at], color=look.colour, marker=look.marker, markersize=7, ls="", label=label
            )
        axes.annotate(
            _ratios_text(records),
            (1, y),
            (8, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            color=FAINT,
        )
    axes.set_ylim(len(works) - 0.5, -0.5)
    axes.set_yticks(range(len(works)), list(works))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda x, _: decade(x))
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel("time per epoch (logarithmic)")
    title = f"Seconds per epoch, steady state: {backend_name(run.header.backend)}"
    figure.suptitle(title, x=0.005, ha="left", fontsize=11, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=len(engines), handletextpad=0.3)
    return svg(figure)


def _ratios_text(records: Sequence[Timed]) -> str:
    """The ratios of steady epochs in words: "compiled 15.2x as fast as fit"."""
    rows = [row for record in records for row in record.ratios if row.of == "steady epoch"]
    return ", ".join(map(speed, rows))


def decade(value: float) -> str:
    """A power of ten of seconds in a suitable unit: "10 µs", "1 ms", "100 s"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.999 * scale:
            return f"{value / scale:.0f} {unit}"
    return f"{value / 1e-9:.0f} ns"
