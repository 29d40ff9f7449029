"""What a run finds of trainings and claims, from evidence and trials whose truth is known."""

import dataclasses

import pytest

from harness.check.claims import Asked, Judge, to_the_end
from harness.check.evidence import TINY_SEEDS, Measured
from harness.check.judge import Counts
from harness.check.stored import Stored
from harness.domain.claim import Claim
from harness.domain.experiment import Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Verdict
from harness.record.evidence import Hashes
from harness.record.outcomes import ClaimState, TrainingOutcome, TrainingState, VerdictState
from harness.record.trials import ShortTrial, Trained
from harness.rules import Comparison, Exact, Exceeds
from harness.rules.looks import Look

STACK = "tensorflow-cpu"
PRINTS = {"keras": "3.15.1", "backend": "tensorflow", "backend_version": "2.21.0", "jaxlib": None, "numpy": "2.4.6"}
EXPERIMENT = Experiment(
    id="nets",
    data=object,
    model=object,
    optimizer=object,
    loss="mse",
    size=Size(epochs=2, batch_size=32),
    variants=(Variant("plain"), Variant("dropout")),
    metrics=(Metric("val_accuracy", "higher", "fraction", 0.0005),),
    anchors=("plain",),
)
CLAIM = Claim(
    id="dropout-helps",
    slide="1",
    statement="Dropout helps.",
    rule=Exceeds("dropout", "plain", "val_accuracy"),
    experiment=EXPERIMENT,
)
EXACT = Claim(
    id="softmax-sums-to-1", slide="2", statement="It sums to 1.", rule=Exact(), check=lambda: [Comparison("sum", 1, 1)]
)
ORDER = {CLAIM.key: 4, EXACT.key: 5}
ONE = Counts(variants=1, trials=1)
HASHES = Hashes(initial="0" * 16, order="1" * 16)
CONFIGURATION = {"batch_size": 32, "epochs": 2}
STEPS = 8
HELPS = {"plain": 0.97, "dropout": 0.98}
HARMS = {"plain": 0.98, "dropout": 0.97}


def noise(seed):
    """Between −1 and 1, another value for each seed."""
    return (seed * 7 % 11 - 5) / 5


def trial(variant, seed, mean):
    accuracy = mean + 0.001 * noise(seed + len(variant))
    history = {"loss": (1.0 + 0.01 * seed, 0.5), "val_accuracy": (0.9, accuracy)}
    return Trial(variant, seed, {"val_accuracy": accuracy}, history)


def trials(means, seeds):
    return {name: tuple(trial(name, seed, mean) for seed in range(seeds)) for name, mean in means.items()}


def short(variant, seed, scale=1.0, perturbed=0):
    losses = tuple((2.3 + 0.01 * seed) * 0.9**step * (scale if step else 1.0) for step in range(STEPS))
    return ShortTrial(
        experiment="nets", variant=variant, seed=seed, engine="fit", losses=losses, perturbed=perturbed,
        val_loss=None if seed else 1.5 * scale,
    )  # fmt: skip


def shorts(variant="plain", scale=1.0):
    return tuple(short(variant, seed, scale) for seed in range(5))


def measured(name, mean, seeds, tiny):
    found = trials({name: mean}, seeds)[name]
    if tiny:
        moved = {k: [trial(name, seed, mean + 0.1 * k) for seed in range(TINY_SEEDS)] for k in range(1, 5)}
        return Measured(CONFIGURATION, found, perturbed=moved, tiny=True)
    perturbed = [short(name, seed, 1 + 1e-6 * k, k) for k in range(5) for seed in range(5)]
    return Measured(CONFIGURATION, found, HASHES, perturbed)


@pytest.fixture
def store(tmp_path):
    """Evidence whose truth is ``means``, with the verdicts that follow from it."""

    def written(means=HELPS, seeds=30, tiny=False, claim=CLAIM):
        made = Stored(tmp_path, STACK)
        new = {name: measured(name, mean, seeds, tiny) for name, mean in means.items()}
        made.add(EXPERIMENT, new, "first", PRINTS, "abc", [claim])
        made.add(None, {}, "first", PRINTS, "abc", [EXACT], {EXACT.key: Decision(Verdict.SUPPORTED, "Equal.")})
        return Stored(tmp_path, STACK)

    return written


def judge(stored, counts=ONE, **asked):
    return Judge(stored, PRINTS, Asked(**asked), counts, {"nets": EXPERIMENT}, ORDER)


def trained(scale=1.0, ended=()):
    return Trained(configuration=CONFIGURATION, hashes=HASHES, short=shorts(scale=scale), trials=tuple(ended))


def outcome(state, end=True):
    return TrainingOutcome(state, "Trained here.", to_the_end=end)


REPRODUCED = [outcome(TrainingState.REPRODUCED)] * 2


# Trainings


def test_a_check_trains_ten_seeds_of_a_tiny_training_to_the_end(store):
    stored = store(tiny=True)
    assert [to_the_end(EXPERIMENT, name, stored.variant("nets", name)) for name in HELPS] == [TINY_SEEDS, TINY_SEEDS]


def test_a_check_trains_one_seed_of_an_anchor_to_the_end_and_none_of_another_training(store):
    stored = store()
    assert [to_the_end(EXPERIMENT, name, stored.variant("nets", name)) for name in HELPS] == [1, 0]
    assert [to_the_end(EXPERIMENT, name, None) for name in HELPS] == [1, 0]


def test_a_training_that_moved_is_red_and_one_that_did_not_is_not(store):
    same, moved = (judge(store()).training(("nets", "plain"), trained(scale)) for scale in (1.0, 1.003))
    assert (same.outcome.state, same.red) == (TrainingState.IDENTICAL, False)
    assert (moved.outcome.state, moved.red, moved.damaged) == (TrainingState.MOVED, True, False)


@pytest.mark.parametrize("strict", [False, True])
def test_other_bits_are_red_where_the_run_is_strict(store, strict):
    one = judge(store(), strict=strict)
    other = one.training(("nets", "plain"), trained(1 + 5e-6))
    assert (other.outcome.state, other.red) == (TrainingState.START_REPRODUCED, strict)
    assert not one.training(("nets", "plain"), trained()).red


@pytest.mark.parametrize("required", [False, True])
def test_a_training_without_evidence_is_red_where_baselines_are_required(tmp_path, required):
    found = judge(Stored(tmp_path, STACK), require_baselines=required).training(("nets", "plain"), trained())
    assert (found.outcome.state, found.red) == (TrainingState.NEW, required)


@pytest.mark.parametrize("asked", [{}, {"strict": True, "require_baselines": True}])
def test_an_update_is_stored_and_never_red(store, asked):
    found = judge(store(), full=True, update=True, **asked).training(("nets", "plain"), None)
    assert (found.outcome.state, found.outcome.to_the_end, found.red) == (TrainingState.NEW, True, False)
    assert "stored, not compared" in found.outcome.reason


def test_damaged_evidence_is_red_and_called_damaged(store):
    stored = store()
    (stored.root / STACK / "nets.json").write_text("{", encoding="utf-8")
    found = judge(Stored(stored.root, STACK)).training(("nets", "plain"), None)
    assert (found.red, found.damaged) == (True, True)
    assert found.outcome.state is TrainingState.NOT_COMPARABLE
    assert "nets.json" in found.outcome.reason


def test_a_metric_whose_function_has_changed_is_not_comparable(store):
    doubled = Metric("val_accuracy", "higher", "fraction", 0.0005, of=lambda history: 2 * history["val_accuracy"][-1])
    experiment = dataclasses.replace(EXPERIMENT, metrics=(doubled,))
    one = Judge(store(), PRINTS, Asked(), ONE, {"nets": experiment}, ORDER)
    found = one.training(("nets", "plain"), trained())
    assert (found.outcome.state, found.red) == (TrainingState.NOT_COMPARABLE, True)
    assert "The function of a metric has changed" in found.outcome.reason


def test_the_chance_of_a_false_alarm_is_divided_over_the_whole_run(store):
    """An accuracy that is red in a run of one anchor is chance in a run of ten thousand."""
    stored = store()

    def red(counts):
        one = judge(stored, counts)
        far = [0.97 + 0.0005 * step for step in range(60)]
        return [one.training(("nets", "plain"), trained(ended=[trial("plain", 0, mean)])).red for mean in far]

    few, many = red(ONE), red(Counts(variants=1, trials=10_000))
    assert sum(few) > sum(many) > 0
    assert not few[0]


# Claims of a check


def test_a_check_takes_the_verdict_of_the_evidence(store):
    found = judge(store()).checked(CLAIM, REPRODUCED, {})
    assert (found.verdict, found.order, found.red) == (Verdict.SUPPORTED, 4, False)
    assert found.comparison.state is VerdictState.AS_EXPECTED
    assert (found.here.state, found.here.stack, found.here.seeds) == (ClaimState.CONFIRMED, STACK, 30)
    assert {name: one.n for name, one in found.variants.items()} == {"plain": 30, "dropout": 30}
    assert "30 stored trainings a variant" in found.decision.reason


@pytest.mark.parametrize("required", [False, True])
def test_a_claim_without_evidence_is_undecided_and_red_where_it_is_required(tmp_path, required):
    new = [TrainingOutcome(TrainingState.NEW, "Nothing is stored.")] * 2
    found = judge(Stored(tmp_path, STACK), require_baselines=required).checked(CLAIM, new, {})
    assert (found.verdict, found.comparison.state) == (Verdict.INCONCLUSIVE, VerdictState.NEW)
    assert (found.here.state, found.here.seeds) == (ClaimState.NOT_CONFIRMED, 0)
    assert found.red is required
    assert "--full" in found.decision.reason


def test_a_check_is_red_where_a_changed_rule_decides_otherwise(store):
    stored = store()
    strict = Claim(**{**fields(CLAIM), "rule": Exceeds("dropout", "plain", "val_accuracy", margin=0.01)})
    found = judge(stored).checked(strict, REPRODUCED, {})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (found.comparison.state, found.red) == (VerdictState.WEAKENED, True)


def fields(claim):
    return {name: getattr(claim, name) for name in ("id", "slide", "statement", "rule", "experiment")}


def test_tiny_trainings_that_agree_with_the_evidence_are_not_red(store):
    found = judge(store(tiny=True)).checked(CLAIM, REPRODUCED, trials(HELPS, TINY_SEEDS))
    assert (found.verdict, found.here.own, found.red) == (Verdict.SUPPORTED, Verdict.SUPPORTED, False)


def test_tiny_trainings_that_contradict_the_evidence_flip_its_verdict(store):
    found = judge(store(tiny=True)).checked(CLAIM, REPRODUCED, trials(HARMS, TINY_SEEDS))
    assert (found.verdict, found.here.own) == (Verdict.SUPPORTED, Verdict.REFUTED)
    assert (found.comparison.state, found.red, found.moved) == (VerdictState.FLIPPED, True, True)
    assert found.comparison.reason.startswith("REFUTED here, of 10 seeds; the evidence says SUPPORTED.")


def test_tiny_trainings_that_decide_nothing_contradict_nothing(store):
    same = trials({"plain": 0.97, "dropout": 0.97}, TINY_SEEDS)
    found = judge(store(tiny=True)).checked(CLAIM, REPRODUCED, same)
    assert found.here.own is Verdict.INCONCLUSIVE
    assert (found.comparison.state, found.red) == (VerdictState.AS_EXPECTED, False)


def test_fewer_seeds_than_a_check_trains_decide_nothing(store):
    found = judge(store()).checked(CLAIM, REPRODUCED, trials(HARMS, TINY_SEEDS - 1))
    assert (found.here.own, found.red) == (None, False)


def test_a_claim_on_damaged_evidence_is_not_run_and_says_why(store):
    stored = store()
    (stored.root / STACK / "nets.json").write_text("{", encoding="utf-8")
    found = judge(Stored(stored.root, STACK)).checked(CLAIM, REPRODUCED, {})
    assert (found.verdict, found.red, found.moved) == (Verdict.NOT_RUN, True, False)
    assert "nets.json" in found.error


# Claims that a run decides


def decided(one, means, seeds=10):
    made = trials(means, seeds)
    decision, alongside = CLAIM.decide(made, Look((seeds,), 0))
    return one.decided(CLAIM, decision, alongside, REPRODUCED, made)


def test_a_verdict_of_the_runs_own_trials_stands_alongside_the_evidences(store):
    found = decided(judge(store(), full=True), HELPS)
    assert (found.verdict, found.here.verdict, found.here.own) == (Verdict.SUPPORTED,) * 3
    assert found.variants["plain"].n == 10
    assert (found.comparison.state, found.red) == (VerdictState.AS_EXPECTED, False)


def test_the_opposite_verdict_is_flipped_and_red(store):
    found = decided(judge(store(), full=True), HARMS)
    assert (found.verdict, found.here.verdict) == (Verdict.REFUTED, Verdict.SUPPORTED)
    assert (found.comparison.state, found.red) == (VerdictState.FLIPPED, True)


def test_fewer_seeds_may_decide_nothing(store):
    found = decided(judge(store(), full=True), {"plain": 0.97, "dropout": 0.97})
    assert (found.verdict, found.comparison.state, found.red) == (Verdict.INCONCLUSIVE, VerdictState.WEAKENED, False)


def test_an_update_stores_a_flipped_verdict_and_is_not_red(store):
    found = decided(judge(store(), full=True, update=True), HARMS)
    assert (found.comparison.state, found.here.state, found.red) == (VerdictState.FLIPPED, None, False)


def test_a_verdict_on_damaged_evidence_is_red_and_nothing_has_moved(store):
    stored = store()
    (stored.root / STACK / "nets.json").write_text("{", encoding="utf-8")
    found = decided(judge(Stored(stored.root, STACK), full=True), HELPS)
    assert (found.verdict, found.here) == (Verdict.SUPPORTED, None)
    assert (found.red, found.moved) == (True, False)
    assert "nets.json" in found.error


# Exact claims, and what could not be run


@pytest.mark.parametrize(
    ("verdict", "state", "red"),
    [
        (Verdict.SUPPORTED, VerdictState.AS_EXPECTED, False),
        (Verdict.REFUTED, VerdictState.FLIPPED, True),
    ],
)
def test_an_exact_claim_is_compared_with_the_expected_verdict(store, verdict, state, red):
    found = judge(store()).exact(EXACT, Decision(verdict, "A comparison."))
    assert (found.verdict, found.marker, found.order) == (verdict, "exact", 5)
    assert (found.comparison.state, found.red, found.here) == (state, red, None)


@pytest.mark.parametrize("required", [False, True])
def test_an_exact_claim_without_an_expected_verdict_is_new(tmp_path, required):
    one = judge(Stored(tmp_path, STACK), require_baselines=required)
    found = one.exact(EXACT, Decision(Verdict.REFUTED, "A comparison."))
    assert (found.comparison.state, found.red) == (VerdictState.NEW, required)


@pytest.mark.parametrize("update", [False, True])
def test_a_claim_that_was_not_run_is_red_even_in_an_update(store, update):
    found = judge(store(), full=True, update=update).not_run(CLAIM, "It could not be trained.")
    assert (found.verdict, found.decision.reason) == (Verdict.NOT_RUN, "It could not be trained.")
    assert (found.comparison.state, found.red, found.moved) == (VerdictState.NOT_RUN, True, False)
