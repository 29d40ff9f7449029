"""What the charts of report and page show of trials: curves over the seeds, quantiles of many, failures in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.model import Experiment, Figure, Trial
from harness.record.run import Run
from reports.cards import declared
from reports.words import backend_name, plural

MANY = 100
"""With more seeds than this, figures and tables no longer show each of them."""
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
FEW = 5
"""The number of seeds whose curves are drawn one by one."""
MOST_POINTS = 40
"""The most epochs that a curve is drawn at."""
DIGITS = 5

Trials = Mapping[str, Sequence[Trial]]
"""The trials of an experiment, by variant."""


@dataclass(frozen=True)
class Curve:
    """One curve of a variant over its seeds, at the epochs that are drawn; epochs count from 1.

    Attributes:
        name: of the curve.
        count: the number of seeds that it is drawn from: those that trained, or up to FEW that failed if none did.
        seeds: the curves of the first FEW of them, by seed. A failed one is nan after its last finite value.
        band: mean, low and high over the seeds that trained; None if none did.
    """

    variant: str
    name: str
    epochs: np.ndarray
    count: int
    seeds: Mapping[int, np.ndarray]
    band: np.ndarray | None

    @property
    def values(self) -> np.ndarray:
        """All that is drawn of it: the band, or the seeds without one."""
        return np.concatenate([*self.seeds.values()] if self.band is None else [*self.band])


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
    values = values[:, kept]
    seeds = {trial.seed: row for trial, row in zip(chosen[:FEW], values, strict=False)}
    about = np.stack([np.nanmean(values, 0), *band(values)]) if whole else None
    return Curve(variant, name, kept + 1, len(chosen), seeds, about)


def datasets(
    curves: Iterable[Curve], slides: Mapping[str, Sequence[float]], *, spread: bool = True, seeds: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """The rows of ``charts.curves``: of each variant its lists of epochs and values.

    Args:
        curves: a curve without a band is drawn as its seeds.
        slides: the slide's own curves by variant, nan where it prints nothing.
        spread: whether a band is drawn; else it has no height.
        seeds: whether the first seeds are drawn of a curve that has a band, too.
    """
    rows: dict[str, list[dict[str, Any]]] = {"bands": [], "seeds": [], "slides": []}
    for curve in curves:
        of = {"variant": curve.variant, "curve": curve.name, "epoch": curve.epochs.tolist()}
        if curve.band is not None:
            edges = map(numbers, curve.band if spread else curve.band[[0, 0, 0]])
            rows["bands"].append(of | dict(zip(("mean", "low", "high"), edges, strict=True)))
        if curve.band is None or seeds:
            rows["seeds"] += [of | {"seed": seed, "value": numbers(values)} for seed, values in curve.seeds.items()]
    for variant, printed in slides.items():
        places = [at for at in spaced(len(printed)).tolist() if math.isfinite(printed[at])]
        values = numbers(printed[at] for at in places)
        rows["slides"].append({"variant": variant, "epoch": [at + 1 for at in places], "value": values})
    return rows


def numbers(values: Iterable[float | None]) -> list[float | None]:
    """The values with DIGITS significant digits; None for what is no finite number."""
    return [None if value is None or not math.isfinite(value) else _short(value) for value in values]


def _short(value: float) -> float:
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short


def spaced(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` epochs: half spaced evenly, half denser at the beginning."""
    if count <= most:
        return np.arange(count)
    half = most // 2
    kept = np.concatenate([np.linspace(0, count - 1, most - half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def thinned(values: Sequence[float | None]) -> list[float | None]:
    """The values to draw as dots: all, or of more than MANY the MANY quantiles of those that are finite numbers."""
    if len(values) <= MANY:
        return [*values]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return np.quantile(finite, (np.arange(MANY) + 0.5) / MANY).tolist() if finite else []


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge, each (epochs,), of the band over values (seeds, epochs); nan is ignored.

    The band spans all seeds, or their middle 95 % if there are more than MANY.
    """
    if len(values) > MANY:
        low, high = np.nanquantile(values, (QUANTILES[0], QUANTILES[-1]), axis=0)
        return low, high
    return np.nanmin(values, 0), np.nanmax(values, 0)


def band_text(seeds: int) -> str:
    """What the band about a mean of so many seeds is, for a caption."""
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


class Turn(NamedTuple):
    """Where the mean of a curve over the seeds is least, from epoch 1 on: the epoch, also in words with those of the
    seeds, and whether it is not the last one."""

    epoch: int
    text: str
    turned: bool


def turning_points(trials: Trials, curve: str) -> dict[str, Turn]:
    """The turning point of each variant, over the seeds that trained to the end; without variants that have none."""
    turns = {}
    for name, of_variant in trials.items():
        whole = [trial.history[curve] for trial in of_variant if trial.divergence is None and trial.history.get(curve)]
        values = np.array([of_seed for of_seed in whole if None not in of_seed], "float64")
        if values.size:
            epoch, seeds = int(values.mean(axis=0).argmin()) + 1, values.argmin(axis=1) + 1
            span = f"{seeds.min()} to {seeds.max()}" if np.ptp(seeds) else f"{seeds[0]}"
            turns[name] = Turn(epoch, f"{epoch} ({span})", epoch < values.shape[1])
    return turns


def slide_figures(run: Run, experiment: str | None, metric: str) -> dict[str, Figure]:
    """The slide's figures of a metric, by variant."""
    return {
        variant: figure
        for claim in run.claims.values()
        if experiment and claim.experiment == experiment
        for (variant, of), figure in declared(claim).figures.items()
        if of == metric
    }


def trials_of(run: Run, experiment: Experiment) -> dict[str, Sequence[Trial]]:
    """The trials of an experiment by variant, in its order, without variants that have none."""
    trained = {name: trials for (key, name), trials in run.trials.items() if key == experiment.id}
    names = dict.fromkeys((*(variant.name for variant in experiment.variants), *trained))
    return {name: trained[name] for name in names if trained.get(name)}


def in_words(experiment: Experiment, trials: Trials) -> Trials:
    """The trials by what reports call their variants."""
    return {experiment.words(name): of for name, of in trials.items()}


def source(run: Run, seeds: Iterable[int] = (), experiment: Experiment | None = None) -> str:
    """Where a figure comes from: "TensorFlow 2.20.0, cpu · n = 30 seeds · 20 epochs of all examples, batch 512"."""
    header, counts = run.header, sorted(set(seeds))
    version = header.fingerprint.get("backend_version") or ""
    device = header.stack.partition("-")[2].replace("-", " ") or str(header.fingerprint.get("device") or "")
    text = [f"{backend_name(header.backend)} {version}".strip() + (f", {device}" if device else "")]
    if counts:
        text.append(f"n = {f'{counts[0]:,} to ' if len(counts) > 1 else ''}{plural(counts[-1], 'seed')}")
    if experiment is not None:
        size = experiment.size
        images = "all examples" if size.train is None else f"{size.train:,} examples"
        trained = f"{plural(size.epochs, 'epoch')} of {images}" if size.epochs else "untrained"
        text.append(f"{trained}, batch {size.batch_size}")
    return " · ".join(text)


def section(slide: str) -> str:
    """The section of the lecture that a slide belongs to: "2. Depth (cont.), Dropout" is "2. Depth"."""
    return re.split(r",| \(| \||: ", slide)[0].strip() or slide
