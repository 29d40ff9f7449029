import dataclasses
import json
import math

import pytest

from baselines.difference import Difference, difference
from baselines.drift import State, compare, undeclared
from harness.errors import SuiteError
from harness.metric import Metric
from harness.trial import Divergence
from tests.baselines.make import ACCURACY, DEFINITION, LOSS, STEPS, baseline, stored, trial, trials

BASE = [0.9800, 0.9812, 0.9795, 0.9807, 0.9791]
NEARLY = [0.9801, 0.9811, 0.9796, 0.9806, 0.9792]


def against(ours, base, metrics=(ACCURACY,), definition=DEFINITION, same_fingerprint=False, comparisons=30):
    return compare(
        ours,
        base,
        metrics,
        definition=definition,
        same_fingerprint=same_fingerprint,
        same_streams=True,
        comparisons=comparisons,
    )


def shifted(by, values=BASE):
    """Moved by ``by`` on average, and by not quite the same on each seed."""
    return [value + by + 1e-5 * (i - 2) for i, value in enumerate(values)]


def test_identical():
    result = against(trials(BASE), stored(BASE))
    assert (result.state, result.red) == (State.IDENTICAL, False)
    assert result.primary.difference == 0


def test_two_seeds_that_gave_one_trial():
    ours = trials([*BASE[:3], BASE[2], BASE[4]])
    result = against(ours, stored(BASE))
    assert (result.state, result.red) == (State.DRIFTED, True)
    assert result.reason.startswith("Seeds 2 and 3 gave one and the same trial")
    assert against(trials([0.5, 0.5, 0.6, 0.7, 0.8], first=9), stored(BASE)).state == "drifted"
    both = stored([0.9, 0.9, 0.9, 0.9, 0.8])
    assert against(trials([0.9, 0.9, 0.9, 0.9, 0.9], first=9), both).state == "within"  # nothing tells them apart


def test_the_clock_is_no_difference():
    slower = [dataclasses.replace(t, seconds=dataclasses.replace(t.seconds, total=99.0)) for t in trials(BASE)]
    assert against(slower, stored(BASE)).state == "identical"


def test_long_curves_are_compared_at_the_points_a_baseline_stores():
    curve = tuple(1 / (i + 1) for i in range(200))
    ours = [dataclasses.replace(t, history={"loss": curve}) for t in trials(BASE)]
    base = dataclasses.replace(stored(BASE), trials=tuple(t.thinned() for t in ours))
    assert against(ours, base).state == "identical"
    other = [dataclasses.replace(t, history={"loss": (*curve[:-1], curve[-1] + 1e-9)}) for t in ours]
    assert against(other, base).state == "within"


@pytest.mark.parametrize("ours", [trials(BASE[:3]), trials(BASE[2:3], first=2), trials([*BASE, 0.5, 0.6])])
def test_identical_on_the_seeds_both_have(ours):
    assert against(ours, stored(BASE)).state == "identical"


@pytest.mark.parametrize(
    "change",
    [
        {"history": {"loss": (2.0, math.nextafter(1 / 3, 1)), "val_accuracy": (0.1, BASE[0])}},
        {"divergence": Divergence("stuck at chance", 2)},
    ],
)
def test_other_bits_in_the_curves_are_no_identity(change):
    ours = (trial(0, BASE[0], **change), *trials(BASE[1:], first=1))
    result = against(ours, stored(BASE), same_fingerprint=True)
    assert (result.state, result.red, result.fails(strict=True)) == (State.CHANGED, False, True)
    assert "1 of 5 seeds" in result.reason
    assert against(ours, stored(BASE)).state == "within"


def test_negative_zero_is_another_bit():
    assert against(trials([0.0] * 5), stored([-0.0] * 5), same_fingerprint=True).state == "changed"


def test_another_engine_is_never_changed():
    ours = [dataclasses.replace(t, engine="fit") for t in trials(NEARLY)]
    assert against(ours, stored(BASE), same_fingerprint=True).state == "within"


def test_fresh_seeds_are_within_though_their_bits_differ():
    result = against(trials(BASE, first=100), stored(BASE), same_fingerprint=True)
    assert (result.state, result.primary.paired) == (State.WITHIN, False)


@pytest.mark.parametrize("by", [0.002, -0.002])
def test_drift_is_red_in_either_direction(by):
    result = against(trials(shifted(by)), stored(BASE))
    assert (result.state, result.red, result.primary.paired) == (State.DRIFTED, True, True)
    assert result.primary.difference == pytest.approx(by)
    assert result.primary.low < by < result.primary.high
    assert result.primary.p < 0.01 / 30
    assert f"{by:+.3g}" in result.reason


def test_a_significant_difference_without_practical_size_is_no_drift():
    result = against(trials(shifted(-0.0004)), stored(BASE))
    assert result.primary.p < 0.01 / 30
    assert result.state == "within"


def test_a_difference_of_exactly_the_practical_size_is_no_drift():
    assert 0.9704 - 0.9699 > 0.0005  # by the rounding of floats alone
    assert against(trials([0.9704] * 5), stored([0.9699] * 5)).state == "within"


def test_a_large_difference_without_significance_is_no_drift():
    result = against(trials([0.97, 0.99, 0.96, 0.98, 0.95]), stored(BASE))
    assert abs(result.primary.difference) > ACCURACY.smallest_effect
    assert result.state == "within"


def test_more_comparisons_ask_for_more_evidence():
    ours = trials([value - drop for value, drop in zip(BASE, (0.001, 0.002, 0.0015, 0.0012, 0.0016), strict=True)])
    assert against(ours, stored(BASE), comparisons=1).state == "drifted"
    assert against(ours, stored(BASE), comparisons=100).state == "within"
    with pytest.raises(SuiteError, match="number of comparisons"):
        against(ours, stored(BASE), comparisons=0)


@pytest.mark.parametrize(
    ("ours", "base", "state", "paired"),
    [
        (trials(shifted(-0.01)[:3]), stored(BASE), "drifted", True),
        (trials([*shifted(-0.01), 0.97]), stored(BASE), "drifted", True),
        (trials(shifted(-0.01), first=3), stored(BASE), "drifted", False),
        (trials([0.5], first=2), stored(BASE), "within", False),
        (trials([0.5], first=9), stored(BASE), "within", False),
        (trials([0.5]), stored([0.9]), "within", False),
    ],
    ids=["3 of its seeds", "all its seeds and one more", "2 seeds in common", "1 seed", "1 fresh seed", "1 against 1"],
)
def test_which_seeds_are_paired(ours, base, state, paired):
    result = against(ours, base)
    assert (result.state, result.primary.paired) == (state, paired)


def test_paired_p_value_is_that_of_scipy():
    from scipy.stats import ttest_rel

    ours = [0.9793, 0.9809, 0.9784, 0.9802, 0.9795]
    row = against(trials(ours), stored(BASE)).primary
    expected = ttest_rel(ours, BASE)
    assert row.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (row.low, row.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)


@pytest.mark.parametrize(
    ("ours", "student_is_larger"), [([0.9793, 0.9850, 0.9750], False), ([0.9793, 0.9794, 0.9795], True)]
)
def test_fresh_seeds_p_value_is_the_larger_of_welchs_and_students(ours, student_is_larger):
    from scipy.stats import ttest_ind

    row = against(trials(ours, first=9), stored(BASE)).primary
    welch, student = (ttest_ind(ours, BASE, equal_var=equal) for equal in (False, True))
    assert bool(student.pvalue > welch.pvalue) is student_is_larger
    assert row.p == pytest.approx(max(welch.pvalue, student.pvalue), rel=1e-9)
    assert (row.low, row.high) == pytest.approx(tuple(welch.confidence_interval(0.95)), rel=1e-9)


def test_where_trials_are_absent_each_of_the_two_tests_gets_half_the_level():
    row = Difference("val_accuracy", "fraction", 0.9, 0.8, difference=-0.1, p=0.004, n=5)
    assert row.beyond_chance(0.0005, 0.005)
    assert not dataclasses.replace(row, absent=(1, 6), absent_baseline=(0, 6), p_absent=1.0).beyond_chance(
        0.0005, 0.005
    )
    assert not dataclasses.replace(row, p=None, p_absent=0.004).beyond_chance(0.0005, 0.005)
    assert dataclasses.replace(row, p=None, p_absent=0.002).beyond_chance(0.0005, 0.005)


@pytest.mark.parametrize("first", [0, 100])
def test_without_variance_size_decides_from_five_seeds_on(first):
    assert against(trials([0.75] * 5, first), stored([0.9] * 5)).state == "drifted"
    assert against(trials([0.75] * 4, first), stored([0.9] * 5)).state == "within"
    same = against(trials([0.9] * 5, first), stored([0.9] * 5, first=50))
    assert (same.state, same.primary.difference, same.primary.p) == (State.WITHIN, 0.0, None)


def test_equal_differences_of_varying_values_are_compared_group_by_group():
    base, ours = [0.25, 0.5, 0.25, 0.5, 0.5], [0.375, 0.625, 0.375, 0.625, 0.625]
    assert against(trials(ours), stored(base)).state == "within"
    assert against(trials([value + 5 for value in base]), stored(base)).state == "drifted"


def test_log_metrics_compare_ratios():
    base = stored([])
    base = dataclasses.replace(base, trials=tuple(trial(i, 0, metrics={"steps": 100.0 + i}) for i in range(5)))
    ours = [trial(i, 0, metrics={"steps": (100.0 + i) * 1.2 * (1 + 1e-4 * i)}) for i in range(5)]
    row = against(ours, base, (STEPS,)).primary
    assert row.difference == pytest.approx(math.log(1.2), abs=1e-3)
    assert row.ours / row.baseline == pytest.approx(math.exp(row.difference))
    assert against(ours, base, (STEPS,)).state == "drifted"
    ours = [trial(i, 0, metrics={"steps": (100.0 + i) * 1.05 * (1 + 1e-4 * i)}) for i in range(5)]
    row = against(ours, base, (STEPS,)).primary
    assert row.p < 1e-6
    assert not row.beyond_chance(STEPS.smallest_effect, 0.01)  # 5 % is less than the smallest effect, 10 %


def test_all_diverged_on_both_sides_is_no_drift():
    result = against(trials([None] * 5, first=9), stored([None] * 5))
    assert (result.state, result.primary.difference, result.primary.absent) == (State.WITHIN, None, (5, 5))
    assert against(trials([None] * 5), stored([None] * 5)).state == "identical"


@pytest.mark.parametrize(("ours", "base"), [([None] * 5, BASE), (BASE, [None] * 5)])
def test_an_outright_flip_of_divergence_is_drift(ours, base):
    assert against(trials(ours), stored(base)).state == "drifted"
    assert against(trials(ours[:4]), stored(base)).state == "within"


def test_some_more_divergence_is_judged_by_fishers_test():
    some = against(trials([None, None, *BASE[2:]]), stored(BASE))
    assert (some.state, some.primary.n, some.primary.p_absent) == (State.WITHIN, 3, pytest.approx(4 / 9))
    assert "0 of 5 then, 2 of 5 now" in some.reason
    many = against(trials([None] * 25 + [0.9] * 5), stored([None] + [0.9] * 29))
    assert many.state == "drifted"


def test_new_missing_and_not_comparable():
    assert against(trials(BASE), None).state == "new"
    gone = against((), stored(BASE))
    assert (gone.state, gone.red) == (State.MISSING, True)
    other = against(trials(BASE), stored(BASE), definition="f" * 16)
    assert (other.state, other.red, other.primary) == (State.NOT_COMPARABLE, True, None)
    assert "--update-baselines" in other.reason
    assert not against(trials(BASE), None).fails(strict=True)


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        ({"val_accuracy": 0.9}, {"val_accuracy": 0.9, "val_loss": 0.1}, "no longer measured on every seed: val_loss"),
        ({"val_accuracy": 0.9, "val_loss": 0.1}, {"val_accuracy": 0.9}, "not in the baseline: val_loss"),
        ({"val_accuracy": 0.9}, {"val_accuracy": 0.9}, "declared and measured nowhere: val_loss"),
    ],
)
def test_metrics_are_compared_over_the_union_of_keys(now, then, said):
    base = dataclasses.replace(stored([]), trials=tuple(trial(i, 0.9, metrics=then) for i in range(5)))
    result = against([trial(i, 0.9, metrics=now) for i in range(5)], base, (ACCURACY, LOSS))
    assert (result.state, result.red) == (State.MISSING, True)
    assert said in result.reason


def test_a_metric_that_vanished_from_one_seed_is_missing():
    ours = (trial(0, 0.9, metrics={}), *trials(BASE[1:], first=1))
    assert against(ours, stored(BASE)).state == "missing"


def test_another_metric_that_moves_on_every_seed_is_drift():
    both = [{"val_accuracy": value, "val_loss": 0.1 + 1e-4 * i} for i, value in enumerate(BASE)]
    worse = [m | {"val_loss": m["val_loss"] + 0.5 + 1e-4 * i} for i, m in enumerate(both)]
    base = dataclasses.replace(stored([]), trials=tuple(trial(i, 0, metrics=m) for i, m in enumerate(both)))
    result = against([trial(i, 0, metrics=m) for i, m in enumerate(worse)], base, (ACCURACY, LOSS))
    assert (result.state, result.shift.feature, result.shift.rounding) == ("drifted", "val_loss", None)
    assert [row.metric for row in result.rows] == ["val_accuracy", "val_loss"]
    assert not result.rows[0].beyond_chance(0.0005, 0.01)
    assert result.to_json()["shift"]["n"] == 5
    assert against([trial(i, 0, metrics=m) for i, m in enumerate(worse)], base, (LOSS, ACCURACY)).state == "drifted"


@pytest.mark.parametrize("size", [1e-300, 1e-100, 1e38, 1e200, 1.7e308])
def test_huge_and_tiny_values_are_compared_without_overflow(size):
    metric = Metric("loss", "lower", "", 1e-307)
    for ours in ([0.5, 0.9, 0.7], [-0.5, -0.9, -0.7], [0.0, 0.0, 0.0], [1e-13, 2e-13, 1e-200], [1.0, 1.0, 1.0]):
        for base in ([0.9, 0.6, 0.7], [1.0, 1.0, 1.0]):
            for first in (0, 5):
                a = {first + i: value * size for i, value in enumerate(ours)}
                row = difference(metric, a, {i: value * size for i, value in enumerate(base)})
                json.dumps(row.to_json(), allow_nan=False)


def test_every_comparison_is_plain_json():
    for result in (against(trials(shifted(0.1)), stored(BASE)), against((), stored(BASE)), against((), None)):
        record = json.loads(json.dumps(result.to_json(), allow_nan=False))
        assert record["state"] == result.state


def test_undeclared_variants_are_found():
    assert undeclared(baseline(), ["relu", "elu"]) == ("적절한 −0.1",)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_same_shift_on_every_seed_is_drift(scale):
    """Nothing random shifts five different values by one and the same amount."""
    metric = Metric("loss", better="lower", unit="nats", smallest_effect=0.01, scale=scale)
    stored = {seed: 1.0 + 0.25 * seed for seed in range(5)}
    moved = {seed: value * 2 if scale == "log" else value + 0.5 for seed, value in stored.items()}
    row = difference(metric, moved, stored)
    assert row.constant
    assert row.beyond_chance(metric.smallest_effect, level=1e-9)
    coarse = {seed: float(seed // 3 + 1) for seed in range(5)}
    row = difference(metric, {seed: value + 1 for seed, value in coarse.items()}, coarse)
    assert not row.beyond_chance(metric.smallest_effect, level=1e-9)
