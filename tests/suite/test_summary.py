"""The summary at the end of a run: its exact text, its length, and its width, from synthetic records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

import reports.write
from cases import CLAIMS
from cases.lecture import FINDINGS
from harness.course import course
from harness.domain.claim import Finding
from harness.domain.erratum import ErratumState
from harness.domain.verdict import Verdict
from harness.record.outcomes import (
    ClaimState,
    Movement,
    TimeComparison,
    TimeState,
    TrainingOutcome,
    TrainingState,
    VerdictComparison,
    VerdictState,
)
from harness.record.run import AnyRecord, Timed, TrainingCompared
from suite.catalogue import ERRATA, TRAININGS
from suite.session.end import finish
from suite.session.screen import Line, shown, table, width, wrapped
from tests.make import self_check, timed
from tests.reports.synthetic import Recorder, claim, compared, decision, effect, erratum, here, training, trial

INTERRUPTED, FAILED = 2, 1
CAUSES = (
    Finding("The slide's softmax was trained too little", ("softmax", "linear-help", "linear-is-softmax")),
    Finding("A nonlinearity helps, depth alone does not", ("relu-beats-linear", "deeper-is-not-better")),
    Finding("A long training overfits", ("overfitting-happens",)),
)
REFUTED = ("softmax", "linear-help", "linear-is-softmax", "relu-beats-linear")
"""Findings of two causes."""
OTHER = "bn-before-or-after"
LECTURE = tuple(finding.claims[0] for finding in FINDINGS[:10])
"""About as many claims as the evidence does not support, each of another cause."""


def variant(
    state: TrainingState = TrainingState.IDENTICAL,
    key: tuple[str, str] = ("example-2", "raw"),
    reason: str = "made up",
    **changes: Any,
) -> TrainingCompared:
    outcome = replace(TrainingOutcome(state, reason, to_the_end=True), **changes)
    return training(key[0], [trial(key[1], 0, 0.9)], "val_accuracy", outcome=outcome, red=outcome.red)


MOVEMENT = Movement("training loss, step", 0.0042, 1e-4, 0.5, 0.5021, seed=3, step=7, seeds=5)
MOVED = variant(TrainingState.MOVED, ("example-4", "dropout 0.2"), reason=f"Moved: {MOVEMENT}.", movement=MOVEMENT)
AS_EXPECTED = compared("SUPPORTED", "SUPPORTED")
FLIPPED = compared("REFUTED", "SUPPORTED")
CONFIRMED = here(ClaimState.CONFIRMED)
WRONG = self_check("network/adam", "Adam moves by 0.2, not 0.1.")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Line]]:
    """The lines that a run of these records prints. Its report is not written; its path is printed."""
    monkeypatch.setattr(reports.write, "write_report", lambda path, folder: Path("reports/out/REPORT.md"))

    def tell(
        *records: AnyRecord,
        status: int = 0,
        quiet: bool = False,
        damaged: Sequence[str] = (),
        vanished: Sequence[str] = (),
        update: str | None = None,
        **header: Any,
    ) -> list[Line]:
        made = Recorder(tmp_path, id="run", full=False, **header)
        made.append(*records)
        stored = SimpleNamespace(vanished=lambda experiment: tuple(vanished), damaged=dict(enumerate(damaged)))
        session: Any = SimpleNamespace(
            run=made.file.run,
            file=made.file,
            header=made.file.run.header,
            options=SimpleNamespace(update=update, store=None, reports=Path("reports/out"), full=False),
            stored=stored,
            progress=SimpleNamespace(quiet=quiet, columns=80, note=lambda name: None, close=lambda: None),
            trials=SimpleNamespace(close=lambda: None, keys=()),
            device=SimpleNamespace(kind="cpu", model="AMD EPYC", precision="default"),
            timed=[],
        )
        return finish(session, status, 1.0)[1]

    return tell


def texts(lines: Sequence[Line], columns: int = 10_000) -> list[str]:
    return [part for line in lines for part in wrapped(shown(line.text, "utf-8"), 10_000 if line.whole else columns)]


def catalogue() -> tuple[dict[str, Any], list[AnyRecord]]:
    """A check of the whole lecture in which nothing moved: its header's changes, and its records."""
    records: list[AnyRecord] = []
    states = (TrainingState.IDENTICAL, TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)
    records += [variant(states[place % 3], key) for place, key in enumerate(TRAININGS)]
    for declared in CLAIMS:
        verdict = "REFUTED" if declared.key in LECTURE else "SUPPORTED"
        rests = here(ClaimState.CONFIRMED, verdict=Verdict(verdict))
        expected = compared(verdict, verdict)
        records.append(claim(declared.id, verdict, case=declared.case, comparison=expected, here=rests))
    records += [erratum(name) for name in ERRATA]
    records += [self_check(f"check-{number}") for number in range(88)]
    return {"planned": tuple(declared.key for declared in CLAIMS)}, records


@pytest.fixture
def whole(told: Callable[..., list[Line]]) -> list[Line]:
    header, records = catalogue()
    return told(*records, **header)


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_the_whole_lecture_takes_less_than_25_lines_where_nothing_moved(columns: int, whole: list[Line]) -> None:
    shown_lines = ["", "== claims of the lecture ==", *texts(whole, columns)]
    assert len(shown_lines) < 25
    assert max(map(width, shown_lines)) <= columns


@pytest.mark.parametrize("columns", [40, 60])
def test_no_line_is_wider_than_a_narrow_terminal(columns: int, whole: list[Line]) -> None:
    assert max(map(width, texts(whole, columns))) <= columns


def test_every_cause_has_one_line(whole: list[Line]) -> None:
    for finding in FINDINGS:
        lines = [line for line in texts(whole) if line.startswith(f"  {finding.cause}: ")]
        assert len(lines) == any(key in LECTURE for key in finding.claims), finding.cause


def test_nothing_moved(told: Callable[..., list[Line]], monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dataclasses.replace(course(), findings=CAUSES)
    monkeypatch.setattr("reports.headline.course", lambda: changed)
    keys = (*REFUTED, OTHER, "minmax-table")
    records: list[AnyRecord] = [
        variant(),
        variant(TrainingState.IDENTICAL, ("example-2", "min-max")),
        variant(TrainingState.REPRODUCED, ("example-4", "softmax")),
        variant(TrainingState.START_REPRODUCED, ("example-4", "2 relu")),
    ]
    for key in (*REFUTED, OTHER):
        verdict = "OUTDATED" if key == OTHER else "REFUTED"
        wrong = here(ClaimState.CONFIRMED, verdict=Verdict(verdict))
        records.append(claim(key, verdict, comparison=compared(verdict, verdict), here=wrong))
    records += [claim("minmax-table", "SUPPORTED", comparison=AS_EXPECTED), erratum("argmax-axis"), self_check("a")]
    lines = told(*records, planned=keys)
    assert texts(lines) == [
        "✅ Nothing moved: 4 trainings reproduced to the end, 2 bit for bit.",
        "Not supported, 5 claims of the lecture:",
        "  The slide's softmax was trained too little: softmax and 2 more",
        "  A nonlinearity helps, depth alone does not: relu-beats-linear",
        f"  Statement of {OTHER}: {OTHER}",
        "6 cases: 1 supported (1 shown by a test), 4 refuted, 1 outdated.",
        "  here: 5 confirmed",
        "1 of 1 erratum holds: code of the slides that has to be updated",
        "1 of 1 self-check holds: what the verdicts rest on",
        "report: reports/out/REPORT.md",
        "page: reports/out/index.html",
        "one claim with its reason: the same command with -k softmax",
    ]
    assert [line.colour for line in lines] == ["green"] + [""] * 11


def test_what_moved_is_told_before_and_now_with_its_reason(told: Callable[..., list[Line]]) -> None:
    lines = told(
        MOVED,
        variant(),
        claim("tips-dropout-helps", "REFUTED", comparison=FLIPPED, here=CONFIRMED),
        *(claim(f"c-{number}", "SUPPORTED", comparison=AS_EXPECTED) for number in range(3)),
        erratum("argmax-axis", state=ErratumState.CHANGED, reason="printed form: expected 3; received: 8"),
        WRONG,
        status=FAILED,
        planned=("tips-dropout-helps", "c-0", "c-1", "c-2"),
    )
    assert texts(lines) == [
        "❌ 1 training moved, 1 verdict flipped, 1 erratum changed, 1 self-check failed.",
        "  training moved: example-4/dropout 0.2: training loss, step 7: 0.5 → 0.5021 (seed 3), median of 5 seeds "
        "0.0042, limit 0.0001.",
        "  verdict flipped: tips-dropout-helps: ✔ SUPPORTED → ✘ REFUTED. "
        "SUPPORTED since 2026-11-20 (first), REFUTED now.",
        "  erratum changed: argmax-axis: printed form: expected 3; received: 8",
        "  self-check failed: network/adam: Adam moves by 0.2, not 0.1.",
        "4 cases: 3 supported (3 shown by a test), 1 not judged, as its test fails.",
        "  here: 1 confirmed",
        "0 of 1 erratum holds: code of the slides that has to be updated",
        "0 of 1 self-check holds: what the verdicts rest on",
        "report: reports/out/REPORT.md",
        "page: reports/out/index.html",
        "one claim with its reason: the same command with -k tips-dropout-helps",
    ]
    assert [line.colour for line in lines[:6]] == ["red"] * 5 + [""]


def time(state: TimeState, red: bool = False) -> Timed:
    return timed("example-4/softmax", [0.4], comparison=TimeComparison(state, "0.4 s, 0.2 s stored"), red=red)


NOT_RUN = VerdictComparison(VerdictState.NOT_RUN, Verdict.SUPPORTED, Verdict.NOT_RUN, True, "No result.")
LOST = [claim(f"c-{number}", decision("NOT_RUN", reason="No data."), comparison=NOT_RUN) for number in range(9)]
WEAKER = replace(
    compared("INCONCLUSIVE", "SUPPORTED"), state=VerdictState.WEAKENED, red=False, reason="from other seeds"
)
FEW = [claim(f"c-{number}", "INCONCLUSIVE", comparison=WEAKER) for number in range(7)]
REPORT = ["report: reports/out/REPORT.md", "page: reports/out/index.html"]
DECIDED = claim("raw-data-diverges", "SUPPORTED", comparison=AS_EXPECTED, here=CONFIRMED)
SOFTMAX = claim(
    "softmax",
    "REFUTED",
    [effect("a − b", -0.0026, -0.0043, -0.0011, n=30)],
    comparison=compared("REFUTED", "REFUTED"),
    here=here(ClaimState.CONFIRMED, verdict=Verdict.REFUTED),
)
FLIPPED_RULE = claim("rule", decision("REFUTED", reason="1 % off"), exact=True, comparison=FLIPPED)
NEAR_AND_NEW = [variant(TrainingState.NEW, compatible=True), variant(TrainingState.NEW, ("example-2", "min-max"))]
UNMOVED = "✅ Nothing moved: 1 training reproduced to the end, bit for bit."
OTHERWISE = "another version of Keras configures it otherwise: optimizer.epsilon: 1e-07 → 1e-08"
CHANGED = (("optimizer.epsilon", "1e-07", "1e-08"),)
ROWS: dict[str, tuple[Sequence[AnyRecord], dict[str, Any], Sequence[str]]] = {
    "much moved": (
        [variant(TrainingState.MOVED, key, reason=f"Moved: {key}.") for key in TRAININGS[:50]], {"status": FAILED},
        ["❌ 50 trainings moved."],
    ),
    "one reason of many": (
        LOST, {"status": FAILED, "planned": tuple(record.key for record in LOST)},
        ["❌ 9 claims not run.", "  claim not run: c-0, c-1, c-2, c-3, c-4 and 4 more: No data."],
    ),
    "interrupted": (
        [variant(), DECIDED], {"status": INTERRUPTED, "planned": ("raw-data-diverges", "a", "b", "c")},
        [f"⚪ Interrupted, 1 of 4 claims decided. {UNMOVED[2:].replace('moved', 'moved so far')}",
         "1 case: 1 supported (1 shown by a test).", "  here: 1 confirmed", *REPORT],
    ),
    "interrupted after something moved": (
        [MOVED], {"status": INTERRUPTED, "planned": ("a", "b")},
        ["❌ Interrupted, 0 of 2 claims decided: 1 training moved."],
    ),
    "one claim alone": (
        [variant(), SOFTMAX], {"planned": ("softmax",)},
        [UNMOVED,
         "  softmax: ✘ REFUTED. a is 0.26 points below b in validation accuracy [0.11, 0.43]. 30 seeds. "
         "Here confirmed: a: 10 seeds to the end.", "1 case: 1 refuted.", "  here: 1 confirmed", *REPORT],
    ),
    "one red claim alone": (
        [FLIPPED_RULE], {"status": FAILED, "planned": ("rule",)},
        ["❌ 1 verdict flipped.",
         "  verdict flipped: rule: ✔ SUPPORTED → ✘ REFUTED. SUPPORTED since 2026-11-20 (first), REFUTED now.",
         "  rule: ✔ SUPPORTED. The slide holds; this machine computes otherwise: see what moved.",
         "1 case: 1 not judged, as its test fails."],
    ),
    "no evidence": (
        [variant(TrainingState.NEW), variant(TrainingState.NEW, ("example-2", "min-max"))], {"stack": "jax-cpu"},
        ["⚪ Nothing to compare with: 2 trainings without evidence on jax-cpu.",
         'nothing is stored on jax-cpu for 2 trainings. Store evidence: --full --seeds 30 --update-baselines "reason"',
         *REPORT],
    ),
    "evidence of the reference stack": (
        NEAR_AND_NEW, {"stack": "jax-cpu"},
        ["✅ Nothing moved: 1 training compatible with tensorflow-cpu, 1 without evidence on jax-cpu."],
    ),
    "exact": ([claim("a", "SUPPORTED", comparison=AS_EXPECTED)], {}, ["✅ Nothing moved: 1 verdict as expected."]),
    "exact and new": (
        [claim("a", "SUPPORTED")], {}, ["⚪ Nothing to compare with: 1 verdict without an expected one."]
    ),
    "errata": ([erratum("a"), erratum("b")], {}, ["✅ Nothing moved: 2 errata hold."]),
    "self-check": ([self_check("a")], {}, ["✅ Nothing moved: 1 self-check passed."]),
    "nothing": ([], {}, ["⚪ Nothing to compare with: nothing was compared."]),
    "a time within": ([time(TimeState.WITHIN)], {}, ["✅ Nothing moved: 1 time within."]),
    "slower": ([time(TimeState.SLOWER)], {}, ["⚪ Times changed, which is not red here: 1 slower."]),
    "slower and red": ([time(TimeState.SLOWER, red=True)], {}, ["❌ 1 time slower."]),
    "a new time": ([time(TimeState.NEW)], {}, ["⚪ Nothing to compare with: 1 time new."]),
    "failed without a record": (
        [variant()], {"status": FAILED}, ["❌ Not everything could be run: see pytest's output."]
    ),
    "an error without a record": (
        [variant()], {"status": 3}, ["❌ Not everything could be run: see pytest's output."]
    ),
    "gone": (
        [variant()], {"vanished": ("gone",), "damaged": ("Invalid evidence.",), "status": FAILED},
        ["❌ 1 training missing.",
         "  training missing: example-2/gone: It has evidence and is no longer declared."],
    ),
    "verdicts that other seeds explain": (
        [variant(), *FEW], {"planned": tuple(record.key for record in FEW)},
        [UNMOVED, "  weakened with these seeds, ✔ SUPPORTED → ? INCONCLUSIVE: c-0, c-1, c-2, c-3, c-4 and 2 more"],
    ),
}  # fmt: skip
"""By what happens: the records, the rest of the run, and the first lines."""


@pytest.mark.parametrize("name", ROWS)
def test_the_first_lines(name: str, told: Callable[..., list[Line]]) -> None:
    records, how, expected = ROWS[name]
    lines = texts(told(*records, **how))
    assert lines[: len(expected)] == expected
    assert ("  and 30 more: see REPORT.md" in lines) == (name == "much moved")
    assert len([line for line in lines if line.startswith("  training moved: ")]) <= 20
    if "damaged" in how:
        assert "Invalid evidence." in lines
    if name == "interrupted":
        assert lines[5].startswith("every finished trial is in ")
        assert lines[5].endswith("run.jsonl")
        assert lines[6:] == ["to go on: the same command with --resume"]


def test_a_long_reason_is_cut(told: Callable[..., list[Line]]) -> None:
    lines = texts(told(variant(TrainingState.MOVED, reason="x" * 10_000), status=FAILED), 80)
    assert max(map(width, lines)) <= 80
    assert len(lines) < 10


def test_a_quiet_run_shows_the_status_what_moved_and_the_report(told: Callable[..., list[Line]]) -> None:
    header, records = catalogue()
    lines = texts(told(*records[:-1], MOVED, quiet=True, status=FAILED, **header))
    assert lines[0] == "❌ 1 training moved."
    assert lines[1].startswith("  training moved: example-4/dropout 0.2: ")
    assert lines[2:] == REPORT


@pytest.mark.parametrize("state", [TrainingState.START_REPRODUCED, TrainingState.NOT_COMPARABLE])
def test_only_a_training_that_is_compared_is_configured_otherwise_by_keras(
    state: TrainingState, told: Callable[..., list[Line]]
) -> None:
    """A training that is not comparable may have been changed in the catalogue, such as its rate."""
    assert (OTHERWISE in texts(told(variant(state, changed=CHANGED)))) == (state is TrainingState.START_REPRODUCED)


def test_a_run_that_is_stored_is_not_called_unmoved(told: Callable[..., list[Line]]) -> None:
    new = claim("raw-data-diverges", "SUPPORTED", here=here(None))
    lines = texts(told(variant(TrainingState.NEW), new, update="first", status=INTERRUPTED))
    assert lines[0].startswith("⚪ Interrupted, 1 of 0 claims decided: Not compared, as this run is to be stored: ")
    assert "baselines: nothing is stored of an interrupted run" in lines
    assert not [line for line in lines if line.startswith("nothing is stored on")]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "✅ 1 → 2 · ±µ× 적절"), ("latin-1", "[OK] 1 -> 2 · ±µ× ??"), ("ascii", "[OK] 1 -> 2 - +/-ux ??")],
)
def test_letters_that_a_terminal_lacks_are_replaced(encoding: str, text: str) -> None:
    assert shown("✅ 1 → 2 · ±µ× 적절", encoding) == text


def test_control_characters_reach_no_terminal() -> None:
    assert shown("a\x1b[31mb\nc\u202ed", "utf-8") == "a [31mb c d"


def test_a_name_that_is_too_wide_for_a_table_keeps_its_end() -> None:
    names = ["deep-gradients/relu, badly scaled, depth 5", "deep-gradients/relu, badly scaled, depth 10"]
    assert list(table(["training", "rounds"], [(name, 10) for name in names], 30, right=["rounds"])) == [
        "training                rounds",
        "----------------------  ------",
        "deep-gradi…ed, depth 5      10",
        "deep-gradi…d, depth 10      10",
    ]


def test_a_line_is_broken_between_words_but_a_path_is_not() -> None:
    path = f"/{'long' * 10}/REPORT.md"
    assert list(wrapped(f"  report is in {path} now", 20)) == ["  report is in", f"    {path}", "    now"]
    assert list(wrapped("가나다라마바사", 12)) == ["가나다라마", "  바사"]
