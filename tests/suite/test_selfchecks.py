"""Self-checks in a run: the text of a comparison, and the effect of a red self-check on the run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from suite.selfcheck import network
from suite.selfcheck.comparing import close, difference
from tests.suite.command import suite

NAME = "test_functions.py::test_activation[tanh]"
SPOILT = """
import pytest
from suite.selfcheck.comparing import close
@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if pyfuncitem.name == "test_activation[tanh]":
        {body}
"""
WRONG = 'close("the loss", 2.0, 1.0)'
BROKEN = 'raise ZeroDivisionError("a check with a mistake")'


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
def test_a_comparison_says_what_is_wrong(obtained, expected, tolerance, text):
    assert difference("x", obtained, expected, tolerance) == text


def test_a_comparison_that_fails_says_so_in_an_assertion_error():
    close("x", 1.0, 1.0)
    with pytest.raises(AssertionError, match=r"^x\. Expected: 1\. Received: 2\.$"):
        close("x", 2.0, 1.0)


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "softmax"])
def test_the_gradients_of_a_softmax_are_those_of_the_formula(activation):
    """One layer has the gradient xᵀ (p − y) / n. With a hidden layer, a small step lowers the loss as it predicts."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 3)), np.eye(4)[rng.integers(4, size=6)]
    one = network.ReferenceNetwork(
        (network.Dense("softmax"),), "categorical_crossentropy", [rng.standard_normal((3, 4)), np.zeros(4)], []
    )
    wrong = one.outputs(x, True)[0] - y
    kernel, bias = one.gradients(x, y)
    assert np.abs(kernel - x.T @ wrong / 6).max() < 1e-8
    assert np.abs(bias - wrong.mean(axis=0)).max() < 1e-8
    two = network.ReferenceNetwork(
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
    before = two.total(x, y)
    for weights, slope in zip(two.weights, slopes, strict=True):
        weights -= 1e-6 * slope
    descended = before - two.total(x, y)
    assert descended == pytest.approx(1e-6 * sum(float(np.sum(slope**2)) for slope in slopes), rel=1e-4)


@pytest.mark.parametrize(
    ("body", "code", "text", "moved"),
    [
        (WRONG, 1, "the loss. Expected: 1. Received: 2.", True),
        (BROKEN, 3, "It could not be checked: ZeroDivisionError: a check with a mistake", False),
    ],
)
def test_a_red_self_check_is_red(tmp_path: Path, body: str, code: int, text: str, moved: bool) -> None:
    """Exit code 1 if the check found a mistake; 3 if the check could not run."""
    (tmp_path / "spoil.py").write_text(SPOILT.format(body=body))
    options = ("-p", "spoil", "--backend", "jax", "-k", "test_activation and (relu or tanh)")
    run = suite(tmp_path, *options, env={"PYTHONPATH": str(tmp_path)})
    assert run.code == code, run.output
    assert f"self-check {NAME}:\n  {text}" in run.output
    found = {one.name: (list(one.wrong), one.moved) for one in run.record.self_checks.values()}
    assert found == {NAME: ([text], moved), NAME.replace("tanh", "relu"): ([], False)}


SETUP = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname == "model":
        raise OSError("no room")
"""


def test_a_self_check_whose_fixture_fails_could_not_be_checked(tmp_path: Path) -> None:
    (tmp_path / "spoil.py").write_text(SETUP)
    run = suite(tmp_path, "-p", "spoil", "--backend", "jax", "-k", "test_history", env={"PYTHONPATH": str(tmp_path)})
    assert run.code == 3, run.output
    (found,) = run.record.self_checks.values()
    assert found.name == "test_callbacks.py::test_history"
    assert found.wrong == ("It could not be checked: OSError: no room",)
    assert not found.moved
