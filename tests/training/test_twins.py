"""Twins: the same trials from initial weights whose last bits differ."""

import pytest


def test_the_last_bit_of_every_weight_goes_up_or_down(measured):
    weights = measured["twins"]["weights"]
    assert weights["repeats"]
    assert weights["zeros stay"]
    assert weights["all others move"]
    assert 0.45 < weights["share that grows"] < 0.55
    assert 0 < weights["furthest, relative"] <= 2.0**-23


def test_a_twin_is_the_same_training_but_for_rounding_and_leaves_nothing_behind(measured):
    trial, twin, again = (measured["twins"][name] for name in ("trial", "twin", "trial again"))
    assert trial != twin
    assert trial["loss"][0] == pytest.approx(twin["loss"][0], rel=1e-5)
    assert trial == again


def test_fit_trains_it_too(measured):
    """The rounding of so small a training need not show in its losses."""
    assert measured["twins"]["fit starts elsewhere"]
