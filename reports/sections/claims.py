"""The table of claims, and the parts of its cells."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.verdict import Verdict
from reports.cards import Card, Row
from reports.sections.links import Link
from reports.text import escape, table
from reports.words import mean_std, metric_label, plural, verdict_text

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
    return table(COLUMNS, rows, right=("slide",))


def verdict_cell(card: Card) -> str:
    """The verdict as symbol and word; how it was decided, and that it is ours, or that it moved, below it."""
    lines = [verdict_text(card.standing).replace(" ", SPACE)]
    if card.red and card.verdict is not Verdict.NOT_RUN:
        lines.append("⚠ **moved**")
    elif card.basis and card.standing == card.verdict:
        lines.append(str(card.basis).replace(" ", SPACE))
    if card.source == "ours":
        lines.append("ours")
    return "<br>".join(lines)


def measured_cell(card: Card, most: int) -> str:
    """What was measured, with the number of seeds; then images, or how likely more seeds decide."""
    text = escape(card.shown, most).removesuffix(".") + (f", {card.counted}" if card.counted else "")
    return "<br>".join([text, *(escape(further, most) for further in (card.outlook or card.images,) if further)])


def line(card: Card, link: Link, most: int) -> str:
    """A claim's statement, the slide's figure and what was measured."""
    figure = f"slide {escape(card.slide_figure, 40)} → " if card.slide_figure and not card.otherwise else ""
    return f"{link(card, escape(card.statement, most))} · {figure}{escape(card.shown, most)}"


def row_name(row: Row, most: int) -> str:
    """The variant of a row, and its metric unless that is the validation accuracy."""
    metric = "" if row.metric == "val_accuracy" else f" ({metric_label(row.metric)})"
    return escape(row.variant + metric, most)


def row_value(row: Row) -> str:
    """Mean ± standard deviation, the number of seeds, and how many of them failed."""
    failed = {"diverged": row.diverged, "collapsed": row.collapsed, "without a value": row.censored}
    parts = [mean_std(row.mean, row.std, row.unit), plural(row.seeds, "seed")]
    return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])
