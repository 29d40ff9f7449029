"""The files of a Markdown report, and links between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from harness.course import course
from reports.cards import ELSEWHERE, Card, anchor
from reports.text import escape

REPORT, SUMMARY, ERRATA, SLIDES, CSV = "REPORT.md", "SUMMARY.md", "ERRATA.md", "SLIDES.md", "slides.csv"
SECTIONS, FIGURES = "sections", "figures"

Link = Callable[[Card, str], str]
"""Makes a link to a claim's details from escaped text."""


def section_file(section: str) -> str:
    """The file of a section: "sections/5-batch-normalization.md"."""
    return f"{SECTIONS}/{'-'.join(re.findall('[a-z0-9]+', section.lower())[:3])}.md"


def to_section(card: Card, text: str) -> str:
    """A link from a file of the report's own folder."""
    return f"[{text}]({section_file(card.section)}#{card.anchor})"


def unlinked(_: Card, text: str) -> str:
    return text


def erratum_anchor(name: str) -> str:
    return f"erratum-{anchor(name)}"


def to_erratum(name: str, text: str) -> str:
    """A link to an erratum from a file of the report's own folder."""
    return f"[{escape(text, 200)}]({ERRATA}#{erratum_anchor(name)})"


def by_section(cards: Mapping[str, Card]) -> dict[str, list[Card]]:
    """The claims of each section, in lecture order; what no slide names comes last."""
    grouped: dict[str, list[Card]] = {title: [] for title in (*course().slides, ELSEWHERE)}
    for card in cards.values():
        grouped[card.section].append(card)
    return {section: found for section, found in grouped.items() if found}
