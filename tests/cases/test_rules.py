"""The rules of ``cases.rules`` on trials with known truth."""

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from cases.rules import EverySeed, GrowsMore, ReproducesCurve
from harness.errors import SuiteError
from harness.model import Metric, Trial
from harness.rules.base import Sample
from harness.rules.levels import ONLY, PLAIN, STORED

LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
EPOCHS = 32


def decided(values, levels=PLAIN, **bounds):
    trials = tuple(Trial("a", seed, {"loss": value}) for seed, value in enumerate(values))
    return EverySeed("a", "loss", **bounds).decide(Sample({"a": trials}, {"loss": LOSS}, {}, ONLY, levels))


def test_the_bound_is_that_of_the_level():
    assert decided([1.0] * 30, STORED, at_most=1).effects[0].low == pytest.approx(0.0025 ** (1 / 30))


@pytest.mark.parametrize("value", [2.9, 3.1, None])
def test_one_counterexample_decides(value):
    decision = decided([3.0] * 999 + [value], at_least=3, at_most=3)
    assert str(decision.verdict) == "REFUTED"
    assert "seed 999" in decision.reason


@pytest.mark.parametrize("bounds", [{}, {"at_least": 2, "at_most": 1}, {"at_most": math.nan}])
def test_bounds_that_bound_nothing(bounds):
    with pytest.raises(SuiteError, match="EverySeed"):
        EverySeed("a", "loss", **bounds)


def curves(rng, n):
    """Curves of a training: a common fall, and noise whose epochs depend on each other; shape (n, EPOCHS)."""
    level, noise = rng.normal(0, 0.02, (n, 1)), rng.normal(0, 0.01, (n, EPOCHS))
    return 1 / np.arange(1, EPOCHS + 1) + level + noise


def against(made, printed, levels=PLAIN, decimals=6):
    runs = tuple(Trial("a", seed, {}, {"loss": tuple(curve)}) for seed, curve in enumerate(made))
    rule = ReproducesCurve("a", "loss", tuple(printed), decimals)
    return rule.decide(Sample({"a": runs}, {"loss": LOSS}, {}, ONLY, levels))


def verdict(*given, **more):
    return str(against(*given, **more).verdict)


def refuted(draw, experiments):
    """The share of experiments in which the last of the drawn curves is refuted by the others."""
    drawn = (draw() for _ in range(experiments))
    return sum(verdict(runs, printed) == "REFUTED" for *runs, printed in drawn) / experiments


def test_one_more_run_is_refuted_no_more_often_than_stated():
    """2,000 curves of the same training: at most 1 %, and 2 standard errors of it (0.22 %)."""
    rng = np.random.default_rng(1)
    assert refuted(lambda: curves(rng, 31), 2000) <= 0.01 + 2 * 0.0022


@pytest.mark.parametrize("shared", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("n", [5, 30])
def test_strongly_correlated_epochs_keep_the_level(n, shared):
    """Null curves whose epochs share hardly anything, much, or nearly all of their noise."""
    rng = np.random.default_rng(n)
    drawn = refuted(lambda: 1 + rng.normal(0, shared, (n + 1, 1)) + rng.normal(0, 0.05, (n + 1, 16)), 1000)
    assert drawn <= 0.01 + 3 * 0.0032


WIDE = np.geomspace(0.05, 0.005, 32)
"""Standard deviations of the epochs of a curve whose beginning varies most."""


@pytest.mark.parametrize(("by", "seed", "least", "most"), [(3, 10, 0.7, 0.9), (4, 11, 0.95, 1)])
def test_a_shift_that_every_epoch_shares_is_seen(by, seed, least, most):
    """Of two, three and four standard deviations in 43, 86 and 98 %; by single epochs alone in 36, 80 and 97 %."""
    rng = np.random.default_rng(seed)

    def draw():
        *runs, printed = 1 + WIDE * (0.7 * rng.normal(size=(31, 1)) + 0.7 * rng.normal(size=(31, 32)))
        return *runs, printed + by * WIDE

    assert least < refuted(draw, 300) <= most


def test_a_curve_within_the_band_everywhere_is_refuted_by_its_level():
    rng = np.random.default_rng(12)
    runs = 1 + WIDE * (0.3 * rng.normal(size=(30, 1)) + rng.normal(size=(30, 32)))
    decision = against(runs, runs.mean(axis=0) + 2 * runs.std(axis=0, ddof=1))
    epoch, level = decision.effects
    assert str(decision.verdict) == "REFUTED"
    assert "none of the 32 printed values is outside" in decision.reason
    assert "on average the printed values lie +2.00 standard deviations from ours, outside ±" in decision.reason
    assert epoch.low < epoch.details["published"] < epoch.high
    assert level.high < level.details["published"] == pytest.approx(2)
    assert decision.p == pytest.approx(2 * level.p)


def test_one_number_of_32_that_is_off_is_seen():
    """By ten standard deviations of one epoch, in one epoch alone; in 100 of 100."""
    rng = np.random.default_rng(2)
    for epoch in rng.integers(0, EPOCHS, 100):
        *runs, printed = curves(rng, 31)
        printed[epoch] = runs[0][epoch] + 10 * 0.0224
        decision = against(runs, printed)
        assert str(decision.verdict) == "REFUTED"
        assert f"epoch {epoch + 1}," in decision.reason


def test_between_the_two_bands_nothing_is_said():
    """A stricter level has a wider band: it refutes less and does not support more."""
    *runs, printed = curves(np.random.default_rng(7), 31)
    spread = np.std(runs, axis=0, ddof=1)[9] * (1 + 1 / 30) ** 0.5
    plain, stored = (stdtrit(29, 1 - levels.prediction / 4 / EPOCHS) for levels in (PLAIN, STORED))
    printed[9] = np.mean(runs, axis=0)[9] + spread * (plain + stored) / 2
    assert verdict(runs, printed) == "REFUTED"
    assert verdict(runs, printed, STORED) == "INCONCLUSIVE"


def test_what_is_not_printed_is_not_compared():
    *runs, printed = curves(np.random.default_rng(5), 31)
    printed[:30] = math.nan
    assert ReproducesCurve("a", "loss", tuple(printed), 6).describe() == "a reproduces the 2 printed values of loss"
    assert verdict(runs, printed) == "SUPPORTED"
    with pytest.raises(SuiteError, match="printed values of ReproducesCurve"):
        ReproducesCurve("a", "loss", (math.nan,), 6)


@pytest.mark.parametrize(("printed", "expected"), [(0.1234, "SUPPORTED"), (0.1235, "REFUTED")])
def test_rounding_of_what_is_printed(printed, expected):
    """All runs alike: the printed number is theirs, to its last digit."""
    assert verdict(np.full((30, EPOCHS), 0.12344), [printed] * EPOCHS, decimals=4) == expected


@pytest.mark.parametrize(
    ("change", "expected", "reason"),
    [
        (lambda run: run[:8], "INCONCLUSIVE", "trained for 8 epochs, the slide for 32"),
        (lambda run: [*run[:5], math.nan, *run[6:]], "INCONCLUSIVE", "a training failed"),
        (lambda run: [], "NOT_RUN", "seed 0 of 'a' has no curve 'loss'"),
    ],
)
def test_shorter_failed_and_missing_curves(change, expected, reason):
    *runs, printed = curves(np.random.default_rng(6), 31)
    decision = against([change(run) for run in runs], printed)
    assert (str(decision.verdict), decision.reason) == (expected, reason)


NORM = Metric("norm", better="lower", unit="norm", smallest_effect=0.05, scale="log")
DEEP = GrowsMore(more=("plain 20", "plain 1"), less=("bn 20", "bn 1"), metric="norm")


def norms(columns):
    made = {
        name: tuple(Trial(name, seed, {"norm": float(value)}) for seed, value in enumerate(column))
        for name, column in zip(DEEP.variants, columns, strict=True)
    }
    return DEEP.decide(Sample(made, {"norm": NORM}))


@pytest.mark.parametrize(("plain", "bn", "verdict"), [(300, 10, "SUPPORTED"), (10, 300, "REFUTED")])
def test_growth_is_compared_as_a_ratio_of_ratios(plain, bn, verdict):
    """The variants of a pair share much of a seed's noise."""
    rng = np.random.default_rng(8)
    base = np.exp(rng.normal(0, 1, (2, 1, 30)) + rng.normal(0, 0.1, (2, 2, 30)))
    columns = (base * np.array([[plain, 1], [bn, 1]])[:, :, None]).reshape(4, 30)
    decision = norms(columns)
    (effect,) = decision.effects
    assert str(decision.verdict) == verdict
    assert effect.of == "growth from plain 1 to plain 20 / growth from bn 1 to bn 20"
    logs = np.log(columns)
    assert effect.estimate == pytest.approx(np.exp((logs[0] - logs[1] - (logs[2] - logs[3])).mean()))
    assert effect.low < plain / bn < effect.high
    assert DEEP.describe() == "growth from plain 1 to plain 20 > growth from bn 1 to bn 20 (norm)"


def test_equal_growth_is_rarely_decided():
    """At most 2.5 % per direction, and 3 standard errors of it, in 1,000 experiments of ten seeds."""
    rng = np.random.default_rng(9)
    drawn = ([rng.lognormal(depth, 0.2, 10) for depth in (3, 0, 2, -1)] for _ in range(1000))
    verdicts = [str(norms(columns).verdict) for columns in drawn]
    assert max(verdicts.count("SUPPORTED"), verdicts.count("REFUTED")) <= 1000 * (0.025 + 3 * 0.005)


@pytest.mark.parametrize("pair", [("a",), ("a", "a"), ("a", "b", "c"), "ab"])
def test_growth_has_two_ends(pair):
    with pytest.raises(SuiteError, match="GrowsMore"):
        GrowsMore(more=pair, less=("c", "d"), metric="norm")
