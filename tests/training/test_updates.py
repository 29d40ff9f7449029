"""Trajectories of weights under given gradients, and gradients in float64, on real backends."""

import numpy as np
import pytest

from tests.training.measure_updates import WRONG


def test_weights_after_each_step_of_each_variable(measured):
    scalar, row = measured["updates"]["sgd"]
    assert scalar == [0.5, 0.5, -1.0]
    assert row == [[[-0.5, -2.5]], [[-1.0, -3.0]], [[-1.5, -3.5]]]


def test_an_optimizer_keeps_its_state_and_counts_its_steps(measured):
    assert measured["updates"]["momentum"] == [[-1.0], [-1.5], [-1.75]]
    assert measured["updates"]["schedule"] == [-1.0, -11.0, -21.0]


def test_weights_are_those_of_keras(measured):
    assert set(measured["updates"]["types"]) == {"float32"}


@pytest.mark.parametrize("name", WRONG)
def test_gradients_that_fit_no_variable(measured, name):
    said = measured["updates"]["said"][name]
    assert said.startswith("Invalid gradients of a trajectory. Expected: at least one step for each variable")


def test_value_and_gradient_are_float64_and_nothing_else_is(measured):
    found = measured["gradients"]
    assert abs(found["value"]) < 1e-15
    assert np.abs(found["gradient"]).max() < 1e-15
    assert found["type"] == "float64"
    assert found["after"] == "float32"
