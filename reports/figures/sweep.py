"""A metric over a hyper-parameter: a point for each variant, a line for each series, a cross where seeds failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.course import course
from harness.domain.plots import Sweep
from harness.record.run import ExperimentDeclared, Run
from harness.record.run import Point as Place
from reports.figures.curves import HEIGHT, PANEL, WIDTH, Trials, failed_sentences, failures
from reports.figures.picture import Picture, file_name
from reports.figures.style import (
    THEMES,
    Label,
    Theme,
    canvas,
    end_labels,
    fitting,
    scale,
    short,
    shorten,
    source,
    styled,
    svg,
)
from reports.words import metric_label, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class PlottedPoint:
    """One variant in a sweep.

    Attributes:
        variant: the variant's name.
        at: the hyper-parameter's value.
        values: the metric of each seed that trained and has one.
        failed: how many seeds failed, in words; "" if none did.
    """

    variant: str
    at: float
    values: tuple[float, ...]
    failed: str

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The figure of an experiment's sweep; None if it declares none or fewer than two of its points were trained."""
    declared = experiment.sweep
    if declared is None:
        return None
    lines = series(declared.metric, experiment.points, trials, declared.y_scale == "log")
    points = [point for line in lines.values() for point in line]
    if len(points) < 2:
        return None
    metrics = [declared.metric]
    if (further := course().sweeps_also.get(experiment.id)) and any(m.name == further for m in experiment.metrics):
        metrics.append(further)
    title = declared.title.rstrip(".")
    with styled():
        counts = [len(trials[point.variant]) for point in points]
        figure, inner = canvas(title, source(run, counts, experiment), WIDTH, HEIGHT + PANEL * len(metrics))
        panels = inner.subplots(len(metrics), 1, sharex=True, squeeze=False)[:, 0]
        for axes, metric in zip(panels, metrics, strict=True):
            found = series(metric, experiment.points, trials, declared.y_scale == "log")
            better = next((m.better for m in experiment.metrics if m.name == metric), "lower")
            _panel(axes, declared, metric, found, bad_is_high=better == "lower")
        panels[-1].set_xlabel(declared.over)
        content = svg(figure)
    means = [f"{p.variant}: {'no seed has a value' if p.mean is None else number(p.mean)}" for p in points]
    alt, caption = fitting(title, means), _caption(declared, points, trials)
    return Picture(file_name(experiment.id), content, experiment.id, alt, caption)


def series(
    metric: str, places: Sequence[Place], trials: Trials, positive: bool = False
) -> dict[str, list[PlottedPoint]]:
    """The points of each series from left to right, without variants that were not trained.

    ``positive``: without the values that a logarithmic axis cannot show.
    """
    lines: dict[str, list[PlottedPoint]] = {}
    for place in sorted(places, key=lambda place: place.at):
        if of := trials.get(place.variant, ()):
            values = [trial.metrics.get(metric) for trial in of if trial.divergence is None]
            kept = [value for value in values if value is not None and (value > 0 or not positive)]
            point = PlottedPoint(place.variant, place.at, tuple(kept), failures(of))
            lines.setdefault(place.series, []).append(point)
    return {name: lines[name] for name in dict.fromkeys(place.series for place in places) if name in lines}


def _panel(
    axes: Axes, declared: Sweep, metric: str, lines: Mapping[str, Sequence[PlottedPoint]], bad_is_high: bool
) -> None:
    points = [point for line in lines.values() for point in line]
    broken = _across(axes, declared, points)
    scale(axes, np.array([value for point in points for value in point.values]), log=declared.y_scale == "log")
    labels = []
    for index, (name, line) in enumerate(lines.items()):
        look = THEMES[index % len(THEMES)]
        _line(axes, line, look, broken, 6.0 * (index - (len(lines) - 1) / 2), bad_is_high)
        last = next((point for point in reversed(line) if point.mean is not None), None)
        if name and last is not None and last.mean is not None:
            labels.append(Label((last.at, last.mean), shorten(name, 40), look))
    axes.set_ylabel(metric_label(metric))
    end_labels(axes, labels)


def _line(
    axes: Axes, points: Sequence[PlottedPoint], look: Theme, broken: bool, shift: float, bad_is_high: bool
) -> None:
    """Draws one series, moved sideways by ``shift`` (points, 1/72 inch) so that series do not hide each other.

    Variants of which no seed trained interrupt the line. So does the place 0 of an axis that is ``broken`` next to it.
    """
    from matplotlib.transforms import ScaledTranslation

    sideways = ScaledTranslation(shift / 72, 0, axes.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    moved, edge = axes.transData + sideways, axes.get_xaxis_transform() + sideways
    for point in points:
        if point.values:
            ends = [min(point.values), max(point.values)]
            axes.plot([point.at] * 2, ends, color=look.colour, alpha=0.35, linewidth=5, transform=moved,
                      solid_capstyle="butt")  # fmt: skip
    at = [point.at for point in points]
    means = [np.nan if point.mean is None else point.mean for point in points]
    axes.plot(at, means, color=look.colour, marker=look.marker, markersize=5.5, linestyle="", transform=moved, zorder=3)
    joined = [np.nan if broken and not place else mean for place, mean in zip(at, means, strict=True)]
    axes.plot(at, joined, color=look.colour, linestyle=look.line, transform=moved)
    for point in points:
        if point.failed:
            height = 0.98 if bad_is_high else 0.02
            axes.plot([point.at], [height], "x", color=look.colour, markersize=7, markeredgewidth=1.8, clip_on=False,
                      transform=edge, zorder=5)  # fmt: skip


def _across(axes: Axes, declared: Sweep, points: Sequence[PlottedPoint]) -> bool:
    """Scales the x axis as declared, with a tick at every point. True if it is broken between 0 and the next point."""
    from matplotlib.ticker import NullLocator

    places = sorted({point.at for point in points})
    positive = [at for at in places if at > 0]
    broken = declared.x_scale != "linear" and positive != places
    if declared.x_scale == "linear" or not positive:
        pad = 0.08 * (places[-1] - places[0]) or 1.0
        axes.set_xlim(places[0] - pad, places[-1] + pad)
    elif broken:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.7)
        axes.set_xlim(places[0] - 0.2 * positive[0], places[-1] * 1.5)
    else:
        axes.set_xscale("log")
        axes.set_xlim(places[0] / 1.4, places[-1] * 1.4)
    axes.set_xticks(places, [short(at) for at in places])
    axes.xaxis.set_minor_locator(NullLocator())
    return broken


def _caption(declared: Sweep, points: Sequence[PlottedPoint], trials: Trials) -> str:
    text = ["Mark: mean over the seeds that trained; bar: from the smallest to the largest of them."]
    if declared.y_scale == "log":
        text.append("Logarithmic axis.")
    if any(point.failed for point in points):
        text.append("Cross at the edge: seeds failed, and are left out.")
    text += failed_sentences({point.variant: trials[point.variant] for point in points})
    silent = [
        f"{p.variant} ({count})"
        for p in points
        if (count := sum(not t.divergence and t.metrics.get(declared.metric) is None for t in trials[p.variant]))
    ]
    if silent:
        text.append(f"Seeds that never had a value: {', '.join(silent)}.")
    return " ".join(text)
