"""A check against stored evidence: what it trains, the states of variants and claims, and what makes it red."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.check.evidence import path_of, read
from tests.make import edit
from tests.suite.command import PLAIN, Finished, kinds, suite
from tests.suite.conftest import BROAD, CHECKED, JAX
from tests.suite.test_known import killed, nth_trial

Content = dict[str, Any]
Change = Callable[[Content], object]
FAILING = (*PLAIN, "-p", "tests.suite.failing")


def scaled(variant: Content, factor: float) -> None:
    """Multiplies every metric by about ``factor``; the factor differs between seeds."""
    variant["metrics"] = {
        name: [None if value is None else value * (factor + seed / 10) for seed, value in enumerate(column)]
        for name, column in variant["metrics"].items()
    }


def moved_losses(variant: Content, change: Callable[[float], float], perturbed: bool = False) -> None:
    """Changes every finite loss in the traces."""
    for trace in variant["traces"]:
        if perturbed or not trace.get("perturbed"):
            trace["losses"] = [loss if isinstance(loss, str) else change(loss) for loss in trace["losses"]]


def last_bits(variant: Content) -> None:
    moved_losses(variant, lambda loss: math.nextafter(loss, math.inf), perturbed=True)


def thousandth(variant: Content) -> None:
    moved_losses(variant, lambda loss: loss * 1.001)


def other_session(variant: Content, **fingerprint: str) -> None:
    for session in variant["sessions"]:
        session["fingerprint"] |= fingerprint


def dense_of(variant: Content) -> Content:
    """The configuration of the first dense layer of a variant."""
    layers = variant["configuration"]["model"]["layers"]
    return next(layer for layer in layers if layer["class_name"] == "Dense")["config"]


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
    thousandth(content["variants"]["in [0, 1]"])
    dense_of(content["variants"]["centred"])["use_bias"] = "perhaps"


def other_versions(content: Content) -> None:
    """Changes three variants: another configuration by another Keras, fewer steps, and other random numbers."""
    raw, min_max, standardised = (content["variants"][name] for name in ("raw", "min-max", "standardised"))
    other_session(raw, keras="3.0")
    dense_of(raw)["old_argument"] = 7
    min_max["steps"] = 3
    other_session(standardised, numpy="1.0")
    standardised["hashes"]["initial"] = "0" * 16
    thousandth(standardised)
    content["variants"]["gone"] = raw
    claim = content["expected"]["zscore-fixes-divergence"]
    claim["verdict"] = "INCONCLUSIVE" if claim["verdict"] == "SUPPORTED" else "SUPPORTED"


def later_inf(content: Content) -> None:
    content["variants"]["raw"]["metrics"]["first_inf_epoch"] = [4.0] * 30
    content["expected"]["raw-data-diverges"]["verdict"] = "REFUTED"


def as_reference(folder: Path) -> None:
    """Turns the evidence of this stack into evidence of the reference stack."""

    def of_tensorflow(content: Content) -> None:
        content["stack"] = "tensorflow-cpu"
        for variant in content["variants"].values():
            other_session(variant, backend="tensorflow")

    (folder / "baselines" / "jax-cpu").rename(folder / "baselines" / "tensorflow-cpu")
    for path in (folder / "baselines" / "tensorflow-cpu").iterdir():
        edit(path, of_tensorflow)


@dataclass(frozen=True)
class Row:
    """A check: the changes to the evidence by experiment, the selected items, and what comes of it.

    ``states``: by training. ``claims``: the state of the verdict and what it rests on here, by claim. ``red``: the
    failed tests. ``words``: of lines of the output, each its beginning and what it contains.
    """

    changes: Mapping[str, Change]
    selected: str
    code: int
    states: Mapping[str, str]
    claims: Mapping[str, tuple[str, str]]
    red: set[str]
    words: tuple[tuple[str, ...], ...] = ()
    options: tuple[str, ...] = ()
    prepare: Callable[[Path], object] = field(default=lambda folder: None)


EXACT = ("zscore-formula", "minmax-formula", "minmax-table", "minmax-losses-reproduce")
ROWS = {
    "what moved": Row(
        {"example-2": example_2, "scale-gap": scale_gap, "centring": centring},
        BROAD,
        1,
        {
            "example-2/raw": "identical",
            "example-2/min-max": "moved",
            "example-2/standardised": "not comparable",
            "scale-gap/raw": "missing",
            "scale-gap/min-max": "reproduced",
            "centring/in [0, 1]": "moved",
            "centring/centred": "not comparable",
        },
        {
            "raw-data-diverges": ("flipped", "confirmed"),
            "minmax-fixes-divergence": ("as expected", "not confirmed"),
            "zscore-fixes-divergence": ("as expected", "not confirmed"),
            "scale-gap-hurts": ("as expected", "not confirmed"),
            "zero-centering-helps": ("as expected", "not confirmed"),
            **dict.fromkeys(EXACT, ("new", "")),
        },
        {
            "example-2/min-max",
            "example-2/standardised",
            "scale-gap/raw",
            "centring/in [0, 1]",
            "centring/centred",
            "raw-data-diverges",
            *EXACT,
        },
        (
            ("  training moved: example-2/min-max: ", "(seed "),
            ("  training not comparable: example-2/standardised: ", "changed by the catalogue: batch_size 33 then, 32"),
            ("  training missing: scale-gap/raw: ", "not in the evidence: condition_number; not declared: no_such_met"),
            ("  training moved: centring/in [0, 1]: ", "training loss, epoch 1: "),
            (
                "  training not comparable: centring/centred: ",
                "use_bias 'perhaps' then, True now",
                "Another training, changed by the catalogue: Keras is 3.",
            ),
            ("", "REFUTED since"),
            ("", "Invalid evidence", "exact.json", "Expected: ", "Received: ", "git checkout"),
        ),
        prepare=lambda folder: path_of(folder / "baselines", "jax-cpu", "exact").write_text("[]", "utf-8"),
    ),
    "other versions": Row(
        {
            "example-2": other_versions,
            "scale-gap": lambda content: content.update(schema=4),
            "centring": lambda content: scaled(content["variants"]["centred"], 3),
        },
        "raw-data or minmax-fixes or zscore-fixes or scale-gap-hurts or zero-cent",
        1,
        {
            "example-2/raw": "identical",
            "example-2/min-max": "identical",
            "example-2/standardised": "moved",
            "example-2/gone": "missing",
            "scale-gap/raw": "not comparable",
            "scale-gap/min-max": "not comparable",
            "centring/in [0, 1]": "identical",
            "centring/centred": "not comparable",
        },
        {
            "raw-data-diverges": ("as expected", "confirmed"),
            "minmax-fixes-divergence": ("as expected", "confirmed"),
            "zscore-fixes-divergence": ("decided", "not confirmed"),
            "scale-gap-hurts": ("not run", ""),
            "zero-centering-helps": ("flipped", "not confirmed"),
        },
        {
            "example-2/standardised",
            "centring/centred",
            "scale-gap/raw",
            "scale-gap/min-max",
            "scale-gap-hurts",
            "zscore-fixes-divergence",
            "zero-centering-helps",
        },
        (
            ("  training not comparable: centring/centred: ", "metric has changed, on the stored curves: "),
            ("", "another version of Keras configures it otherwise: "),
            ("", "old_argument: 7 → "),
            (
                "  training moved: example-2/standardised: ",
                "This version draws other random numbers (numpy 1.0 → ",
                "there is no canonical trace to compare",
            ),
            ("  training missing: example-2/gone: It has evidence and is no longer declared.",),
            ("", "Invalid evidence", "Received: schema 4, written by a newer version of the suite: update the suite."),
        ),
    ),
    "strict, and a verdict that all trainings here contradict": Row(
        {"example-2": later_inf, "scale-gap": lambda content: last_bits(content["variants"]["min-max"])},
        "raw-data or scale-gap/min-max",
        1,
        {"example-2/raw": "moved", "scale-gap/min-max": "reproduced"},
        {"raw-data-diverges": ("flipped", "not confirmed")},
        {"example-2/raw", "raw-data-diverges", "scale-gap/min-max"},
        (("", "SUPPORTED here, of 10 seeds; the evidence says REFUTED."),),
        options=("--strict",),
    ),
    "evidence of the reference stack only, of which one variant is far": Row(
        {"example-2": lambda content: scaled(content["variants"]["min-max"], 1000)},
        "raw-data or zscore-fixes or example-2/min-max",
        1,
        {"example-2/raw": "new", "example-2/standardised": "new", "example-2/min-max": "moved"},
        {"raw-data-diverges": ("new", "compatible"), "zscore-fixes-divergence": ("new", "compatible")},
        {"example-2/min-max"},
        (
            ("", "nothing is stored on jax-cpu for 2 trainings."),
            ("", "No evidence of this variant is stored for jax-cpu. Against tensorflow-cpu: "),
        ),
        prepare=as_reference,
    ),
    "no evidence": Row(
        {},
        "raw-data or minmax-table",
        0,
        {"example-2/raw": "new"},
        {"raw-data-diverges": ("new", "not confirmed"), "minmax-table": ("new", "")},
        set(),
        (
            ("", "nothing is stored on jax-cpu for 1 training."),
            ("", "No evidence is stored, and a check decides nothing anew: add --full."),
        ),
        prepare=lambda folder: shutil.rmtree(folder / "baselines" / "jax-cpu"),
    ),
    "no evidence where it is required": Row(
        {},
        "raw-data or minmax-table",
        1,
        {"example-2/raw": "new"},
        {"raw-data-diverges": ("new", "not confirmed"), "minmax-table": ("new", "")},
        {"example-2/raw", "raw-data-diverges", "minmax-table"},
        (("", "minmax-table: No expected verdict is stored."),),
        options=("--require-baselines",),
        prepare=lambda folder: shutil.rmtree(folder / "baselines" / "jax-cpu"),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_check(name: str, copied: Callable[[str], Path]) -> None:
    row, folder = ROWS[name], copied("check")
    for experiment, change in row.changes.items():
        edit(path_of(folder / "baselines", "jax-cpu", experiment), change)
    row.prepare(folder)
    run = suite(folder, *CHECKED, "-k", row.selected, *row.options)
    assert run.code == row.code, run.output
    claims = {
        key: (str(claim.comparison.state), str(claim.here.state) if claim.here else "")
        for key, claim in run.record.claims.items()
    }
    assert (run.states, claims, run.red) == (row.states, row.claims, row.red)
    for beginning, *parts in row.words:
        lines = [line for line in run.output.splitlines() if line.startswith(beginning)]
        assert any(all(part in line for part in parts) for line in lines), (beginning, parts, run.output)
    assert (folder / "report" / "REPORT.md").exists()


@pytest.fixture(scope="module")
def plain(copied: Callable[[str], Path]) -> Finished:
    """A check against the unchanged evidence."""
    return suite(copied("plain"), *CHECKED, "-k", BROAD)


def test_a_check_of_what_was_stored_is_identical_and_green(plain: Finished, stored: Finished) -> None:
    """Tiny trainings go to the end, with ten seeds."""
    assert plain.code == 0, plain.output
    assert set(plain.states.values()) == {"identical"}
    assert len(plain.states) == 7
    assert "claims: check against the evidence, backend jax (--backend), engine auto" in plain.output
    assert "✅ Nothing moved: 7 trainings reproduced to the end, bit for bit.\n" in plain.output
    assert "  here: 5 confirmed\n" in plain.output
    assert "nothing is stored" not in plain.output
    assert "warning" not in plain.output.lower()
    assert plain.files() == stored.files()
    assert plain.record.header.full is False
    assert {len(done) for done in plain.record.trials.values()} == {10}
    for training in plain.record.trainings.values():
        assert (training.outcome.to_the_end, training.outcome.seeds) == (True, 10)
        assert training.outcome.reason.startswith("Compared: 10 seeds to the end, their first ")


def test_a_claim_has_the_verdict_of_the_evidence_and_is_confirmed(plain: Finished) -> None:
    assert plain.verdicts["raw-data-diverges"] == "SUPPORTED"
    for claim in plain.record.claims.values():
        assert claim.comparison.state == "as expected"
        if claim.experiment is None:
            assert claim.here is None
            continue
        assert claim.here
        found = (claim.here.state, claim.here.stack, claim.here.seeds, claim.here.verdict)
        assert found == ("confirmed", "jax-cpu", 30, claim.verdict)
        assert claim.decision.reason.startswith("30 stored trainings a variant, jax-cpu: ")
        assert {variant.n for variant in claim.variants.values()} == {30}


@pytest.mark.slow
def test_a_check_that_was_killed_goes_on(plain: Finished, copied: Callable[[str], Path]) -> None:
    folder = copied("killed")
    killed(plain, folder, nth_trial(plain, 12), torn=50)
    again = suite(folder, *CHECKED, "-k", BROAD, "--resume")
    assert again.code == 0, again.output
    assert kinds(again.record).count("trial") == kinds(plain.record).count("trial") == 70
    assert (again.states, again.verdicts) == (plain.states, plain.verdicts)


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


# What follows trains on ten thousand images: shortened trials, an anchor, and a canonical trace.

IMAGES = "more-data/500 or more-data/2"
ANCHOR, OTHER = "more-data/2,000 images", "more-data/500 images"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that stores evidence of two variants of an experiment on images, four seeds of each."""
    folder = tmp_path_factory.mktemp("images")
    return suite(folder, "--backend", "jax", "--seeds", "4", "-k", IMAGES, "--update-baselines", "four", timeout=900)


@pytest.fixture
def check_images(images: Finished, tmp_path: Path) -> Callable[..., Finished]:
    """Checks a copy of that evidence after changing it."""

    def check(
        keyword: str = IMAGES, change: Change = lambda content: None, reference: bool = False, **how: Any
    ) -> Finished:
        shutil.copytree(images.folder / "baselines", tmp_path / "baselines")
        edit(path_of(tmp_path / "baselines", "jax-cpu", "more-data"), change)
        if reference:
            as_reference(tmp_path)
        return suite(tmp_path, *CHECKED, "-k", keyword, **how)

    return check


@pytest.mark.slow
def test_first_steps_are_reproduced_and_an_anchor_to_the_end(
    images: Finished, check_images: Callable[..., Finished]
) -> None:
    assert images.code == 6
    evidence = read(path_of(images.folder / "baselines", "jax-cpu", "more-data"))
    assert evidence
    for variant in evidence.variants.values():
        assert not variant.tiny
        assert {(one.seed, one.perturbed) for one in variant.traces} == {(s, k) for s in range(5) for k in range(5)}
        assert variant.steps in range(1, 21)
        assert len(variant.canonical) == 20
        assert variant.seeds == 4
    run = check_images()
    assert run.code == 0, run.output
    assert run.states == {ANCHOR: "identical", OTHER: "identical"}
    trained = {"/".join(key): [trial.seed for trial in done] for key, done in run.record.trials.items()}
    assert trained == {ANCHOR: [0]}  # shortened trials are no trials
    outcomes = {"/".join(key): training.outcome for key, training in run.record.trainings.items()}
    assert outcomes[OTHER].reason == f"Compared: {evidence.variants['500 images'].steps} steps of 5 seeds."
    assert (outcomes[OTHER].to_the_end, outcomes[ANCHOR].to_the_end) == (False, True)
    assert "seed 0 to the end" in outcomes[ANCHOR].reason


def other_seeds(variant: Content) -> None:
    """As if the seeds had drawn other numbers then: the stored first steps are those of other seeds."""
    other_session(variant, numpy="1.0")
    variant["hashes"]["initial"] = "0" * 16
    for trace in variant["traces"]:
        trace["seed"] = (trace["seed"] + 1) % 5


def moved_canonical(variant: Content) -> None:
    variant["canonical"] = [loss * 1.001 for loss in variant["canonical"]]


FIRST_STEPS: dict[str, tuple[Change, bool, int, str, str]] = {
    "trace": (thousandth, False, 1, "moved", "training loss, step 1: "),
    "batch size": (
        lambda variant: variant["configuration"].update(batch_size=199), False, 1, "not comparable",
        "changed by the catalogue: batch_size 199 then, 200 now",
    ),
    "Keras' configuration": (
        lambda variant: dense_of(variant).update(units=9), False, 1, "not comparable",
        "changed by the catalogue: Keras is ",
    ),
    "no traces": (
        lambda variant: variant.update(traces=[], steps=0), False, 1, "missing", "nothing of it was trained here"
    ),
    "fewer steps": (lambda variant: variant.update(steps=2), False, 0, "identical", "Compared: 2 steps of 5 seeds."),
    "rounding moves the first step": (
        lambda variant: variant.update(steps=0), False, 0, "new", "Rounding moves the first step"
    ),
    "other numbers are drawn, and the canonical trace is the same": (
        other_seeds, False, 0, "start reproduced", "other random numbers (numpy 1.0 → "
    ),
    "another stack": (lambda variant: None, True, 0, "new", "Against tensorflow-cpu: the canonical trace compatible."),
    "another stack's canonical trace": (moved_canonical, True, 1, "moved", "canonical training loss, step 1: "),
}  # fmt: skip
"""By what is changed: the change, whether the evidence is another stack's, exit code, state, and part of the reason."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRST_STEPS)
def test_changed_evidence_of_first_steps(name: str, check_images: Callable[..., Finished]) -> None:
    change, reference, code, state, reason = FIRST_STEPS[name]
    run = check_images("more-data/500", lambda content: change(content["variants"]["500 images"]), reference)
    assert run.code == code, run.output
    assert run.states == {OTHER: state}
    (training,) = run.record.trainings.values()
    assert reason in training.outcome.reason


@pytest.mark.slow
def test_an_anchor_far_from_the_stored_seeds_is_red(check_images: Callable[..., Finished]) -> None:
    def far(content: Content) -> None:
        content["variants"]["2,000 images"]["metrics"]["val_accuracy"] = [0.3, 0.301, 0.302, 0.303]
        content["variants"]["2,000 images"]["curves"] = {}

    run = check_images("more-data/2", far)
    assert run.code == 1
    assert run.states == {ANCHOR: "moved"}
    assert "where one more of 4 stored seeds falls" in run.output


@pytest.mark.slow
def test_one_seed_of_five_that_turns_to_nan_is_red(check_images: Callable[..., Finished]) -> None:
    run = check_images("more-data/500", plugins=FAILING)
    assert run.code == 1
    assert run.states == {OTHER: "moved"}
    assert "training loss, step 2: " in run.output
    assert "(seed 3)" in run.output
