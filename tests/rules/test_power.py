"""Power: verdicts are as frequent as the noncentral t distribution predicts."""

import math

import pytest
from scipy import stats

from harness.domain.verdict import Verdict
from harness.rules import Best, Equivalent, Exceeds, NotBetter
from harness.rules.inference import detectable, power
from tests.rules.synthetic import SYMMETRIC, decide, fewest, most, verdicts

SD = 0.002 * math.sqrt(2)  # of a difference, in synthetic.verdicts


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("effect", [0.8, 1.5, 2.5])
def test_supports_a_true_effect_as_often_as_theory_says(effect, n):
    expected = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, effect * math.sqrt(n))
    found = verdicts(Exceeds("a", "b"), n, {"a": effect * SD, "b": 0.0}, SYMMETRIC["normal"], seed=int(10 * effect) + n)
    assert fewest(expected) <= found[Verdict.SUPPORTED] <= most(expected)
    assert power(effect, n) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("rule", "means", "verdict"),
    [
        (Exceeds("a", "b"), {"a": -4 * SD, "b": 0.0}, Verdict.REFUTED),
        (NotBetter("a", "b", 4 * SD), {"a": 0.0, "b": 0.0}, Verdict.SUPPORTED),
        (NotBetter("a", "b", 4 * SD), {"a": 8 * SD, "b": 0.0}, Verdict.REFUTED),
        (Equivalent("a", "b", 4 * SD), {"a": 0.0, "b": 0.0}, Verdict.SUPPORTED),
        (Equivalent("a", "b", 4 * SD), {"a": -9 * SD, "b": 0.0}, Verdict.REFUTED),
        (Best("a", ("b", "c")), {"a": 4 * SD, "b": 0.0, "c": 0.0}, Verdict.SUPPORTED),
        (Best("b", ("a", "c")), {"a": 4 * SD, "b": 0.0, "c": -4 * SD}, Verdict.REFUTED),
    ],
    ids=lambda value: value.describe() if hasattr(value, "describe") else None,
)
def test_large_effects_are_decided(rule, means, verdict):
    found = verdicts(rule, 8, means, SYMMETRIC["normal"], seed=3, experiments=200)
    assert found[verdict] >= 195


@pytest.mark.parametrize("n", [5, 8, 30, 128, 1000])
def test_detectable_effect_has_80_percent_power(n):
    assert power(detectable(n), n) == pytest.approx(0.80, abs=1e-9)


def test_report_states_what_n_could_show():
    """The textbook's example: 5 pairs show 1.68 standard deviations of a difference (power 80 %, 2.5 % one-sided)."""
    differences = [0.002, -0.001, 0.003, 0.0, -0.002]
    decision = decide(Exceeds("a", "b"), {"a": [0.9 + d for d in differences], "b": [0.9] * 5})
    details = dict(decision.effects[0].details)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert details["detectable_effect"] == pytest.approx(stats.tstd(differences) * 1.6817, rel=1e-3)
    assert "5 seeds could have shown 0.00349" in decision.reason
