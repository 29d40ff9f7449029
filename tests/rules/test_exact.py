"""Exact: comparisons decide, differences are only reported."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from harness.errors import SuiteError
from harness.rules import Comparison, Difference, Exact
from harness.verdict import Basis, Decision
from tests.make import exact_claim

PAPER = Difference("distance after ten gradients of 1e-8", 9e-4, 3e-3, "the paper (Kingma & Ba 2015)", "its epsilon")
NAME = Difference("the name of lr", "learning_rate", "lr", "the slide")


@pytest.mark.parametrize("obtained", [1.0, 2.0])
def test_differences_decide_nothing_and_are_kept(obtained):
    decision = Exact().decide([PAPER, Comparison("w", obtained, 1.0), NAME])
    assert str(decision.verdict) == ("SUPPORTED" if obtained == 1 else "REFUTED")
    assert decision.differences == (PAPER, NAME)
    assert msgspec.convert(msgspec.to_builtins(decision), Decision) == decision
    with pytest.raises(SuiteError, match=r"exact check\. Expected: at least one comparison\. Received: none"):
        Exact().decide([PAPER])


@pytest.mark.parametrize("value", [math.nan, math.inf, None, [1.0]])
@pytest.mark.parametrize("side", ["obtained", "other"])
def test_a_difference_is_a_number_that_json_has_or_a_text(side, value):
    with pytest.raises(SuiteError, match=rf"{side} of the difference 'w'\. Expected: a finite number or a text"):
        Difference(**{"of": "w", "obtained": 1.0, "other": 1.0, "source": "the paper", side: value})


@pytest.mark.parametrize(
    ("obtained", "expected", "said"),
    [
        (0.001, 0.01, "w: error 0.009, tolerance 0 (obtained 0.001, expected 0.01)"),
        (np.float64(2.0), 1, "w: error 1, tolerance 0 (obtained 2, expected 1)"),
        ("a", "b", "w: error inf, tolerance 0 (obtained 'a', expected 'b')"),
        (np.ones(3), np.zeros(3), "w: error 1, tolerance 0"),
        (math.nan, 1.0, "w: error inf, tolerance 0 (obtained nan, expected 1)"),
    ],
)
def test_both_sides_are_said_where_they_are_short(obtained, expected, said):
    assert Exact().decide([Comparison("w", obtained, expected)]).reason == said


@pytest.mark.parametrize(
    ("obtained", "expected", "tolerance", "verdict"),
    [
        (1.0, 1.0, 0.0, "SUPPORTED"),
        (1.0 + 1e-6, 1.0, 1.1e-6, "SUPPORTED"),
        (1.0 + 1e-6, 1.0, 0.9e-6, "REFUTED"),
        ([1.0, 2.0], [1.0, 2.1], 0.05, "REFUTED"),
        ([1.0], [1.0, 1.0], 9.0, "REFUTED"),
        ([0.0] * 999 + [1.0], [0.0] * 1000, 0.05, "REFUTED"),
        ([[0.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], 0.9, "REFUTED"),
        (math.nan, 1.0, 9.0, "REFUTED"),
        (math.inf, 1.0, 9.0, "REFUTED"),
        ("a", "b", 0.0, "REFUTED"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_largest_error_is_within_the_tolerance_or_the_claim_is_refuted(obtained, expected, tolerance, verdict):
    decision = Exact().decide([Comparison("right", 0.0, 0.0), Comparison("w", obtained, expected, tolerance)])
    assert str(decision.verdict) == verdict


@pytest.mark.parametrize(("then", "verdict"), [(1.0, "OUTDATED"), (2.0, "REFUTED")])
def test_a_claim_that_is_computed_twice(then, verdict):
    checks = {"check": lambda: [Comparison("today", 1.0, 2.0)], "then": lambda: [Comparison("then", 1.0, then)]}
    decision = dataclasses.replace(exact_claim(), **checks).computed()
    assert str(decision.verdict) == verdict
    assert decision.basis is Basis.COMPUTED
    assert list(Basis) == [Basis.NOT_CONTRADICTED, Basis.EVERY_SEED, Basis.SHOWN, Basis.COMPUTED]  # weakest first
