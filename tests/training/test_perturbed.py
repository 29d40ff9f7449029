"""Perturbed trials: the same trials from initial weights that differ in their last bits."""

import pytest

pytestmark = pytest.mark.slow


def test_the_last_bit_of_every_weight_goes_up_or_down(measured):
    weights = measured["perturbed"]["weights"]
    assert weights["repeats"]
    assert weights["zeros stay"]
    assert weights["all others move"]
    assert 0.45 < weights["share that grows"] < 0.55
    assert 0 < weights["furthest, relative"] <= 2.0**-23


def test_each_perturbation_moves_other_weights_up(measured):
    assert 0.45 < measured["perturbed"]["weights"]["share alike in the second"] < 0.55


def test_a_perturbed_trial_is_the_same_training_but_for_rounding_and_leaves_nothing_behind(measured):
    trial, perturbed, again = (measured["perturbed"][name] for name in ("trial", "perturbed", "trial again"))
    assert trial != perturbed
    assert trial["loss"][0] == pytest.approx(perturbed["loss"][0], rel=1e-5)
    assert trial == again


def test_fit_trains_it_too(measured):
    """The rounding of so small a training need not show in its losses."""
    assert measured["perturbed"]["fit starts elsewhere"]
