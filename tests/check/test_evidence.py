"""Files of evidence: read back as written, strict about damage, extended seed by seed."""

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.check.evidence import dumps, parse, path_of, read, update, write
from harness.check.rounding import of_tiny
from harness.errors import SuiteError
from harness.model import Divergence, Seconds, Trial
from harness.record.evidence import EXACT, SCHEMA, Evidence, Expected
from harness.record.trials import Hashes, ShortTrial, State, Training
from tests import make

EXPERIMENT = make.experiment("plain", "dropout")
CONFIGURATION = {"model": {"layers": [{"units": 256}, {"rate": 0.2}]}, "batch_size": 32, "epochs": 4}
STACK = "tensorflow-cpu"


def trial(seed, accuracy=None, epochs=4, **more):
    accuracy = 0.98 + seed / 1000 if accuracy is None else accuracy
    curve = tuple(1.0 / (epoch + 1 + seed) for epoch in range(epochs))
    metrics, history = {"val_accuracy": accuracy, "val_loss": 0.1}, {"loss": curve, "val_loss": curve}
    return Trial("plain", seed, metrics, history, seconds=Seconds(2.0), engine="compiled", **more)


def short(seed, steps=20, perturbed=0, moved=0.0, **more):
    losses = tuple((1 + moved) * 2.3 * 0.9**step for step in range(steps))
    return ShortTrial(**{"seed": seed, "engine": "steps", "losses": losses, "perturbed": perturbed, **more})


def training(trials, configuration=CONFIGURATION, short=(), **more):
    """Of these trials; a range stands for the trials of these seeds."""
    trials = tuple(trial(each) if isinstance(each, int) else each for each in trials)
    return Training(configuration=configuration, trials=trials, short=tuple(short), **more)


def stored(new, old=None, reason="first"):
    return make.evidence(EXPERIMENT, {"plain": new}, old=old, reason=reason)


def made(seeds=range(8), **more):
    return stored(training(seeds, **more))


STATES = (State(steps=7, canonical=5, curves={"val_loss": 1}), State(start=343, steps=9, curves={"val_loss": 2}))


def traced():
    return [
        short(seed, start=state.start, canonical=canonical, curves={"val_loss": (1.0, 0.9)})
        for state in STATES
        for canonical, seeds in ((False, range(5)), (True, [0]))
        for seed in seeds
    ]


@pytest.mark.parametrize(
    "evidence",
    [
        made(
            short=traced(),
            hashes=Hashes(initial="0" * 16, order="1" * 16),
            states=STATES,
            sizes={"Dense-0/kernel": (0.0, 0.1)},
        ),
        made(short=[short(0, losses=(1.0, "inf", "-inf", "nan"))]),
        made([0, trial(1, accuracy=math.nan, divergence=Divergence("nan", 2, 17)), 2]),
        Evidence(
            experiment=EXACT,
            stack=STACK,
            variants={},
            expected={"adam-rule": Expected(verdict="SUPPORTED", date="2026-11-25", reason="first")},
        ),
    ],
    ids=["short trials", "not finite", "a failure", "exact claims"],
)
def test_a_file_is_read_back_as_it_was_written(tmp_path, evidence):
    path = path_of(tmp_path, STACK, evidence.experiment)
    assert read(path) is None
    assert update(path, lambda _: evidence) == (None, evidence)
    assert read(path) == evidence
    assert (path, json.loads(path.read_text())["schema"]) == (tmp_path / STACK / f"{evidence.experiment}.json", SCHEMA)
    with pytest.raises(SuiteError, match="no variants"):
        write(path_of(tmp_path, STACK, EXACT), msgspec.structs.replace(made(), experiment=EXACT))


def test_trials_come_back_with_their_metrics_failures_and_first_curves():
    failed = trial(3, accuracy=math.nan, divergence=Divergence("nan", 2, 17))
    given = training([0, 1, 2, failed, *range(4, 8)]).trials
    back = parse(dumps(made(given))).variants["plain"].trials
    assert [(t.metrics, t.divergence) for t in back] == [(t.metrics, t.divergence) for t in given]
    assert [t.history for t in back] == [t.history if t.seed < 5 else {} for t in given]
    assert back[3].metrics["val_accuracy"] is None


def test_adding_the_same_again_changes_nothing():
    evidence = made(short=traced())
    assert stored(training(range(8), short=traced()), evidence, "again") == evidence


def test_seeds_added_in_several_sessions_stand_where_one_session_puts_them():
    evidence = made(range(3))
    for seeds in (range(2, 6), range(6, 8)):
        evidence = stored(training(seeds), evidence, "more")
    variant = evidence.variants["plain"]
    assert variant.trials == made(range(8)).variants["plain"].trials
    assert [(s.first, s.seeds, s.reason) for s in variant.sessions] == [(0, 3, "first"), (3, 3, "more"), (6, 2, "more")]


def test_a_stored_seed_keeps_its_value():
    variant = stored(training([trial(0, accuracy=0.5), *range(1, 9)]), made()).variants["plain"]
    assert (variant.trials[0].metrics["val_accuracy"], variant.seeds) == (0.98, 9)


OTHER_RATE = {**CONFIGURATION, "model": {"layers": [{"units": 256}, {"rate": 0.3}]}}


@pytest.mark.parametrize(
    ("new", "reason", "said"),
    [
        (training([9, 11]), "more", r"the file holds 8.*seeds without 8, 10"),
        (training([11]), "more", r"seeds without 8–10"),
        (training([8], OTHER_RATE), "more", r"model\.layers\[1\]\.rate 0\.2 then, 0\.3 now"),
        (training([Trial("plain", 8, {"val_accuracy": 0.9})]), "more", "val_accuracy on seed 8"),
        (training([8]), " ", "reason for new evidence"),
    ],
    ids=["gaps", "a gap", "configuration", "metrics", "no reason"],
)
def test_what_would_make_false_evidence_is_refused(new, reason, said):
    with pytest.raises(SuiteError, match=said):
        stored(new, made(), reason)


def test_short_trials_of_every_state_are_stored_without_their_seconds():
    variant = made(short=[short(0, seconds=2.0), *traced()[1:]], states=STATES).variants["plain"]
    assert (variant.states, variant.steps, variant.short[0].seconds) == (STATES, 7, 0.0)
    per_state = [*((False, seed) for seed in range(5)), (True, 0)]
    assert [(t.canonical, t.seed) for t in variant.short] == per_state * 2
    assert [t.start for t in variant.short] == [0] * 6 + [343] * 6


def test_a_state_that_is_stored_keeps_its_trials():
    first = made(short=traced()[:6], states=STATES[:1])
    both = stored(
        training(range(8), short=[*(short(s, moved=1.0) for s in range(5)), *traced()[6:]], states=STATES), first
    )
    assert both.variants["plain"] == made(short=traced(), states=STATES).variants["plain"]


def test_curves_of_more_than_200_epochs_are_thinned():
    whole = [trial(seed, epochs=500) for seed in range(6)]
    nearest = [round(float(at)) for at in np.linspace(0, 499, 32)]
    for stored, given in zip(made(whole).variants["plain"].trials[:5], whole, strict=False):
        assert stored.history == {name: tuple(curve[at] for at in nearest) for name, curve in given.history.items()}


def test_quantiles_of_curves_are_those_of_all_seeds_of_a_session():
    spread = made(range(41)).variants["plain"].spread
    assert spread.seeds == 41
    assert spread.curves["loss"].median[0] == pytest.approx(1 / 21, rel=1e-5)
    assert spread.curves["loss"].finite == (41,) * 4


def test_of_a_tiny_training_the_first_epochs_are_stored_and_what_rounding_does_not_move():
    moved = {k: [trial(seed, 0.98 + seed / 1000 + 0.01 * k) for seed in range(10)] for k in range(1, 5)}
    variant = stored(of_tiny(training(range(12)), moved, EXPERIMENT)).variants["plain"]
    assert (variant.calm, variant.steps) == (("val_loss",), 4)
    assert {(t.seed, t.perturbed) for t in variant.short} == {(seed, k) for seed in range(10) for k in range(5)}


def of_plain(change):
    return lambda content: change(content["variants"]["plain"])


SESSION = {
    "first": 5,
    "seeds": 3,
    "commit": "",
    "date": "",
    "reason": "",
    "engine": "",
    "seconds": 1,
    "fingerprint": {},
}
FAULTS = [
    (f"schema {SCHEMA + 1}, written by a newer version", lambda e: e.update(schema=SCHEMA + 1)),
    ("schema 3, written by an earlier version of the suite: make the evidence", lambda e: e.update(schema=3)),
    ("unknown field `speed` at `", of_plain(lambda v: v.update(speed=1))),
    ("unknown field `colour`", lambda e: e.update(colour=1)),
    ("missing required field `stack`", lambda e: e.pop("stack")),
    ("3 seeds from 5 on after seeds 0 to 7", of_plain(lambda v: v["sessions"].append(SESSION))),
    ("8 values, one per seed", of_plain(lambda v: v["metrics"]["val_loss"].pop())),
    ("failures of the stored", of_plain(lambda v: v.update(failures={"8": {"kind": "nan", "epoch": 1}}))),
    ("Invalid enum value 'much'", of_plain(lambda v: v["traces"][0]["losses"].append("much"))),
    ("at most 20 steps", of_plain(lambda v: v.update(steps=21))),
    ("each trace once", of_plain(lambda v: v["traces"].append(v["traces"][0]))),
    ("the evidence of tensorflow-cpu / nets", lambda e: e.update(stack="jax-cpu")),
    ("curves of the same first seeds", of_plain(lambda v: v["curves"]["loss"].pop())),
    ("unknown field `a.b`", of_plain(lambda v: v.update({"a\nb": 1}))),
    ("Invalid enum value 'TRUE'", lambda e: e.update(expected={"a": {"verdict": "TRUE", "date": "", "reason": ""}})),
]


@pytest.mark.parametrize(("said", "damage"), FAULTS, ids=[said[:40] for said, _ in FAULTS])
def test_a_damaged_file_is_refused_and_the_fault_is_named(tmp_path, said, damage):
    path = path_of(tmp_path, STACK, "nets")
    write(path, made(short=traced()))
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(SuiteError, match=f"{said}|it was edited or merged by hand") as refused:
        read(path)
    assert ("git checkout" in str(refused.value)) == (content["schema"] == SCHEMA)  # another version is kept
    write(path, made(short=traced()))
    make.edit(path, damage)  # with the digest of the damage nothing but the fault itself is seen
    with pytest.raises(SuiteError, match=said):
        read(path)


STORED = sorted(Path(__file__).resolve().parents[2].glob("baselines/*-cpu/*.json"))


@pytest.mark.parametrize(
    "path", [path if path.stem == "exact" else pytest.param(path, marks=pytest.mark.slow) for path in STORED]
)
def test_what_is_stored_is_written_as_it_is(path):
    text = path.read_text("utf-8")
    assert dumps(parse(text)) == text
