"""The table of claims, and the parts of its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.domain.verdict import Verdict
from reports.cards import Card, Row
from reports.labels import metric_label, verdict_text
from reports.sections.links import Link
from reports.text import escape, mean_std, plural, table

COLUMNS = ("verdict", "claim", "slide", "measured")
COMPARED = re.compile(" [−/] ")
"""In the name of an effect that compares two variants."""
SPACE = "\u00a0"
"""Keeps a verdict's symbol and word on one line."""


def claims_table(cards: Sequence[Card], link: Link, most: int) -> str:
    """A row per claim; ``most``: characters of a text."""
    rows = [
        [
            verdict_cell(card),
            link(card, escape(card.statement, most) or escape(card.key, most)),
            escape(card.slide_figure, 40) or "–",
            measured_cell(card, most),
        ]
        for card in cards
    ]
    return table(COLUMNS, rows, right=("slide", "measured"))


def verdict_cell(card: Card) -> str:
    """The verdict as symbol and word; a warning below it if it moved."""
    moved = card.red and card.verdict is not Verdict.NOT_RUN
    return verdict_text(card.verdict).replace(" ", SPACE) + ("<br>⚠ **moved**" if moved else "")


def measured_cell(card: Card, most: int) -> str:
    """The effect and the number of seeds, then images or what an undecided claim lacks."""
    if not card.measured:
        return "computed" if card.exact and card.verdict is not Verdict.NOT_RUN else escape(card.reason, most)
    counted = "" if card.exact or " seed" in card.measured else f", {plural(card.seeds, 'seed')}"
    further = [card.of if COMPARED.search(card.of) else "", card.power or card.images]
    return "<br>".join([escape(card.measured, most) + counted, *(escape(text, most) for text in further if text)])


def slide_to_here(card: Card) -> str:
    """The slide's figure and ours in a line: "slide +0.42 points → here +0.27 points [0.12, 0.43]"."""
    if not card.measured:
        return "by computation" if card.exact else ""
    slide = f"slide {card.slide_figure} → " if card.slide_figure else ""
    return f"{slide}here {f'{card.of}: ' if ' / ' in card.of else ''}{card.measured}"


def line(card: Card, link: Link, most: int) -> str:
    """A claim's statement, the slide's figure and ours."""
    figures = escape(slide_to_here(card), most)
    return link(card, escape(card.statement, most)) + (f" · {figures}" if figures else "")


def row_name(row: Row, most: int) -> str:
    """The variant of a row, and its metric unless that is the validation accuracy."""
    metric = "" if row.metric == "val_accuracy" else f" ({metric_label(row.metric)})"
    return escape(row.variant + metric, most)


def row_value(row: Row) -> str:
    """Mean ± standard deviation, the number of seeds, and how many of them failed."""
    failed = {"diverged": row.diverged, "collapsed": row.collapsed, "without a value": row.censored}
    parts = [mean_std(row.mean, row.std, row.unit), plural(row.seeds, "seed")]
    return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])
