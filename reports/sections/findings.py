"""README's table of findings, written from the evidence: ``python -m reports --evidence STACK --readme README.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.course import course
from harness.domain.finding import Finding
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.run import Run
from harness.rules.levels import STORED_SIZES
from reports.cards import Card, cards
from reports.headline import count_text
from reports.headline import findings as by_cause
from reports.sections.claims import SPACE
from reports.text import escape, table
from reports.words import SYMBOLS, verdict_text

START, END = "<!-- findings -->", "<!-- /findings -->"
HEADERS = ("verdict", "the slide", "say instead, or what was measured")


def findings(run: Run, known: Sequence[Finding] | None = None) -> str:
    """The table of findings, refuted ones first, and the numbers of verdicts. Each claim of the lecture that is not
    supported has a row; of the others, the first of each known cause.

    Raises SuiteError if a finding names a claim that is not in the catalogue.
    """
    shown, known = cards(run), course().findings if known is None else known
    for key in (key for one in known for key in one.claims):
        if key not in shown:
            raise invalid(f"{course().name}/findings.py", expected="keys of claims", received=repr(key))
    order = list(SYMBOLS)
    named = [card for group in by_cause(shown, known) for card in group.open or group.cards[:1]]
    rows = [_row(card) for card in sorted(named, key=lambda card: (not card.open, order.index(card.verdict)))]
    return f"{table(HEADERS, rows)}\n\n{_counts(list(shown.values()))}"


def _row(card: Card) -> list[str]:
    quote = f"<br>“{escape(card.quote)}”" if card.quote else ""
    read = f"<br>*As we read it:* {escape(card.reading)}." if card.reading else ""
    how = f"<br>{escape(card.basis)}" if card.basis and card.standing == card.verdict else ""
    return [
        verdict_text(card.standing).replace(" ", SPACE) + how,
        escape(card.statement) + quote + read,
        escape(card.say_instead or card.sentence),
    ]


def _counts(known: Sequence[Card]) -> str:
    few = sum(not card.exact and card.seeds < STORED_SIZES[0] for card in known)
    text = [f"{count_text(known)} Brackets: the interval that decides, wider than one of 95 %."]
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
