"""The slide's figures among our seeds: a row for each network, a dot for each seed, a stroke for the slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.domain.verdict import Verdict
from harness.record.run import ExperimentDeclared, Run
from reports.figures.curves import Trials, failed_sentences, failures, named, slide_figures
from reports.figures.many import MANY, quantiles
from reports.figures.picture import Picture, file_name
from reports.figures.style import FAINT, INK, VERDICT_LOOKS, canvas, fitting, shorten, source, styled, svg
from reports.words import mean_std, metric_label, number, plural, printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRIC = "val_accuracy"
FEWEST = 3
"""Fewer networks with a figure on the slide make no picture."""
WIDTH, HEIGHT, ROW = 7.4, 1.5, 0.4
"""Inches: the figure's width, its height without rows, and the height of a row."""
TEXT = 0.01
"""Relative width of a column of text; the layout makes room for the text itself."""
GAP = 0.4
"""Where neighbouring values are further apart than this share of their range, the axis is split."""


@dataclass(frozen=True)
class Network:
    """One row: our final values of a network, and the slide's figure of it."""

    name: str
    values: tuple[float, ...]
    printed: str
    slide: float
    verdict: Verdict | None
    failed: str


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The figure; None unless the slide prints the accuracies of FEWEST of the networks that were trained."""
    verdicts = {
        claim.published[0].variant: claim.verdict
        for claim in run.claims.values()
        if claim.experiment == experiment.id and len(claim.published) == 1 and claim.published[0].metric == METRIC
    }
    figures = slide_figures(run, experiment.id, METRIC)
    networks = []
    for name, of in trials.items():
        if name in figures:
            values = [t.metrics.get(METRIC) for t in of if t.divergence is None]
            kept = tuple(value for value in values if value is not None)
            networks.append(Network(name, kept, *figures[name], verdicts.get(name), failures(of)))
    if len(networks) < FEWEST or not any(network.values for network in networks):
        return None
    with styled():
        where = source(run, {len(trials[network.name]) for network in networks}, experiment)
        title = f"{named(run, experiment)}: the slide's accuracies among ours"
        content = _draw(title, where, networks)
    words = [f"{n.name} slide {printed(n.printed)}, ours {_ours(n)}" for n in networks]
    caption = (
        f"{metric_label(METRIC).capitalize()} after the last epoch. Dot: a seed"
        f"{'; bar: the middle 50 and 95 % of the seeds' if any(len(n.values) > MANY for n in networks) else ''}; short "
        "stroke: their mean; long stroke: the slide's figure"
        + (", blue where it reproduces and orange where it does not." if verdicts else ".")
    )
    caption = " ".join([caption, *failed_sentences({n.name: trials[n.name] for n in networks})])
    alt = fitting(f"The slide's accuracies among our seeds, {plural(len(networks), 'network')}", words)
    return Picture(file_name(experiment.id), content, experiment.id, alt, caption)


def _ours(network: Network) -> str:
    if not network.values:
        return network.failed or "–"
    if len(network.values) == 1:
        return number(network.values[0], "fraction")
    return mean_std(float(np.mean(network.values)), float(np.std(network.values, ddof=1)), "fraction")


def _draw(title: str, where: str, networks: Sequence[Network]) -> bytes:
    spans = parts([(*network.values, network.slide) for network in networks])
    widths = [1.0] if len(spans) == 1 else [0.7 if high - low < GAP * (spans[-1][1] - spans[0][0]) else 1.0
              for low, high in spans]  # fmt: skip
    figure, inner = canvas(title, where, WIDTH, HEIGHT + ROW * len(networks))
    columns = inner.subplots(1, len(spans) + 2, sharey=True, width_ratios=[*widths, TEXT, TEXT])
    panels, numbers = columns[:-2], columns[-2:]
    for axes, (low, high) in zip(panels, spans, strict=True):
        for y, network in enumerate(networks):
            _row(axes, y, network)
        pad = 0.06 * (high - low) or 0.001
        axes.set_xlim(low - pad, high + pad)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(metric_label(METRIC))
    for axes in panels[1:]:
        axes.spines["left"].set(linestyle=(0, (2, 3)))
    for column, head in zip(numbers, ("slide", "ours ± sd"), strict=True):
        column.set_axis_off()
        column.set_title(head, fontsize=8.5, color=FAINT)
    for y, network in enumerate(networks):
        look = VERDICT_LOOKS[network.verdict] if network.verdict else None
        numbers[0].text(0, y, printed(network.printed), va="center", fontsize=8.5, fontweight="bold",
                        color=look.colour if look else INK)  # fmt: skip
        numbers[1].text(0, y, _ours(network), va="center", fontsize=8.5, color=INK)
    panels[0].set_yticks(range(len(networks)), [shorten(network.name, 30) for network in networks])
    panels[0].set_ylim(len(networks) - 0.5, -0.5)
    return svg(figure)


def parts(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The range of all values, in two parts if a gap of more than GAP of it lies between, but within no row."""
    ordered = np.sort(np.concatenate([np.asarray(row, "float64") for row in rows]))
    gaps = np.diff(ordered)
    if gaps.size and gaps.max() > GAP * (ordered[-1] - ordered[0]) > 0:
        at = int(gaps.argmax())
        below, above = float(ordered[at]), float(ordered[at + 1])
        if not any(min(row) <= below and max(row) >= above for row in rows):
            return [(float(ordered[0]), below), (above, float(ordered[-1]))]
    return [(float(ordered[0]), float(ordered[-1]))]


def _row(axes: Axes, y: int, network: Network) -> None:
    look = VERDICT_LOOKS[network.verdict] if network.verdict else None
    axes.axhline(y, color="#eef1f4", linewidth=6, zorder=0)
    if len(network.values) > MANY:
        low, quarter, _, three, high = quantiles(network.values)
        axes.plot([low, high], [y, y], color=FAINT, linewidth=1.4)
        axes.plot([quarter, three], [y, y], color=FAINT, linewidth=6, solid_capstyle="butt")
    elif network.values:
        lanes = y + 0.055 * (np.arange(len(network.values)) % 5 - 2)
        axes.plot(np.sort(network.values), lanes, "o", color=FAINT, markersize=3.6, markeredgewidth=0, alpha=0.75)
    if network.values:
        axes.plot([float(np.mean(network.values))] * 2, [y - 0.24, y + 0.24], color=INK, linewidth=1.6, zorder=3)
    axes.plot([network.slide] * 2, [y - 0.42, y + 0.42], color=look.colour if look else INK, linewidth=2.6,
              solid_capstyle="butt", zorder=4)  # fmt: skip
