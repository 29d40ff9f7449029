"""The summary at the end of a run: its first lines, its length, and its width, from synthetic records.

The status line is in ``tests/reports/test_headline.py``, and whole summaries, of all that may move, in
``tests/reports/golden``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

import reports.write
from cases import CLAIMS
from cases.lecture import FINDINGS
from harness.record.outcomes import (
    ClaimState,
    TrainingOutcome,
    TrainingState,
    VerdictComparison,
    VerdictState,
)
from harness.record.run import AnyRecord, TrainingCompared
from harness.training.backend import Device
from harness.verdict import Verdict
from suite.catalogue import ERRATA, TRAININGS
from suite.session.end import finish
from suite.session.session import Session
from suite.session.terminal import Line, shown, width, wrapped
from tests.make import self_check
from tests.reports.synthetic import Recorder, claim, compared, decision, erratum, here, training, trial

INTERRUPTED, FAILED = 2, 1
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


MOVED = variant(TrainingState.MOVED, ("example-4", "dropout 0.2"))
AS_EXPECTED = compared("SUPPORTED", "SUPPORTED")
CONFIRMED = here(ClaimState.CONFIRMED)


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
        stored = SimpleNamespace(
            vanished=lambda experiment: tuple(vanished), damaged=dict(enumerate(damaged)),
            **dict.fromkeys(("mean", "seconds"), lambda *what: None),
        )  # fmt: skip
        nothing = SimpleNamespace(**dict.fromkeys(("note", "close"), lambda *what: None))
        trials = SimpleNamespace(
            close=nothing.close, plans=(), keys=(), done=lambda key: (), short=lambda key: (), failed=lambda key: False
        )
        options: Any = SimpleNamespace(
            update=update, store=None, reports=Path("reports/out"), full=False, as_needed=None, backend="jax"
        )
        progress: Any = SimpleNamespace(quiet=quiet, columns=80, **vars(nothing))
        device = Device("cpu", "AMD EPYC", "default")
        fakes: Any = (options, device, made.file, stored, None, trials, progress)
        session = Session(*fakes)
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


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_the_whole_lecture_takes_less_than_25_lines_where_nothing_moved(columns: int, whole: list[Line]) -> None:
    """Of a terminal of at least 80 columns; and every cause has a line."""
    shown_lines = ["", "== claims of the lecture ==", *texts(whole, columns)]
    assert len(shown_lines) < 25 or columns < 80
    assert max(map(width, shown_lines)) <= columns
    for finding in FINDINGS:
        lines = [line for line in texts(whole) if line.startswith(f"  {finding.cause}: ")]
        assert len(lines) == any(key in LECTURE for key in finding.claims), finding.cause


NOT_RUN = VerdictComparison(VerdictState.NOT_RUN, Verdict.SUPPORTED, Verdict.NOT_RUN, True, "No result.")
LOST = [claim(f"c-{number}", decision("NOT_RUN", reason="No data."), comparison=NOT_RUN) for number in range(9)]
WEAKER = replace(
    compared("INCONCLUSIVE", "SUPPORTED"), state=VerdictState.WEAKENED, red=False, reason="from other seeds"
)
FEW = [claim(f"c-{number}", "INCONCLUSIVE", comparison=WEAKER) for number in range(7)]
REPORT = ["report: reports/out/REPORT.md", "page: reports/out/index.html"]
DECIDED = claim("raw-data-diverges", "SUPPORTED", comparison=AS_EXPECTED, here=CONFIRMED)
UNMOVED = "✅ Nothing moved: 1 training reproduced to the end, bit for bit."
OTHERWISE = "another version of Keras configures it otherwise: optimizer.epsilon: 1e-07 → 1e-08"
CHANGED = (("optimizer.epsilon", "1e-07", "1e-08"),)
ROWS: dict[str, tuple[Sequence[AnyRecord], dict[str, Any], Sequence[str]]] = {
    "much moved": (
        [variant(TrainingState.MOVED, key, reason=f"{key}.") for key in TRAININGS[:50]], {"status": FAILED},
        ["❌ 50 trainings moved."],
    ),
    "one reason of many": (
        LOST, {"status": FAILED, "planned": tuple(record.key for record in LOST)},
        ["❌ 9 claims not run.", "  9 claims not run: c-0, c-1, c-2, c-3, c-4 and 4 more: No data."],
    ),
    "interrupted": (
        [variant(), DECIDED], {"status": INTERRUPTED, "planned": ("raw-data-diverges", "a", "b", "c")},
        [f"⚪ Interrupted, 1 of 4 claims decided. {UNMOVED[2:].replace('moved', 'moved so far')}",
         "1 claim: 1 supported (1 shown by a test).", "  here: 1 confirmed", *REPORT],
    ),
    "no evidence": (
        [variant(TrainingState.NEW), variant(TrainingState.NEW, ("example-2", "min-max"))], {"stack": "jax-cpu"},
        ["⚪ Nothing to compare with: 2 trainings without evidence on jax-cpu.",
         'nothing is stored on jax-cpu for 2 trainings. Store evidence: --full --seeds 30 --update-baselines "reason"',
         *REPORT],
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
    printed = told(*records, **how)
    lines = texts(printed)
    assert lines[: len(expected)] == expected
    assert {line.colour for line in printed} <= {"", "red", "green"}  # what pytest's writer knows
    assert all(line.colour == "red" for line in printed if line.text.startswith(("❌", "  training m", "  claim not ")))
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
    assert max(width(line) for line in lines if " --why" not in line) <= 80  # a command stays whole
    assert len(lines) <= 10


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
