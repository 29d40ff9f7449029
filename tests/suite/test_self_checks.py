"""Self-checks: the text of a comparison, right references, and the effect of a red self-check on a run."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cases.references import updates
from harness.course import ROOT
from harness.errors import SuiteError
from harness.self_check import Measured, self_check
from harness.training.reference import CLIPS, LOSSES, Layer, Reference, State
from harness.verdict import Verdict
from suite.keras import late
from tests.suite.late_faults import NAMES


@pytest.mark.parametrize(
    ("obtained", "expected", "tolerance", "text"),
    [
        (1.0, 1.0, 0.0, ""),
        (1.0 + 1e-6, 1.0, 2e-6, ""),
        (1.0 + 3e-6, 1.0, 2e-6, "x. Expected: 1 ± 2e-06. Received: 1.000003."),
        ([1.0, 3.0], [1.0, 2.0], 0.5, "x at (1,). Expected: 2 ± 0.5. Received: 3."),
        ([1.2, 1.2], [1.0, 1.0], np.array([0.5, 0.1]), "x at (1,). Expected: 1 ± 0.1. Received: 1.2."),
        ([1.0], [1.0, 2.0], 9.0, "x. Expected: shape (2,). Received: shape (1,)."),
        (math.nan, 1.0, 9.0, "x. Expected: 1 ± 9. Received: nan."),
        (None, 1.0, 9.0, "x. Expected: 1 ± 9. Received: nan."),
        ("no", 1.0, 9.0, "x. Expected: numbers. Received: 'no'."),
        (("a", 1), ("a", 1), 0.0, ""),
        ("a", "b", 0.0, "x. Expected: 'b'. Received: 'a'."),
        (1.0, None, 9.0, "x. Expected: None. Received: 1.0."),
        (False, True, 9.0, "x. Expected: True. Received: False."),
    ],
)
def test_a_comparison_says_what_is_wrong(obtained: Any, expected: Any, tolerance: Any, text: str) -> None:
    assert Measured("x", obtained, expected, tolerance).wrong == text


def test_a_self_check_holds_if_every_value_is_right() -> None:
    good, bad, empty = self_check("a", "{0}", "b", {"good": (1, 1), "bad": (1, 2, 1), "empty": ()})(
        lambda engine, values: (Measured(engine, value, 1) for value in values)
    )
    assert (good.id, good.statement, good.decide("fit").verdict) == ("a/good", "good", Verdict.SUPPORTED)
    assert (bad.decide("fit").verdict, bad.decide("fit").reason) == (Verdict.REFUTED, "fit. Expected: 1. Received: 2.")
    with pytest.raises(SuiteError, match="at least one comparison"):
        empty.decide("fit")


def network(*layers: Layer, weights: list[np.ndarray]) -> Reference:
    state = State([{"weights": each} for each in weights])
    return Reference(layers, "categorical_crossentropy", late.OPTIMIZERS["sgd"], state)


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "softmax"])
def test_the_gradients_of_a_softmax_are_those_of_the_formula(activation: str) -> None:
    """One layer has the gradient xᵀ (p − y) / n. With a hidden layer, a small step lowers the loss as it predicts."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 3)), np.eye(4)[rng.integers(4, size=6)]
    last = Layer("Dense", units=4, activation="softmax")
    plain = network(last, weights=[rng.standard_normal((3, 4)), np.zeros(4)])
    wrong = plain.outputs(x, True)[0] - y
    for gradient, formula in zip(plain.gradients(x, y), (x.T @ wrong / 6, wrong.mean(axis=0)), strict=True):
        assert np.abs(gradient - formula).max() < 1e-8
    shapes = ((3, 5), (5,), (5, 4), (4,))
    deep = network(
        Layer("Dense", units=5, activation=activation), last, weights=[rng.standard_normal(shape) for shape in shapes]
    )
    slopes, before = deep.gradients(x, y), deep.losses(x, y, True)[0].mean()
    for weights, slope in zip(deep.weights, slopes, strict=True):
        weights -= 1e-6 * slope
    fall = before - deep.losses(x, y, True)[0].mean()
    assert fall == pytest.approx(1e-6 * sum(float(np.sum(slope**2)) for slope in slopes), rel=1e-4)


@pytest.mark.parametrize("name", [name for name, by in late.OPTIMIZERS.items() if not CLIPS & by.given.keys()])
def test_from_the_first_step_on_a_rule_agrees_with_the_formulas_of_the_lecture(name: str) -> None:
    by, gradients = late.OPTIMIZERS[name], np.random.default_rng(0).standard_normal((5, 7))
    given = {"learning_rate": by.rate} | {key: value for key, value in by.given.items() if key != "nesterov"}
    values = [by.initial(np.zeros(7))]
    for number, gradient in enumerate(gradients):
        values.append(by.step(gradient, values[-1], number))
    steps = np.diff([each["weights"] for each in values], axis=0)
    # the betas' powers, and the initial 0.1 of Adagrad, are those of float32
    np.testing.assert_allclose(steps, getattr(updates, name)(gradients, **given), rtol=1e-5 if name == "adam" else 1e-7)


def test_a_dropout_acts_in_training_only() -> None:
    layer, x = Layer("Dropout", rate=0.2), np.full((2, 2), 2.0)
    layer.mask = np.array([[0.0, 1.25], [1.25, 0.0]])
    assert (layer.forward(x, [], [], True)[0] == [[0, 2.5], [2.5, 0]]).all()
    assert layer.forward(x, [], [], False)[0] is x


def test_a_loss_of_very_small_probabilities() -> None:
    outputs, y = np.array([[1e-12, 1 - 1e-12], [1 - 1e-7, 1e-7]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    for name, powers in (("unclipped", 12), ("categorical", 7)):
        losses = LOSSES[f"{name}_crossentropy"](y, outputs)
        np.testing.assert_allclose(losses, [powers * np.log(10), 1e-7], rtol=1e-6)


BACKENDS = [pytest.param(name, marks=pytest.mark.slow) for name in ("jax", "tensorflow")]


@pytest.fixture(scope="module", params=BACKENDS)
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("late") / f"{request.param}.json"
    command = [sys.executable, "-m", "tests.suite.late_faults", request.param, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text("utf-8"))


def test_late_faults_are_seen_and_nothing_else(said: Any) -> None:
    assert said.pop("") == []
    assert [name for name in NAMES if not said[name]] == []


def test_a_fault_is_seen_where_it_acts(said: Any) -> None:
    """The first finding names the place of the fault."""
    for name, text in (
        ("Adam: moments reset at step 10,001", "Adam, step 10001, weights 0"),
        ("Adam: β₂ is 0.9989 from step 1,000 on", "Adam, step 1001, weights 0"),
        ("number of steps reset at each epoch", "after epoch 2, number of steps"),
        ("dropout's random state reset at each epoch", "after epoch 2"),
        ("val_loss one epoch late", "val_loss of epoch 2"),
        ("odd_val_loss one epoch late", "odd_val_loss of epoch 2"),
    ):
        assert text in said[name][0], (name, said[name])
