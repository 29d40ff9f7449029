"""The rules of ``cases.rules`` on trials with known truth."""

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from cases.rules import EverySeed, GrowsMore, ReproducesCurve
from harness.domain.model import Divergence, Metric, Trial
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.rules import All, Equivalent, Not
from harness.rules.base import Sample
from harness.rules.levels import ONLY, PLAIN, STORED

LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
EPOCHS = 32


def evidence(trials, levels=PLAIN):
    return Sample({trials[0].variant: trials}, {"loss": LOSS}, {}, ONLY, levels)


def trials(values, divergence=None):
    return tuple(Trial("a", seed, {"loss": value}, divergence=divergence) for seed, value in enumerate(values))


def decided(rule, values, **more):
    return rule.decide(evidence(trials(values, **more)))


def test_the_bound_is_that_of_the_level():
    decision = EverySeed("a", "loss", at_most=1).decide(evidence(trials([1.0] * 30), STORED))
    assert decision.effects[0].low == pytest.approx(0.0025 ** (1 / 30))


@pytest.mark.parametrize("value", [2.9, 3.1, None])
def test_one_counterexample_decides(value):
    decision = decided(EverySeed("a", "loss", at_least=3, at_most=3), [3.0] * 999 + [value])
    assert str(decision.verdict) == "REFUTED"
    assert "seed 999" in decision.reason


@pytest.mark.parametrize("bounds", [{}, {"at_least": 2, "at_most": 1}, {"at_most": math.nan}])
def test_bounds_that_bound_nothing(bounds):
    with pytest.raises(SuiteError, match="EverySeed"):
        EverySeed("a", "loss", **bounds)


def compared(effects, seeds=30):
    """Trials of "none" and of variants that differ from it by ``effects``."""
    rng = np.random.default_rng(0)
    base = rng.normal(0, 0.001, seeds)
    values = {"none": base, **{name: base + rng.normal(effect, 0.001, seeds) for name, effect in effects.items()}}
    made = {name: tuple(Trial(name, i, {"loss": x}) for i, x in enumerate(row)) for name, row in values.items()}
    return Sample(made, {"loss": LOSS})


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [
        ({"a": 0.0, "b": 0.0}, "REFUTED"),
        ({"a": 0.0, "b": 0.02}, "SUPPORTED"),
        ({"a": -0.02, "b": 0.0}, "SUPPORTED"),
        ({"a": 0.005, "b": 0.0}, "INCONCLUSIVE"),
    ],
)
def test_some_value_matters(effects, verdict):
    rule = Not(All(tuple(Equivalent(name, "none", margin=0.005, metric="loss") for name in effects)))
    assert str(rule.decide(compared(effects)).verdict) == verdict
    assert rule.describe().startswith("not (a = none")


def test_not_of_no_rule():
    with pytest.raises(SuiteError, match="rules of Not"):
        Not("a rule")


def curves(rng, n):
    """Curves of a training: a common fall, and noise whose epochs depend on each other; shape (n, EPOCHS)."""
    level, noise = rng.normal(0, 0.02, (n, 1)), rng.normal(0, 0.01, (n, EPOCHS))
    return 1 / np.arange(1, EPOCHS + 1) + level + noise


def against(made, printed, levels=PLAIN, decimals=6):
    runs = tuple(Trial("a", seed, {}, {"loss": tuple(curve)}) for seed, curve in enumerate(made))
    return ReproducesCurve("a", "loss", tuple(printed), decimals).decide(evidence(runs, levels))


def refuted(draw, experiments):
    """The share of experiments in which the last of the drawn curves is refuted by the others."""
    count = 0
    for _ in range(experiments):
        *runs, printed = draw()
        count += against(runs, printed).verdict is Verdict.REFUTED
    return count / experiments


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


def shifted(by, seed):
    """The share of refuted curves that lie ``by`` standard deviations of an epoch off, in every epoch."""
    rng = np.random.default_rng(seed)

    def draw():
        *runs, printed = 1 + WIDE * (0.7 * rng.normal(size=(31, 1)) + 0.7 * rng.normal(size=(31, 32)))
        return *runs, printed + by * WIDE

    return refuted(draw, 300)


def test_a_shift_that_every_epoch_shares_is_seen():
    """Of two, three and four standard deviations in 43, 86 and 98 %; by single epochs alone in 36, 80 and 97 %."""
    assert 0.7 < shifted(3, 10) < 0.9
    assert shifted(4, 11) > 0.95


def test_a_curve_within_the_band_everywhere_is_refuted_by_its_level():
    rng = np.random.default_rng(12)
    runs = 1 + WIDE * (0.3 * rng.normal(size=(30, 1)) + rng.normal(size=(30, 32)))
    printed = runs.mean(axis=0) + 2 * runs.std(axis=0, ddof=1)
    decision = against(runs, printed)
    epoch, level = decision.effects
    assert str(decision.verdict) == "REFUTED"
    assert "none of the 32 printed values is outside" in decision.reason
    assert "on average the printed values lie +2.00 standard deviations from ours, outside ±" in decision.reason
    assert epoch.low < epoch.details["published"] < epoch.high
    assert level.of == "a, 32 epochs of one more run on average"
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


def test_the_band_is_wider_at_a_stricter_level():
    *runs, printed = curves(np.random.default_rng(4), 31)
    plain, stored = (against(runs, printed, levels).effects[0] for levels in (PLAIN, STORED))
    assert stored.high - stored.low > plain.high - plain.low


def test_between_the_two_bands_nothing_is_said():
    """A stricter level refutes less and does not support more."""
    *runs, printed = curves(np.random.default_rng(7), 31)
    spread = np.std(runs, axis=0, ddof=1)[9] * (1 + 1 / 30) ** 0.5
    plain, stored = (stdtrit(29, 1 - levels.prediction / 4 / EPOCHS) for levels in (PLAIN, STORED))
    printed[9] = np.mean(runs, axis=0)[9] + spread * (plain + stored) / 2
    assert str(against(runs, printed).verdict) == "REFUTED"
    assert str(against(runs, printed, STORED).verdict) == "INCONCLUSIVE"


def test_what_is_not_printed_is_not_compared():
    *runs, printed = curves(np.random.default_rng(5), 31)
    printed[:30] = math.nan
    rule = ReproducesCurve("a", "loss", tuple(printed), 6)
    assert rule.describe() == "a reproduces the 2 printed values of loss"
    assert str(against(runs, printed).verdict) == "SUPPORTED"
    with pytest.raises(SuiteError, match="printed values of ReproducesCurve"):
        ReproducesCurve("a", "loss", (math.nan,), 6)


def test_rounding_of_what_is_printed():
    """All runs alike: the printed number is theirs, to its last digit."""
    runs = np.full((30, EPOCHS), 0.12344)
    assert str(against(runs, [0.1234] * EPOCHS, decimals=4).verdict) == "SUPPORTED"
    assert str(against(runs, [0.1235] * EPOCHS, decimals=4).verdict) == "REFUTED"


def test_shorter_failed_and_missing_curves():
    *runs, printed = curves(np.random.default_rng(6), 31)
    assert "trained for 8 epochs" in against([run[:8] for run in runs], printed).reason
    runs[3][5] = math.nan
    failed = against(runs, printed)
    assert (str(failed.verdict), failed.reason) == ("INCONCLUSIVE", "a training failed")
    none = ReproducesCurve("a", "loss", tuple(printed), 6).decide(evidence(trials([1.0] * 30)))
    assert (str(none.verdict), none.reason) == ("NOT_RUN", "seed 0 of 'a' has no curve 'loss'")


NORM = Metric("norm", better="lower", unit="norm", smallest_effect=0.05, scale="log")
DEEP = GrowsMore(more=("plain 20", "plain 1"), less=("bn 20", "bn 1"), metric="norm")


def grown(plain, bn, seeds=30, failed=None):
    """Norms that grow by these factors; the variants of a pair share much of a seed's noise."""
    rng = np.random.default_rng(8)
    base = {kind: rng.lognormal(0, 1, seeds) for kind in ("plain", "bn")}
    values = {
        f"{kind} {depth}": base[kind] * (factor if depth == 20 else 1) * rng.lognormal(0, 0.1, seeds)
        for kind, factor in (("plain", plain), ("bn", bn))
        for depth in (20, 1)
    }
    nan = Divergence("nan", epoch=1, step=1)
    made = {
        name: tuple(
            Trial(name, seed, {"norm": float(x)}, divergence=nan if (name, seed) == failed else None)
            for seed, x in enumerate(column)
        )
        for name, column in values.items()
    }
    return Sample(made, {"norm": NORM})


@pytest.mark.parametrize(("plain", "bn", "verdict"), [(300, 10, "SUPPORTED"), (10, 300, "REFUTED")])
def test_growth_is_compared_as_a_ratio_of_ratios(plain, bn, verdict):
    sample = grown(plain, bn)
    decision = DEEP.decide(sample)
    (effect,) = decision.effects
    assert str(decision.verdict) == verdict
    assert effect.of == "growth from plain 1 to plain 20 / growth from bn 1 to bn 20"
    logs = {name: np.log([one.metrics["norm"] for one in done]) for name, done in sample.trials.items()}
    by_hand = logs["plain 20"] - logs["plain 1"] - (logs["bn 20"] - logs["bn 1"])
    assert effect.estimate == pytest.approx(np.exp(by_hand.mean()))
    assert effect.low < plain / bn < effect.high
    assert DEEP.describe() == "growth from plain 1 to plain 20 > growth from bn 1 to bn 20 (norm)"


def test_equal_growth_is_rarely_decided():
    """At most 2.5 % per direction, and 3 standard errors of it, in 1,000 experiments of ten seeds."""
    rng, verdicts = np.random.default_rng(9), []
    for _ in range(1000):
        made = {name: rng.lognormal(depth, 0.2, 10) for name, depth in zip(DEEP.variants, (3, 0, 2, -1), strict=True)}
        runs = {name: tuple(Trial(name, i, {"norm": float(x)}) for i, x in enumerate(v)) for name, v in made.items()}
        verdicts.append(str(DEEP.decide(Sample(runs, {"norm": NORM})).verdict))
    assert max(verdicts.count("SUPPORTED"), verdicts.count("REFUTED")) <= 1000 * (0.025 + 3 * 0.005)


@pytest.mark.parametrize("pair", [("a",), ("a", "a"), ("a", "b", "c"), "ab"])
def test_growth_has_two_ends(pair):
    with pytest.raises(SuiteError, match="GrowsMore"):
        GrowsMore(more=pair, less=("c", "d"), metric="norm")
