"""The trials of one variant by seed, and their values on the metric's scale."""

from __future__ import annotations

import math
from collections import Counter

from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.rules.levels import FLOAT_NOISE, LARGEST
from harness.rules.rule import Sample


class UnusableError(Exception):
    """No rule can decide from these trials; the text says why. Rules catch it, and their verdict is NOT_RUN."""


def by_seed(sample: Sample, variant: str) -> dict[int, Trial]:
    """The trials of ``variant`` in order of seeds. UnusableError if there are none, or a seed has two."""
    trials = sample.trials.get(variant, ())
    if not trials:
        raise UnusableError(f"no trials of {variant!r}")
    repeated = sorted(seed for seed, count in Counter(trial.seed for trial in trials).items() if count > 1)
    if repeated:
        raise UnusableError(f"more than one trial of {variant!r} with {listed(repeated)}")
    return {trial.seed: trial for trial in sorted(trials, key=lambda trial: trial.seed)}


def score(trial: Trial, metric: Metric) -> float:
    """The trial's metric on the metric's scale: its natural logarithm for ``scale="log"``.

    None (diverged or censored) scores ∓inf, the worst value of the metric's direction. A value above LARGEST scores
    ±inf. On a log scale 0 scores −inf. UnusableError for a negative value on a log scale, and for a metric that was not
    recorded although the training did not fail.
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
    """The size up to which differences of ``scores`` are float32 rounding: relative, so absolute for logarithms."""
    if metric.scale == "log":
        return FLOAT_NOISE
    return FLOAT_NOISE * max((abs(value) for value in scores if math.isfinite(value)), default=0.0)


def listed(seeds: list[int]) -> str:
    """ "seed 3", "seeds 0, 1, 2"; at most ten seeds and an ellipsis."""
    shown = ", ".join(str(seed) for seed in seeds[:10]) + (", …" if len(seeds) > 10 else "")
    return f"seed{'s' if len(seeds) > 1 else ''} {shown}"
