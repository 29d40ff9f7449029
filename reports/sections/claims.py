"""The table of claims, and the parts of its cells."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.verdict import Verdict
from reports.cards import Card, Row
from reports.labels import SYMBOLS, metric_label, verdict_text
from reports.sections.links import Link
from reports.text import escape, mean_std, plural, table

COLUMNS = ("verdict", "claim", "slide", "measured")
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
    """The verdict as symbol and word; a warning below it if the claim is red."""
    return verdict_text(card.verdict).replace(" ", SPACE) + ("<br>⚠ **moved**" if card.red else "")


def measured_cell(card: Card, most: int) -> str:
    """The effect and the number of seeds, then images or what an undecided claim lacks."""
    if not card.measured:
        return "computed" if card.exact and card.verdict is not Verdict.NOT_RUN else escape(card.reason, most)
    counted = "" if card.exact or " seed" in card.measured else f", {plural(card.seeds, 'seed')}"
    further = [card.power or card.images]
    return "<br>".join([escape(card.measured, most) + counted, *(escape(text, most) for text in further if text)])


def slide_to_here(card: Card, most: int) -> str:
    """The slide's figure and ours in a line: "slide +0.42 points → here +0.27 points [0.12, 0.43]"."""
    here = card.measured or ("computed" if card.exact else "")
    slide = f"slide {escape(card.slide_figure, 40)} → " if card.slide_figure else ""
    return f" · {slide}here {escape(here, most)}" if here else ""


def line(card: Card, link: Link, most: int) -> str:
    """A claim in a line: its verdict's symbol, its statement, the slide's figure and ours."""
    return f"{SYMBOLS[card.verdict]} {link(card, escape(card.statement, most))}{slide_to_here(card, most)}"


def row_name(row: Row, most: int) -> str:
    """The variant of a row, and its metric unless that is the validation accuracy."""
    metric = "" if row.metric == "val_accuracy" else f" ({metric_label(row.metric)})"
    return escape(row.variant, most) + escape(metric, most)


def row_value(row: Row) -> str:
    """Mean ± standard deviation, the number of seeds, and how many of them failed."""
    failed = {"diverged": row.diverged, "collapsed": row.collapsed, "without a value": row.censored}
    parts = [mean_std(row.mean, row.std, row.unit), plural(row.seeds, "seed")]
    return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])
