"""trend.svg: the times of each machine over runs, and the series that changed.

Points are values, a line is the level between two changes, and a dotted line marks another version or machine.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures.picture import Picture
from reports.figures.style import FAINT, THEMES, fitting, shorten, styled, svg
from reports.sections.trend import change_text, title_of
from reports.trend import MachineTimes, Series, TrendReport

NAME = "trend.svg"
MOST = 12
"""Series drawn: those with the largest changes."""
MOST_MACHINES = 4
WIDTH, OVERVIEW, ROW, COLUMNS = 9.2, 2.4, 1.9, 3
"""Inches: the width, and the height of the overview and of a row of panels."""


def trend_figure(report: TrendReport) -> Picture | None:
    """The figure; None without a time and without a series that changed."""
    machines, changed = report.machines[:MOST_MACHINES], report.changed[:MOST]
    if not machines and not changed:
        return None
    dates = [datetime.datetime.fromisoformat(run.started) for run in report.runs]
    with styled():
        content = _draw(report, dates, machines, changed)
    words = [f"{one.machine}: {one.text}" for one in machines] + [
        f"{title_of(one)}: {change_text(one)}" for one in changed
    ]
    caption = "Points are runs, lines the levels between changes. A dotted line marks another version or processor."
    left = len(report.changed) - len(changed)
    caption += f" {left} more series changed." if left else ""
    return Picture(NAME, content, "Trend", fitting("Trend over runs", words), caption)


def _draw(
    report: TrendReport,
    dates: Sequence[datetime.datetime],
    machines: Sequence[MachineTimes],
    changed: Sequence[Series],
) -> bytes:
    from matplotlib.figure import Figure

    rows = -(-len(changed) // COLUMNS)
    heights = [OVERVIEW] * bool(machines) + [ROW] * rows
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    grid = figure.add_gridspec(len(heights), COLUMNS, height_ratios=heights)
    marked = _marked(report)
    if machines:
        axes = figure.add_subplot(grid[0, :])
        axes.set_title("Times of all cases, relative to the machine's median run")
        for look, one in zip(THEMES, machines, strict=False):
            _plot(axes, one.overall, dates, look.colour, look.marker, shorten(f"{one.machine}, {one.stack}", 60))
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:.2f} ×")
        _mark(axes, {when for one in machines for when in marked.get(one.stack, ())}, machines[0].overall, dates)
        axes.legend(loc="best", fontsize=7.5)
    for index, series in enumerate(changed):
        axes = figure.add_subplot(grid[index // COLUMNS + bool(machines), index % COLUMNS])
        place = f", {shorten(series.machine, 22)}" if series.machine else ""
        axes.set_title(f"{shorten(series.case, 40)}\n{change_text(series)}{place}", fontsize=7.5)
        _plot(axes, series, dates, THEMES[0].colour if series.measure == "metric" else THEMES[1].colour, "o", "")
        _mark(axes, marked.get(series.stack, set()), series, dates)
        axes.set_ylabel("s per epoch" if series.measure == "time" else shorten(series.name, 16), fontsize=7.5)
        axes.tick_params(labelsize=7)
    figure.suptitle(_title(report), x=0.005, ha="left", fontsize=11, fontweight="bold")
    return svg(figure)


def _title(report: TrendReport) -> str:
    stacks = sorted({run.stack for run in report.runs})
    more = f" and {len(stacks) - 3} more stacks" if len(stacks) > 3 else ""
    return f"Trend over {len(report.runs)} runs: {shorten(', '.join(stacks[:3]), 60)}{more}"


def _plot(axes: Any, series: Series, dates: Sequence[datetime.datetime], colour: str, marker: str, label: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    x = [dates[run] for run in series.runs]
    axes.plot(x, series.values, ls="", marker=marker, markersize=3, color=colour, alpha=0.6, label=label)
    ends = [0, *(step.at for step in series.steps), len(x)]
    levels = [step.before for step in series.steps[:1]] + [step.now for step in series.steps]
    for low, high, level in zip(ends, ends[1:], levels, strict=False):
        axes.plot([x[low], x[high - 1]], [level, level], color=colour, linewidth=2, solid_capstyle="butt")
    locator = AutoDateLocator(minticks=2, maxticks=5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _marked(report: TrendReport) -> Mapping[str, set[int]]:
    """By stack, the runs in which a version or the processor differs from the run before."""
    found: dict[str, set[int]] = {}
    for mark in report.marks:
        if mark.key != "commit":
            found.setdefault(report.runs[mark.run].stack, set()).add(mark.run)
    return found


def _mark(axes: Any, marks: set[int], series: Series, dates: Sequence[datetime.datetime]) -> None:
    for run in sorted(marks):
        if series.runs[0] < run <= series.runs[-1]:
            axes.axvline(dates[run], color=FAINT, linewidth=0.8, ls=":")
