"""Above: one variant's metric against a stated value."""

import math

import pytest

from harness.domain.verdict import Verdict
from harness.rules import Above
from tests.rules.synthetic import LOSS, decide

S, R, U, N = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN
NOISE = (0.0003, -0.0002, 0.0001, -0.0003, 0.0001)  # as in test_paired: t interval ± 0.0003


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.949, S), (0.951, R), (0.9502, U), (0.9498, U), (-1.0, S)], ids=lambda case: str(case)
)
def test_verdict_follows_the_interval(value, verdict):
    decision = decide(Above("a", "val_accuracy", value), {"a": [0.95 + noise for noise in NOISE]})
    assert decision.verdict is verdict
    (effect,) = decision.effects
    assert effect.estimate == pytest.approx(0.95 - value, abs=1e-9)
    assert effect.low < effect.estimate < effect.high
    assert effect.n == 5
    assert effect.of == f"a − {value:g}"


def test_of_zero_the_effect_is_the_mean_itself():
    decision = decide(Above("a", "val_loss"), {"a": [0.1, 0.2, 0.15, 0.12, 0.18]}, "val_loss")
    assert decision.verdict is S
    assert decision.effects[0].of == "a"
    assert decision.effects[0].estimate == pytest.approx(0.15)


def test_a_better_direction_changes_nothing():
    """Above is about the number, not about what is better: a loss above the value is SUPPORTED."""
    assert LOSS.better == "lower"
    assert decide(Above("a", "val_loss", 0.1), {"a": [0.95 + n for n in NOISE]}, "val_loss").verdict is S


@pytest.mark.parametrize(("value", "verdict"), [(50.0, S), (200.0, R), (100.0, U)])
def test_a_log_scale_compares_the_geometric_mean(value, verdict):
    steps = [90.0, 110.0, 95.0, 105.0, 101.0]
    decision = decide(Above("a", "steps", value), {"a": steps}, "steps")
    assert decision.verdict is verdict
    assert decision.effects[0].estimate == pytest.approx(math.exp(sum(map(math.log, steps)) / 5) / value)


def test_a_log_scale_has_no_value_of_zero():
    decision = decide(Above("a", "steps", 0.0), {"a": [1.0, 2.0, 3.0, 4.0, 5.0]}, "steps")
    assert decision.verdict is N
    assert "log scale" in decision.reason


def test_nothing_is_decided_below_five_seeds():
    decision = decide(Above("a", "val_accuracy"), {"a": [0.95] * 4})
    assert decision.verdict is U
    assert "nothing is decided below 5 seeds" in decision.reason


@pytest.mark.parametrize(("n", "verdict"), [(5, U), (6, R), (8, R)])
def test_a_failed_trial_counts_as_the_worst_where_it_is_to_count(n, verdict):
    """The worst accuracy is below every value; and of six signs, not of five, all may point one way."""
    decision = decide(Above("a", "val_accuracy", 0.5, failures="count"), {"a": [None] * n})
    assert decision.verdict is verdict
    assert decision.p == 2 * 2.0**-n
    assert decide(Above("a", "val_accuracy", 0.5), {"a": [None] * n}).verdict is U


def test_the_mean_is_that_of_the_seeds_that_trained_and_the_share_that_failed_is_reported():
    values = [0.95 + NOISE[i % 5] for i in range(8)]
    decision = decide(Above("a", "val_accuracy", 0.9), {"a": [None, *values[1:]]})
    assert decision.verdict is S
    assert "mean of the 7 seeds that trained; a failed on 1 of 8 seeds" in decision.reason
    mean, share = decision.effects
    assert mean.n == 7
    assert (share.of, share.estimate, share.n) == ("a: seeds that failed", 1 / 8, 8)
    assert share.low < 1 / 8 < share.high
    few = decide(Above("a", "val_accuracy", 0.9), {"a": [*values[:4], None, None]})
    assert few.verdict is U
    assert "below 5 seeds" in few.reason
