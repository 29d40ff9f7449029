"""A check against stored evidence: what it trains, the states of variants and claims, and what makes it red."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.check.evidence import path_of, read
from harness.record.evidence import Evidence
from harness.record.outcomes import Here
from tests.suite.command import PLAIN, Finished, kinds, suite
from tests.suite.conftest import BROAD, CHECKED, JAX
from tests.suite.test_known import killed, nth_trial

Content = dict[str, Any]


def edit(folder: Path, experiment: str, change: Callable[[Content], object]) -> None:
    """Changes the content of a file of evidence. The file can still be read."""
    path = path_of(folder / "baselines", "jax-cpu", experiment)
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def scaled(variant: Content, factor: float) -> None:
    """Multiplies every metric by about ``factor``; the factor differs between seeds."""
    variant["metrics"] = {
        name: [None if value is None else value * (factor + seed / 10) for seed, value in enumerate(column)]
        for name, column in variant["metrics"].items()
    }


def moved_losses(variant: Content, size: float) -> None:
    """Moves every finite loss in the traces of unperturbed trials by a relative ``size``."""
    for trace in variant["traces"]:
        if not trace.get("perturbed"):
            trace["losses"] = [loss if isinstance(loss, str) else loss * (1 + size) for loss in trace["losses"]]


def last_bits(variant: Content) -> None:
    for trace in variant["traces"]:
        trace["losses"] = [
            loss if isinstance(loss, str) else math.nextafter(loss, math.inf) for loss in trace["losses"]
        ]


def other_session(variant: Content, **fingerprint: str) -> None:
    for session in variant["sessions"]:
        session["fingerprint"] |= fingerprint


def dense_of(variant: Content) -> Content:
    """The configuration of the first dense layer of a variant."""
    return next(one for one in variant["configuration"]["model"]["layers"] if one["class_name"] == "Dense")["config"]


def reason_of(run: Finished) -> str:
    """The reason of the run's only training."""
    (training,) = run.record.trainings.values()
    return training.outcome.reason


def here(run: Finished, key: str) -> Here:
    found = run.record.claims[key].here
    assert found is not None
    return found


@pytest.fixture(scope="module")
def plain(copied: Callable[[str], Path]) -> Finished:
    """A check against the unchanged evidence."""
    return suite(copied("plain"), *CHECKED, "-k", BROAD)


def test_a_check_of_what_was_stored_is_identical_and_green(plain: Finished, stored: Finished) -> None:
    assert plain.code == 0, plain.output
    assert set(plain.states.values()) == {"identical"}
    assert len(plain.states) == 7
    assert "✅ Nothing moved: 7 trainings reproduced to the end, bit for bit.\n" in plain.output
    assert plain.files() == stored.files()
    assert "nothing is stored" not in plain.output
    assert "warning" not in plain.output.lower()


def test_a_claim_has_the_verdict_of_the_evidence_and_is_confirmed(plain: Finished) -> None:
    assert "  here: 5 confirmed\n" in plain.output
    for claim in plain.record.claims.values():
        assert claim.comparison.state == "as expected"
        if claim.marker == "exact":
            assert claim.here is None
            continue
        found = here(plain, claim.key)
        assert (found.state, found.stack, found.seeds, found.verdict) == ("confirmed", "jax-cpu", 30, claim.verdict)
        assert claim.decision.reason.startswith("30 stored trainings a variant, jax-cpu: ")
        assert {variant.n for variant in claim.variants.values()} == {30}
    assert plain.verdicts["raw-data-diverges"] == "SUPPORTED"


def test_tiny_trainings_go_to_the_end_with_ten_seeds(plain: Finished) -> None:
    assert {len(done) for done in plain.record.trials.values()} == {10}
    for training in plain.record.trainings.values():
        assert (training.outcome.to_the_end, training.outcome.seeds) == (True, 10)
        assert training.outcome.reason.startswith("Compared: 10 seeds to the end, their first ")


def test_a_check_that_was_killed_goes_on(plain: Finished, copied: Callable[[str], Path]) -> None:
    folder = copied("killed")
    killed(plain, folder, nth_trial(plain, 12), torn=50)
    again = suite(folder, *CHECKED, "-k", BROAD, "--resume")
    assert again.code == 0, again.output
    assert kinds(again.record).count("trial") == kinds(plain.record).count("trial") == 70
    assert (again.states, again.verdicts) == (plain.states, plain.verdicts)


def test_the_header_says_what_a_run_does(plain: Finished) -> None:
    assert "claims: check against the evidence, backend jax (--backend), engine auto" in plain.output
    assert plain.record.header.full is False


def example_2(content: Content) -> None:
    scaled(content["variants"]["min-max"], 3)
    content["variants"]["min-max"]["curves"] = {}  # from which the metrics would be computed again
    content["variants"]["standardised"]["configuration"]["batch_size"] = 33
    content["expected"]["raw-data-diverges"]["verdict"] = "REFUTED"


def scale_gap(content: Content) -> None:
    metrics = content["variants"]["raw"]["metrics"]
    metrics["no_such_metric"] = metrics.pop("condition_number")
    last_bits(content["variants"]["min-max"])


def centring(content: Content) -> None:
    moved_losses(content["variants"]["in [0, 1]"], 1e-3)
    dense_of(content["variants"]["centred"])["use_bias"] = "perhaps"


@pytest.fixture(scope="module")
def faulty(copied: Callable[[str], Path]) -> Finished:
    folder = copied("faulty")
    for change in (example_2, scale_gap, centring):
        edit(folder, change.__name__.replace("_", "-"), change)
    (folder / "baselines" / "jax-cpu" / "exact.json").write_text("[]", "utf-8")
    return suite(folder, *CHECKED, "-k", BROAD)


def test_what_moved_is_red_and_every_variant_and_claim_is_reported(faulty: Finished, plain: Finished) -> None:
    assert faulty.code == 1
    assert set(faulty.states) == set(plain.states)
    assert set(faulty.verdicts) == set(plain.verdicts)
    assert (faulty.folder / "report" / "REPORT.md").exists()


@pytest.mark.parametrize(
    ("variant", "state", "reason"),
    [
        ("example-2/min-max", "moved", "(seed "),
        ("example-2/standardised", "not comparable", "changed by the catalogue: batch_size 33 then, 32 now"),
        ("scale-gap/raw", "missing", "not in the evidence: condition_number; not declared: no_such_metric"),
        ("centring/in [0, 1]", "moved", "training loss, epoch 1: "),
        ("centring/centred", "not comparable", "use_bias 'perhaps' then, True now"),
    ],
)
def test_edited_evidence_is_red_with_the_reason(variant: str, state: str, reason: str, faulty: Finished) -> None:
    assert faulty.states[variant] == state
    assert variant in faulty.red
    (line,) = [line for line in faulty.output.splitlines() if line.startswith(f"  training {state}: {variant}: ")]
    assert reason in line


def test_the_same_keras_explains_no_other_configuration(faulty: Finished) -> None:
    (line,) = [
        line for line in faulty.output.splitlines() if line.startswith("  training not comparable: centring/centred")
    ]
    assert "Another training, changed by the catalogue: Keras is 3." in line


def test_last_bits_are_reproduced_and_green(faulty: Finished) -> None:
    assert faulty.states["scale-gap/min-max"] == "reproduced"
    assert "scale-gap/min-max" not in faulty.red


def test_a_claim_is_not_confirmed_by_what_moved(faulty: Finished) -> None:
    assert {key: claim.here.state for key, claim in faulty.record.claims.items() if claim.here} == {
        "raw-data-diverges": "confirmed",
        "minmax-fixes-divergence": "not confirmed",
        "zscore-fixes-divergence": "not confirmed",
        "scale-gap-hurts": "not confirmed",
        "zero-centering-helps": "not confirmed",
    }


def test_a_flipped_verdict_is_red(faulty: Finished) -> None:
    assert faulty.record.claims["raw-data-diverges"].comparison.state == "flipped"
    assert "raw-data-diverges" in faulty.red
    assert "REFUTED since" in faulty.output


def test_a_damaged_file_is_red_where_it_is_needed(faulty: Finished) -> None:
    exact = {claim.key for claim in faulty.record.claims.values() if claim.marker == "exact"}
    assert exact <= faulty.red
    lines = [line for line in faulty.output.splitlines() if "Invalid evidence" in line and "exact.json" in line]
    assert len(lines) >= len(exact)
    assert all("Expected: " in line and "Received: " in line and "git checkout" in line for line in lines)


def other_versions(content: Content) -> None:
    """Changes three variants: another configuration by another Keras, fewer steps, and other random numbers."""
    raw, min_max, standardised = (content["variants"][name] for name in ("raw", "min-max", "standardised"))
    other_session(raw, keras="3.0")
    dense_of(raw)["old_argument"] = 7
    min_max["steps"] = 3
    other_session(standardised, numpy="1.0")
    standardised["hashes"]["initial"] = "0" * 16
    moved_losses(standardised, 1e-3)
    content["variants"]["gone"] = raw
    claim = content["expected"]["zscore-fixes-divergence"]
    claim["verdict"] = "INCONCLUSIVE" if claim["verdict"] == "SUPPORTED" else "SUPPORTED"


@pytest.fixture(scope="module")
def later(copied: Callable[[str], Path]) -> Finished:
    """A check against evidence of other versions, and a file of a newer version of the suite."""
    folder = copied("later")
    edit(folder, "example-2", other_versions)
    edit(folder, "scale-gap", lambda content: content.update(schema=3))
    edit(folder, "centring", lambda content: scaled(content["variants"]["centred"], 3))
    return suite(folder, *CHECKED, "-k", "raw-data or minmax-fixes or zscore-fixes or scale-gap-hurts or zero-cent")


def test_stored_curves_show_that_the_function_of_a_metric_has_changed(later: Finished) -> None:
    assert later.states["centring/centred"] == "not comparable"
    assert "centring/centred" in later.red
    (line,) = [
        line for line in later.output.splitlines() if line.startswith("  training not comparable: centring/centred")
    ]
    assert "The function of a metric has changed, on the stored curves: " in line


def test_another_keras_may_give_another_configuration(later: Finished) -> None:
    assert later.states["example-2/raw"] == "identical"
    assert "example-2/raw" not in later.red
    assert here(later, "raw-data-diverges").state == "confirmed"
    assert "another version of Keras configures it otherwise: " in later.output
    assert "old_argument: 7 → " in later.output


def test_only_the_stored_number_of_steps_is_compared(later: Finished) -> None:
    outcome = later.record.trainings["example-2", "min-max"].outcome
    assert outcome.state == "identical"
    assert outcome.steps == 3
    assert outcome.reason == (
        "Compared: 10 seeds to the end, their first 3 epochs one by one; 1 features that rounding moves were not "
        "compared."
    )


def test_other_random_numbers_need_a_canonical_trace(later: Finished) -> None:
    assert later.code == 1
    assert later.states["example-2/standardised"] == "moved"
    (line,) = [
        line for line in later.output.splitlines() if line.startswith("  training moved: example-2/standardised")
    ]
    assert "This version draws other random numbers (numpy 1.0 → " in line
    assert "there is no canonical trace to compare" in line


def test_a_variant_that_is_no_longer_declared_is_named(later: Finished) -> None:
    assert "  training missing: example-2/gone: It has evidence and is no longer declared." in later.output


def test_a_verdict_that_evidence_gives_changes_only_by_a_rule_and_is_red(later: Finished) -> None:
    assert later.record.claims["zscore-fixes-divergence"].comparison.state in ("decided", "weakened")
    assert "zscore-fixes-divergence" in later.red


def test_a_newer_file_is_red_and_says_what_to_do(later: Finished) -> None:
    assert {"scale-gap/raw", "scale-gap/min-max", "scale-gap-hurts"} <= later.red
    assert later.verdicts["scale-gap-hurts"] == "NOT_RUN"
    (line, *_) = [line for line in later.output.splitlines() if "Invalid evidence" in line]
    assert "Expected: schema 2. Received: schema 3, written by a newer version of the suite: update the suite." in line
    assert "git checkout" not in line


@pytest.fixture(scope="module")
def contradicted(copied: Callable[[str], Path]) -> Finished:
    """A check with --strict; the evidence has inf in epoch 4 of one training, and other last bits of another."""
    folder = copied("contradicted")

    def later_inf(content: Content) -> None:
        content["variants"]["raw"]["metrics"]["first_inf_epoch"] = [4.0] * 30
        content["expected"]["raw-data-diverges"]["verdict"] = "REFUTED"

    edit(folder, "example-2", later_inf)
    edit(folder, "scale-gap", lambda content: last_bits(content["variants"]["min-max"]))
    return suite(folder, *CHECKED, "-k", "raw-data or scale-gap/min-max", "--strict")


def test_a_verdict_that_this_machine_contradicts_is_red(contradicted: Finished) -> None:
    """A claim is also decided on this machine if all its trainings are tiny."""
    run = contradicted
    assert run.code == 1
    assert run.states["example-2/raw"] == "moved"
    assert {"example-2/raw", "raw-data-diverges"} <= run.red
    claim = run.record.claims["raw-data-diverges"]
    assert (claim.verdict, claim.comparison.state) == ("REFUTED", "flipped")
    assert "SUPPORTED here, of 10 seeds; the evidence says REFUTED." in claim.comparison.reason


FAILING = (*PLAIN, "-p", "tests.suite.failing")


@pytest.mark.parametrize("options", [CHECKED, pytest.param(JAX, marks=pytest.mark.slow)], ids=["check", "full"])
def test_one_seed_that_turns_to_nan_is_red(options: tuple[str, ...], copied: Callable[[str], Path]) -> None:
    """Of one claim alone, which trains its variants and no other."""
    run = suite(copied("nan"), *options, "-k", "minmax-fixes-divergence", plugins=FAILING)
    assert run.code == 1
    assert run.states["example-2/min-max"] == "moved"
    assert set(run.states) == {"example-2/raw", "example-2/min-max"}
    assert list(run.verdicts) == [claim["key"] for claim in run.report["claims"]] == ["minmax-fixes-divergence"]
    assert "example-2/min-max" in run.red
    assert "seed 3 failed (nan in epoch 2), its stored trial trained." in run.output


def test_without_evidence_nothing_is_trained_and_nothing_is_red(tmp_path: Path) -> None:
    run = suite(tmp_path, *CHECKED, "-k", "raw-data or minmax-table")
    assert run.code == 0
    assert run.states == {"example-2/raw": "new"}
    assert run.record.trials == {}
    assert run.verdicts == {"raw-data-diverges": "INCONCLUSIVE", "minmax-table": "SUPPORTED"}
    assert run.record.claims["raw-data-diverges"].decision.reason == (
        "No evidence is stored, and a check decides nothing anew: add --full."
    )
    assert here(run, "raw-data-diverges").state == "not confirmed"
    assert "nothing is stored on jax-cpu for 1 training." in run.output
    assert (tmp_path / "report" / "REPORT.md").exists()


def test_without_evidence_where_it_is_required_it_is_red(tmp_path: Path) -> None:
    run = suite(tmp_path, *CHECKED, "-k", "raw-data or minmax-table", "--require-baselines")
    assert run.code == 1
    assert run.red == {"example-2/raw", "raw-data-diverges", "minmax-table"}
    assert "minmax-table: No expected verdict is stored." in run.output


def test_other_bits_are_red_if_strict(contradicted: Finished) -> None:
    assert contradicted.states["scale-gap/min-max"] == "reproduced"
    assert "scale-gap/min-max" in contradicted.red


def as_reference(folder: Path) -> None:
    """Turns the evidence of this stack into evidence of the reference stack."""
    for path in (folder / "baselines" / "jax-cpu").iterdir():
        other = folder / "baselines" / "tensorflow-cpu" / path.name
        other.parent.mkdir(exist_ok=True)
        content = json.loads(path.read_text("utf-8"))
        content["stack"] = "tensorflow-cpu"
        for variant in content["variants"].values():
            other_session(variant, backend="tensorflow")
        other.write_text(json.dumps(content), "utf-8")
    shutil.rmtree(folder / "baselines" / "jax-cpu")


@pytest.fixture(scope="module")
def reference(copied: Callable[[str], Path]) -> Finished:
    """A check with evidence of the reference stack only. One variant in it is far from this machine's results."""
    folder = copied("reference")
    edit(folder, "example-2", lambda content: scaled(content["variants"]["min-max"], 1000))
    as_reference(folder)
    return suite(folder, *CHECKED, "-k", "raw-data or zscore-fixes or example-2/min-max")


def test_the_evidence_of_the_reference_stack_is_compatible(reference: Finished) -> None:
    """The evidence of the reference stack decides the claim. This machine is compared with it."""
    run = reference
    for variant in ("raw", "standardised"):
        assert run.states[f"example-2/{variant}"] == "new"
        outcome = run.record.trainings["example-2", variant].outcome
        assert "Against tensorflow-cpu: the end compatible." in outcome.reason
    found = here(run, "raw-data-diverges")
    assert (found.verdict, found.state, found.stack) == ("SUPPORTED", "compatible", "tensorflow-cpu")
    assert run.verdicts["raw-data-diverges"] == "SUPPORTED"
    assert "nothing is stored on jax-cpu for 2 trainings." in run.output


def test_an_incompatible_stack_is_red(reference: Finished) -> None:
    run = reference
    assert run.code == 1
    assert run.states["example-2/min-max"] == "moved"
    assert run.red == {"example-2/min-max"}
    assert "No evidence of this variant is stored for jax-cpu. Against tensorflow-cpu: " in run.output


# What follows trains on ten thousand images: shortened trials, an anchor, and a canonical trace.

IMAGES = "more-data/500 or more-data/2"
ANCHOR, OTHER = "more-data/2,000 images", "more-data/500 images"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that stores evidence of two variants of an experiment on images, four seeds of each."""
    folder = tmp_path_factory.mktemp("images")
    return suite(folder, "--backend", "jax", "--seeds", "4", "-k", IMAGES, "--update-baselines", "four", timeout=900)


def evidence(run: Finished) -> Evidence:
    found = read(path_of(run.folder / "baselines", "jax-cpu", "more-data"))
    assert found is not None
    return found


@pytest.fixture
def copy_of_images(images: Finished, tmp_path: Path) -> Path:
    shutil.copytree(images.folder / "baselines", tmp_path / "baselines")
    return tmp_path


def check_images(folder: Path, keyword: str = IMAGES, **how: Any) -> Finished:
    return suite(folder, *CHECKED, "-k", keyword, **how)


@pytest.mark.slow
def test_what_a_check_needs_is_stored(images: Finished) -> None:
    assert images.code == 6
    for variant in evidence(images).variants.values():
        assert not variant.tiny
        assert {(one.seed, one.perturbed) for one in variant.traces} == {(s, k) for s in range(5) for k in range(5)}
        assert variant.steps in range(1, 21)
        assert len(variant.canonical) == 20
        assert variant.seeds == 4


@pytest.mark.slow
def test_first_steps_are_reproduced_and_an_anchor_to_the_end(images: Finished, copy_of_images: Path) -> None:
    run = check_images(copy_of_images)
    assert run.code == 0, run.output
    assert run.states == {ANCHOR: "identical", OTHER: "identical"}
    assert {key: [trial.seed for trial in done] for key, done in run.record.trials.items()} == {
        ("more-data", "2,000 images"): [0]
    }
    outcomes = {"/".join(key): one.outcome for key, one in run.record.trainings.items()}
    steps = {name: one.steps for name, one in evidence(images).variants.items()}
    assert outcomes[OTHER].reason == f"Compared: {steps['500 images']} steps of 5 seeds."
    assert (outcomes[OTHER].to_the_end, outcomes[ANCHOR].to_the_end) == (False, True)
    assert "seed 0 to the end" in outcomes[ANCHOR].reason


@pytest.mark.slow
def test_shortened_trials_are_in_no_record_from_which_trials_are_reused(copy_of_images: Path) -> None:
    run = check_images(copy_of_images, "more-data/500")
    assert run.code == 0
    assert "trial" not in kinds(run.record)
    assert "short trial" in kinds(run.record)


def spoil(folder: Path, change: Callable[[Content], object], variant: str = "500 images") -> Finished:
    edit(folder, "more-data", lambda content: change(content["variants"][variant]))
    return check_images(folder, "more-data/500" if variant == "500 images" else "more-data/2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        (lambda variant: moved_losses(variant, 1e-3), "moved", "training loss, step 1: "),
        (
            lambda variant: variant["configuration"].update(batch_size=199),
            "not comparable",
            "changed by the catalogue: batch_size 199 then, 200 now",
        ),
        (
            lambda variant: dense_of(variant).update(units=9),
            "not comparable",
            "changed by the catalogue: Keras is ",
        ),
        (lambda variant: variant.update(traces=[], steps=0), "missing", "nothing of it was trained here"),
    ],
    ids=["trace", "batch size", "Keras configuration", "no traces"],
)
def test_edited_evidence_of_first_steps_is_red(
    change: Callable[[Content], object], state: str, reason: str, copy_of_images: Path
) -> None:
    run = spoil(copy_of_images, change)
    assert run.code == 1
    assert run.states == {OTHER: state}
    assert reason in reason_of(run)


@pytest.mark.slow
def test_fewer_steps_are_compared_where_fewer_are_stored(copy_of_images: Path) -> None:
    run = spoil(copy_of_images, lambda variant: variant.update(steps=2))
    assert run.code == 0
    assert reason_of(run) == "Compared: 2 steps of 5 seeds."


@pytest.mark.slow
def test_a_training_of_which_rounding_moves_the_first_step_is_not_compared(copy_of_images: Path) -> None:
    run = spoil(copy_of_images, lambda variant: variant.update(steps=0))
    assert run.code == 0
    assert run.states == {OTHER: "new"}
    assert "Rounding moves the first step" in reason_of(run)


@pytest.mark.slow
def test_an_anchor_far_from_the_stored_seeds_is_red(copy_of_images: Path) -> None:
    def far(variant: Content) -> None:
        variant["metrics"]["val_accuracy"] = [0.3, 0.301, 0.302, 0.303]
        variant["curves"] = {}

    run = spoil(copy_of_images, far, "2,000 images")
    assert run.code == 1
    assert run.states == {ANCHOR: "moved"}
    assert "where one more of 4 stored seeds falls" in run.output


@pytest.mark.slow
def test_one_seed_of_five_that_turns_to_nan_is_red(copy_of_images: Path) -> None:
    run = check_images(copy_of_images, "more-data/500", plugins=FAILING)
    assert run.code == 1
    assert run.states == {OTHER: "moved"}
    assert "training loss, step 2: " in run.output
    assert "(seed 3)" in run.output


@pytest.mark.slow
def test_a_version_that_draws_other_numbers_is_reproduced_by_the_canonical_trace(copy_of_images: Path) -> None:
    """The stored first steps are those of other seeds, as if the seeds had drawn other numbers then."""

    def others(variant: Content) -> None:
        other_session(variant, numpy="1.0")
        variant["hashes"]["initial"] = "0" * 16
        for trace in variant["traces"]:
            trace["seed"] = (trace["seed"] + 1) % 5

    run = spoil(copy_of_images, others)
    assert run.code == 0, run.output
    assert run.states == {OTHER: "start reproduced"}
    assert "other random numbers (numpy 1.0 → " in reason_of(run)


@pytest.mark.slow
def test_a_canonical_trace_of_another_stack_is_compatible(copy_of_images: Path) -> None:
    as_reference(copy_of_images)
    run = check_images(copy_of_images)
    assert run.code == 0
    assert run.states == {ANCHOR: "new", OTHER: "new"}
    reasons = {"/".join(key): one.outcome.reason for key, one in run.record.trainings.items()}
    assert reasons[OTHER].endswith("Against tensorflow-cpu: the canonical trace compatible.")
    assert reasons[ANCHOR].endswith("Against tensorflow-cpu: the canonical trace and the end compatible.")


@pytest.mark.slow
def test_another_canonical_trace_is_red(copy_of_images: Path) -> None:
    def moved(content: Content) -> None:
        variant = content["variants"]["500 images"]
        variant["canonical"] = [loss * 1.001 for loss in variant["canonical"]]

    edit(copy_of_images, "more-data", moved)
    as_reference(copy_of_images)
    run = check_images(copy_of_images, "more-data/500")
    assert run.code == 1
    assert run.states == {OTHER: "moved"}
    assert "canonical training loss, step 1: " in run.output
