"""Negative control: two equal variants, trained with different seeds, are not found to differ."""

import functools

import numpy as np
import pytest
from msgspec.structs import replace

from harness.model import Size, Variant
from harness.rules import Best, Exceeds, Monotone, Sample
from harness.training.train import train
from harness.verdict import Verdict
from tests.rules.synthetic import most
from tests.training.experiments import ACCURACY, BATCH, LOSS, declared, small

CONTROL = declared(
    "control",
    Variant("two layers", small),
    Variant("narrow", functools.partial(small, units=8)),
    size=Size(epochs=4, batch_size=BATCH),
    metrics=(ACCURACY, LOSS),
)

METRICS = {metric.name: metric for metric in CONTROL.metrics}
N = 10
RULES = (Exceeds("a", "b"), Exceeds("a", "b", metric="loss"), Best("a", ("b", "c")), Monotone(("a", "b", "c")))
SPLITS = 400
pytestmark = pytest.mark.slow


def evidence(trials, groups):
    """The trials of each group of positions as variants a, b, …, which share the seeds 0, 1, …: pairs by seed alone."""
    made = {}
    for name, group in zip("abcd", groups, strict=False):
        made[name] = tuple(replace(trials[place], variant=name, seed=seed) for seed, place in enumerate(group))
    return Sample(made, METRICS, {})


@pytest.fixture(scope="module")
def same():
    return train(CONTROL, "two layers", range(40))


@pytest.fixture(scope="module")
def narrow():
    return train(CONTROL, "narrow", range(40))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.describe())
def test_variants_that_differ_in_nothing_are_undecided(same, rule):
    groups = [range(start, start + N) for start in range(0, 4 * N, N)]
    decision = rule.decide(evidence(same, groups))
    assert decision.verdict is Verdict.INCONCLUSIVE, decision.reason


@pytest.mark.parametrize("metric", METRICS)
def test_over_many_splits_no_more_are_decided_than_the_rule_says(same, metric):
    """2.5 % in each direction; splits of the same forty trainings are not independent, so chance is given more room."""
    rng = np.random.default_rng(0)
    verdicts = [
        Exceeds("a", "b", metric=metric).decide(evidence(same, [order[:N], order[N : 2 * N]])).verdict
        for order in (rng.permutation(len(same)) for _ in range(SPLITS))
    ]
    assert sum(verdict.decided for verdict in verdicts) <= most(2 * 0.05, SPLITS)
    assert len(set(verdicts)) > 1  # a rule that can decide, on noise that is there


def test_a_variant_that_does_differ_is_told(same, narrow):
    """The control could fail: ten seeds of each are enough for a layer of 8 units against one of 32."""
    a, b = same[:N], narrow[N : 2 * N]
    made = evidence([*a, *b], [range(N), range(N, 2 * N)])
    for metric in METRICS:
        better = Exceeds("a", "b", metric=metric) if metric == "val_accuracy" else Exceeds("b", "a", metric=metric)
        assert better.decide(made).verdict is Verdict.SUPPORTED


def test_seeds_make_different_trainings(same):
    losses = [tuple(trial.history["loss"]) for trial in same]
    assert len(set(losses)) == len(losses)
