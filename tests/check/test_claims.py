"""What a run finds of trainings and claims, from evidence and trials whose truth is known."""

import dataclasses

import pytest

from harness.check.claims import Decided, Judge, compare_verdict, to_the_end
from harness.check.judge import Circumstances
from harness.check.rounding import TINY_SEEDS, of_tiny
from harness.check.stored import Stored
from harness.model import Metric, Trial
from harness.record.evidence import Expected
from harness.record.outcomes import ClaimState, TrainingOutcome, TrainingState, VerdictState
from harness.record.trials import Hashes, ShortTrial, State, Training
from harness.rules import Exceeds
from harness.rules.levels import Look
from harness.verdict import Decision, Verdict
from tests import make

STACK = "tensorflow-cpu"
PRINTS = make.VERSIONS
EXPERIMENT = make.experiment("plain", "dropout", metrics=[make.ACCURACY], epochs=2, anchors=("plain",))
ANCHORS = {("nets", "plain")}
CLAIM = make.claim(rule=Exceeds("dropout", "plain", "val_accuracy"), experiment=EXPERIMENT)
EXACT = make.exact_claim()
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


def short(variant, seed, scale=1.0):
    losses = tuple((2.3 + 0.01 * seed) * 0.9**step * (scale if step else 1.0) for step in range(STEPS))
    return ShortTrial(seed=seed, engine="fit", losses=losses)


def shorts(variant="plain", scale=1.0):
    return tuple(short(variant, seed, scale) for seed in range(5))


def measured(name, mean, seeds, tiny):
    result = trials({name: mean}, seeds)[name]
    if tiny:
        moved = {k: [trial(name, seed, mean + 0.1 * k) for seed in range(TINY_SEEDS)] for k in range(1, 5)}
        return of_tiny(Training(configuration=CONFIGURATION, trials=result), moved, EXPERIMENT)
    states = (State(steps=STEPS),)
    return Training(configuration=CONFIGURATION, trials=result, hashes=HASHES, short=shorts(name), states=states)


@pytest.fixture
def store(tmp_path):
    """Evidence whose truth is ``means``, with the verdicts that follow from it."""

    def written(means=HELPS, seeds=30, tiny=False, claim=CLAIM):
        made, origin = Stored(tmp_path, STACK), make.provenance(fingerprint=PRINTS)
        new = {name: measured(name, mean, seeds, tiny) for name, mean in means.items()}
        made.add(EXPERIMENT, new, origin, [claim])
        made.add(None, {}, origin, [EXACT], {EXACT.key: Decision(Verdict.SUPPORTED, "Equal.")})
        return Stored(tmp_path, STACK)

    return written


def judge(stored, full=False, trials=1, experiment=EXPERIMENT, **asked):
    return Judge(Circumstances(STACK, PRINTS, full, trials=trials), stored, {"nets": experiment}, **asked)


def trained(scale=1.0, ended=()):
    return Training(configuration=CONFIGURATION, hashes=HASHES, short=shorts(scale=scale), trials=tuple(ended))


def outcome(state, end=True):
    return TrainingOutcome(state, "Trained here.", to_the_end=end)


REPRODUCED = [outcome(TrainingState.REPRODUCED)] * 2


def damaged(stored):
    (stored.root / STACK / "nets.json").write_text("{", encoding="utf-8")
    return Stored(stored.root, STACK)


# Trainings


@pytest.mark.parametrize(("tiny", "seeds"), [(True, [TINY_SEEDS, TINY_SEEDS]), (False, [1, 0])])
def test_a_check_trains_ten_seeds_of_a_tiny_training_one_of_an_anchor_and_none_of_another(store, tiny, seeds):
    stored = store(tiny=tiny)
    assert [to_the_end(("nets", name), stored.variant("nets", name), ANCHORS, ANCHORS) for name in HELPS] == seeds
    assert [to_the_end(("nets", name), None, ANCHORS, ANCHORS) for name in HELPS] == [1, 0]
    known = Training(states=(State(), State(start=343)))
    on_demand = [to_the_end(("nets", "plain"), stored, (), ANCHORS) for stored in (None, Training(), known)]
    assert on_demand == [1, 1, 0]


@pytest.mark.parametrize(
    ("asked", "scale", "state", "red"),
    [
        ({}, 1.0, TrainingState.IDENTICAL, False),
        ({"strict": True}, 1.0, TrainingState.IDENTICAL, False),
        ({}, 1 + 5e-6, TrainingState.START_REPRODUCED, False),
        ({"strict": True}, 1 + 5e-6, TrainingState.START_REPRODUCED, True),
        ({}, 1.003, TrainingState.MOVED, True),
        ({"full": True, "update": True}, 1.003, TrainingState.NEW, False),
        ({"full": True, "update": True, "strict": True, "require_baselines": True}, 1.0, TrainingState.NEW, False),
    ],
)
def test_trainings(store, asked, scale, state, red):
    """An update is stored, not compared, and never red."""
    result = judge(store(), **asked).training(("nets", "plain"), trained(scale))
    assert (result.outcome.state, result.red, result.damaged) == (state, red, False)
    assert ("stored, not compared" in result.outcome.reason) == asked.get("update", False)


@pytest.mark.parametrize("required", [False, True])
def test_what_has_no_evidence_is_new_and_red_where_it_is_required(tmp_path, required):
    judged = judge(Stored(tmp_path, STACK), require_baselines=required)
    training = judged.training(("nets", "plain"), trained())
    assert (training.outcome.state, training.red) == (TrainingState.NEW, required)
    claim = judged.checked(CLAIM, [TrainingOutcome(TrainingState.NEW, "Nothing is stored.")] * 2, {})
    assert (claim.verdict, claim.comparison.state, claim.red) == (Verdict.INCONCLUSIVE, VerdictState.NEW, required)
    assert (claim.here.state, claim.here.seeds) == (ClaimState.NOT_CONFIRMED, 0)
    assert "--full" in claim.decision.reason
    exact = judged.decided(EXACT, Decided(Decision(Verdict.REFUTED, "A comparison.")))
    assert (exact.comparison.state, exact.red) == (VerdictState.NEW, required)


def test_damaged_evidence_is_red_and_nothing_has_moved(store):
    stored = damaged(store())
    judged = judge(stored)
    training = judged.training(("nets", "plain"), None)
    assert (training.outcome.state, training.red, training.damaged) == (TrainingState.NOT_COMPARABLE, True, True)
    claim = judged.checked(CLAIM, REPRODUCED, {})
    assert (claim.verdict, claim.red, claim.moved) == (Verdict.NOT_RUN, True, False)
    full = decided(judge(stored, full=True), HELPS)
    assert (full.verdict, full.here, full.red, full.moved) == (Verdict.SUPPORTED, None, True, False)
    assert all("nets.json" in reason for reason in (training.outcome.reason, claim.error, full.error))


def test_a_metric_whose_function_has_changed_is_not_comparable(store):
    doubled = Metric("val_accuracy", "higher", "fraction", 0.0005, of=lambda history: 2 * history["val_accuracy"][-1])
    experiment = dataclasses.replace(EXPERIMENT, metrics=(doubled,))
    result = judge(store(), experiment=experiment).training(("nets", "plain"), trained())
    assert (result.outcome.state, result.red) == (TrainingState.NOT_COMPARABLE, True)
    assert "The function of a metric has changed" in result.outcome.reason


def test_the_chance_of_a_false_alarm_is_divided_over_the_whole_run(store):
    """An accuracy that is red in a run of one anchor is chance in a run of ten thousand."""
    stored = store()

    def red(trials):
        judged = judge(stored, trials=trials)
        far = [0.97 + 0.0005 * step for step in range(60)]
        return [judged.training(("nets", "plain"), trained(ended=[trial("plain", 0, mean)])).red for mean in far]

    few, many = red(1), red(10_000)
    assert sum(few) > sum(many) > 0
    assert not few[0]


# Claims


def test_a_check_takes_the_verdict_of_the_evidence(store):
    result = judge(store()).checked(CLAIM, REPRODUCED, {})
    assert (result.here.state, result.here.stack, result.here.seeds) == (ClaimState.CONFIRMED, STACK, 30)
    assert {name: summary.n for name, summary in result.variants.items()} == {"plain": 30, "dropout": 30}
    assert "30 stored trainings a variant" in result.decision.reason


def test_a_check_is_red_where_a_changed_rule_decides_otherwise(store):
    strict = dataclasses.replace(CLAIM, rule=Exceeds("dropout", "plain", "val_accuracy", margin=0.01))
    result = judge(store()).checked(strict, REPRODUCED, {})
    assert (result.verdict, result.comparison.state) == (Verdict.INCONCLUSIVE, VerdictState.WEAKENED)
    assert result.red


S, R, U, N = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN
T, OLD = Verdict.NEGLIGIBLE, Verdict.OUTDATED
NOW = (S, R, OLD, T, U, N)
STATES = {
    S: "as expected, flipped, flipped, weakened, weakened, not run",
    R: "flipped, as expected, flipped, weakened, weakened, not run",
    OLD: "flipped, flipped, as expected, weakened, weakened, not run",
    T: "decided, decided, decided, as expected, weakened, not run",
    U: "decided, decided, decided, decided, as expected, not run",
    None: "new, new, new, new, new, not run",
}
"""By expected verdict, what each of NOW is."""
PAIRS = [(before, *pair) for before, row in STATES.items() for pair in zip(NOW, row.split(", "), strict=True)]


def expected(verdict):
    return None if verdict is None else Expected(verdict=verdict, date="2026-11-23", reason="first")


@pytest.mark.parametrize(("before", "now", "state"), PAIRS)
def test_every_pair_of_verdicts(before, now, state):
    """A lost or a new decision is red if a variant has moved; more seeds explain it, but no flip."""
    calm, moved, more = (compare_verdict(now, expected(before), drifted) for drifted in (False, True, None))
    assert {(of.state, of.expected, of.obtained) for of in (calm, moved, more)} == {(state, before, now)}
    red, open_ = state in ("flipped", "not run"), state in ("weakened", "decided")
    assert (calm.red, moved.red, more.red) == (red, red or open_, red)
    assert ("other seeds or another rule may be why." in more.reason) is open_
    assert ("no variant it rests on has drifted." in calm.reason) is open_
    assert ("a variant it rests on has drifted." in moved.reason) is open_
    if open_ or state == "flipped":
        assert calm.reason.startswith(f"{before} was stored on 2026-11-23 (first)")


SAME = {"plain": 0.97, "dropout": 0.97}


@pytest.mark.parametrize(
    ("tiny", "means", "seeds", "own", "state", "red"),
    [
        (False, {}, 0, None, VerdictState.AS_EXPECTED, False),
        (True, HELPS, TINY_SEEDS, S, VerdictState.AS_EXPECTED, False),
        (True, HARMS, TINY_SEEDS, R, VerdictState.FLIPPED, True),
        (True, SAME, TINY_SEEDS, U, VerdictState.AS_EXPECTED, False),
        (False, HARMS, TINY_SEEDS - 1, None, VerdictState.AS_EXPECTED, False),
    ],
)
def test_tiny_trainings_decide_a_claim_of_a_check_again(store, tiny, means, seeds, own, state, red):
    result = judge(store(tiny=tiny)).checked(CLAIM, REPRODUCED, trials(means, seeds))
    assert (result.verdict, result.here.own, result.comparison.state) == (S, own, state)
    assert (result.red, result.moved) == (red, red)
    assert not red or result.comparison.reason.startswith("REFUTED here, of 10 seeds; the evidence says SUPPORTED.")


def decided(judged, means, seeds=10):
    made = trials(means, seeds)
    decision, alongside = CLAIM.decide(made, Look((seeds,), 0))
    return judged.decided(CLAIM, Decided(decision, alongside, made), REPRODUCED)


@pytest.mark.parametrize(
    ("means", "asked", "verdict", "state", "red"),
    [
        (HELPS, {}, S, VerdictState.AS_EXPECTED, False),
        (HARMS, {}, R, VerdictState.FLIPPED, True),
        (SAME, {}, U, VerdictState.WEAKENED, False),
        (HARMS, {"update": True}, R, VerdictState.FLIPPED, False),
    ],
)
def test_a_run_to_the_end_decides_a_claim_beside_the_evidence(store, means, asked, verdict, state, red):
    result = decided(judge(store(), full=True, **asked), means)
    assert (result.verdict, result.here.own, result.here.verdict) == (verdict, verdict, S)
    assert (result.comparison.state, result.red) == (state, red)
    assert (result.variants["plain"].n, result.here.state is None) == (10, bool(asked))


@pytest.mark.parametrize(
    ("verdict", "state", "red"), [(S, VerdictState.AS_EXPECTED, False), (R, VerdictState.FLIPPED, True)]
)
def test_an_exact_claim_is_compared_with_the_expected_verdict(store, verdict, state, red):
    result = judge(store()).decided(EXACT, Decided(Decision(verdict, "A comparison.")))
    assert (result.verdict, result.experiment, result.definition) == (verdict, None, EXACT.definition)
    assert (result.comparison.state, result.red, result.here) == (state, red, None)


@pytest.mark.parametrize("update", [False, True])
def test_a_claim_that_was_not_run_is_red_even_in_an_update(store, update):
    result = judge(store(), full=True, update=update).decided(
        CLAIM, Decided(Decision(Verdict.NOT_RUN, "It could not be trained."))
    )
    assert (result.verdict, result.decision.reason) == (Verdict.NOT_RUN, "It could not be trained.")
    assert (result.comparison.state, result.red, result.moved) == (VerdictState.NOT_RUN, True, False)
