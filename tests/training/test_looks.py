"""Recorded curves beyond losses and accuracies: followed weights, halves of the validation images, observations.

Both engines and both backends are tested, and programs that variants share, which must not change a result.
"""

import numpy as np
import pytest

from tests.training.measure_looks import ALONE, L2

ENGINES = ("fit", "compiled", "epoch by epoch")
CLOSE = 1e-5  # as in test_engines
CURVES = ("loss", "val_loss", "even_val_loss", "odd_val_loss", "followed")


def history(measured, engine):
    return measured["looks"][engine]["history"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["compiled", "epoch by epoch"])
def test_engines_give_the_same_curves(measured, engine):
    for curve in CURVES:
        assert history(measured, engine)[curve] == pytest.approx(history(measured, "fit")[curve], abs=CLOSE), curve


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_halves_are_the_validation_loss_without_the_penalty(measured, engine):
    curves = {name: np.array(curve) for name, curve in history(measured, engine).items()}
    halves = (curves["even_val_loss"] + curves["odd_val_loss"]) / 2
    assert curves["val_loss"] - halves == pytest.approx(L2 * curves["followed"], abs=CLOSE)
    assert np.abs(curves["even_val_loss"] - curves["odd_val_loss"]).min() > 100 * CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "epoch by epoch"])
def test_an_observation_after_each_launch_sees_that_launch(measured, engine):
    curves = history(measured, engine)
    assert curves["observed"] == pytest.approx(curves["followed"], rel=CLOSE)
    assert len(set(curves["observed"])) == len(curves["loss"]) > 1


@pytest.mark.slow
def test_one_launch_is_observed_once_at_its_end(measured):
    curves = history(measured, "compiled")
    assert curves["observed"] == pytest.approx(curves["followed"][-1:], rel=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_initial_observation_is_of_the_initial_weights(measured, engine):
    curves = history(measured, engine)
    assert curves["initial_examples"] == curves["examples"][:1] == [600.0]
    # glorot_uniform: a variance of 2 / (784 + 10) in each of 7840 weights
    assert curves["initial_observed"] == pytest.approx([7840 * 2 / 794], rel=0.05)
    assert curves["initial_observed"] == history(measured, "fit")["initial_observed"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_no_epoch_is_only_observed(measured, engine):
    trial = measured["looks"][f"{engine}, no epoch"]
    initial = {name: curve for name, curve in history(measured, "fit").items() if name.startswith("initial_")}
    assert trial["history"] == initial
    assert trial["divergence"] is None


@pytest.mark.slow
def test_variants_share_a_program_only_where_it_is_the_same(measured):
    assert measured["sharing"]["programs"] == {
        "first": 1,
        "other rate": 1,
        "other data": 1,
        "fewer images": 2,
        "other model": 3,
        "batch normalization": 4,
    }


@pytest.mark.slow
def test_variants_that_differ_in_more_than_rate_and_data_have_programs_of_their_own(measured):
    """In a layer, an optimizer, a loss or a size."""
    found = measured["structures"]
    assert len(found) > 20
    for name, text in found.items():
        assert [other for other, its in found.items() if its == text] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ALONE)
def test_a_shared_program_changes_nothing(measured, variant):
    assert measured["sharing"]["in turn"][variant] == measured["sharing"]["alone"][variant]


@pytest.mark.slow
def test_variants_of_a_shared_program_differ(measured):
    """Otherwise the test above would hold for a program that never takes over the next variant."""
    losses = [tuple(curves["loss"]) for curves in measured["sharing"]["in turn"].values()]
    assert len(set(losses)) == len(losses)


def test_weight_gradients_equal_the_formula(measured):
    found = measured["weight gradients"]
    for error, size in zip(found["error"], found["size"], strict=True):
        assert error < 1e-6 < 1e-3 * size  # float32 sums of 600 products


def test_looking_at_gradients_changes_no_statistics(measured):
    assert measured["weight gradients"]["kept"]
