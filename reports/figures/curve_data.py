"""Trials as curves to draw: the band over the seeds that trained, and each diverged seed up to where it broke."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared
from reports.figures.many import band, some
from reports.text import escape

MOST_POINTS = 40
"""A curve of more epochs is drawn at this many at most, closer together where training begins: figures stay small."""

PAIRS = (("val_accuracy", "loss"), ("accuracy", "val_loss"), ("train_accuracy", "train_loss"))
PLAIN_PAIR = ("loss", "val_loss")


@dataclass(frozen=True)
class DivergedCurve:
    """One diverged seed: its finite values, epochs from 1; both empty where not one value was finite."""

    seed: int
    epochs: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Arm:
    """One variant's curve over the seeds that trained, and the ``broken`` ones, which diverged, each for itself; of
    many some.

    Where every seed diverged ``mean``, ``low`` and ``high`` are empty, or, if all values are finite nevertheless, over
    all seeds. ``lost``: every seed diverged to where its values say nothing; stuck at chance is not that.
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
        """All that is drawn, for the axis limits."""
        return np.concatenate([self.low, self.high, *(b.values for b in self.broken)])


def arm(variant: str, trials: Sequence[Trial], curve: str) -> Arm | None:
    """The curve of a variant's trials; None where no trial has it."""
    having = [trial for trial in trials if trial.history.get(curve)]
    if not having:
        return None
    failures = [trial.divergence for trial in having if trial.divergence]
    lost = len(failures) == len(having) and any(failure.kind != "stuck at chance" for failure in failures)
    whole = [t.history[curve] for t in having if t.divergence is None and None not in t.history[curve]]
    lame = [t for t in having if t.divergence is not None or None in t.history[curve]]
    broken = tuple(_broken(lame[index], curve) for index in some(lame))
    if not whole and len(failures) == len(having) and not any(None in t.history[curve] for t in having):
        whole, broken = [t.history[curve] for t in having], ()
    if not whole:
        nothing = np.empty(0)
        return Arm(variant, nothing, nothing, nothing, nothing, broken, len(having), len(failures), lost)
    values = np.full((len(whole), max(map(len, whole))), np.nan)
    for row, one in zip(values, whole, strict=True):
        row[: len(one)] = one
    kept = spaced(values.shape[1])
    values = values[:, kept]
    mean, (low, high) = np.nanmean(values, 0), band(values)
    return Arm(variant, kept + 1, mean, low, high, broken, len(having), len(failures), lost)


def mixed(arms: Sequence[Arm]) -> bool:
    """Whether some variants are lost and others are not: on one scale the lost ones would hide the others."""
    return any(one.lost for one in arms) and not all(one.lost for one in arms)


@dataclass(frozen=True)
class BestEpochs:
    """The epoch at which a curve was best: of each of our seeds, and the slide's."""

    ours: tuple[float, ...]
    slide: float | None


def best(curve: str, trials: Sequence[Trial], published: Mapping[str, float]) -> BestEpochs | None:
    """From the metric ``best_epoch``, for the curve whose ``best_<curve>`` is a metric too; None without them."""
    found = [trial.metrics.get("best_epoch") for trial in trials if f"best_{curve}" in trial.metrics]
    ours = tuple(epoch for epoch in found if epoch is not None)
    return BestEpochs(ours, published.get("best_epoch")) if ours else None


def _broken(trial: Trial, curve: str) -> DivergedCurve:
    values = trial.history[curve]
    end = values.index(None) if None in values else len(values)
    kept = spaced(end)
    return DivergedCurve(trial.seed, kept + 1, np.asarray(values[:end], "float64")[kept])


def spaced(count: int) -> np.ndarray:
    """Indices of at most MOST_POINTS of ``count`` epochs, half of them evenly spaced, with the first and the last."""
    if count <= MOST_POINTS:
        return np.arange(count)
    half = MOST_POINTS // 2
    kept = np.concatenate([np.linspace(0, count - 1, half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def pairs(experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]]) -> list[tuple[str, ...]]:
    """The curves to draw side by side, one figure for each pair.

    A classifier always has (val_accuracy, loss); the two losses of turning points come last. Its other pairs are drawn
    where the slide printed one of them, where a metric of the experiment is one of them, or where they were recorded on
    purpose (inference mode).
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
    """The training and the validation loss of an experiment that shows its turning points; empty for any other."""
    declared = experiment.turning_point
    return (declared.training, declared.validation) if declared else ()


@dataclass(frozen=True)
class Turn:
    """The epoch, from 1, at which a curve's mean over the seeds is least, and that of each seed; the last epoch."""

    epoch: int
    seeds: tuple[int, ...]
    last: int

    @property
    def turned(self) -> bool:
        """Whether it has risen since."""
        return self.epoch < self.last

    @property
    def text(self) -> str:
        low, high = min(self.seeds), max(self.seeds)
        return f"{self.epoch} ({low if low == high else f'{low} to {high}'})"


def turning_points(trials: Mapping[str, Sequence[Trial]], curve: str) -> dict[str, Turn]:
    """By variant, over the seeds that trained to the end; without variants that have none."""
    found = {}
    for name, of_variant in trials.items():
        whole = [t.history[curve] for t in of_variant if t.divergence is None and t.history.get(curve)]
        values = np.array([of_seed for of_seed in whole if None not in of_seed], "float64")
        if values.size:
            least = tuple(int(epoch) + 1 for epoch in values.argmin(axis=1))
            found[name] = Turn(int(values.mean(axis=0).argmin()) + 1, least, values.shape[1])
    return found


def divergences(trials: Mapping[str, Sequence[Trial]], curves: Collection[str] = ()) -> list[str]:
    """A sentence for each variant with diverged trials: how many, how, and first when.

    ``curves``: those that are drawn, where only trials with one of them are marked.
    """
    said = []
    for name, of_variant in trials.items():
        failures = [trial.divergence for trial in of_variant if trial.divergence]
        if failures:
            kinds = " or ".join(sorted({failure.kind for failure in failures}))
            first, last = min(f.epoch for f in failures), max(f.epoch for f in failures)
            when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            drawn = not curves or any(t.divergence and t.history.keys() & set(curves) for t in of_variant)
            said.append(
                f"{escape(name)}: {len(failures)} of {len(of_variant)} seeds diverged ({kinds}, {when})"
                f"{', marked ×' if drawn else ''}."
            )
    return said


def spans_decades(values: np.ndarray, factor: float = 10.0) -> bool:
    """Whether a logarithmic axis suits the values: positive, and over more than a decade."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    return positive.size > 1 and (finite >= 0).all() and positive.max() / positive.min() > factor


def apart(positions: Sequence[float], gap: float, top: float = 1.0) -> list[float]:
    """The positions moved as little as needed to lie at least ``gap`` apart, none above ``top``; in the given order."""
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
