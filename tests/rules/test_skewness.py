"""Skewed noise, for which Student's t errs too often in one direction, and the correction from thirty seeds on."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.rules import Exceeds
from harness.rules.inference import mean
from harness.verdict import Verdict
from tests.rules.synthetic import decide

NOISE = {
    "gamma, skewness 1": lambda rng, size: rng.gamma(4, size=size) - 4,
    "exponential, skewness 2": lambda rng, size: rng.exponential(size=size) - 1,
    "lognormal, skewness 6": lambda rng, size: rng.lognormal(size=size) - math.exp(0.5),
}


def errors(noise, n, level, experiments):
    """Chances of a false "less" by Student alone, and by the rules' test; noise of mean 0."""
    values = NOISE[noise](np.random.default_rng(n), (experiments, n))
    student = stats.ttest_1samp(values, 0.0, axis=1, alternative="less").pvalue
    doubtful = values[student <= level]  # the rules' test is never less cautious
    corrected = sum(mean(row).less(0.0) <= level for row in doubtful)
    return len(doubtful) / experiments, corrected / experiments


@pytest.mark.parametrize(
    ("noise", "before", "now"),
    [
        ("gamma, skewness 1", 0.0042, 0.0019),
        ("exponential, skewness 2", 0.0126, 0.0027),
        ("lognormal, skewness 6", 0.0349, 0.0082),
    ],
)
def test_at_the_first_look_at_stored_evidence_it_errs_a_quarter_as_often(noise, before, now):
    """Thirty seeds, nominal 0.1 %; the rates of 60,000 experiments with their standard error."""
    rates = errors(noise, 30, 0.001, 60_000)
    for obtained, stated in zip(rates, (before, now), strict=True):
        assert obtained == pytest.approx(stated, abs=4 * math.sqrt(stated / 60_000) + 2e-4)


@pytest.mark.parametrize(
    ("noise", "n", "before", "now"),
    [
        ("lognormal, skewness 6", 5, 0.178, 0.178),
        ("exponential, skewness 2", 5, 0.114, 0.114),
        ("gamma, skewness 1", 5, 0.057, 0.057),
        ("lognormal, skewness 6", 10, 0.160, 0.160),
        ("lognormal, skewness 6", 30, 0.116, 0.062),
        ("exponential, skewness 2", 30, 0.067, 0.036),
    ],
)
def test_at_the_plain_level_few_skewed_seeds_err_as_often_as_documented(noise, n, before, now):
    """Nominal 2.5 %. Below thirty seeds the skewness is not known, and nothing is corrected; a log scale helps."""
    rates = errors(noise, n, 0.025, 10_000)
    for obtained, stated in zip(rates, (before, now), strict=True):
        assert obtained == pytest.approx(stated, abs=4 * math.sqrt(stated / 10_000) + 1e-3)


def test_on_a_log_scale_lognormal_noise_errs_as_often_as_promised():
    """Five seeds whose ratios are lognormal: 2.5 %, where their differences err in 18 %."""
    rng = np.random.default_rng(0)
    p = np.array([mean(row).less(0.0) for row in rng.normal(size=(10_000, 5))])
    assert (p <= 0.025).mean() == pytest.approx(0.025, abs=4 * math.sqrt(0.025 / 10_000))
    steps = {"a": rng.lognormal(3, 1, 5).tolist(), "b": [math.exp(3)] * 5}
    logs = np.log(steps["a"]) - 3
    assert decide(Exceeds("b", "a", "steps"), steps, "steps").p == pytest.approx(stats.ttest_1samp(logs, 0.0).pvalue)


def test_a_verdict_that_rests_on_skewness_is_undecided():
    """Twenty-nine small losses and one large gain: Student's t finds less by a hair, with skewness allowed for not."""
    bulk = stats.norm.ppf((np.arange(29) + 0.5) / 29) * 0.0004 - 0.0012
    values = {"a": (0.9 + np.append(bulk, 0.006)).tolist(), "b": [0.9] * 30}
    differences = np.append(bulk, 0.006)
    student = stats.ttest_1samp(differences, 0.0, alternative="less").pvalue
    decision = decide(Exceeds("a", "b"), values, stored=True)
    assert student <= 0.001
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.effects[0].low < 0 < decision.effects[0].high


@pytest.mark.parametrize(("level", "effect", "least"), [(0.025, 0.6, 0.87), (0.001, 0.7, 0.60)])
def test_normal_noise_pays_little_for_it(level, effect, least):
    """Power at thirty seeds: 88.5 % becomes 87.5, and at the stored level 66.6 becomes 61.2; standard error 0.6 %."""
    rng = np.random.default_rng(2)
    rates = [mean(row).greater(0.0) <= level for row in rng.normal(effect, 1.0, size=(6000, 30))]
    assert np.mean(rates) > least - 0.02
