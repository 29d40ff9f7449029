"""Trainings compared with the evidence: the state of a variant and of a claim, case by case."""

import dataclasses
import math

import msgspec
import pytest

from harness.check.evidence import Measured, add
from harness.check.judge import Trainings, claim_state, judge
from harness.domain.experiment import Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.trial import Divergence, Trial
from harness.record.evidence import Hashes
from harness.record.outcomes import ClaimState, TrainingOutcome
from harness.record.outcomes import TrainingState as State
from harness.record.trials import ShortTrial, Trained

SIZE = Size(epochs=4, batch_size=32)
METRICS = (Metric("val_accuracy", "higher", "fraction", 0.0005), Metric("val_loss", "lower", "nats", 0.001))
EXPERIMENT = Experiment(
    id="nets",
    data=object,
    model=object,
    optimizer=object,
    loss="mse",
    size=SIZE,
    variants=(Variant("plain"),),
    metrics=METRICS,
)
KERAS = {"keras": "3.15.1", "backend": "tensorflow", "backend_version": "2.21.0", "jaxlib": None, "numpy": "2.4.6"}
NEWER = {**KERAS, "keras": "3.16.0"}
CONFIGURATION = {"model": {"layers": [{"rate": 0.2}]}, "batch_size": 32, "epochs": 4, "data": {"x": "abc"}}
SAME, OTHER = Hashes(initial="0" * 16, order="1" * 16), Hashes(initial="2" * 16, order="1" * 16)
STEPS = 8


def noise(seed, index):
    """About normal numbers that depend on nothing but their place."""
    return math.sin(12.9898 * seed + 78.233 * index) * 1.2


def trial(seed, accuracy=None, loss=None, curve=None, **more):
    accuracy = 0.98 + 0.001 * noise(seed, 1) if accuracy is None else accuracy
    loss = 0.1 + 0.003 * noise(seed, 2) if loss is None else loss
    curve = tuple(2.0 / (epoch + 1) + 0.01 * noise(seed, epoch) for epoch in range(4)) if curve is None else curve
    return Trial("plain", seed, {"val_accuracy": accuracy, "val_loss": loss}, {"loss": curve}, **more)


def short(seed, scale=1.0, steps=STEPS, **more):
    start = 2.3 + 0.05 * noise(seed, 3)
    given = {
        "experiment": "nets",
        "variant": "plain",
        "seed": seed,
        "engine": "steps",
        "losses": tuple(start * 0.9**step * (scale if step else 1.0) for step in range(steps)),
        "val_loss": 1.5 if seed == 0 else None,
        "observed": {"initial_norm": 3.0} if seed == 0 else {},
    }
    return ShortTrial(**{**given, **more})


def shorts(scale=1.0, **more):
    return [short(seed, scale, **more) for seed in range(5)]


OTHER_CANONICAL = short(0, canonical=True, losses=(2.0, *[1.9] * 7))
CANONICAL = short(0, canonical=True, losses=tuple(2.0 * 0.9**step for step in range(STEPS)))


def evidence(stack="tensorflow-cpu", seeds=30, tiny=False, hashes=SAME, perturbed=1e-6, configuration=CONFIGURATION):
    if tiny:
        moved = {k: [trial(seed, accuracy=0.5 + 0.1 * k) for seed in range(10)] for k in range(1, 5)}
        one = Measured(configuration, [trial(seed) for seed in range(seeds)], perturbed=moved, tiny=True)
    else:
        many = [
            short(seed, 1 + perturbed * k, perturbed=k, val_loss=None if seed else 1.5 + perturbed * k)
            for k in range(5)
            for seed in range(5)
        ]
        one = Measured(configuration, [trial(seed) for seed in range(seeds)], hashes, [*many, CANONICAL])
    return add(
        None, EXPERIMENT, stack, {"plain": one}, commit="abc", date="2026-11-25", reason="first", fingerprint=KERAS
    )  # fmt: skip


def judged(trained, stored=None, *, stack="tensorflow-cpu", fingerprint=KERAS, full=False, experiment=EXPERIMENT):
    stored = evidence() if stored is None else stored
    run = Trainings(stack, fingerprint, {"nets": {"plain": trained}}, full)
    return judge(run, {"nets": experiment}, {stored.stack: {"nets": stored}})["nets"]["plain"]


def trained(short=(), trials=(), configuration=CONFIGURATION, hashes=SAME):
    return Trained(configuration=configuration, hashes=hashes, short=tuple(short), trials=tuple(trials))


def test_the_same_start_is_identical():
    outcome = judged(trained(shorts()))
    assert (outcome.state, outcome.to_the_end, outcome.steps, outcome.seeds) == (State.IDENTICAL, False, STEPS, 5)


def test_a_start_that_only_rounds_otherwise_is_reproduced():
    outcome = judged(trained(shorts(1 + 5e-6)))
    assert (outcome.state, outcome.red) == (State.START_REPRODUCED, False)


def test_two_seeds_that_start_as_one_move():
    """One seed of five: no median shows it."""
    ours = [*shorts()[:3], msgspec.structs.replace(short(2), seed=3), short(4)]
    assert "seeds 2 and 3 gave one and the same training" in judged(trained(ours)).reason


def test_a_start_moves_at_the_first_step_whose_median_exceeds_the_limit():
    outcome = judged(trained(shorts(1.003)))
    assert (outcome.state, outcome.red) == (State.MOVED, True)
    assert (outcome.movement.step, outcome.movement.seeds) == (2, 5)
    assert outcome.movement.size == pytest.approx(0.003)
    assert outcome.movement.now / outcome.movement.before == pytest.approx(1.003)
    assert "limit 0.0001" in outcome.reason


def test_two_seeds_that_meet_a_rounding_event_move_nothing():
    assert judged(trained([*shorts()[:3], short(3, 1.1), short(4, 1.1)])).state is State.START_REPRODUCED


def test_one_seed_of_five_that_turns_to_nan_is_red():
    broken = msgspec.structs.replace(short(4), losses=(*short(4).losses[:5], "nan", "nan", "nan"))
    outcome = judged(trained([*shorts()[:4], broken]))
    assert outcome.state is State.MOVED
    assert (outcome.movement.seed, outcome.movement.step) == (4, 6)


def test_the_validation_loss_of_seed_0_moves_a_variant_by_itself():
    outcome = judged(trained([short(0, val_loss=1.501), *shorts()[1:]]))
    assert outcome.state is State.MOVED
    assert "Moved: validation loss after step 8: 1.5 → 1.501" in outcome.reason


def test_what_is_observed_of_the_initial_model_moves_a_variant():
    outcome = judged(trained([short(0, observed={"initial_norm": 2.7}), *shorts()[1:]]))
    assert "initial_norm at the start: 3 → 2.7" in outcome.reason


def test_a_trial_that_was_trained_for_fewer_steps_is_missing():
    assert judged(trained([*shorts()[:4], short(4, steps=3)])).reason == "Seed 4 was trained for 3 of 8 steps."


def test_a_seed_that_the_evidence_lacks_says_so():
    outcome = judged(trained([short(7)]))
    assert outcome.state is State.MISSING
    assert "traces of seeds 0, 1, 2, 3, 4" in outcome.reason
    assert "seeds [7]" in outcome.reason


def test_a_training_whose_first_step_rounding_moves_is_not_compared():
    stored = evidence()
    variant = msgspec.structs.replace(stored.variants["plain"], steps=0)
    outcome = judged(trained(shorts(2.0)), msgspec.structs.replace(stored, variants={"plain": variant}))
    assert (outcome.state, claim_state([outcome])) == (State.NEW, ClaimState.NOT_CONFIRMED)


def test_an_anchor_inside_the_interval_reproduces_its_variant():
    outcome = judged(trained(shorts(1 + 5e-6), [trial(0, accuracy=0.9812)]))
    assert (outcome.state, outcome.to_the_end) == (State.REPRODUCED, True)
    assert outcome.anchors[0].now == 0.9812
    assert "seed 0 to the end 0.9812, stored 0.98" in outcome.reason


def test_an_anchor_outside_the_interval_has_moved():
    outcome = judged(trained(shorts(), [trial(0, accuracy=0.955)]))
    assert outcome.state is State.MOVED
    assert "val_accuracy of seed 0 is 0.955" in outcome.reason


def test_an_anchor_that_fails_where_its_stored_trial_trained_has_moved():
    for kind in ("nan", "inf", "stuck at chance"):
        outcome = judged(trained(shorts(), [trial(0, divergence=Divergence(kind, 3))]))
        assert outcome.state is State.MOVED
        assert f"Moved: seed 0 failed ({kind} in epoch 3), its stored trial trained." in outcome.reason


@pytest.mark.parametrize("full", [True, False])
def test_a_trial_that_ends_before_its_last_epoch_has_moved(full):
    short = [trial(seed, curve=trial(seed).history["loss"][: 3 if seed == 2 else 4]) for seed in range(5)]
    outcome = judged(trained(shorts(), short), full=full)
    assert (outcome.state, outcome.reason) == (State.MOVED, "Moved: seed 2 ended after 3 of 4 epochs.")


def calm_evidence():
    stored = evidence()
    variant = msgspec.structs.replace(stored.variants["plain"], calm_to_the_end=True)
    return msgspec.structs.replace(stored, variants={"plain": variant})


@pytest.mark.parametrize("full", [True, False])
def test_where_rounding_moves_no_epoch_an_epoch_moves_a_training_by_itself(full):
    """The accuracy in the end is the stored one."""

    def ours(by):
        curves = [trial(seed).history["loss"] for seed in range(5 if full else 1)]
        return trained(shorts(), [trial(s, curve=(*c[:2], c[2] * by, c[3])) for s, c in enumerate(curves)])

    assert judged(ours(1 + 2e-5), calm_evidence(), full=full).state is State.REPRODUCED
    outcome = judged(ours(1.001), calm_evidence(), full=full)
    assert (outcome.state, outcome.movement.feature, outcome.movement.step) == (State.MOVED, "training loss, epoch", 3)
    assert "4 epochs one by one" in judged(ours(1 + 2e-5), calm_evidence(), full=full).reason


def test_where_rounding_moves_epochs_they_are_not_compared():
    ours = trained(shorts(), [trial(0, curve=(9.0, 9.0, 9.0, 9.0))])
    assert not judged(ours).red
    assert judged(ours, calm_evidence()).state is State.MOVED


def test_a_trial_that_failed_has_fewer_epochs():
    failed = [trial(0, curve=(1.0, 2.0), divergence=Divergence("nan", 3))]
    assert "ended after" not in judged(trained(shorts(), failed)).reason


def test_an_anchor_that_fails_as_its_stored_trial_did_has_not_moved():
    failing = [trial(seed, accuracy=math.nan, divergence=Divergence("nan", 3)) for seed in range(30)]
    stored = add(
        None,
        EXPERIMENT,
        "tensorflow-cpu",
        {"plain": Measured(CONFIGURATION, failing)},
        commit="a",
        date="2026-11-25",
        reason="x",
        fingerprint=KERAS,
    )
    assert judged(trained(trials=failing[:1]), stored).state is State.IDENTICAL


def test_a_tiny_training_is_compared_seed_by_seed_to_the_end():
    stored = evidence(tiny=True)
    same = [trial(seed) for seed in range(10)]
    assert judged(trained(trials=same), stored).state is State.IDENTICAL
    rounded = [trial(seed, loss=t.metrics["val_loss"] * (1 + 2e-6)) for seed, t in enumerate(same)]
    outcome = judged(trained(trials=rounded), stored)
    assert (outcome.state, outcome.to_the_end, outcome.not_calm) == (State.REPRODUCED, True, ("val_accuracy",))
    moved = [trial(seed, loss=t.metrics["val_loss"] * 1.001) for seed, t in enumerate(same)]
    assert "Moved: val_loss" in judged(trained(trials=moved), stored).reason


def test_a_tiny_training_moves_by_the_loss_of_one_of_its_first_epochs():
    curves = [trial(seed).history["loss"] for seed in range(10)]
    moved = [trial(seed, curve=(*curve[:2], curve[2] * 1.01, curve[3])) for seed, curve in enumerate(curves)]
    outcome = judged(trained(trials=moved), evidence(tiny=True))
    assert (outcome.state, outcome.movement.step) == (State.MOVED, 3)


@pytest.mark.parametrize(
    ("stored", "now", "state"),
    [(5.7e-8, 5.5e-8, State.REPRODUCED), (5.7e-8, 5.7e-7, State.MOVED), (0.01, 0.01001, State.MOVED)],
)
def test_a_value_far_below_the_floor_of_its_metric_does_not_move_by_rounding(stored, now, state):
    metric = Metric("distance", "lower", "1", 0.1, scale="log", floor=1e-3)

    def descent(seed, distance):
        return Trial("plain", seed, {"distance": distance}, {"loss": (2.0, 1.0, 0.5, 0.4 + 0.01 * seed)})

    same = [descent(seed, stored) for seed in range(10)]
    one = Measured(CONFIGURATION, same, perturbed=dict.fromkeys(range(1, 5), same), tiny=True)
    experiment = dataclasses.replace(EXPERIMENT, metrics=(metric,))
    session = {"commit": "abc", "date": "2026-11-25", "reason": "first", "fingerprint": KERAS}
    evidence = add(None, experiment, "tensorflow-cpu", {"plain": one}, **session)
    ours = trained(trials=[descent(seed, now) for seed in range(10)])
    assert judged(ours, evidence, experiment=experiment).state is state


def test_a_metric_that_rounding_moves_is_not_compared():
    moved = [trial(seed, accuracy=0.9) for seed in range(10)]
    assert judged(trained(trials=moved), evidence(tiny=True)).state is State.REPRODUCED


def test_one_tiny_training_of_ten_that_fails_is_red():
    broken = [*(trial(seed) for seed in range(9)), trial(9, divergence=Divergence("inf", 2, 2))]
    assert judged(trained(trials=broken), evidence(tiny=True)).state is State.MOVED


@pytest.mark.parametrize(("key", "value"), [("batch_size", 64), ("epochs", 5), ("data", {"x": "abd"})])
@pytest.mark.parametrize("fingerprint", [KERAS, NEWER])
def test_another_size_or_other_data_are_never_comparable(key, value, fingerprint):
    outcome = judged(trained(shorts(), configuration={**CONFIGURATION, key: value}), fingerprint=fingerprint)
    assert outcome.state is State.NOT_COMPARABLE
    assert key in outcome.reason
    assert "the catalogue" in outcome.reason


CHANGED = {**CONFIGURATION, "model": {"layers": [{"rate": 0.3}]}}


def test_another_configuration_under_the_same_keras_is_not_comparable():
    outcome = judged(trained(shorts(), configuration=CHANGED))
    assert outcome.state is State.NOT_COMPARABLE
    assert "model.layers[0].rate 0.2 then, 0.3 now" in outcome.reason


def test_another_configuration_under_another_keras_is_compared_and_shown():
    outcome = judged(trained(shorts(), configuration=CHANGED), fingerprint=NEWER)
    assert outcome.state is State.IDENTICAL
    assert outcome.changed == (("model.layers[0].rate", 0.2, 0.3),)
    outcome = judged(trained(shorts(1.01), configuration=CHANGED), fingerprint=NEWER)
    assert (outcome.state, len(outcome.changed)) == (State.MOVED, 1)


def redrawn(scale=1.0):
    """The starts of other random numbers: other seeds' losses under the names of these."""
    others = [short(seed + 11) for seed in range(5)]
    return [
        msgspec.structs.replace(one, seed=seed, losses=tuple(scale * x for x in one.losses))
        for seed, one in enumerate(others)
    ]


def test_other_random_numbers_of_another_version_are_accepted_with_the_canonical_trace():
    outcome = judged(trained([*redrawn(), CANONICAL], hashes=OTHER), fingerprint=NEWER)
    assert outcome.state is State.START_REPRODUCED
    assert "other random numbers (keras 3.15.1 → 3.16.0)" in outcome.reason


@pytest.mark.parametrize(
    ("short", "hashes", "fingerprint", "said"),
    [
        ([*redrawn(), CANONICAL], OTHER, KERAS, "Moved: training loss, step 1"),
        ([*redrawn(), CANONICAL], SAME, NEWER, "Moved: training loss, step 1"),
        (redrawn(), OTHER, NEWER, "no canonical trace"),
        ([*redrawn(), OTHER_CANONICAL], OTHER, NEWER, "canonical training loss, step 2"),
        ([*redrawn(1.6), CANONICAL], OTHER, NEWER, "the distribution moved"),
    ],
    ids=["same versions", "same hashes", "no canonical trace", "canonical trace moved", "another distribution"],
)  # fmt: skip
def test_other_random_numbers_are_no_excuse_for(short, hashes, fingerprint, said):
    outcome = judged(trained(short, hashes=hashes), fingerprint=fingerprint)
    assert outcome.state is State.MOVED
    assert said in outcome.reason


def test_an_anchor_out_of_its_interval_is_not_excused_by_other_random_numbers():
    outcome = judged(trained([*redrawn(), CANONICAL], [trial(0, accuracy=0.955)], hashes=OTHER), fingerprint=NEWER)
    assert outcome.state is State.MOVED


def test_another_stack_is_compatible_and_never_reproduced():
    outcome = judged(trained([*redrawn(), CANONICAL], [trial(0)], hashes=OTHER), stack="torch-cpu")
    assert (outcome.state, outcome.compatible, outcome.red) == (State.NEW, True, False)
    assert claim_state([outcome]) is ClaimState.COMPATIBLE


def test_another_stack_whose_canonical_trace_differs_has_moved():
    moved = msgspec.structs.replace(CANONICAL, losses=tuple(x * 1.01 for x in CANONICAL.losses))
    outcome = judged(trained([moved]), stack="torch-cpu")
    assert (outcome.state, outcome.compatible) == (State.MOVED, False)
    assert claim_state([outcome]) is ClaimState.NOT_CONFIRMED


def test_another_stack_whose_anchor_is_outside_the_distribution_has_moved():
    outcome = judged(trained([CANONICAL], [trial(0, accuracy=0.9)]), stack="torch-cpu")
    assert outcome.state is State.MOVED


def test_a_variant_without_evidence_anywhere_is_new():
    run = Trainings("torch-cpu", KERAS, {"nets": {"plain": trained(shorts())}})
    outcome = judge(run, {"nets": EXPERIMENT}, {})["nets"]["plain"]
    assert (outcome.state, outcome.compatible) == (State.NEW, None)
    assert claim_state([outcome]) is ClaimState.NOT_CONFIRMED


def test_a_variant_that_is_declared_no_more_is_missing():
    other = dataclasses.replace(EXPERIMENT, variants=(Variant("fancy"),))
    run = Trainings("tensorflow-cpu", KERAS, {"nets": {"fancy": trained()}})
    outcomes = judge(run, {"nets": other}, {"tensorflow-cpu": {"nets": evidence()}})["nets"]
    assert {name: one.state for name, one in outcomes.items()} == {"fancy": State.NEW, "plain": State.MISSING}


def test_a_variant_that_was_not_trained_is_missing():
    assert judged(trained()).state is State.MISSING


def test_a_metric_on_one_side_only_is_missing():
    other = dataclasses.replace(EXPERIMENT, metrics=(*METRICS, Metric("gap", "lower", "nats", 0.1)))
    assert judged(trained(shorts()), experiment=other).reason == "Metrics not in the evidence: gap."


def test_a_run_to_the_end_that_repeats_the_stored_trials_is_identical():
    assert judged(trained(trials=[trial(seed) for seed in range(10)]), full=True).state is State.IDENTICAL


def test_a_run_to_the_end_of_other_trials_of_the_same_distribution_is_reproduced():
    ours = [trial(seed, accuracy=0.98 + 0.001 * noise(seed, 9)) for seed in range(10)]
    assert judged(trained(trials=ours), full=True).state is State.REPRODUCED


def test_a_run_to_the_end_moves_by_its_mean():
    ours = [trial(seed, accuracy=0.976 + 0.001 * noise(seed, 9)) for seed in range(10)]
    outcome = judged(trained(trials=ours), full=True)
    assert outcome.state is State.MOVED
    assert "over 10 seeds" in outcome.reason


@pytest.mark.parametrize("seeds", [5, 30])
def test_one_seed_at_chance_moves_a_run_to_the_end(seeds):
    ours = [trial(seed, accuracy=0.1 if seed == 3 else None) for seed in range(seeds)]
    outcome = judged(trained(trials=ours), full=True)
    assert outcome.state is State.MOVED
    assert "val_accuracy of seed 3 is 0.1" in outcome.reason


@pytest.mark.parametrize("seeds", [5, 30])
def test_one_seed_that_turns_to_nan_moves_a_run_to_the_end(seeds):
    ours = [trial(seed) for seed in range(seeds - 1)]
    broken = trial(seeds - 1, accuracy=math.nan, divergence=Divergence("nan", 2, 90))
    assert judged(trained(trials=[*ours, broken]), full=True).state is State.MOVED


def test_a_fresh_seed_that_fails_moves_a_run_to_the_end():
    ours = [*(trial(seed) for seed in range(4)), trial(99, divergence=Divergence("nan", 2, 90))]
    assert "all 30 stored trials trained" in judged(trained(trials=ours), full=True).reason


def test_seeds_that_are_one_and_the_same_training_move_a_run_to_the_end():
    ours = [msgspec.structs.replace(trial(0), seed=seed) for seed in range(10)]
    assert "seeds 0 and 1 gave one and the same training" in judged(trained(trials=ours), full=True).reason


def outcome(state, end=False, compatible=None):
    return TrainingOutcome(state, "", to_the_end=end, compatible=compatible)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([outcome(State.REPRODUCED, True), outcome(State.IDENTICAL, True)], ClaimState.CONFIRMED),
        ([outcome(State.REPRODUCED, True), outcome(State.START_REPRODUCED)], ClaimState.START_CONFIRMED),
        ([outcome(State.IDENTICAL)], ClaimState.START_CONFIRMED),
        ([outcome(State.REPRODUCED, True), outcome(State.NEW, compatible=True)], ClaimState.COMPATIBLE),
        ([outcome(State.REPRODUCED, True), outcome(State.NEW)], ClaimState.NOT_CONFIRMED),
        ([outcome(State.REPRODUCED, True), outcome(State.MOVED, True)], ClaimState.NOT_CONFIRMED),
        ([outcome(State.MISSING)], ClaimState.NOT_CONFIRMED),
        ([outcome(State.NOT_COMPARABLE)], ClaimState.NOT_CONFIRMED),
        ([], ClaimState.CONFIRMED),
    ],
)
def test_a_claim_is_confirmed_as_far_as_its_weakest_variant(outcomes, state):
    assert claim_state(outcomes) is state
