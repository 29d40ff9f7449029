"""The status line, what moved, and the findings by cause."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from harness.claim import Finding
from harness.erratum import ErratumState
from harness.record.outcomes import TrainingOutcome, TrainingState, VerdictState
from harness.record.run import Run, Summary
from harness.verdict import Basis, Verdict
from reports.cards import ELSEWHERE, Unknown, anchor, cards, section_of
from reports.headline import count_text, counts, findings, moved, status
from tests.reports.runs import finished
from tests.reports.synthetic import claim, decision, effect, erratum, experiment, here, red, training, trial


def checked(states: list[tuple[str, bool]], **header: Any) -> Run:
    """A check whose variants came out so: (state, whether it went to the end)."""
    records = []
    for index, (state, ended) in enumerate(states):
        outcome = TrainingOutcome(TrainingState(state), "loss moved: 1.2 → 1.3", to_the_end=ended, steps=16, seeds=5)
        nothing: dict[str, Any] = {"seeds": (), "summary": Summary.of("val_accuracy", ()), "images_per_second": None}
        changes = {"outcome": outcome, "red": outcome.red} | ({} if ended else nothing)
        records.append(training("deep", [trial(f"v{index}", 0, 0.95)], "val_accuracy", **changes))
    return finished(*records, claim("a", "SUPPORTED", here=here()), **{"full": False, "seeds": None, **header})


def line(run: Run) -> str:
    return str(status(run, cards(run)))


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("identical", True), ("start reproduced", False), ("identical", False)],
         "✅ Nothing moved: 1 training reproduced to the end, 2 from the start, 2 bit for bit. "
         "0 of 11 stored accuracies of larger trainings were trained here."),
        ([("start reproduced", False)] * 2 + [("new", False)],
         "✅ Nothing moved: 2 trainings reproduced from the start, 1 without evidence on tensorflow-cpu. "
         "0 of 11 stored accuracies of larger trainings were trained here."),
        ([("identical", False)] * 2 + [("new", False)],
         "✅ Nothing moved: 2 trainings reproduced from the start, bit for bit, 1 without evidence on tensorflow-cpu. "
         "0 of 11 stored accuracies of larger trainings were trained here."),
        ([("new", False)], "⚪ Nothing to compare with: 1 training without evidence on tensorflow-cpu."),
        ([("identical", True), ("moved", False)], "❌ 1 training moved."),
        ([("moved", True)] * 2 + [("not comparable", False)], "❌ 2 trainings moved, 1 training not comparable."),
    ],
)  # fmt: skip
def test_the_status_line_says_whether_anything_moved(states: list[tuple[str, bool]], said: str) -> None:
    assert line(checked(states)) == said


def test_evidence_itself_has_not_moved_and_errata_that_were_not_run_are_not_red() -> None:
    run = checked([("moved", True)], evidence=True)
    run.add(erratum("e", state=ErratumState.DECLARED))
    assert moved(run) == []
    assert line(run) == "⚪ Evidence of tensorflow-cpu: 0 trainings, no seeds each. 1 erratum to correct."


def test_claims_of_one_cause_are_one_finding_and_none_is_lost() -> None:
    """Causes with a refuted claim come first, and those without anything open last."""
    verdicts = {"a": "SUPPORTED", "b": "NEGLIGIBLE", "c/x": "OUTDATED", "c/y": "REFUTED", "e": "INCONCLUSIVE",
                "f": "REFUTED"}  # fmt: skip
    measured = effect("a − b", 0.0, -0.001, 0.001)
    named = {key: key.partition("/") for key in verdicts}
    shown = cards(finished(*(claim(named[key][0], of, [measured], case=named[key][2]) for key, of in verdicts.items())))

    def grouped(*known: Finding) -> list[tuple[str, list[str]]]:
        return [(group.cause, [card.key for card in group.open]) for group in findings(shown, known)]

    others = [(f"Statement of {key[0]}", keys) for key, keys in
              (("c", ["c/x", "c/y"]), ("f", ["f"]), ("b", ["b"]), ("e", ["e"]))]  # fmt: skip
    assert grouped() == others
    known = (Finding("Right", ("a",)), Finding("Two", ("a", "f", "gone")), Finding("None", ("gone",)))
    assert grouped(*known) == [("Two", ["f"]), others[0], *others[2:], ("Right", [])]


def test_what_nobody_has_measured_is_no_finding() -> None:
    shown = cards(finished(claim("a", decision("INCONCLUSIVE", reason="No evidence is stored."))))
    assert findings(shown, ()) == []
    assert count_text(list(shown.values())) == "1 claim: 1 undecided."


def test_the_one_count_has_its_parts_by_how_each_was_decided() -> None:
    bases = (Basis.SHOWN, Basis.SHOWN, Basis.EVERY_SEED, Basis.COMPUTED, Basis.NOT_CONTRADICTED)
    made = [claim(f"s{place}", replace(decision("SUPPORTED"), basis=basis)) for place, basis in enumerate(bases)]
    flipped = claim("moved", "REFUTED", comparison=red(VerdictState.FLIPPED, "REFUTED", "REFUTED here"))
    shown = list(cards(finished(*made, flipped)).values())
    said = "4 supported (2 shown by a test, 1 in every seed, 1 computed), 1 not contradicted"
    assert count_text(shown) == f"6 claims: {said}, 1 not judged, as its test fails."
    assert sum(counts(shown).values()) == 5
    ours = [dataclasses.replace(card, claim=Unknown(source="ours")) for card in shown[:2]]
    assert count_text(ours) == "2 of ours: 2 supported (2 shown by a test)."


@pytest.mark.parametrize(("full", "seeds", "begins"), [(False, 30, "a is "), (True, 1, "This run: a is ")])
def test_the_headline_verdict_is_that_of_the_evidence(full: bool, seeds: int, begins: str) -> None:
    ours, variants = effect("a − b", 0.01, 0.005, 0.015), {"a": Summary.of("val_accuracy", [trial("a", 0, 0.9)])}
    made = claim("a", "SUPPORTED", [ours], here=here(verdict=Verdict.REFUTED), variants=variants)
    [card] = cards(finished(made, full=full)).values()
    assert (card.verdict, card.own, card.stack, card.seeds) == ("REFUTED", "SUPPORTED", "tensorflow-cpu", seeds)
    assert card.shown.startswith(begins)


def test_a_verdict_that_this_runs_trainings_contradict_is_shown_beside_theirs() -> None:
    """The verdict of the claim is the evidence's; what moved says what the trainings of this run give."""
    flipped = red(VerdictState.FLIPPED, "REFUTED", "REFUTED here, of 10 seeds; the evidence says SUPPORTED.")
    [change] = moved(finished(claim("a", "SUPPORTED", comparison=flipped)))
    assert (change.state, change.before, change.after, change.red) == ("flipped", "✔ SUPPORTED", "✘ REFUTED", True)


def test_where_failed_seeds_decide_the_means_stand_beside_their_number() -> None:
    """61 % of two classes counts as stuck at chance where 100 examples validate, and is no figure of no use."""
    experiment("e", ["plain", "deep"])
    nothing = effect("deep − plain", None, None, None, n=10)
    failed = {"failed_a": 0.0, "failed_b": 1.0}
    shares = effect("deep − plain", -1.0, None, None, kind="failures", n=10, details=failed)
    variants = {
        name: Summary.of("val_accuracy", [trial(name, seed, end, noise=0) for seed in range(10)])
        for name, end in (("plain", 0.61), ("deep", 0.9))
    }
    [card] = cards(finished(claim("a", "SUPPORTED", [nothing, shares], experiment="e", variants=variants))).values()
    means = "; ".join(f"mean of {name}: {summary.mean:.4f}" for name, summary in variants.items())
    assert card.shown == f"This run: deep − plain: none of 10 seeds failed, against 10; {means}."


def test_the_slides_figure_of_a_sibling_claim_that_was_not_run() -> None:
    ours = effect("dropout 0.2 − 5 relu xavier", 0.0027, 0.0012, 0.0043)
    shown = cards(finished(claim("tips-dropout-helps", "SUPPORTED", [ours], experiment="example-4")))
    assert shown["tips-dropout-helps"].slide_figure == "+0.42 points"


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
