"""Files of evidence: read back as written, strict about damage, extended seed by seed."""

import json
import math

import msgspec
import pytest

from harness.check.evidence import add, dumps, parse, path_of, read, update, write
from harness.check.rounding import of_tiny
from harness.domain.experiment import Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.trial import Divergence, Seconds, Trial
from harness.errors import SuiteError
from harness.record.evidence import EXACT, SCHEMA, WITHOUT_DIGEST, Evidence, Expected
from harness.record.trials import Hashes, ShortTrial, Training

SIZE = Size(epochs=4, batch_size=32)
EXPERIMENT = Experiment(
    id="nets",
    data=object,
    model=object,
    optimizer=object,
    loss="mse",
    size=SIZE,
    variants=(Variant("plain"), Variant("dropout")),
    metrics=(Metric("val_accuracy", "higher", "fraction", 0.0005), Metric("val_loss", "lower", "nats", 0.001)),
)
SESSION = {"commit": "abc", "date": "2026-11-25", "reason": "first", "fingerprint": {"keras": "3.15.1", "jaxlib": None}}
CONFIGURATION = {"model": {"layers": [{"units": 256}, {"rate": 0.2}]}, "batch_size": 32, "epochs": 4}


def trial(seed, variant="plain", accuracy=None, epochs=4, **more):
    accuracy = 0.98 + seed / 1000 if accuracy is None else accuracy
    curve = tuple(1.0 / (epoch + 1 + seed) for epoch in range(epochs))
    return Trial(
        variant,
        seed,
        {"val_accuracy": accuracy, "val_loss": 0.1},
        {"loss": curve, "val_loss": curve},
        seconds=Seconds(2.0),
        engine="compiled",
        **more,
    )


def short(seed, steps=20, perturbed=0, moved=0.0, **more):
    losses = tuple((1 + moved) * 2.3 * 0.9**step for step in range(steps))
    return ShortTrial(seed=seed, engine="steps", losses=losses, perturbed=perturbed, **more)


def measured(seeds, **more):
    return given([trial(seed) for seed in seeds], **more)


def given(trials, configuration=CONFIGURATION, short=(), **more):
    return Training(configuration=configuration, trials=tuple(trials), short=tuple(short), **more)


def made(seeds=range(8), **more):
    return add(None, EXPERIMENT, "tensorflow-cpu", {"plain": measured(seeds, **more)}, **SESSION)


def traced():
    shorts = [short(seed, perturbed=k, moved=1e-6 * k) for seed in range(5) for k in range(5)]
    after = [
        short(0, steps=n, perturbed=k, val_losses=(*[None] * (n - 1), 2.0 + 1e-6 * k), observed={"initial_norm": 1.5})
        for k in range(5)
        for n in range(1, 21)
    ]
    return [*shorts, *after, short(0, canonical=True)]


def test_a_file_is_read_back_as_it_was_written(tmp_path):
    evidence = made(short=traced(), hashes=Hashes(initial="0" * 16, order="1" * 16))
    path = path_of(tmp_path, "tensorflow-cpu", "nets")
    write(path, evidence)
    assert read(path) == evidence
    assert path == tmp_path / "tensorflow-cpu" / "nets.json"
    assert json.loads(path.read_text())["schema"] == 3


def test_a_file_that_does_not_exist_is_none(tmp_path):
    assert read(tmp_path / "x" / "nets.json") is None


def test_values_that_are_not_finite_are_read_back_as_they_were():
    evidence = made(short=[msgspec.structs.replace(short(0), losses=(1.0, "inf", "-inf", "nan"))])
    assert parse(dumps(evidence)) == evidence
    assert evidence.variants["plain"].traces[0].losses == (1.0, "inf", "-inf", "nan")


def test_trials_come_back_with_their_metrics_failures_and_first_curves():
    failed = trial(3, accuracy=math.nan, divergence=Divergence("nan", 2, 17))
    measured = [trial(0), trial(1), trial(2), failed, *(trial(seed) for seed in range(4, 8))]
    evidence = add(
        None, EXPERIMENT, "tensorflow-cpu", {"plain": given(measured)}, **SESSION
    )  # fmt: skip
    back = parse(dumps(evidence)).variants["plain"].trials
    assert [t.metrics for t in back] == [t.metrics for t in measured]
    assert [t.divergence for t in back] == [t.divergence for t in measured]
    assert [t.history for t in back[:5]] == [t.history for t in measured[:5]]
    assert not any(t.history for t in back[5:])
    assert back[3].metrics["val_accuracy"] is None


def test_adding_the_same_again_changes_nothing():
    evidence = made(short=traced())
    again = add(
        evidence,
        EXPERIMENT,
        "tensorflow-cpu",
        {"plain": measured(range(8), short=traced())},
        **{**SESSION, "date": "2026-12-01", "reason": "again"},
    )
    assert again == evidence


def test_seeds_added_in_several_sessions_stand_where_one_session_puts_them():
    once = made(range(8)).variants["plain"]
    evidence = made(range(3))
    for seeds in (range(2, 6), range(6, 8)):
        evidence = add(
            evidence, EXPERIMENT, "tensorflow-cpu", {"plain": measured(seeds)}, **{**SESSION, "reason": "more"}
        )
    variant = evidence.variants["plain"]
    assert (variant.trials, variant.seeds) == (once.trials, 8)
    assert [(s.first, s.seeds, s.reason) for s in variant.sessions] == [(0, 3, "first"), (3, 3, "more"), (6, 2, "more")]


def test_a_stored_seed_keeps_its_value():
    other = given([trial(0, accuracy=0.5), *(trial(seed) for seed in range(1, 9))])
    evidence = add(made(range(8)), EXPERIMENT, "tensorflow-cpu", {"plain": other}, **SESSION)
    assert evidence.variants["plain"].trials[0].metrics["val_accuracy"] == 0.98
    assert evidence.variants["plain"].seeds == 9


def test_seeds_that_leave_a_gap_are_refused():
    with pytest.raises(SuiteError, match=r"the file holds 3.*seeds without 3–4, 6"):
        add(made(range(3)), EXPERIMENT, "tensorflow-cpu", {"plain": measured([5, 7])}, **SESSION)


def test_another_configuration_is_refused_and_its_keys_are_named():
    changed = json.loads(json.dumps(CONFIGURATION))
    changed["model"]["layers"][1]["rate"] = 0.3
    with pytest.raises(SuiteError, match=r"model\.layers\[1\]\.rate 0\.2 then, 0\.3 now"):
        add(made(), EXPERIMENT, "tensorflow-cpu", {"plain": given([trial(8)], changed)}, **SESSION)


def test_other_metrics_are_refused():
    other = Trial("plain", 8, {"val_accuracy": 0.9})
    with pytest.raises(SuiteError, match="val_accuracy on seed 8"):
        add(made(), EXPERIMENT, "tensorflow-cpu", {"plain": given([other])}, **SESSION)


def test_a_shortened_trial_is_refused_as_evidence():
    with pytest.raises(SuiteError, match="a shortened trial of 20 steps"):
        add(None, EXPERIMENT, "tensorflow-cpu", {"plain": given([short(0)])}, **SESSION)


def test_evidence_needs_a_reason():
    with pytest.raises(SuiteError, match="reason for new evidence"):
        add(None, EXPERIMENT, "tensorflow-cpu", {"plain": measured([0])}, **{**SESSION, "reason": " "})


def test_traces_hold_the_validation_loss_after_each_step_and_what_was_observed():
    traces = {(t.seed, t.perturbed): t for t in made(short=traced()).variants["plain"].traces}
    assert len(traces) == 25
    assert traces[0, 2].val_losses == (2.000002,) * 20
    assert traces[0, 0].observed == {"initial_norm": 1.5}
    assert traces[1, 0].val_losses == ()
    assert made(short=traced()).variants["plain"].steps == 20
    assert len(made(short=traced()).variants["plain"].canonical) == 20


def test_curves_of_more_than_200_epochs_are_thinned():
    measured = [trial(seed, epochs=500) for seed in range(6)]
    evidence = add(None, EXPERIMENT, "tensorflow-cpu", {"plain": given(measured)}, **SESSION)
    assert {len(curve) for one in evidence.variants["plain"].trials for curve in one.history.values()} == {32}


def test_quantiles_of_curves_are_those_of_all_seeds_of_a_session():
    spread = made(range(41)).variants["plain"].spread
    assert spread.seeds == 41
    assert spread.curves["loss"].median[0] == pytest.approx(1 / 21, rel=1e-5)
    assert spread.curves["loss"].finite == (41,) * 4


def test_of_a_tiny_training_the_first_epochs_are_stored_and_what_rounding_does_not_move():
    perturbed = {
        k: [trial(seed, accuracy=0.98 + seed / 1000 + 0.01 * k) for seed in range(10)] for k in range(1, 5)
    }  # fmt: skip
    tiny = of_tiny(measured(range(12)), perturbed, EXPERIMENT)
    variant = add(None, EXPERIMENT, "tensorflow-cpu", {"plain": tiny}, **SESSION).variants["plain"]
    assert variant.calm == ("val_loss",)
    assert variant.steps == 4
    assert {t.seed for t in variant.traces} == set(range(10))


FAULTS = [
    ("schema 4, written by a newer version of the suite: update the suite", lambda e: e.update(schema=4)),
    ("schema 1, written by an earlier version of the suite: make the evidence", lambda e: e.update(schema=1)),
    ("unknown field `speed` at `", lambda e: e["variants"]["plain"].update(speed=1)),
    ("unknown field `colour`", lambda e: e.update(colour=1)),
    ("missing required field `stack`", lambda e: e.pop("stack")),
    ("3 seeds from 5 on after seeds 0 to 7", lambda e: e["variants"]["plain"]["sessions"].append(session(5, 3))),
    ("8 values, one per seed", lambda e: e["variants"]["plain"]["metrics"]["val_loss"].pop()),
    ("failures of the stored", lambda e: e["variants"]["plain"].update(failures={"8": {"kind": "nan", "epoch": 1}})),
    ("Invalid enum value 'much'", lambda e: e["variants"]["plain"]["traces"][0]["losses"].append("much")),
    ("at most 20 steps", lambda e: e["variants"]["plain"].update(steps=21)),
    ("each trace once", lambda e: e["variants"]["plain"]["traces"].append(e["variants"]["plain"]["traces"][0])),
    ("the evidence of tensorflow-cpu / nets", lambda e: e.update(stack="jax-cpu")),
    ("curves of the same first seeds", lambda e: e["variants"]["plain"]["curves"]["loss"].pop()),
    ("unknown field `a.b`", lambda e: e["variants"]["plain"].update({"a\nb": 1})),
    ("Invalid enum value 'TRUE'", lambda e: e.update(expected={"a": {"verdict": "TRUE", "date": "", "reason": ""}})),
]


def session(first, seeds):
    return {
        **{k: v for k, v in SESSION.items() if k != "fingerprint"},
        "first": first,
        "seeds": seeds,
        "engine": "fit",
        "seconds": 1.0,
        "fingerprint": {},
    }


@pytest.mark.parametrize(("said", "damage"), FAULTS, ids=[said[:40] for said, _ in FAULTS])
def test_a_damaged_file_is_refused_and_the_fault_is_named(tmp_path, said, damage):
    path = path_of(tmp_path, "tensorflow-cpu", "nets")
    write(path, made(short=traced()))
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(SuiteError, match=f"{said}|it was edited or merged by hand"):
        read(path)
    if content.get("schema") == SCHEMA:  # without a digest nothing but the fault itself is seen
        path.write_text(json.dumps(content | {"schema": WITHOUT_DIGEST, "digest": ""}))
        with pytest.raises(SuiteError, match=said):
            read(path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": 2}', '{"schema": "2"}', "[" * 100_000, '{"schema": 2, "schema": 2}', "NaN",
     '{"schema": 2, "experiment": "nets", "stack": "tensorflow-cpu", "variants": {"a": 3}, "expected": {}}',
     '{"schema": 2, "experiment": "nets", "stack": "\\ud800", "variants": {}, "expected": {}}',
     "9" * 10_000],
)  # fmt: skip
def test_what_is_no_evidence_gives_a_plain_error(tmp_path, text):
    path = tmp_path / "tensorflow-cpu" / "nets.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(SuiteError, match="Invalid evidence"):
        read(path)


def test_no_cut_of_a_file_is_read_as_evidence(tmp_path):
    path = path_of(tmp_path, "tensorflow-cpu", "nets")
    write(path, made(short=traced()))
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, 97):
        path.write_bytes(whole[:end])
        with pytest.raises(SuiteError):
            read(path)


def test_a_newer_file_is_neither_restored_nor_deleted(tmp_path):
    path = path_of(tmp_path, "tensorflow-cpu", "nets")
    write(path, made())
    path.write_text(path.read_text().replace('"schema": 3', '"schema": 4'))
    with pytest.raises(SuiteError) as error:
        read(path)
    assert "git checkout" not in str(error.value)


def test_the_file_of_exact_claims_holds_expected_verdicts_only(tmp_path):
    exact = Evidence(
        experiment=EXACT,
        stack="jax-cpu",
        variants={},
        expected={"adam-rule": Expected(verdict="SUPPORTED", date="2026-11-25", reason="first")},
    )
    path = path_of(tmp_path, "jax-cpu", EXACT)
    assert update(path, lambda _: exact) == (None, exact)
    assert read(path) == exact
    with pytest.raises(SuiteError, match="no variants"):
        write(path, msgspec.structs.replace(exact, variants=made().variants))


def test_no_line_of_a_file_is_split_within_a_list_of_numbers():
    text = dumps(made(range(100), short=traced()))
    assert sum('"val_accuracy": [0.98, ' in line for line in text.splitlines()) == 1
    assert sum('"losses"' in line for line in text.splitlines()) == 25


def test_evidence_of_97_variants_and_30_seeds_takes_less_than_6_megabytes():
    """The largest curves and traces a variant can have, of numbers with all digits of a float32."""
    noise = [1 / (7 + i) for i in range(20)]
    numbers = [float(f"{x:.9g}") for x in noise]
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "train_loss", "train_accuracy")
    made_of = [
        Trial("plain", seed, dict(zip(("a", "b", "c", "d"), numbers, strict=False)), {n: tuple(numbers) for n in names})
        for seed in range(30)
    ]
    shorts = [
        msgspec.structs.replace(short(seed, perturbed=k), losses=tuple(numbers)) for seed in range(5) for k in range(5)
    ]
    layer = {"class_name": "Dense", "config": {f"option_{i}": "a usual value of an option" for i in range(14)}}
    data = {f"array {i}": "0" * 64 for i in range(4)}
    configuration = {"model": {"layers": [layer] * 12}, "optimizer": layer, "data": data}
    evidence = add(None, EXPERIMENT, "tensorflow-cpu", {"plain": given(made_of, configuration, shorts)}, **SESSION)
    assert 97 * len(dumps(evidence)) < 6_000_000
