"""Conformance checks in a run: what a finding says, and what a red one does to the run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from suite.conformance import network
from suite.conformance.finding import Finding, faults
from tests.suite.command import suite

SPOILT = """
import suite.conformance
from suite.conformance.finding import Finding
def spoilt(engine):
    {body}
suite.conformance.CHECKS["failures"] = spoilt
"""
WRONG = 'yield Finding("the loss", 2.0, 1.0)'
BROKEN = 'raise ZeroDivisionError("a check with a mistake")\n    yield'


@pytest.mark.parametrize(
    ("obtained", "expected", "tolerance", "said"),
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
def test_a_finding_says_what_is_wrong(obtained, expected, tolerance, said):
    assert Finding("x", obtained, expected, tolerance).wrong == said


def test_a_check_has_to_look_at_something():
    assert faults(iter([])) == ["The check looked at nothing. Expected: at least one finding. Received: none."]


def test_the_first_few_are_told():
    found = faults(iter([Finding("x", 0.0, 1.0)] * 5 + [Finding("x", 1.0, 1.0)]))
    assert len(found) == 4
    assert found[-1] == "… and 2 more of 6."


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "softmax"])
def test_the_gradients_of_a_softmax_are_those_of_the_formula(activation):
    """Of one layer with cross-entropy, xᵀ (p − y) / n; behind a hidden layer as the loss changes along them."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 3)), np.eye(4)[rng.integers(4, size=6)]
    one = network.Network(
        (network.Dense("softmax"),), "categorical_crossentropy", [rng.standard_normal((3, 4)), np.zeros(4)], []
    )
    wrong = one.outputs(x, True)[0] - y
    kernel, bias = one.gradients(x, y)
    assert np.abs(kernel - x.T @ wrong / 6).max() < 1e-8
    assert np.abs(bias - wrong.mean(axis=0)).max() < 1e-8
    two = network.Network(
        (network.Dense(activation), network.Dense("softmax")),
        "categorical_crossentropy",
        [
            rng.standard_normal((3, 5)),
            rng.standard_normal(5),
            *one.weights[:0],
            rng.standard_normal((5, 4)),
            np.zeros(4),
        ],
        [],
    )
    slopes = two.gradients(x, y)
    before = two.total(x, y, True)
    for weights, slope in zip(two.weights, slopes, strict=True):
        weights -= 1e-6 * slope
    descended = before - two.total(x, y, True)
    assert descended == pytest.approx(1e-6 * sum(float(np.sum(slope**2)) for slope in slopes), rel=1e-4)


@pytest.mark.parametrize(
    ("body", "code", "said"), [(WRONG, 1, "the loss. Expected: 1. Received: 2."), (BROKEN, 3, "a check with a mistake")]
)
def test_a_red_check_is_red(tmp_path: Path, body: str, code: int, said: str) -> None:
    """What conforms no more has moved, exit code 1; what could not be checked has not, 3."""
    (tmp_path / "spoil.py").write_text(SPOILT.format(body=body))
    options = ("-p", "spoil", "--backend", "jax", "-k", "test_conformance and (failures or functions)")
    run = suite(tmp_path, *options, env={"PYTHONPATH": str(tmp_path)})
    assert run.code == code, run.output
    assert said in run.output
    assert "1 of 2 conformance checks hold" in run.output
