"""What the charts of report and page show of trials: curves over the seeds, quantiles of many, failures in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.domain.model import Experiment, Trial
from harness.record.run import Run
from reports.cards import figures_of

MANY = 100
"""With more seeds than this, figures and tables no longer show each of them."""
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
FEW = 5
"""The number of seeds whose curves are drawn one by one; a figure of more has a band instead."""
MOST_POINTS = 40
"""The most epochs that a curve is drawn at."""

Trials = Mapping[str, Sequence[Trial]]
"""The trials of an experiment, by variant."""


@dataclass(frozen=True)
class Curve:
    """One curve of a variant over its seeds, at the epochs that are drawn; epochs count from 1.

    Attributes:
        epochs, mean, low, high: over the seeds that trained; all but ``epochs`` empty if none did.
        count: the number of seeds that it is drawn from.
        seeds: the curves of the first FEW of those that trained, of those that failed if none trained, by seed. A
            failed one is nan after its last finite value.
    """

    variant: str
    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: int
    seeds: Mapping[int, np.ndarray]

    @property
    def trained(self) -> bool:
        return self.mean.size > 0

    @property
    def every(self) -> np.ndarray:
        """All values: of the seeds that trained, or of those that failed if none did."""
        return np.concatenate([self.mean, self.low, self.high] if self.trained else [*self.seeds.values()])

    def rows(self, spread: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of ``charts.curves``: a band, and thin lines. ``spread``: a band, or lines of up to FEW seeds."""
        bands = []
        if self.trained:
            table = {"epoch": self.epochs, "mean": self.mean}
            table |= {"low": self.low, "high": self.high} if spread and self.count > FEW else {}
            bands = [{"variant": self.variant, **point} for point in _points(table)]
        drawn = self.seeds if not self.trained or (spread and self.count <= FEW) else {}
        lines = [
            {"variant": self.variant, "line": f"{self.variant} {seed}", **point}
            for seed, values in drawn.items()
            for point in _points({"epoch": self.epochs, "value": values})
        ]
        return bands, lines


def _points(table: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """The rows of a table without those that have a number that is not finite; numbers have six digits."""
    return [
        {name: float(f"{value:.6g}") for name, value in zip(table, values, strict=True)}
        for values in zip(*table.values(), strict=True)
        if np.isfinite(values).all()
    ]


def curve_of(variant: str, trials: Sequence[Trial], name: str, most: int = MOST_POINTS) -> Curve | None:
    """The curve of that name at no more than ``most`` epochs; None if no trial has it."""
    recorded = [trial for trial in trials if trial.history.get(name)]
    if not recorded:
        return None
    whole = [trial for trial in recorded if trial.divergence is None and None not in trial.history[name]]
    chosen = whole or recorded[:FEW]
    values = np.full((len(chosen), max(len(trial.history[name]) for trial in chosen)), np.nan)
    for row, trial in zip(values, chosen, strict=True):
        curve = np.array(trial.history[name], "float64")
        gaps = np.flatnonzero(np.isnan(curve))
        end = gaps[0] if gaps.size else len(curve)
        row[:end] = curve[:end]
    kept = spaced(values.shape[1], most)
    values, nothing = values[:, kept], np.empty(0)
    seeds = {trial.seed: row for trial, row in zip(chosen[:FEW], values, strict=False)}
    mean, low, high = (np.nanmean(values, 0), *band(values)) if whole else (nothing, nothing, nothing)
    return Curve(variant, kept + 1, mean, low, high, len(chosen), seeds)


def spaced(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` epochs: half spaced evenly, half denser at the beginning."""
    if count <= most:
        return np.arange(count)
    half = most // 2
    kept = np.concatenate([np.linspace(0, count - 1, most - half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def quantiles(values: Sequence[float]) -> list[float]:
    """The QUANTILES of at least one value."""
    return [float(value) for value in np.quantile(np.asarray(values, "float64"), QUANTILES)]


def thinned(values: Sequence[float]) -> list[float]:
    """The values to draw as dots: all, or MANY quantiles of them."""
    if len(values) <= MANY:
        return list(values)
    return [float(value) for value in np.quantile(values, (np.arange(MANY) + 0.5) / MANY)]


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge, each (epochs,), of the band over values (seeds, epochs); nan is ignored.

    The band spans all seeds, or their middle 95 % if there are more than MANY.
    """
    if len(values) > MANY:
        low, high = np.nanquantile(values, (QUANTILES[0], QUANTILES[-1]), axis=0)
        return low, high
    return np.nanmin(values, 0), np.nanmax(values, 0)


def band_text(seeds: int, fewest: int = FEW + 1) -> str:
    """What is drawn around the mean, for a caption; ``fewest``: the seeds from which on there is a band."""
    if seeds < fewest:
        return "thin lines: the seeds"
    return f"band: {'the middle 95 % of the seeds' if seeds > MANY else 'from the smallest to the largest seed'}"


def failures(trials: Sequence[Trial], noun: str = "") -> str:
    """How many seeds failed, and how: "3 of 5 diverged", "30 of 30 seeds collapsed"; "" if none did."""
    kinds = [trial.divergence.kind for trial in trials if trial.divergence]
    words = {"collapsed" if kind == "stuck at chance" else "diverged" for kind in kinds}
    return f"{len(kinds)} of {len(trials)} {noun}{' or '.join(sorted(words))}" if kinds else ""


def failed_sentences(trials: Trials) -> list[str]:
    """A sentence for each variant with failed seeds: how many, how, and when."""
    sentences = []
    for name, of in trials.items():
        failed = [trial.divergence for trial in of if trial.divergence]
        if failed:
            kinds = " or ".join(sorted({failure.kind for failure in failed}))
            first, last = min(failure.epoch for failure in failed), max(failure.epoch for failure in failed)
            when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            sentences.append(f"{name}: {failures(of, 'seeds ')} ({kinds}, {when}).")
    return sentences


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


def turning_points(trials: Trials, curve: str) -> dict[str, Turn]:
    """The turning point of each variant, over the seeds that trained to the end; without variants that have none."""
    turns = {}
    for name, of_variant in trials.items():
        whole = [trial.history[curve] for trial in of_variant if trial.divergence is None and trial.history.get(curve)]
        values = np.array([of_seed for of_seed in whole if None not in of_seed], "float64")
        if values.size:
            least = tuple(int(epoch) + 1 for epoch in values.argmin(axis=1))
            turns[name] = Turn(int(values.mean(axis=0).argmin()) + 1, least, values.shape[1])
    return turns


def slide_figures(run: Run, experiment: str, metric: str) -> dict[str, tuple[str, float]]:
    """The slide's figures of a metric, by variant: as printed, and as a number."""
    return {
        variant: (figure.printed, figure.value)
        for claim in run.claims.values()
        if claim.experiment == experiment
        for (variant, of), figure in figures_of(claim).items()
        if of == metric
    }


def trials_of(run: Run, experiment: Experiment) -> dict[str, Sequence[Trial]]:
    """The trials of an experiment by variant, in its order, without variants that have none."""
    trained = {name: trials for (key, name), trials in run.trials.items() if key == experiment.id}
    names = dict.fromkeys((*(variant.name for variant in experiment.variants), *trained))
    return {name: trained[name] for name in names if trained.get(name)}
