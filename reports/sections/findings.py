"""README's table of findings, written from the evidence: ``python -m reports --evidence STACK --readme README.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.course import course
from harness.domain.finding import Finding
from harness.domain.verdict import Verdict
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.run import Run
from harness.statistics.looks import STORED_SIZES
from reports.cards import Card, cards
from reports.headline import counts
from reports.headline import findings as by_cause
from reports.labels import verdict_text
from reports.sections.claims import SPACE
from reports.text import escape, plural, table

START, END = "<!-- findings -->", "<!-- /findings -->"
HEADERS = ("verdict", "the lecture says", "slide", "measured")


def findings(run: Run, known: Sequence[Finding] | None = None) -> str:
    """The table of findings, a row per cause, and the numbers of verdicts. Every refuted claim is counted in a row.

    Raises SuiteError if a finding names a claim that is not in the catalogue.
    """
    shown, known = cards(run), course().findings if known is None else known
    for key in (key for one in known for key in one.claims):
        if key not in shown:
            raise invalid(f"{course().name}/findings.py", expected="keys of claims", received=repr(key))
    rows = [_row(*group.cards) for group in by_cause(shown, known)]
    return f"{table(HEADERS, rows, right=HEADERS[2:])}\n\n{_counts(list(shown.values()))}"


def _row(first: Card, *others: Card) -> list[str]:
    refuted = sum(card.verdict is Verdict.REFUTED for card in others)
    further = f" ({refuted} more refuted with it)" if refuted else ""
    of = f"{escape(first.of)}: " if " / " in first.of else ""  # a ratio needs its two names
    counted = "" if first.exact or " seed" in first.measured else f", {plural(first.seeds, 'seed')}"
    return [
        verdict_text(first.verdict).replace(" ", SPACE),
        escape(first.statement) + further,
        escape(first.slide_figure) or "–",
        of + escape(first.measured) + counted if first.measured else "computed" if first.exact else "not yet",
    ]


def _counts(found: Sequence[Card]) -> str:
    count = counts(found)
    few = sum(not card.exact and card.seeds < STORED_SIZES[0] for card in found)
    text = [
        f"{plural(len(found), 'case')}: {count[Verdict.SUPPORTED]} supported, {count[Verdict.REFUTED]} refuted, "
        f"{count[Verdict.INCONCLUSIVE]} undecided. An interval is the one that decides, wider than one of 95 %."
    ]
    if few:
        have = "has" if few == 1 else "have"
        text.append(f"Of those, {few} {have} fewer than {STORED_SIZES[0]} seeds; nothing is decided below that.")
    return "\n".join(text)


def write_findings(run: Run, page: Path) -> None:
    """Replaces the text between the page's two markers. Raises SuiteError if they are missing or writing fails."""
    try:
        before, start, rest = page.read_text("utf-8").partition(START)
        _, end, after = rest.partition(END)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{page} cannot be read: {error}. Name README.md after --readme.") from None
    if not start or not end:
        raise invalid(f"file {page}", expected=f"the lines {START} and {END}", received="none of them")
    try:
        replace_file(page, f"{before}{START}\n{findings(run)}\n{END}{after}".encode())
    except OSError as error:
        raise SuiteError(f"{page} cannot be written: {error}. Make its folder writable.") from None
