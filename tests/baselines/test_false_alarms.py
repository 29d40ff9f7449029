"""The comparison on simulated runs whose truth is known: how often it is wrong, and what it can see."""

import math

import numpy as np
import pytest

from baselines.difference import difference
from baselines.drift import ALPHA
from harness.metric import Metric
from tests.baselines.make import ACCURACY

RUNS, VARIANTS = 2000, 30
ANY_SIZE = Metric("val_accuracy", "higher", "fraction", 1e-12)  # so that significance alone has to hold
ALLOWED = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)  # the simulation's own error
NOISE = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "coarse": lambda rng, shape: np.round(rng.standard_normal(shape)),  # a few images of a small test set
}


def runs(noise, paired, ours, base, count, seed=7, drop=0.0):
    """(our values, baseline values) by seed, for ``count`` runs of VARIANTS variants, in standard deviations."""
    rng = np.random.default_rng(seed)
    a, b = NOISE[noise](rng, (count, VARIANTS, ours)), NOISE[noise](rng, (count, VARIANTS, base))
    if paired:  # what the seeds share: initial weights and data order
        shared = NOISE[noise](rng, (count, VARIANTS, max(ours, base)))
        a, b = (a + shared[..., :ours]) / math.sqrt(2), (b + shared[..., :base]) / math.sqrt(2)
    a -= drop
    first = 0 if paired else 1000
    for i in range(count):
        yield [
            (dict(enumerate(x, first)), dict(enumerate(y)))
            for x, y in zip((0.98 + 0.002 * a[i]).tolist(), (0.98 + 0.002 * b[i]).tolist(), strict=True)
        ]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize(
    ("paired", "ours", "base"),
    [(True, 5, 5), (True, 3, 5), (True, 10, 10), (False, 5, 5), (False, 10, 5), (False, 2, 5)],
)
def test_at_most_one_run_in_a_hundred_has_a_false_alarm(noise, paired, ours, base):
    alarms = sum(
        any(difference(ANY_SIZE, a, b).beyond_chance(ANY_SIZE.smallest_effect, ALPHA / VARIANTS) for a, b in run)
        for run in runs(noise, paired, ours, base, RUNS)
    )
    assert alarms / RUNS <= ALLOWED


def test_without_the_correction_the_simulation_does_see_false_alarms():
    alarms = sum(
        any(difference(ANY_SIZE, a, b).beyond_chance(ANY_SIZE.smallest_effect, ALPHA) for a, b in run)
        for run in runs("normal", True, 5, 5, 500)
    )
    assert alarms / 500 > 0.2  # 1 - 0.99 ** 30 = 0.26


WHOLE_RUN = ALPHA / 97 / 2
"""The level of a metric in a run of 97 variants, whose curves have the other half."""


def power(paired, n, drop, count=100):
    """Share of drops by ``drop`` standard deviations that are found; over ``count`` × VARIANTS comparisons."""
    found = sum(
        difference(ACCURACY, a, b).beyond_chance(ACCURACY.smallest_effect, WHOLE_RUN)
        for run in runs("normal", paired, n, n, count, drop=drop)
        for a, b in run
    )
    return found / (count * VARIANTS)


@pytest.mark.parametrize(
    ("paired", "n", "drop", "low", "high"),
    [
        (True, 5, 2, 0.0, 0.04),
        (True, 5, 7, 0.3, 0.55),
        (True, 10, 2, 0.3, 0.5),
        (True, 10, 4, 0.97, 1.0),
        (True, 30, 1, 0.6, 0.8),
        (True, 30, 2, 0.99, 1.0),
        (False, 5, 2, 0.0, 0.05),
        (False, 5, 7, 0.7, 0.9),
        (False, 10, 2, 0.15, 0.4),
        (False, 10, 4, 0.97, 1.0),
        (False, 30, 1, 0.25, 0.45),
        (False, 30, 2, 0.99, 1.0),
    ],
)
def test_power(paired, n, drop, low, high):
    """Drops in standard deviations over seeds; the values of equal seeds are correlated by one half."""
    assert low <= power(paired, n, drop) <= high


if __name__ == "__main__":  # python -m tests.baselines.test_false_alarms: the table
    for way in (True, False):
        for seeds in (5, 10, 30):
            row = [f"{power(way, seeds, drop):.2f}" for drop in (0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15)]
            print("paired" if way else "fresh", seeds, *row)
