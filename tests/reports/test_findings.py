"""README's findings match the stored evidence, and no refuted claim is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cases import CLAIMS
from cases.findings import FINDINGS, INSTEAD
from harness.domain.finding import Finding
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.run import Run
from reports import __main__ as command
from reports.sections.findings import END, START, findings, write_findings
from reports.stored import stored_run
from tests.reports.markdown import tables

ROOT = Path(__file__).resolve().parents[2]
STACK = "tensorflow-cpu"


@pytest.fixture(scope="module")
def run() -> Run:
    return stored_run(ROOT / "baselines", STACK)


def test_readme_has_the_findings_of_the_stored_evidence(run: Run) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").partition(START)[2].partition(END)[0]
    fix = f"run `python -m reports --evidence {STACK} --readme README.md`"
    assert shown.strip() == findings(run), f"README's findings are out of date: {fix}"


def test_the_table_is_short_and_the_verdict_comes_first(run: Run) -> None:
    [table] = tables(findings(run))
    assert list(table[0]) == ["verdict", "the lecture says", "slide", "measured"]
    assert len(FINDINGS) <= len(table) <= 16


@pytest.mark.parametrize("known", [FINDINGS, ()])
def test_every_refuted_claim_is_counted(run: Run, known: tuple[Finding, ...]) -> None:
    refuted = [claim for claim in run.claims.values() if claim.verdict is Verdict.REFUTED]
    assert refuted
    text = findings(run, known)
    further = sum(map(int, re.findall(r"\((\d+) more refuted with it\)", text)))
    assert sum(row["verdict"] == "✘ REFUTED" for row in tables(text)[0]) + further == len(refuted)


def test_each_row_has_the_number_of_seeds_or_needs_none(run: Run) -> None:
    [table] = tables(findings(run))
    assert all(" seeds" in row["measured"] or row["measured"] in ("computed", "not yet") for row in table)


def test_a_finding_of_no_claim_is_named(run: Run) -> None:
    with pytest.raises(SuiteError, match=r"cases/findings\.py.*'no-such-claim'"):
        findings(run, (Finding("a cause", ("no-such-claim",)),))


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


def test_what_to_say_instead_is_said_of_claims_of_the_catalogue() -> None:
    assert INSTEAD.keys() <= {claim.key for claim in CLAIMS}
