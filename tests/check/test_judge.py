"""Trainings compared with the evidence: the state of a variant and of a claim, case by case."""

import dataclasses
import math
import re

import msgspec
import pytest

from harness.check.judge import Circumstances, claim_state, judge
from harness.check.rounding import of_tiny
from harness.model import Divergence, Metric, Trial
from harness.record.outcomes import ClaimState, TrainingOutcome
from harness.record.outcomes import TrainingState as State
from harness.record.trials import Hashes, ShortTrial, Training
from harness.record.trials import State as Start
from tests import make

EXPERIMENT = make.experiment("plain")
KERAS = make.VERSIONS
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


CURVES = {"val_loss": (1.0, 0.9), "val_accuracy": (0.5, 0.6)}


def short(seed, scale=1.0, steps=STEPS, **more):
    first = 2.3 + 0.05 * noise(seed, 3)
    losses = tuple(first * 0.9**step * (scale if step else 1.0) for step in range(steps))
    return ShortTrial(**{"seed": seed, "engine": "steps", "losses": losses, "curves": CURVES} | more)


def shorts(scale=1.0, **more):
    return [short(seed, scale, **more) for seed in range(5)]


OTHER_CANONICAL = short(0, canonical=True, losses=(2.0, *[1.9] * 7))
CANONICAL = short(0, canonical=True, losses=tuple(2.0 * 0.9**step for step in range(STEPS)))
INITIAL = Start(steps=STEPS, canonical=6, curves={"val_loss": 2, "val_accuracy": 1})


def evidence(stack="tensorflow-cpu", seeds=30, tiny=False, hashes=SAME, configuration=CONFIGURATION):
    if tiny:
        moved = {k: [trial(seed, accuracy=0.5 + 0.1 * k) for seed in range(10)] for k in range(1, 5)}
        training = of_tiny(trained((), map(trial, range(seeds)), configuration, None), moved, EXPERIMENT)
    else:
        training = trained([*shorts(), CANONICAL], map(trial, range(seeds)), configuration, hashes)
        training = msgspec.structs.replace(training, states=(INITIAL,))
    return make.evidence(EXPERIMENT, {"plain": training}, stack)


def judged(trained, stored=None, *, stack="tensorflow-cpu", fingerprint=KERAS, full=False, experiment=EXPERIMENT):
    stored = evidence() if stored is None else stored
    return judge(Circumstances(stack, fingerprint, full), experiment, "plain", trained, {stored.stack: stored})


def trained(short=(), trials=(), configuration=CONFIGURATION, hashes=SAME):
    return Training(configuration=configuration, hashes=hashes, short=tuple(short), trials=tuple(trials))


def replaced(seed, **changes):
    """The starts of five seeds, one of them changed."""
    return [msgspec.structs.replace(start, **changes) if start.seed == seed else start for start in shorts()]


def ends(values=None, seeds=10, **more):
    """Trials to the end; ``values``: the accuracy by seed, or of all."""
    known = values if isinstance(values, dict) else dict.fromkeys(range(seeds), values)
    return [trial(seed, known.get(seed), **more) for seed in range(seeds)]


def redrawn(scale=1.0):
    """The starts of other random numbers: other seeds' losses under the names of these."""
    return [
        msgspec.structs.replace(short(seed + 11), seed=seed, losses=tuple(scale * x for x in short(seed + 11).losses))
        for seed in range(5)
    ]


def with_variant(stored, **changes):
    return msgspec.structs.replace(
        stored, variants={"plain": msgspec.structs.replace(stored.variants["plain"], **changes)}
    )


BROKEN = replaced(4, losses=(*short(4).losses[:5], "nan", "nan", "nan"))
ONE_CURVE = [trial(0, curve=(9.0, 9.0, 9.0, 9.0))]
CALM = with_variant(evidence(), calm_to_the_end=True)
UNSURE = with_variant(evidence(), steps=0, states=(Start(),))
FAILED = Divergence("nan", 3)
CHANGED = {**CONFIGURATION, "model": {"layers": [{"rate": 0.3}]}}
GAP = dataclasses.replace(EXPERIMENT, metrics=(*EXPERIMENT.metrics, Metric("gap", "lower", "nats", 0.1)))
NOISY = [trial(seed, accuracy=0.98 + 0.001 * noise(seed, 9)) for seed in range(10)]
SHIFTED = [trial(seed, accuracy=0.976 + 0.001 * noise(seed, 9)) for seed in range(10)]
TINY = evidence(tiny=True)
FULL = {"full": True}
OTHERS = {"hashes": OTHER}


def losses(by):
    return [trial(seed, loss=trial(seed).metrics["val_loss"] * by) for seed in range(10)]


def epoch_3(by, seeds):
    curves = [trial(seed).history["loss"] for seed in range(seeds)]
    return [trial(seed, curve=(*curve[:2], curve[2] * by, curve[3])) for seed, curve in enumerate(curves)]


IDENTICAL, REPRODUCED, START_REPRODUCED, MOVED, MISSING, NEW, NOT_COMPARABLE = State
START = [
    ("the same bits", trained(shorts()), {}, IDENTICAL, "8 steps of 5 seeds"),
    ("other rounding", trained(shorts(1 + 5e-6)), {}, START_REPRODUCED, ""),
    ("two seeds that start as one", trained(replaced(3, losses=short(2).losses)), {}, MOVED, "seeds 2 and 3 gave one"),
    ("losses 0.3 % off", trained(shorts(1.003)), {}, MOVED, "step 2: .*off by 0.3 % .median of 5 seeds; limit 0.01 %"),
    ("two seeds of five off", trained([*shorts()[:3], short(3, 1.1), short(4, 1.1)]), {}, START_REPRODUCED, ""),
    ("one seed of five is nan", trained(BROKEN), {}, MOVED, r"step 6: .* → nan \(seed 4\)"),
    ("an accuracy", trained(shorts(curves={**CURVES, "val_accuracy": (0.501, 0.6)})), {}, MOVED,
     "val_accuracy, short epoch 1: 0.5 → 0.501"),
    ("an accuracy that rounding moves", trained(shorts(curves={**CURVES, "val_accuracy": (0.5, 0.7)})), {}, IDENTICAL,
     ""),
    ("weights in bfloat16", trained(shorts(rounded=3)), {}, MOVED, "weights of few bits: 0 → 3"),
    ("too few steps", trained([*shorts()[:4], short(4, steps=3)]), {}, MISSING, "^Seed 4 was trained for 3 of"),
    ("an unknown seed", trained([short(7)]), {}, MISSING, r"seeds 0, 1, 2, 3, 4, .* seeds \[7\]"),
    ("rounding moves step 1", trained(shorts(2.0)), {"stored": UNSURE}, NEW, "no step"),
    ("nothing trained", trained(), {}, MISSING, "nothing of it was trained"),
    ("another metric", trained(shorts()), {"experiment": GAP}, MISSING, "^Metrics not in the evidence: gap.$"),
]  # fmt: skip
END = [
    ("an anchor", trained(shorts(1 + 5e-6), ends({0: 0.9812}, 1)), {}, REPRODUCED, "to the end 0.9812, stored 0.98"),
    ("an anchor far off", trained(shorts(), ends({0: 0.955}, 1)), {}, MOVED, "val_accuracy of seed 0 is 0.955"),
    ("an anchor that fails", trained(shorts(), ends(seeds=1, divergence=FAILED)), {}, MOVED,
     r"seed 0 failed \(nan in epoch 3\), its stored trial trained."),
    ("few epochs", trained(shorts(), ends(seeds=1, curve=(2.0, 1.0, 0.7))), {}, MOVED, "seed 0 ended after 3 of 4"),
    ("few epochs of many", trained((), ends(seeds=5, curve=(2.0, 1.0, 0.7))), FULL, MOVED, "seed 0 ended after 3 of 4"),
    ("epochs that rounding moves", trained(shorts(), ONE_CURVE), {}, IDENTICAL, ""),
    ("epochs that it does not", trained(shorts(), ONE_CURVE), {"stored": CALM}, MOVED, "training loss, epoch 1"),
    ("a calm epoch rounds", trained(shorts(), epoch_3(1 + 2e-5, 1)), {"stored": CALM}, REPRODUCED, "4 epochs one by"),
    ("a calm epoch moves", trained(shorts(), epoch_3(1.001, 1)), {"stored": CALM}, MOVED, "training loss, epoch 3"),
    ("of many seeds", trained((), epoch_3(1.001, 5)), {"stored": CALM, **FULL}, MOVED, "training loss, epoch 3"),
    ("a tiny one", trained((), ends()), {"stored": TINY}, IDENTICAL, "10 seeds to the end"),
    ("a tiny one rounds", trained((), losses(1 + 2e-6)), {"stored": TINY}, REPRODUCED, "moves it: 1 other feature"),
    ("a tiny one moves", trained((), losses(1.001)), {"stored": TINY}, MOVED, "val_loss"),
    ("its third epoch", trained((), epoch_3(1.01, 10)), {"stored": TINY}, MOVED, "training loss, epoch 3"),
    ("a metric that rounding moves", trained((), ends(0.9)), {"stored": TINY}, REPRODUCED, ""),
    ("a tiny one fails", trained((), [*ends(seeds=9), trial(9, divergence=FAILED)]), {"stored": TINY}, MOVED, ""),
    ("the same trials", trained((), ends()), FULL, IDENTICAL, ""),
    ("others of the distribution", trained((), NOISY), FULL, REPRODUCED, ""),
    ("another mean", trained((), SHIFTED), FULL, MOVED, "over 10 seeds"),
    ("one of 5 at chance", trained((), ends({3: 0.1}, 5)), FULL, MOVED, "val_accuracy of seed 3 is 0.1"),
    ("one of 30 at chance", trained((), ends({3: 0.1}, 30)), FULL, MOVED, "val_accuracy of seed 3 is 0.1"),
    ("one of 30 is nan", trained((), [*ends(seeds=29), trial(29, divergence=FAILED)]), FULL, MOVED, "seed 29"),
    ("a fresh one fails", trained((), [*ends(seeds=4), trial(99, divergence=FAILED)]), FULL, MOVED, "all 30 stored"),
    ("all are one", trained((), [msgspec.structs.replace(trial(0), seed=s) for s in range(10)]), FULL, MOVED,
     "seeds 0 and 1 gave one and the same training"),
]  # fmt: skip
VERSIONS = [
    ("a newer Keras changes a value", trained(shorts(), (), CHANGED), {"fingerprint": NEWER}, IDENTICAL, ""),
    ("and moves", trained(shorts(1.01), (), CHANGED), {"fingerprint": NEWER}, MOVED, ""),
    ("the same Keras", trained(shorts(), (), CHANGED), {}, NOT_COMPARABLE, r"layers\[0\].rate 0.2 then, 0.3 now"),
    *(
        (f"another {key}", trained(shorts(), (), {**CONFIGURATION, key: value}), {"fingerprint": prints},
         NOT_COMPARABLE, f"the catalogue: {key}")
        for key, value in (("batch_size", 64), ("epochs", 5), ("data", {"x": "abd"}))
        for prints in (KERAS, NEWER)
    ),
    ("other numbers", trained([*redrawn(), CANONICAL], **OTHERS), {"fingerprint": NEWER}, START_REPRODUCED,
     r"other random numbers \(keras 3.15.1 → 3.16.0\)"),
    ("of the same versions", trained([*redrawn(), CANONICAL], **OTHERS), {}, MOVED, "training loss, step 1"),
    ("of equal hashes", trained([*redrawn(), CANONICAL]), {"fingerprint": NEWER}, MOVED, "training loss, step 1"),
    ("without a canonical trace", trained(redrawn(), **OTHERS), {"fingerprint": NEWER}, MOVED, "no canonical trace"),
    ("with another one", trained([*redrawn(), OTHER_CANONICAL], **OTHERS), {"fingerprint": NEWER}, MOVED,
     "canonical training loss, step 2"),
    ("of another distribution", trained([*redrawn(1.6), CANONICAL], **OTHERS), {"fingerprint": NEWER}, MOVED,
     "the distribution moved"),
    ("an anchor far off", trained([*redrawn(), CANONICAL], ends({0: 0.955}, 1), **OTHERS), {"fingerprint": NEWER},
     MOVED, "0.955"),
    ("another stack", trained([*redrawn(), CANONICAL], ends(seeds=1)), {"stack": "torch-cpu"}, NEW, "compatible"),
    ("whose trace differs", trained([OTHER_CANONICAL]), {"stack": "torch-cpu"}, MOVED, "tensorflow-cpu: canonical"),
    ("whose anchor does", trained([CANONICAL], ends({0: 0.9}, 1)), {"stack": "torch-cpu"}, MOVED, "seed 0 is 0.9"),
    ("nothing to compare", trained(shorts()), {"stack": "torch-cpu"}, NEW, "nothing to compare"),
]  # fmt: skip


@pytest.mark.parametrize(("_", "ours", "given", "state", "says"), [*START, *END, *VERSIONS])
def test_states(_, ours, given, state, says):
    outcome = judged(ours, **given)
    assert outcome.state is state
    assert re.search(says, outcome.reason)
    assert outcome.to_the_end == bool(ours.trials) or state in (State.MISSING, State.NOT_COMPARABLE, State.NEW)
    if given.get("stack"):
        assert outcome.compatible is {State.MOVED: False}.get(state, True if "compatible" in says else None)


def test_what_an_outcome_says():
    outcome = judged(trained(shorts(1.003)))
    assert (outcome.movement.step, outcome.movement.seeds) == (2, 5)
    assert outcome.movement.size == pytest.approx(0.003)
    assert outcome.movement.now / outcome.movement.before == pytest.approx(1.003)
    outcome = judged(trained(shorts(1.01), configuration=CHANGED), fingerprint=NEWER)
    assert outcome.changed == (("model.layers[0].rate", 0.2, 0.3),)
    assert judged(trained(trials=losses(1 + 2e-6)), TINY).not_calm == ("val_accuracy",)
    assert judged(trained(shorts(), ends({0: 0.9812}, 1))).anchors[0].now == 0.9812


def test_a_variant_without_evidence_anywhere_is_new():
    outcome = judge(Circumstances("torch-cpu", KERAS), EXPERIMENT, "plain", trained(shorts()), {})
    assert (outcome.state, outcome.compatible) == (State.NEW, None)


def test_an_anchor_that_fails_as_its_stored_trial_did_has_not_moved():
    failing = [trial(seed, accuracy=math.nan, divergence=FAILED) for seed in range(30)]
    stored = make.evidence(EXPERIMENT, {"plain": trained(trials=failing, hashes=None)})
    assert judged(trained(trials=failing[:1]), stored).state is State.IDENTICAL
    shorter = [trial(0, curve=(1.0, 2.0), divergence=FAILED)]
    assert "ended after" not in judged(trained(shorts(), shorter)).reason


@pytest.mark.parametrize(
    ("stored", "now", "state"),
    [(5.7e-8, 5.5e-8, State.REPRODUCED), (5.7e-8, 5.7e-7, State.MOVED), (0.01, 0.01001, State.MOVED)],
)
def test_a_value_far_below_the_floor_of_its_metric_does_not_move_by_rounding(stored, now, state):
    metric = Metric("distance", "lower", "1", 0.1, scale="log", floor=1e-3)

    def descent(seed, distance):
        return Trial("plain", seed, {"distance": distance}, {"loss": (2.0, 1.0, 0.5, 0.4 + 0.01 * seed)})

    same = [descent(seed, stored) for seed in range(10)]
    experiment = dataclasses.replace(EXPERIMENT, metrics=(metric,))
    known = of_tiny(trained(trials=same, hashes=None), dict.fromkeys(range(1, 5), same), experiment)
    ours = trained(trials=[descent(seed, now) for seed in range(10)])
    assert judged(ours, make.evidence(experiment, {"plain": known}), experiment=experiment).state is state


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


LATE = Start(start=343, steps=8, canonical=6, curves={"val_loss": 2, "val_accuracy": 1})


def late(scale=1.0, start=LATE.start, **more):
    """Trials from a late state: of five seeds, and the canonical one."""
    given = {"start": start, **more}
    return [*(short(seed, scale, **given) for seed in range(5)), short(0, scale, canonical=True, **given)]


SHORT = (*evidence().variants["plain"].short, *late())
KNOWN_LATE = with_variant(evidence(), short=SHORT, states=(INITIAL, LATE, Start(start=2349)))


@pytest.mark.parametrize(
    ("now", "state", "said"),
    [
        pytest.param(late(), State.IDENTICAL, "8 steps of 5 seeds; steps from 1 late state", id="the same"),
        pytest.param(late(1 + 5e-5), State.START_REPRODUCED, "steps from 1 late state", id="rounding"),
        pytest.param(late(1 + 5e-4), State.MOVED, "training loss from the state after 343 steps, step 2", id="moved"),
        pytest.param([], State.IDENTICAL, "Compared: 8 steps of 5 seeds.", id="not trained here"),
        pytest.param(
            late(curves={**CURVES, "val_accuracy": (0.501, 0.6)}), State.MOVED,
            "val_accuracy from the state after 343 steps, short epoch 1: 0.5 → 0.501", id="an accuracy",
        ),
        pytest.param(
            late(curves={**CURVES, "val_accuracy": (0.5, 0.7)}), State.IDENTICAL, "", id="what rounding moves",
        ),
        pytest.param(late(rounded=3), State.MOVED, "weights of few bits from the state", id="bfloat16"),
    ],
)  # fmt: skip
def test_steps_from_a_late_state(now, state, said):
    """Of the states that both sides have; evidence without any is compared without them."""
    outcome = judged(trained([*shorts(), *now]), KNOWN_LATE)
    assert (outcome.state, outcome.late) == (state, bool(now))
    assert said in outcome.reason
    assert judged(trained([*shorts(), *now])).state is State.IDENTICAL


def test_canonical_steps_from_a_late_state_are_compared_with_another_stack():
    for scale, compatible in ((1 + 5e-6, True), (1 + 5e-4, False)):
        ours = trained([CANONICAL, *late(scale)])
        outcome = judged(ours, KNOWN_LATE, stack="jax-cpu")
        assert (outcome.compatible, outcome.late) == (compatible, 1)
    assert "canonical training loss from the state after 343 steps, step 2" in outcome.reason
