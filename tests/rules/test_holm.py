"""Holm's adjustment, against values computed by hand."""

import numpy as np
import pytest

from harness.rules import All, Converges, Exceeds, Reproduces, adjust
from harness.verdict import Decision, Effect
from tests.rules.synthetic import N, R, S, U, decide, most


def decision(p, verdict=None):
    """A decision with one effect of the same p."""
    verdict = verdict or (S if p <= 0.05 else U)
    return Decision(verdict, "", (Effect("difference", "a", "b", "val_accuracy", "fraction", 0.1, p=p, n=5),), p=p)


def adjusted(decisions):
    """By claim: the verdict after the adjustment, and the first effect's adjusted p."""
    return {key: (verdict, made.effects[0].p_adjusted) for key, (made, verdict) in adjust(decisions).items()}


def test_by_hand():
    """0.01 × 4, 0.02 × 3, 0.03 × 2 (raised to the one before) and 0.5 × 1; two of three verdicts are lost."""
    given = {"c": decision(0.03), "a": decision(0.01), "d": decision(0.5), "b": decision(0.02, R)}
    expected = {"c": (U, 0.06), "a": (S, 0.04), "d": (U, 0.5), "b": (U, 0.06)}
    assert adjusted(given) == {key: (verdict, pytest.approx(p)) for key, (verdict, p) in expected.items()}
    assert list(adjust(given)) == list(given)
    assert adjust(given)["b"][0].verdict is R  # the plain verdict stands alongside the adjusted one
    assert adjust({}) == {}


@pytest.mark.parametrize("undecided", [None, 0.03, 0.04])
def test_published_example(undecided):
    """Holm (1979) as in textbooks, whether the claims are decided or not."""
    given = {p: decision(p, U if p == undecided else S) for p in (0.01, 0.04, 0.03, 0.005)}
    expected = {0.005: (S, 0.02), 0.01: (S, 0.03), 0.03: (U, 0.06), 0.04: (U, 0.06)}
    assert adjusted(given) == {key: (verdict, pytest.approx(p)) for key, (verdict, p) in expected.items()}


def test_claims_without_a_test_are_not_in_the_family():
    """Exact claims, absent ones, and claims of every seed."""
    untested = {"exact": Decision(S, "3 comparisons"), "absent": Decision(N, "no trials")}
    untested["every"] = decide(Converges("a"), {"a": [0.97, 0.98, 0.975, 0.981, 0.979]})
    made = adjust({**untested, "single": decision(0.04)})
    assert {key: made[key] for key in untested} == {key: (known, known.verdict) for key, known in untested.items()}
    assert (made["single"][1], made["single"][0].effects[0].p_adjusted) == (S, 0.04)


def test_compatible_figures_are_in_the_family_and_stay_supported():
    values = [0.98 + 0.0001 * i for i in range(-15, 15)]
    compatible = decide(Reproduces("a"), {"a": values}, printed="0.9801")
    made = adjusted({"compatible": compatible, "one": decision(0.02), "other": decision(0.03)})
    assert made["compatible"][0] is S
    assert made["one"] == (U, pytest.approx(0.06))


def test_equal_differences_are_in_the_family():
    b = [0.97, 0.98, 0.975, 0.981, 0.979] * 2
    constant = decide(Exceeds("a", "b"), {"a": [x + 0.01 for x in b], "b": b})
    assert adjusted({"constant": constant, "one": decision(0.04)})["constant"][1] == 2 * 2 * 2**-10


def test_parts_are_filled_too_and_no_effect_gets_less_than_its_own_p():
    values = {"a": [0.98, 0.982, 0.981, 0.979, 0.98], "b": [0.97] * 5, "c": [0.96, 0.961, 0.9595, 0.9607, 0.9601]}
    both = decide(All((Exceeds("a", "b"), Exceeds("b", "c"))), values)
    (whole, verdict) = adjust({"both": both, "other": decision(0.9)})["both"]
    assert verdict is S
    assert [effect.p_adjusted for effect in whole.effects] == [pytest.approx(2 * both.p)] * 2
    assert [part.effects[0].p_adjusted for part in whole.parts] == [pytest.approx(2 * both.p)] * 2
    apart = decide(Exceeds("a", "b"), values)
    wide = Decision(R, "", (*apart.effects, Effect("mean", "x", "", "m", "u", 0.0, p=0.9, n=5)), p=apart.p)
    assert [effect.p_adjusted for effect in adjust({"x": wide})["x"][0].effects] == [apart.p, 0.9]


@pytest.mark.slow
def test_any_false_verdict_in_a_catalogue_of_ten_is_rare():
    """Unadjusted, ten true nulls give a false verdict in 40 % of catalogues; adjusted, in at most 5 %."""
    rng = np.random.default_rng(0)
    plain = wrong = 0
    for _ in range(500):
        catalogue = {}
        for claim in "0123456789":
            a, b = rng.normal(0.98, 0.001, (2, 6)).tolist()
            catalogue[claim] = decide(Exceeds("a", "b"), {"a": a, "b": b})
        plain += any(made.verdict.decided for made in catalogue.values())
        wrong += any(verdict.decided for _, verdict in adjust(catalogue).values())
    assert wrong <= most(0.05, 500)
    assert plain > 150
