"""Trials as curves to draw: a band over the seeds that trained, and each diverged seed up to its last finite value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared
from reports.figures.many import band, drawn_indices
from reports.text import escape

MOST_POINTS = 40
"""The most epochs that a curve is drawn at, denser at the beginning; this keeps figures small."""

PAIRS = (("val_accuracy", "loss"), ("accuracy", "val_loss"), ("train_accuracy", "train_loss"))
PLAIN_PAIR = ("loss", "val_loss")


@dataclass(frozen=True)
class DivergedCurve:
    """One diverged seed up to its last finite value; epochs count from 1. Empty if no value was finite."""

    seed: int
    epochs: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Arm:
    """One curve of a variant over its seeds.

    Attributes:
        variant: the variant's name.
        epochs: the epochs that are drawn, from 1.
        mean: over the seeds that trained. If all seeds diverged: empty, or over all seeds if every value is finite.
        low, high: edges of the band over the same seeds.
        broken: the diverged seeds one by one; if there are many, a selection.
        seeds: number of seeds with this curve.
        failed: number of those that diverged.
        lost: whether every seed diverged and their values mean nothing, unlike those of seeds stuck at chance.
    """

    variant: str
    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    broken: tuple[DivergedCurve, ...]
    seeds: int
    failed: int = 0
    lost: bool = False

    @property
    def values(self) -> np.ndarray:
        """All values that are drawn, for the axis limits."""
        return np.concatenate([self.low, self.high, *(b.values for b in self.broken)])


def arm(variant: str, trials: Sequence[Trial], curve: str) -> Arm | None:
    """The curve over a variant's trials; None if no trial has this curve."""
    recorded = [trial for trial in trials if trial.history.get(curve)]
    if not recorded:
        return None
    failures = [trial.divergence for trial in recorded if trial.divergence]
    lost = len(failures) == len(recorded) and any(failure.kind != "stuck at chance" for failure in failures)
    whole = [t.history[curve] for t in recorded if t.divergence is None and None not in t.history[curve]]
    diverged = [t for t in recorded if t.divergence is not None or None in t.history[curve]]
    broken = tuple(_broken(diverged[index], curve) for index in drawn_indices(len(diverged)))
    if not whole and len(failures) == len(recorded) and not any(None in t.history[curve] for t in recorded):
        whole, broken = [t.history[curve] for t in recorded], ()
    if not whole:
        nothing = np.empty(0)
        return Arm(variant, nothing, nothing, nothing, nothing, broken, len(recorded), len(failures), lost)
    values = np.full((len(whole), max(map(len, whole))), np.nan)
    for row, one in zip(values, whole, strict=True):
        row[: len(one)] = one
    kept = spaced(values.shape[1])
    values = values[:, kept]
    mean, (low, high) = np.nanmean(values, 0), band(values)
    return Arm(variant, kept + 1, mean, low, high, broken, len(recorded), len(failures), lost)


def mixed(arms: Sequence[Arm]) -> bool:
    """Whether some variants are lost and others are not, so that they need separate scales."""
    return any(one.lost for one in arms) and not all(one.lost for one in arms)


@dataclass(frozen=True)
class BestEpochs:
    """The epoch at which a curve was best: for each of our seeds, and on the slide."""

    ours: tuple[float, ...]
    slide: float | None


def best(curve: str, trials: Sequence[Trial], published: Mapping[str, float]) -> BestEpochs | None:
    """The best epochs of a curve, from the metric ``best_epoch``; None unless ``best_<curve>`` is a metric too."""
    found = [trial.metrics.get("best_epoch") for trial in trials if f"best_{curve}" in trial.metrics]
    ours = tuple(epoch for epoch in found if epoch is not None)
    return BestEpochs(ours, published.get("best_epoch")) if ours else None


def _broken(trial: Trial, curve: str) -> DivergedCurve:
    values = trial.history[curve]
    end = values.index(None) if None in values else len(values)
    kept = spaced(end)
    return DivergedCurve(trial.seed, kept + 1, np.asarray(values[:end], "float64")[kept])


def spaced(count: int) -> np.ndarray:
    """Indices of at most MOST_POINTS of ``count`` epochs: half spaced evenly, half denser at the beginning."""
    if count <= MOST_POINTS:
        return np.arange(count)
    half = MOST_POINTS // 2
    kept = np.concatenate([np.linspace(0, count - 1, half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def pairs(experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]]) -> list[tuple[str, ...]]:
    """The pairs of curves to draw side by side, one figure for each pair.

    A classifier always has (val_accuracy, loss). Another pair of PAIRS is drawn if the slide printed one of its curves,
    if one of them is a metric of the experiment, or if they were recorded in inference mode. The two losses of turning
    points come last.
    """
    recorded = {
        name for of_variant in trials.values() for t in of_variant for name, curve in t.history.items() if curve
    }
    if not experiment.accuracy:
        found = tuple(name for name in PLAIN_PAIR if name in recorded)
        return [found] if found else []
    wanted = {name for curves in experiment.printed.values() for name in curves}
    wanted |= {metric.name for metric in experiment.metrics} | {"val_accuracy", "loss", *PAIRS[2]}
    chosen = []
    for pair in PAIRS:
        found = tuple(name for name in pair if name in recorded)
        if found and wanted & set(pair):
            chosen.append(found)
    turning = turning_pair(experiment)
    return [*chosen, turning] if turning and recorded >= set(turning) else chosen


def turning_pair(experiment: ExperimentDeclared) -> tuple[str, ...]:
    """The training and the validation loss of an experiment that shows turning points; empty for others."""
    declared = experiment.turning_point
    return (declared.training, declared.validation) if declared else ()


@dataclass(frozen=True)
class Turn:
    """Where a curve is least; epochs count from 1.

    Attributes:
        epoch: where the mean over seeds is least.
        seeds: where the curve of each seed is least.
        last: the last epoch.
    """

    epoch: int
    seeds: tuple[int, ...]
    last: int

    @property
    def turned(self) -> bool:
        """Whether the mean has risen since its least value."""
        return self.epoch < self.last

    @property
    def text(self) -> str:
        low, high = min(self.seeds), max(self.seeds)
        return f"{self.epoch} ({low if low == high else f'{low} to {high}'})"


def turning_points(trials: Mapping[str, Sequence[Trial]], curve: str) -> dict[str, Turn]:
    """The turning point of each variant, over the seeds that trained to the end; without variants that have none."""
    found = {}
    for name, of_variant in trials.items():
        whole = [t.history[curve] for t in of_variant if t.divergence is None and t.history.get(curve)]
        values = np.array([of_seed for of_seed in whole if None not in of_seed], "float64")
        if values.size:
            least = tuple(int(epoch) + 1 for epoch in values.argmin(axis=1))
            found[name] = Turn(int(values.mean(axis=0).argmin()) + 1, least, values.shape[1])
    return found


def divergences(trials: Mapping[str, Sequence[Trial]], curves: Collection[str] = ()) -> list[str]:
    """A sentence for each variant with diverged trials: how many, how, and when first.

    ``curves``: those that are drawn; only trials that have one of them are marked ×. Empty: all are marked.
    """
    sentences = []
    for name, of_variant in trials.items():
        failures = [trial.divergence for trial in of_variant if trial.divergence]
        if failures:
            kinds = " or ".join(sorted({failure.kind for failure in failures}))
            first, last = min(f.epoch for f in failures), max(f.epoch for f in failures)
            when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            drawn = not curves or any(t.divergence and t.history.keys() & set(curves) for t in of_variant)
            sentences.append(
                f"{escape(name)}: {len(failures)} of {len(of_variant)} seeds diverged ({kinds}, {when})"
                f"{', marked ×' if drawn else ''}."
            )
    return sentences


def spans_decades(values: np.ndarray, factor: float = 10.0) -> bool:
    """Whether a logarithmic axis suits the values: none is negative, and they span more than ``factor``."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    return positive.size > 1 and (finite >= 0).all() and positive.max() / positive.min() > factor


def spread_out(positions: Sequence[float], gap: float, top: float = 1.0) -> list[float]:
    """The positions, in the given order, moved so that they are at least ``gap`` apart and none is above ``top``."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(positions[i], placed[-1] + gap) if placed else positions[i])
    limit = top
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], limit)
        limit = placed[k] - gap
    result = [0.0] * len(positions)
    for k, i in enumerate(order):
        result[i] = placed[k]
    return result
