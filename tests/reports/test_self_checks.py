"""The head of a report tells whether the self-checks hold."""

from __future__ import annotations

from pathlib import Path

from harness.record.run import SelfCheck
from reports.write import write_report
from tests.reports.synthetic import Recorder


def written(folder: Path, *wrong: tuple[str, ...]) -> str:
    run = Recorder(folder)
    for number, texts in enumerate(wrong):
        run.append(SelfCheck(name=f"check {number}", wrong=texts, moved=bool(texts)))
    return write_report(run.end(), folder).read_text("utf-8")


def test_checks_that_hold_are_counted(tmp_path: Path) -> None:
    assert "**2 self-checks: all hold.**" in written(tmp_path, (), ())


def test_what_is_wrong_is_reported(tmp_path: Path) -> None:
    text = written(tmp_path, (), ("The loss. Expected: 1. Received: 2.", "And more."))
    assert "**2 self-checks: 1 does not hold; no verdict below is to be trusted.**" in text
    assert "- `check 1`: The loss. Expected: 1. Received: 2." in text


def test_without_checks_nothing_is_said(tmp_path: Path) -> None:
    assert "elf-check" not in written(tmp_path)
