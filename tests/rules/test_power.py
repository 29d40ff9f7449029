"""Power: verdicts are as frequent as the noncentral t distribution predicts."""

import math

import pytest
from scipy import stats

from harness.rules import Exceeds
from harness.rules.inference import detectable, power
from harness.verdict import Verdict
from tests.rules.synthetic import SYMMETRIC, decide, fewest, most, verdicts

SD = 0.002 * math.sqrt(2)  # of a difference, in synthetic.verdicts


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("effect", [0.8, 1.5, 2.5])
def test_supports_a_true_effect_as_often_as_theory_says(effect, n):
    expected = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, effect * math.sqrt(n))
    means = {"a": effect * SD, "b": 0.0}
    counts = verdicts(Exceeds("a", "b"), n, means, SYMMETRIC["normal"], seed=int(10 * effect) + n)
    assert fewest(expected) <= counts[Verdict.SUPPORTED] <= most(expected)
    assert power(effect, n) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [5, 8, 30, 128, 1000])
def test_detectable_effect_has_80_percent_power(n):
    assert power(detectable(n), n) == pytest.approx(0.80, abs=1e-9)


def test_report_states_what_n_could_show():
    """The textbook's example: 5 pairs show 1.68 standard deviations of a difference (power 80 %, 2.5 % one-sided)."""
    differences = [0.002, -0.001, 0.003, 0.0, -0.002]
    decision = decide(Exceeds("a", "b"), {"a": [0.9 + d for d in differences], "b": [0.9] * 5})
    details = decision.effects[0].details
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert details["detectable_effect"] == pytest.approx(stats.tstd(differences) * 1.6817, rel=1e-3)
    assert "5 seeds could have shown 0.00349" in decision.reason
