"""SLIDES.md and slides.csv: slide by slide, what holds, what to say instead, and what to replace."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from harness.course import course
from harness.record.run import ErratumChecked, Run
from reports.cards import ELSEWHERE, Card
from reports.replaced import Replaced, replaced
from reports.sections.claims import line
from reports.sections.links import CSV, ERRATA, REPORT, to_erratum, to_section
from reports.text import HIDDEN, escape
from reports.words import plural, verdict_text

MOST = 300
COLUMNS = (
    "slide",
    "kind",
    "key",
    "verdict",
    "statement",
    "slide's figure",
    "measured",
    "say instead",
    "printed",
    "replacement",
)
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet reads as the beginning of a formula."""


def slides_page(run: Run, cards: Mapping[str, Card]) -> str:
    """The text of SLIDES.md; empty without claims and errata."""
    if not (cards or run.errata):
        return ""
    wrong = sum(card.open for card in cards.values())
    code = f", {plural(len(run.errata), 'snippet')} to replace ([all of them]({ERRATA}))" if run.errata else ""
    by = f"{escape(course().author)}. " if course().author else ""
    parts = [
        f"# {escape(course().title)}, slide by slide",
        f"{by}{plural(wrong, 'claim')} not supported{code}. "
        f"As a table: [`{CSV}`]({CSV}). [The whole report]({REPORT}).",
    ]
    for title in (*course().slides, ELSEWHERE):
        claims = [card for card in cards.values() if title in (card.slides or (ELSEWHERE,))]
        errata = [one for one in run.errata.values() if title in (course().slides_of(one.slide) or (ELSEWHERE,))]
        if claims or errata:
            parts.append(f"## {escape(title)}")
            parts.append("\n".join([*map(_claim, claims), *map(_replaced, replaced(errata))]))
        elif title != ELSEWHERE:
            parts.append(f"## {escape(title)}\n\nNothing of it is in this run.")
    return "\n\n".join(parts) + "\n"


def _claim(card: Card) -> str:
    ours = " (ours, not the lecture's)" if card.source == "ours" else ""
    text = f"- {verdict_text(card.standing)}{ours}: {line(card, to_section, MOST)}"
    if card.open and card.quote:
        read = f" (as we read it: {escape(card.reading)})" if card.reading else ""
        text += f"\n  - “{escape(card.quote, MOST)}”{read}"
    return text + (f"\n  - **Say instead:** {escape(card.say_instead, MOST)}" if card.say_instead else "")


def _replaced(one: Replaced) -> str:
    first, *others = map(_erratum, one.errata)
    return "\n".join([f"- ✎ REPLACE: {first}", *(f"  - with it: {other}" for other in others)])


def _erratum(one: ErratumChecked) -> str:
    red = f" ⚠ **{escape(one.state)}**" if one.red else ""
    return f"{to_erratum(one.id, one.id)}: {escape(one.statement, MOST)}{red}"


def slides_csv(run: Run, cards: Mapping[str, Card]) -> bytes:
    """The content of slides.csv, UTF-8 with a mark for spreadsheets: a row per claim, then one per erratum.

    A cell that a spreadsheet would read as a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for card in cards.values():
        slide = "; ".join(card.slides) or card.label
        verdict = verdict_text(card.standing)[2:]
        row = [slide, "claim", card.key, verdict, card.statement, card.slide_figure, card.shown, card.say_instead]
        writer.writerow(map(_cell, [*row, "", ""]))
    for one in run.errata.values():
        slide = "; ".join(course().slides_of(one.slide)) or one.slide
        say = one.statement if one.outcome == "differs" else ""
        row = [slide, "snippet", one.id, str(one.state), one.statement, "", one.error or one.expected, say]
        writer.writerow(map(_cell, [*row, one.printed, one.modern]))
    return text.getvalue().encode("utf-8-sig")


def _cell(text: str) -> str:
    shown = "\n".join(HIDDEN.sub("", one) for one in text.splitlines())
    return f"'{shown}" if shown.lstrip().startswith(FORMULAS) else shown
