"""One metric over a hyper-parameter: a point for each variant, a line for each series, a cross for diverged seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.domain.plots import Sweep
from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared
from harness.record.run import Point as Place
from reports.figures.curve_data import divergences
from reports.figures.layout import legend_columns
from reports.figures.panel import power
from reports.figures.picture import Picture, file_name
from reports.figures.style import THEMES, Theme, fitting, styled, svg
from reports.labels import metric_label
from reports.text import number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.4, 3.4
"""Inches."""
STUCK = "stuck at chance"
"""The kind of divergence that still has a value to draw: the accuracy of guessing."""


@dataclass(frozen=True)
class PlottedPoint:
    """One variant in a sweep.

    Attributes:
        variant: the variant's name.
        at: the hyper-parameter's value.
        values: the metric of each seed that has one.
        stuck: number of seeds that are stuck at chance; they have a value.
        lost: number of seeds without a value to draw.
    """

    variant: str
    at: float
    values: tuple[float, ...]
    stuck: int
    lost: int

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None


def picture(experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]]) -> Picture | None:
    """The figure of an experiment's sweep; None if it declares none or fewer than two of its points were trained."""
    declared = experiment.sweep
    if declared is None:
        return None
    lines = series(declared, experiment.points, trials)
    points = [point for line in lines.values() for point in line]
    if len(points) < 2:
        return None
    with styled():
        content = _draw(declared, lines)
    title = declared.title.rstrip(".")
    means = [f"{p.variant}: {number(p.mean) if p.mean is not None else 'no seed has a value'}" for p in points]
    return Picture(
        file_name(experiment.id, "sweep"),
        content,
        experiment.id,
        fitting(title, means),
        _caption(title, declared, points, {point.variant: trials[point.variant] for point in points}),
    )


def series(
    declared: Sweep, places: Sequence[Place], trials: Mapping[str, Sequence[Trial]]
) -> dict[str, list[PlottedPoint]]:
    """The points of each series from left to right, without variants that were not trained."""
    lines: dict[str, list[PlottedPoint]] = {}
    for place in places:
        of_variant = trials.get(place.variant, ())
        if of_variant:
            point = _point(place.variant, place.at, of_variant, declared)
            lines.setdefault(place.series, []).append(point)
    return {name: sorted(line, key=lambda point: point.at) for name, line in lines.items()}


def _point(variant: str, at: float, trials: Sequence[Trial], declared: Sweep) -> PlottedPoint:
    kept = [trial for trial in trials if trial.divergence is None or trial.divergence.kind == STUCK]
    values = [trial.metrics.get(declared.metric) for trial in kept]
    drawn = [value for value in values if value is not None and (value > 0 or declared.y_scale != "log")]
    stuck = sum(trial.divergence is not None for trial in kept)
    return PlottedPoint(variant, at, tuple(drawn), stuck, len(trials) - len(drawn))


def _draw(declared: Sweep, lines: Mapping[str, Sequence[PlottedPoint]]) -> bytes:
    from matplotlib.figure import Figure

    named = len(lines) > 1 or any(lines)
    ncols = legend_columns(list(lines), WIDTH)
    figure = Figure(figsize=(WIDTH, HEIGHT + 0.2 * -(-len(lines) // ncols) * named), layout="constrained")
    axes = figure.subplots()
    _scales(axes, declared, [point for line in lines.values() for point in line])
    for index, (name, line) in enumerate(lines.items()):
        _line(axes, line, THEMES[index % len(THEMES)], name, shift=6.0 * (index - (len(lines) - 1) / 2))
    axes.set_title(declared.title)
    axes.set_xlabel(declared.over)
    axes.set_ylabel(metric_label(declared.metric))
    if named:
        figure.legend(loc="outside lower center", ncols=ncols, fontsize=8.5, handlelength=3.4, borderaxespad=0.3)
    return svg(figure)


def _line(axes: Axes, points: Sequence[PlottedPoint], look: Theme, name: str, shift: float) -> None:
    """Draws one series, moved sideways by ``shift`` (points, 1/72 inch) so that series do not hide each other."""
    from matplotlib.transforms import ScaledTranslation

    alongside = ScaledTranslation(shift / 72, 0, axes.figure.dpi_scale_trans)
    moved = axes.transData + alongside
    valued = [point for point in points if point.values]
    across = [point.at for point in valued]
    axes.vlines(
        across,
        [min(point.values) for point in valued],
        [max(point.values) for point in valued],
        color=look.colour,
        alpha=0.35,
        linewidth=5,
        transform=moved,
    )
    means = [np.nan if point.mean is None else point.mean for point in points]
    axes.plot(
        [point.at for point in points],
        means,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markersize=5,
        label=name or None,
        transform=moved,
        zorder=3,
    )
    cross: dict[str, Any] = {"linestyle": "", "marker": "x", "color": look.colour, "clip_on": False, "zorder": 5}
    cross |= {"markersize": 7, "markeredgewidth": 1.8, "in_layout": False}
    lost = [point.at for point in points if point.lost]
    axes.plot(lost, [1.0] * len(lost), transform=axes.get_xaxis_transform() + alongside, **cross)
    stuck = [point for point in points if point.stuck and point.values]
    means = [point.mean or 0.0 for point in stuck]
    axes.plot([point.at for point in stuck], means, transform=moved, **cross | {"markersize": 9})


def _scales(axes: Axes, declared: Sweep, points: Sequence[PlottedPoint]) -> None:
    """Scales the axes as declared, with a tick at every point and limits from the values."""
    from matplotlib.ticker import LogLocator, NullLocator

    places = sorted({point.at for point in points})
    positive = [at for at in places if at > 0]
    if declared.x_scale == "log" and positive == places:
        axes.set_xscale("log")
        axes.set_xlim(places[0] / 1.5, places[-1] * 1.5)
    elif declared.x_scale != "linear" and positive:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.7)
        axes.set_xlim(places[0] - 0.2 * positive[0] if places[0] <= 0 else places[0] / 1.5, places[-1] * 1.5)
    axes.set_xticks(places, [f"{at:g}" if 1e-3 <= abs(at) < 1e5 or not at else power(at) for at in places])
    axes.xaxis.set_minor_locator(NullLocator())
    values = [value for point in points for value in point.values]
    if not values:
        axes.set_yticks([])
        return
    low, high = min(values), max(values)
    if declared.y_scale == "log":
        axes.set_yscale("log")
        decades = np.log10(high) - np.log10(low)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,)))
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}" if 1e-3 <= y < 1e4 else power(y))
        axes.yaxis.set_minor_locator(NullLocator())
        pad = 10 ** (0.07 * decades) if decades else 1.2
        axes.set_ylim(low / pad, high * pad**1.3)
        return
    pad = 0.07 * (high - low) or 0.01 * abs(high) or 0.01
    axes.set_ylim(low - pad, high + 1.3 * pad)


def _caption(title: str, declared: Sweep, points: Sequence[PlottedPoint], trials: Mapping[str, Sequence[Trial]]) -> str:
    counts = {len(of_variant) for of_variant in trials.values()}
    seeds = plural(min(counts), "seed") if len(counts) == 1 else f"{min(counts)} to {plural(max(counts), 'seed')}"
    text = [f"{title}. Mark: mean over {seeds}; bar: from the smallest to the largest seed."]
    if declared.y_scale == "log":
        text.append("Logarithmic axis.")
    if any(point.lost for point in points):
        text.append("A cross at the top edge: seeds that diverged or have no value, which the mean leaves out.")
    if any(point.stuck and point.values for point in points):
        text.append("A cross on a mark: seeds stuck at chance, whose accuracy is that of guessing.")
    text += divergences(trials)
    silent = [f"{p.variant} ({count})" for p in points if (count := p.lost - _failed(trials[p.variant])) > 0]
    if silent:
        text.append(f"Seeds that never had a value: {', '.join(silent)}.")
    return " ".join(text)


def _failed(trials: Sequence[Trial]) -> int:
    return sum(trial.divergence is not None and trial.divergence.kind != STUCK for trial in trials)
