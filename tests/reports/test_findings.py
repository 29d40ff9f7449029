"""README's numbers and findings match the stored evidence, and no claim that is wrong is missing."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cases.lecture import FINDINGS
from harness.claim import Finding
from harness.errors import SuiteError
from harness.record.run import Run
from harness.verdict import Verdict
from reports.cards import cards
from reports.markdown import findings, texts
from reports.words import escape
from reports.write import END, START, write_findings
from tests.reports.markdown import tables
from tests.reports.runs import evidence

ROOT = Path(__file__).resolve().parents[2]
STACK = "tensorflow-cpu"


@pytest.fixture(scope="module")
def run() -> Run:
    return evidence(STACK)


def test_readme_has_the_findings_of_the_stored_evidence(run: Run) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").partition(START)[2].partition(END)[0]
    fix = f"run `python -m reports --evidence {STACK} --readme README.md`"
    assert shown.strip() == findings(run).strip(), f"README's findings are out of date: {fix}"


def test_readme_begins_with_the_numbers_and_its_pictures_exist(run: Run) -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    count = Counter(card.verdict for card in cards(run).values() if card.open)
    claims = sum(card.source != "ours" for card in cards(run).values())
    numbers = f"Of {claims} claims {count[Verdict.REFUTED]} are refuted and {count[Verdict.OUTDATED]} outdated; "
    assert numbers + f"{len(run.errata)} errata mend code and text." in " ".join(page.split())
    pictures = re.findall(r'src(?:set)?="([^"]*)"', page)
    assert len(pictures) == 2
    assert all((ROOT / name).stat().st_size < 100_000 for name in pictures)
    assert len(page.splitlines()) <= 110
    assert len(page.partition("```sh")[0].split()) <= 240


@pytest.mark.parametrize("known", [FINDINGS, ()])
def test_every_claim_of_the_lecture_that_is_refuted_outdated_or_a_tie_has_a_row(
    run: Run, known: tuple[Finding, ...]
) -> None:
    """Refuted claims come first. What is undecided is counted below, and no claim that holds has a row."""
    wrong = [card for card in cards(run).values() if card.open and card.verdict is not Verdict.INCONCLUSIVE]
    assert any(card.finding for card in wrong)
    rows = tables(findings(run, known))[0]
    assert len(rows) == len(wrong)
    marks = [row["verdict"][0] for row in rows]
    assert list(dict.fromkeys(marks)) == [mark for mark in "✘↻=" if mark in marks]
    statements = [row["the slide"] for row in rows]
    assert [card.key for card in wrong if not any(text.startswith(escape(card.statement)) for text in statements)] == []
    assert sum("as we read it" in text for text in statements) == sum(bool(card.claim.reading) for card in wrong)


def test_a_claim_of_ours_has_no_row(run: Run) -> None:
    ours = tuple(card for card in cards(run).values() if card.source == "ours")
    assert ours
    rows = tables(findings(run, (Finding("Ours", tuple(card.key for card in ours)),)))[0]
    texts = " ".join(row["the slide"] for row in rows)
    assert [card.key for card in ours if escape(card.statement) in texts] == []


def test_a_finding_of_no_claim_is_named(run: Run) -> None:
    with pytest.raises(SuiteError, match=r"findings of cases.*'no-such-claim'"):
        findings(run, (Finding("a cause", ("no-such-claim",)),))


def test_only_what_stands_between_the_marks_is_replaced(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n", "utf-8")
    write_findings(run, page)
    assert page.read_text("utf-8") == f"before\n{START}\n{findings(run)}{END}\nafter\n"


@pytest.mark.parametrize("content", ["no marks\n", f"{START}\nno end\n", None])
def test_a_page_without_marks_is_refused_and_stays(run: Run, tmp_path: Path, content: str | None) -> None:
    page = tmp_path / "README.md"
    if content is not None:
        page.write_text(content, "utf-8")
    with pytest.raises(SuiteError, match=r"README\.md"):
        write_findings(run, page)
    assert content is None or page.read_text("utf-8") == content


def test_causes_with_a_refuted_claim_stand_first_and_a_long_rest_is_folded(run: Run) -> None:
    text = texts(run, cards(run), {}, ())["REPORT.md"]
    refuted, _, rest = text.partition("## Findings, by cause")[2].partition("## In numbers")[0].partition("<details>")
    assert "REFUTED" in refuted
    assert "OUTDATED" not in refuted
    assert "OUTDATED" in rest
    assert "REFUTED" not in rest
    assert rest.strip().endswith("</details>")
