"""Learning curves of an experiment: the mean of each variant, its seeds, and the slide's own curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared, Run
from reports.figures.forest import section
from reports.figures.many import FEW, band, band_text
from reports.figures.picture import Picture, file_name
from reports.figures.style import THEMES, Label, Theme, canvas, end_labels, fitting, scale, shorten, source, styled, svg
from reports.words import number, plural, printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SPREAD = 5
"""With more variants than this, a panel shows their means without the spread of the seeds."""
MOST_POINTS = 40
"""The most epochs that a curve is drawn at, denser at the beginning; this keeps figures small."""
TITLES = {
    "loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "train_loss": "training loss, inference mode",
}
WIDTH, HEIGHT, PANEL = 6.8, 1.1, 2.5
"""Inches: the figure's width, its height without panels, and the height of a panel."""

Trials = Mapping[str, Sequence[Trial]]
"""The trials of an experiment, by variant."""


@dataclass(frozen=True)
class Curve:
    """One curve of a variant over its seeds, at the epochs that are drawn; epochs count from 1.

    Attributes:
        epochs, mean, low, high: over the seeds that trained; empty if none did.
        seeds: the curves of those seeds if there are at most FEW, of shape (seeds, epochs).
        failed: up to FEW curves of seeds that failed, if none trained; nan after the last finite value.
    """

    variant: str
    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: np.ndarray
    failed: np.ndarray

    @property
    def trained(self) -> np.ndarray:
        """All values of seeds that trained."""
        return np.concatenate([self.mean, self.low, self.high])


def curve_of(variant: str, trials: Sequence[Trial], name: str) -> Curve | None:
    """The curve of that name; None if no trial has it."""
    recorded = [trial for trial in trials if trial.history.get(name)]
    if not recorded:
        return None
    whole = [t for t in recorded if t.divergence is None and None not in t.history[name]]
    chosen = whole or recorded[:FEW]
    values = np.full((len(chosen), max(len(t.history[name]) for t in chosen)), np.nan)
    for row, trial in zip(values, chosen, strict=True):
        curve = np.array(trial.history[name], "float64")
        first = np.flatnonzero(np.isnan(curve))
        row[: first[0] if first.size else len(curve)] = curve[: first[0] if first.size else None]
    kept = spaced(values.shape[1])
    values = values[:, kept]
    nothing = np.empty(0)
    if not whole:
        return Curve(variant, kept + 1, nothing, nothing, nothing, np.empty((0, len(kept))), values)
    seeds = values if len(values) <= FEW else values[:0]
    return Curve(variant, kept + 1, np.nanmean(values, 0), *band(values), seeds, values[:0])


def spaced(count: int) -> np.ndarray:
    """Indices of at most MOST_POINTS of ``count`` epochs: half spaced evenly, half denser at the beginning."""
    if count <= MOST_POINTS:
        return np.arange(count)
    half = MOST_POINTS // 2
    kept = np.concatenate([np.linspace(0, count - 1, half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The learning curves of an experiment; None if no trial has a curve of two or more epochs."""
    curves = {name: [c for v, t in trials.items() if (c := curve_of(v, t, name))] for name in shown(experiment)}
    curves = {name: of for name, of in curves.items() if any(c.epochs.size > 1 for c in of)}
    if not curves:
        return None
    what = " and ".join(TITLES[name] for name in curves)
    title = f"{named(run, experiment)}: {what} by epoch"
    seeds = _seeds(trials, curves)
    with styled():
        figure, inner = canvas(title, source(run, seeds, experiment), WIDTH, HEIGHT + PANEL * len(curves))
        panels = inner.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, of) in zip(panels, curves.items(), strict=True):
            _panel(axes, run, experiment, trials, name, of)
        panels[-1].set_xlabel("epoch")
        content = svg(figure)
    ends = [f"{c.variant} ends at {number(float(c.mean[-1]))}" if c.mean.size else f"{c.variant} fails in every seed"
            for c in next(iter(curves.values()))]  # fmt: skip
    return Picture(
        file_name(experiment.id),
        content,
        experiment.id,
        fitting(f"{what.capitalize()} by epoch, {plural(len(trials), 'variant')} of {experiment.id}", ends),
        _caption(run, experiment, trials, curves, max(seeds)),
    )


def shown(experiment: ExperimentDeclared) -> tuple[str, ...]:
    """The curves to draw: the training loss; before it a classifier's validation accuracy.

    The accuracy is left out if the slide prints other curves only.
    """
    printed = {name for curves in experiment.printed.values() for name in curves}
    accuracy = experiment.accuracy and (not printed or "val_accuracy" in printed)
    return ("val_accuracy", "loss") if accuracy else ("loss",)


def named(run: Run, experiment: ExperimentDeclared) -> str:
    """The section of the experiment's first claim; the experiment's id if it has no claim."""
    claims = [claim for claim in run.claims.values() if claim.experiment == experiment.id]
    first = min(claims, key=lambda claim: claim.order, default=None)
    return section(first.slide) if first else experiment.id


def _seeds(trials: Trials, curves: Mapping[str, Sequence[Curve]]) -> list[int]:
    """How many trials of each variant have one of the curves; variants without are left out."""
    counts = [sum(any(trial.history.get(name) for name in curves) for trial in of) for of in trials.values()]
    return [count for count in counts if count]


def _panel(
    axes: Axes, run: Run, experiment: ExperimentDeclared, trials: Trials, name: str, curves: Sequence[Curve]
) -> None:
    looks = {variant: THEMES[i % len(THEMES)] for i, variant in enumerate(trials)}
    own = {variant: of[name] for variant, of in experiment.printed.items() if name in of and variant in looks}
    figures = slide_figures(run, experiment.id, name)
    last = max([int(c.epochs[-1]) for c in curves] + [len(values) for values in own.values()])
    trained = [c for c in curves if c.mean.size] or curves
    counted = {c.variant for c in trained}
    visible = [np.concatenate([c.trained, c.failed.ravel()]) for c in trained]
    visible += [np.array(values, "float64") for variant, values in own.items() if variant in counted]
    visible.append(np.array([value for variant, (_, value) in figures.items() if variant in counted]))
    axes.set_xlim(1 - 0.01 * (last - 1), last + 0.01 * (last - 1))
    scale(axes, np.concatenate(visible))
    edge = axes.get_ylim()[0 if name.endswith("accuracy") else 1]
    labels = []
    for curve in curves:
        look = looks[curve.variant]
        draw(axes, curve, look, spread=len(curves) <= MOST_SPREAD)
        failed = failures(trials[curve.variant])
        text = shorten(curve.variant, 34) + (f" (× {failed})" if failed else "")
        end = float(curve.mean[-1]) if curve.mean.size else edge
        labels.append(
            Label((float(curve.epochs[-1]), end), text, look if curve.mean.size else replace(look, marker="x"))
        )
    for variant, values in own.items():
        kept = [i for i in spaced(len(values)) if values[i] is not None]
        axes.plot(
            [i + 1 for i in kept],
            [values[i] for i in kept],
            linestyle="",
            marker="o",
            markersize=4,
            markerfacecolor="white",
            markeredgecolor=looks[variant].colour,
            zorder=4,
        )
    shared = {figure: looks[variant] for variant, figure in figures.items() if variant in looks}
    for (text, value), look in shared.items():
        labels.append(Label((last, value), f"slide: {printed(text)}", look, hollow=True))
    for values, variant in {values: variant for variant, values in own.items() if variant not in figures}.items():
        if (printed_end := values[-1]) is not None:
            labels.append(Label((len(values), printed_end), "slide's curve", looks[variant], hollow=True))
    axes.set_ylabel(TITLES[name])
    axes.locator_params(axis="x", integer=True, nbins=6)
    end_labels(axes, labels)


def draw(axes: Axes, curve: Curve, look: Theme, spread: bool = True) -> None:
    """Draws a curve, with its ``spread`` over seeds; the limits of ``axes`` stay."""
    limits = axes.get_ylim()
    if spread and curve.seeds.size:
        axes.plot(curve.epochs, curve.seeds.T, color=look.colour, linewidth=0.6, alpha=0.45)
    elif spread and curve.mean.size:
        axes.fill_between(curve.epochs, curve.low, curve.high, color=look.colour, alpha=0.1, linewidth=0)
        for edge in (curve.low, curve.high):
            axes.plot(curve.epochs, edge, color=look.colour, linewidth=0.6, alpha=0.6)
    if curve.mean.size:
        axes.plot(curve.epochs, curve.mean, color=look.colour, linestyle=look.line, linewidth=1.8, zorder=3)
    else:
        axes.plot(curve.epochs, curve.failed.T, color=look.colour, linestyle=look.line, linewidth=0.8)
    axes.set_ylim(limits)


def slide_figures(run: Run, experiment: str, metric: str) -> dict[str, tuple[str, float]]:
    """The slide's figures of a metric, by variant: as printed, and as a number."""
    return {
        figure.variant: (figure.printed, figure.value)
        for claim in run.claims.values()
        if claim.experiment == experiment
        for figure in claim.published
        if figure.metric == metric
    }


def failures(trials: Sequence[Trial], noun: str = "") -> str:
    """How many seeds failed, and how: "3 of 5 diverged", "30 of 30 seeds collapsed"; "" if none did."""
    kinds = [trial.divergence.kind for trial in trials if trial.divergence]
    words = {"collapsed" if kind == "stuck at chance" else "diverged" for kind in kinds}
    return f"{len(kinds)} of {len(trials)} {noun}{' or '.join(sorted(words))}" if kinds else ""


def failed_sentences(trials: Trials) -> list[str]:
    """A sentence for each variant with failed seeds: how many, how, and when."""
    sentences = []
    for name, of in trials.items():
        found = [trial.divergence for trial in of if trial.divergence]
        if found:
            kinds = " or ".join(sorted({failure.kind for failure in found}))
            first, last = min(f.epoch for f in found), max(f.epoch for f in found)
            when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            sentences.append(f"{name}: {failures(of, 'seeds ')} ({kinds}, {when}).")
    return sentences


def _caption(
    run: Run, experiment: ExperimentDeclared, trials: Trials, curves: Mapping[str, Sequence[Curve]], seeds: int
) -> str:
    few = all(len(of) <= MOST_SPREAD for of in curves.values())
    spread = f"; {band_text(seeds)}" if few else ", without their spread"
    text = [f"Thick line: mean over the seeds that trained{spread}."]
    most = max(map(len, trials.values()))
    if seeds < most:
        text.append(f"Of {most:,} seeds the curves of {seeds} are stored.")
    if any(name in of for of in experiment.printed.values() for name in curves):
        text.append("Hollow dots: the slide's own curve.")
    if any(not c.mean.size for of in curves.values() for c in of):
        text.append("Variants without a trained seed do not stretch the axes and may leave the panel.")
    return " ".join([*text, *failed_sentences(trials)])
