"""Whether a variant's mean or its share of failures has moved: ``check.prediction.drift`` on synthetic values."""

import numpy as np
import pytest

from harness.check.prediction import drift, drifted
from harness.domain.metric import Metric
from harness.domain.trial import Trial

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("loss", "lower", "nats", 0.01, scale="log")
LEVEL = 0.005 / 30
STORED = [0.98 + 0.001 * value for value in np.random.default_rng(0).standard_normal(30)]


def trials(values, metric=ACCURACY, first=0):
    return [Trial("plain", first + place, {metric.name: value}) for place, value in enumerate(values)]


def shifted(by, seeds=10):
    """Moved by ``by`` on average, and by not quite the same on each seed."""
    return [value + by + 1e-6 * (-1) ** place for place, value in enumerate(STORED[:seeds])]


def moved(ours, stored=None, paired=True, metric=ACCURACY):
    return drift(trials(ours, metric), trials(stored or STORED, metric), metric, LEVEL, paired)


@pytest.mark.parametrize("by", [0.0006, -0.0006, 0.01, -0.01])
def test_a_mean_that_moved_by_more_than_the_smallest_effect(by):
    said = moved(shifted(by))
    assert "in pairs" in said
    assert "p = " in said


@pytest.mark.parametrize("by", [0.0, 0.0004, -0.0004])
def test_a_mean_that_moved_by_less_has_not(by):
    assert moved(shifted(by)) == ""


def test_one_shift_on_every_seed_is_no_chance_and_size_alone_decides():
    assert moved([value + 0.0006 for value in STORED[:5]])
    assert not moved([value + 0.0004 for value in STORED[:5]])


def test_a_difference_that_chance_explains():
    assert not moved([0.983, 0.978, 0.981, 0.982, 0.979], paired=False)


def test_fresh_seeds_are_compared_group_by_group():
    said = drift(trials(shifted(-0.005), first=100), trials(STORED), ACCURACY, LEVEL, paired=True)
    assert said
    assert "in pairs" not in said


def test_a_share_of_failed_trainings():
    """Of ten fresh seeds eight have no value, of thirty stored none; the mean of the other two has not moved."""
    ours = [*STORED[:2], *[None] * 8]
    assert "without a value 0 of 30 then, 8 of 10 now" in moved(ours, paired=False)
    assert moved([None] * 10).startswith("val_accuracy no values")
    assert not moved([None, *STORED[1:10]])  # one seed that fails is red by itself: harness.check.judge


def test_a_loss_is_compared_by_its_logarithm():
    stored = [0.1 * float(np.exp(0.02 * value)) for value in np.random.default_rng(1).standard_normal(30)]
    assert moved([value * 1.03 for value in stored[:10]], stored, metric=LOSS)
    assert not moved([value * 1.005 for value in stored[:10]], stored, metric=LOSS)


def curves(ours, stored, seeds=5):
    """``ours`` and 30 stored trials of one accuracy, which have a validation loss for the first five seeds."""
    then = [
        Trial("plain", seed, {"val_accuracy": value}, {"val_loss": stored[seed]} if seed < 5 else {})
        for seed, value in enumerate(STORED)
    ]
    now = [Trial("plain", seed, {"val_accuracy": STORED[seed]}, {"val_loss": ours[seed]}) for seed in range(seeds)]
    return drifted(now, then, (ACCURACY,), LEVEL, paired=True)


FALLING = [[(0.5 + 0.01 * seed) * 0.9**epoch for epoch in range(20)] for seed in range(5)]
"""Loss curves of five seeds over 20 epochs."""


@pytest.mark.parametrize(("by", "seen"), [(1.003, True), (0.997, True), (1.0005, False), (0.9995, False)])
def test_a_loss_curve_moves_where_the_last_accuracy_does_not(by, seen):
    """From the sixth epoch on; with rounding of 1e-5, other on each seed."""
    ours = [
        [x * (by ** (20 / 15) if epoch >= 5 else 1) * (1 + 1e-5 * (-1) ** seed) for epoch, x in enumerate(curve)]
        for seed, curve in enumerate(FALLING)
    ]
    said = curves(ours, FALLING)
    assert bool(said) is seen
    assert not seen or said.startswith("val_loss, mean of all epochs 0.")


def test_a_loss_curve_that_rounding_drives_apart_has_not_moved():
    noise = np.random.default_rng(4).standard_normal((5, 20))
    ours = [[value * (1 + 0.02 * noise[seed][e]) for e, value in enumerate(c)] for seed, c in enumerate(FALLING)]
    assert curves(ours, FALLING) == ""


def test_a_metric_other_than_the_first_moves_too():
    other = Metric("gap", "lower", "fraction", 0.001)
    then = [Trial("plain", s, {"val_accuracy": v, "gap": v - 0.97}) for s, v in enumerate(STORED)]
    now = [Trial("plain", s, {"val_accuracy": v, "gap": v - 0.96}) for s, v in enumerate(STORED[:5])]
    assert drifted(now, then, (ACCURACY, other), LEVEL, paired=True).startswith("gap ")
    assert drifted(then[:5], then, (ACCURACY, other), LEVEL, paired=True) == ""
