"""README's findings match the stored evidence, and no refuted claim is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.findings import FINDINGS, Finding
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.run import Run
from reports import __main__ as command
from reports.sections.findings import END, OTHERS, START, findings, write_findings
from reports.stored import stored_run

ROOT = Path(__file__).resolve().parents[2]
STACK = "tensorflow-cpu"


@pytest.fixture(scope="module")
def run() -> Run:
    return stored_run(ROOT / "baselines", STACK)


def test_readme_has_the_findings_of_the_stored_evidence(run: Run) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").partition(START)[2].partition(END)[0]
    fix = f"run `python -m reports --evidence {STACK} --readme README.md`"
    assert shown.strip() == findings(run), f"README's findings are out of date: {fix}"


def test_every_refuted_claim_has_a_row(run: Run) -> None:
    refuted = [claim for claim in run.claims.values() if claim.verdict is Verdict.REFUTED]
    assert refuted
    text = findings(run, groups=())
    assert f"**{OTHERS}**" in text
    assert text.count("✘ REFUTED") == findings(run).count("✘ REFUTED") == len(refuted)


def test_each_row_has_the_number_of_seeds_or_needs_none(run: Run) -> None:
    rows = [line for line in findings(run).splitlines() if line.startswith("| ") and "**" not in line][2:]
    assert len(rows) >= sum(len(one.claims) for one in FINDINGS)
    assert all("n = " in row or " seeds" in row or "| exact |" in row or "| not yet |" in row for row in rows)


def test_a_finding_of_no_claim_is_named(run: Run) -> None:
    with pytest.raises(SuiteError, match=r"cases/findings\.py.*'no-such-claim'"):
        findings(run, groups=(Finding("a cause", ("no-such-claim",)),))


def test_only_what_stands_between_the_marks_is_replaced(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n", "utf-8")
    write_findings(run, page)
    assert page.read_text("utf-8") == f"before\n{START}\n{findings(run)}\n{END}\nafter\n"


@pytest.mark.parametrize("content", ["no marks\n", f"{START}\nno end\n", None])
def test_a_page_without_marks_is_refused_and_stays(run: Run, tmp_path: Path, content: str | None) -> None:
    page = tmp_path / "README.md"
    if content is not None:
        page.write_text(content, "utf-8")
    with pytest.raises(SuiteError, match=r"README\.md"):
        write_findings(run, page)
    assert content is None or page.read_text("utf-8") == content


def test_readme_needs_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--readme", "README.md"]) == 2
    assert "--readme needs --evidence" in capsys.readouterr().err
