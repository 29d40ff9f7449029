"""Holm's adjustment, against values computed by hand."""

import numpy as np
import pytest

from harness.domain.verdict import Decision, Effect, Verdict
from harness.rules import All, Converges, Exceeds, Reproduces, adjust
from tests.rules.synthetic import decide, most

S, R, U, N = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN


def decision(p, verdict=None):
    """A decision with one effect of the same p."""
    verdict = verdict or (S if p <= 0.05 else U)
    return Decision(verdict, "", (Effect("difference", "a", "b", "val_accuracy", "fraction", 0.1, p=p, n=5),), p=p)


def test_by_hand():
    """0.01 × 4, 0.02 × 3, 0.03 × 2 (raised to the one before) and 0.5 × 1; two of three verdicts are lost."""
    adjusted = adjust({"c": decision(0.03), "a": decision(0.01), "d": decision(0.5), "b": decision(0.02, R)})
    assert {key: one.effects[0].p_adjusted for key, (one, _) in adjusted.items()} == pytest.approx(
        {"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.5}
    )
    assert {key: verdict for key, (_, verdict) in adjusted.items()} == {"a": S, "b": U, "c": U, "d": U}
    assert adjusted["b"][0].verdict is R  # the plain verdict stands alongside the adjusted one
    assert list(adjusted) == ["c", "a", "d", "b"]
    assert adjust({}) == {}


@pytest.mark.parametrize("undecided", ["", "0.03", "0.04"])
def test_published_example(undecided):
    """Holm (1979) as in textbooks, whether the claims are decided or not."""
    given = {str(p): decision(p, U if str(p) == undecided else S) for p in (0.01, 0.04, 0.03, 0.005)}
    adjusted = adjust(given)
    assert [adjusted[key][0].effects[0].p_adjusted for key in ("0.005", "0.01", "0.03", "0.04")] == pytest.approx(
        [0.02, 0.03, 0.06, 0.06]
    )
    assert {key: verdict for key, (_, verdict) in adjusted.items()} == {"0.005": S, "0.01": S, "0.03": U, "0.04": U}


def test_claims_without_a_test_are_not_in_the_family():
    exact = Decision(S, "3 comparisons")
    absent = Decision(N, "no trials")
    adjusted = adjust({"exact": exact, "absent": absent, "one": decision(0.04)})
    assert adjusted["exact"] == (exact, S)
    assert adjusted["absent"] == (absent, N)
    assert adjusted["one"][1] is S
    assert adjusted["one"][0].effects[0].p_adjusted == 0.04


def test_compatible_figures_are_in_the_family_and_stay_supported():
    values = [0.98 + 0.0001 * i for i in range(-15, 15)]
    compatible = decide(Reproduces("a"), {"a": values}, printed="0.9801")
    assert compatible.verdict is S
    adjusted = adjust({"compatible": compatible, "one": decision(0.02), "other": decision(0.03)})
    assert adjusted["compatible"][1] is S
    assert adjusted["one"][0].effects[0].p_adjusted == pytest.approx(0.06)
    assert adjusted["one"][1] is U


def test_claims_of_every_seed_are_left_alone_and_equal_differences_are_in_the_family():
    b = [0.97, 0.98, 0.975, 0.981, 0.979]
    every = decide(Converges("a"), {"a": b})
    adjusted = adjust({"every": every, "one": decision(0.04)})
    assert adjusted["every"][1] is S
    assert adjusted["every"][0].effects[0].p_adjusted is None
    assert adjusted["one"][1] is S
    constant = decide(Exceeds("a", "b"), {"a": [x + 0.01 for x in b * 2], "b": b * 2})
    assert adjust({"constant": constant, "one": decision(0.04)})["constant"][0].effects[0].p_adjusted == 2 * 2 * 2**-10


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
    plain = adjusted = 0
    for _ in range(500):
        catalogue = {}
        for claim in range(10):
            a, b = rng.normal(0.98, 0.001, (2, 6)).tolist()
            catalogue[str(claim)] = decide(Exceeds("a", "b"), {"a": a, "b": b})
        plain += any(one.verdict.decided for one in catalogue.values())
        adjusted += any(verdict.decided for _, verdict in adjust(catalogue).values())
    assert adjusted <= most(0.05, 500)
    assert plain > 150
