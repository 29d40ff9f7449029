"""Whether rounding changes the losses of a trial."""

import pytest

from harness.check.rounding import LIMIT, same_losses

THEN = {"loss": (2.0, 1.0, 0.5), "val_loss": (1.9, 1.1, 0.6), "accuracy": (0.1, 0.5, 0.6)}


@pytest.mark.parametrize("by", [1.0, 1 + LIMIT / 20, 1 - LIMIT / 20])
def test_differences_below_a_tenth_of_the_limit_are_rounding(by):
    assert same_losses({**THEN, "val_loss": (1.9, 1.1 * by, 0.6), "accuracy": (0.0, 0.0, 0.0)}, THEN)


@pytest.mark.parametrize("curve", [(2.0, 1.0 + LIMIT / 5, 0.5), (2.0, None, 0.5)])
def test_one_epoch_of_one_curve_is_enough(curve):
    assert not same_losses({**THEN, "loss": curve}, THEN)


def test_what_is_lost_on_both_sides_is_the_same():
    lost = {"loss": (2.0, None, None)}
    assert same_losses(lost, lost)


def test_without_a_loss_nothing_is_known():
    assert not same_losses({"accuracy": (0.1,)}, {"accuracy": (0.1,)})
