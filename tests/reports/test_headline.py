"""The status line, what moved, and the findings by cause."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from harness.claim import Finding
from harness.erratum import ErratumState
from harness.record.outcomes import TrainingOutcome, TrainingState, VerdictState
from harness.record.run import ClaimDecided, Run, Summary, read_run
from harness.verdict import Basis, Verdict
from reports.cards import ELSEWHERE, Card, Unknown, anchor, cards, section_of
from reports.headline import count_text, counts, findings, moved, status
from tests.reports.synthetic import (
    Recorder,
    claim,
    decision,
    effect,
    erratum,
    experiment,
    here,
    red,
    training,
    trial,
)


def checked(
    folder: Path, states: list[tuple[str, bool]], claims: list[ClaimDecided] | None = None, **header: Any
) -> Run:
    """A check whose variants came out so: (state, whether it went to the end)."""
    run = Recorder(folder, **{"full": False, "seeds": None, **header})
    experiment("deep", [f"v{index}" for index in range(len(states))])
    for index, (state, ended) in enumerate(states):
        outcome = TrainingOutcome(TrainingState(state), "loss moved: 1.2 → 1.3", to_the_end=ended, steps=16, seeds=5)
        nothing: dict[str, Any] = {"seeds": (), "mean": None, "std": None, "n": 0, "images_per_second": None}
        changes = {"outcome": outcome, "red": outcome.red} | ({} if ended else nothing)
        run.append(training("deep", [trial(f"v{index}", 0, 0.95)], "val_accuracy", **changes))
    run.append(*([claim("a", "SUPPORTED", here=here())] if claims is None else claims))
    return read_run(run.end())


def line(run: Run) -> str:
    return str(status(run, cards(run)))


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("identical", True), ("start reproduced", False), ("identical", False)],
         "✅ Nothing moved: 1 training reproduced to the end, 2 from the start, 2 bit for bit."),
        ([("start reproduced", False)] * 2 + [("new", False)],
         "✅ Nothing moved: 2 trainings reproduced from the start, 1 without evidence on tensorflow-cpu."),
        ([("identical", False)] * 2 + [("new", False)],
         "✅ Nothing moved: 2 trainings reproduced from the start, bit for bit, 1 without evidence on tensorflow-cpu."),
        ([("new", False)], "⚪ Nothing to compare with: 1 training without evidence on tensorflow-cpu."),
        ([("identical", True), ("moved", False)], "❌ 1 training moved."),
        ([("moved", True)] * 2 + [("not comparable", False)], "❌ 2 trainings moved, 1 training not comparable."),
    ],
)  # fmt: skip
def test_the_status_line_says_whether_anything_moved(tmp_path: Path, states: list[tuple[str, bool]], said: str) -> None:
    assert line(checked(tmp_path, states)) == said


def test_evidence_itself_has_not_moved_and_errata_that_were_not_run_are_not_red(tmp_path: Path) -> None:
    run = checked(tmp_path, [("moved", True)], evidence=True)
    run.errata["e"] = erratum("e", state=ErratumState.DECLARED)
    assert moved(run) == []
    assert line(run) == "⚪ Evidence of tensorflow-cpu: 0 trainings, no seeds each. 1 snippet needs replacing."


def test_claims_of_one_cause_are_one_finding_and_none_is_lost(tmp_path: Path) -> None:
    """Causes with a refuted claim come first, and those without anything open last."""
    run, measured = Recorder(tmp_path), effect("a − b", 0.0, -0.001, 0.001)
    verdicts = {
        "a": "SUPPORTED",
        "b": "NEGLIGIBLE",
        "c/x": "OUTDATED",
        "c/y": "REFUTED",
        "e": "INCONCLUSIVE",
        "f": "REFUTED",
    }
    for key, verdict in verdicts.items():
        name, _, case = key.partition("/")
        run.append(claim(name, verdict, [measured], case=case))
    shown = cards(read_run(run.end()))

    def grouped(*known: Finding) -> list[tuple[str, list[str]]]:
        return [(group.cause, [card.key for card in group.open]) for group in findings(shown, known)]

    others = [
        ("Statement of c", ["c/x", "c/y"]),
        ("Statement of f", ["f"]),
        ("Statement of b", ["b"]),
        ("Statement of e", ["e"]),
    ]
    assert grouped() == others
    known = (Finding("Right", ("a",)), Finding("Two", ("a", "f", "gone")), Finding("None", ("gone",)))
    assert grouped(*known) == [("Two", ["f"]), others[0], *others[2:], ("Right", [])]


def test_what_nobody_has_measured_is_no_finding(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", decision("INCONCLUSIVE", reason="No evidence is stored.")))
    shown = cards(read_run(run.end()))
    assert findings(shown, ()) == []
    assert count_text(list(shown.values())) == "1 case: 1 undecided."


def test_the_one_count_has_its_parts_by_how_each_was_decided(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    bases = (Basis.SHOWN, Basis.SHOWN, Basis.EVERY_SEED, Basis.COMPUTED, Basis.NOT_CONTRADICTED)
    for place, basis in enumerate(bases):
        run.append(claim(f"supported-{place}", replace(decision("SUPPORTED"), basis=basis)))
    run.append(claim("moved", "REFUTED", comparison=red(VerdictState.FLIPPED, "REFUTED", "REFUTED here")))
    shown = list(cards(read_run(run.end())).values())
    said = "4 supported (2 shown by a test, 1 in every seed, 1 computed), 1 not contradicted"
    assert count_text(shown) == f"6 cases: {said}, 1 not judged, as its test fails."
    assert sum(counts(shown).values()) == 5
    ours = [dataclasses.replace(card, claim=Unknown(source="ours")) for card in shown[:2]]
    assert count_text(ours) == "2 of ours: 2 supported (2 shown by a test)."


def test_the_headline_verdict_of_a_check_is_that_of_the_evidence(tmp_path: Path) -> None:
    ours = effect("a − b", 0.01, 0.005, 0.015)
    variants = {"a": Summary.of("val_accuracy", [trial("a", 0, 0.9)])}
    made = claim("a", "SUPPORTED", [ours], here=here(verdict=Verdict.REFUTED), variants=variants)

    def card(**header: Any) -> Card:
        run = Recorder(tmp_path / str(header["full"]), **header)
        run.append(made)
        [only] = cards(read_run(run.end())).values()
        return only

    stored = card(full=False, seeds=None)
    assert (stored.verdict, stored.own, stored.stack, stored.seeds) == ("REFUTED", "SUPPORTED", "tensorflow-cpu", 30)
    assert not stored.shown.startswith("This run:")
    trained = card(full=True)
    assert (trained.verdict, trained.own, trained.stack, trained.seeds) == ("REFUTED", "SUPPORTED", "tensorflow-cpu", 1)
    assert trained.shown.startswith("This run: ")


def test_where_failed_seeds_decide_the_means_stand_beside_their_number(tmp_path: Path) -> None:
    """61 % of two classes counts as stuck at chance where 100 examples validate, and is no figure of no use."""
    run = Recorder(tmp_path)
    experiment("e", ["plain", "deep"])
    nothing = effect("deep − plain", None, None, None, n=10)
    failed = {"failed_a": 0.0, "failed_b": 1.0}
    shares = effect("deep − plain", -1.0, None, None, kind="failures", n=10, details=failed)
    ends = {"plain": 0.61, "deep": 0.9}
    trials = {name: [trial(name, seed, end, noise=0) for seed in range(10)] for name, end in ends.items()}
    variants = {name: Summary.of("val_accuracy", of) for name, of in trials.items()}
    run.append(claim("a", "SUPPORTED", [nothing, shares], experiment="e", variants=variants))
    [card] = cards(read_run(run.end())).values()
    means = {name: f"{summary.mean:.4f}" for name, summary in variants.items()}
    assert card.shown == (
        "This run: deep − plain: 0 of 10 seeds failed, against 10; "
        f"mean of plain: {means['plain']}; mean of deep: {means['deep']}."
    )


def test_the_slides_figure_of_a_sibling_claim_that_was_not_run(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    ours = effect("dropout 0.2 − 5 relu xavier", 0.0027, 0.0012, 0.0043)
    run.append(claim("tips-dropout-helps", "SUPPORTED", [ours], experiment="example-4"))
    assert cards(read_run(run.end()))["tips-dropout-helps"].slide_figure == "+0.42 points"


@pytest.mark.parametrize(
    ("label", "section"),
    [
        ("Example 4, 5 hidden layers", "Example 4. Tips of NN for the Mnist digit classifier"),
        ("4. Optimizers (cont.), Adam; Example 1", "4. Optimizers"),
        ("nowhere", ELSEWHERE),
        ("", ELSEWHERE),
    ],
)
def test_where_a_claim_is_reported(label: str, section: str) -> None:
    assert section_of(label) == section


def test_anchors_are_short_and_differ() -> None:
    assert anchor("tips-figures-reproduce/l1 1e-6, epochs 16 to 20") == "tips-figures-reproduce-l1-1e-6-epochs-16-to-20"
    long = [anchor("x" * 10_000), anchor("x" * 9_999), anchor("한"), anchor("국")]
    assert len(set(long)) == 4
    assert all(0 < len(name) < 80 and name.isascii() for name in long)
