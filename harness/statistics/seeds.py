"""The trials of one variant, by seed; or why they cannot be used."""

from __future__ import annotations

import math
from collections import Counter

from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.statistics.levels import FLOAT_NOISE, LARGEST
from harness.statistics.rule import Sample


class UnusableError(Exception):
    """Trials from which no rule can decide, so that the verdict is NOT_RUN; its text says why. Rules catch it."""


def by_seed(sample: Sample, variant: str) -> dict[int, Trial]:
    """The trials of ``variant`` in the order of their seeds; UnusableError where there are none, or a seed has two."""
    trials = sample.trials.get(variant, ())
    if not trials:
        raise UnusableError(f"no trials of {variant!r}")
    repeated = sorted(seed for seed, count in Counter(trial.seed for trial in trials).items() if count > 1)
    if repeated:
        raise UnusableError(f"more than one trial of {variant!r} with {listed(repeated)}")
    return {trial.seed: trial for trial in sorted(trials, key=lambda trial: trial.seed)}


def score(trial: Trial, metric: Metric) -> float:
    """The trial's metric on the scale on which it is compared: its natural logarithm for ``scale="log"``.

    A trial that diverged or was censored (None) scores ∓inf, the worst value of the metric's direction. A value too
    large to compute with scores inf of its own sign. On a log scale 0 scores −inf, the limit of the logarithm; a
    negative value has none, and is unusable, as is a metric that was not recorded although training went well.
    """
    if metric.name not in trial.metrics and trial.divergence is None:
        raise UnusableError(f"seed {trial.seed} of {trial.variant!r} does not record {metric.name!r}")
    value = trial.metrics.get(metric.name)
    if value is None:
        return -math.inf if metric.better == "higher" else math.inf
    if metric.scale == "linear":
        return value if abs(value) <= LARGEST else math.copysign(math.inf, value)
    if value < 0:
        raise UnusableError(
            f"{metric.name!r} is compared on a log scale, but is {value:g} for seed {trial.seed} of {trial.variant!r}"
        )
    return math.log(value) if value > 0 else -math.inf


def noise(scores: list[float], metric: Metric) -> float:
    """The size below which differences of ``scores`` are float32 rounding: relative, hence absolute for logarithms."""
    if metric.scale == "log":
        return FLOAT_NOISE
    return FLOAT_NOISE * max((abs(value) for value in scores if math.isfinite(value)), default=0.0)


def listed(seeds: list[int]) -> str:
    """ "seed 3", "seeds 0, 1, 2", with an ellipsis after ten."""
    shown = ", ".join(str(seed) for seed in seeds[:10]) + (", …" if len(seeds) > 10 else "")
    return f"seed{'s' if len(seeds) > 1 else ''} {shown}"
