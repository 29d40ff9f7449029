"""Checks of late states: their references are right, and they find faults that act late, on both backends."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cases.references import updates
from harness.course import ROOT
from suite.selfcheck import late, network
from tests.suite.late_faults import NAMES

RULES = {
    "SGD": updates.sgd,
    "momentum": updates.momentum,
    "Nesterov": updates.nesterov,
    "RMSprop": updates.rmsprop,
    "Adagrad": updates.adagrad,
    "Adadelta": updates.adadelta,
    "Adam": updates.adam,
}
BACKENDS = [pytest.param(name, marks=pytest.mark.slow) for name in ("jax", "tensorflow")]


@pytest.fixture(scope="module", params=BACKENDS)
def reported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("late") / f"{request.param}.json"
    command = [sys.executable, "-m", "tests.suite.late_faults", request.param, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text("utf-8"))


def test_every_optimizer_has_a_rule_to_compare_with():
    assert set(RULES) == set(late.OPTIMIZERS)


@pytest.mark.parametrize("name", RULES)
def test_from_the_first_step_on_a_rule_agrees_with_the_formulas(name):
    """Five steps; the slots begin at 0, or at the optimizer's initial value."""
    _, rule = late.OPTIMIZERS[name]
    known = inspect.signature(RULES[name]).parameters
    arguments = {key: value for key, value in rule.keywords.items() if key in known}
    gradients = np.random.default_rng(0).standard_normal((5, 7))
    slots = {slot: np.full(7, 0.1 if slot == "accumulator" else 0.0) for slot in late.SLOTS[rule.func]}
    steps = []
    for number, gradient in enumerate(gradients):
        change, slots = rule(gradient, slots, number)
        steps.append(change)
    # the betas' powers are those of float32
    np.testing.assert_allclose(steps, RULES[name](gradients, **arguments), rtol=1e-5 if name == "Adam" else 1e-12)


def test_a_dropout_acts_in_training_only():
    mask = np.array([[0.0, 1.25], [1.25, 0.0]])
    layer, x = network.Dropout(mask), np.full((2, 2), 2.0)
    assert (layer.forward(x, [], [], True)[0] == [[0, 2.5], [2.5, 0]]).all()
    assert layer.forward(x, [], [], False)[0] is x


def test_a_loss_of_very_small_probabilities():
    outputs = np.array([[1e-12, 1 - 1e-12], [1 - 1e-7, 1e-7]])
    y = np.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(network.unclipped_crossentropy(y, outputs), [12 * np.log(10), 1e-7], rtol=1e-6)
    np.testing.assert_allclose(network.categorical_crossentropy(y, outputs), [7 * np.log(10), 1e-7], rtol=1e-6)


def test_without_a_fault_nothing_is_wrong(reported):
    assert reported["sound"] == []


def test_the_state_is_late(reported):
    """Some probabilities are saturated, some are not. No value is so near to a kink that rounding could cross it."""
    facts = reported["facts"]
    assert facts["least"] < 1e-12
    assert facts["most"] > 1 - 1e-7
    assert facts["between"] > 0.1
    assert facts["kink"] > 1e-4
    assert facts["threshold"] > 1e-3
    assert facts["moving mean"] > 1
    assert facts["moving variance"] > 5


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_seen(reported, name):
    assert reported["found"][name]


def test_a_fault_is_seen_where_it_acts(reported):
    """The first finding names the place of the fault."""
    for name, text in (
        ("Adam: moments reset at step 10,001", "Adam, step 10001, weights 0"),
        ("Adam: β₂ is 0.9989 from step 1,000 on", "Adam, step 1001, weights 0"),
        ("number of steps reset at each epoch", "number of steps after epoch 2"),
        ("dropout's random state reset at each epoch", "after epoch 2"),
        ("val_loss one epoch late", "val_loss of epoch 2"),
        ("odd_val_loss one epoch late", "odd_val_loss of epoch 2"),
    ):
        assert text in reported["found"][name][0], (name, reported["found"][name])
