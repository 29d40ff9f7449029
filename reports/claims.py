"""The table of all claims, in lecture order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.store import Run
from reports.evidence import effects_cell, ours_cell, published_cell
from reports.size import is_reduced
from reports.text import code, escape, table
from reports.words import state_text, verdict_text

COLUMNS = ("slide", "claim", "statement", "slide's figure", "ours", "effect [interval]", "verdict", "baseline")


def anchor(claim: Mapping[str, Any]) -> str:
    """The id of a claim's details in the page."""
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", claim["key"].lower()).strip("-")


def figures_anchor(experiment: str) -> str:
    """The id of an experiment's figures in the page."""
    return f"figures-{experiment}"


def link(claim: Mapping[str, Any]) -> str:
    return f"[{code(claim['key'])}](#{anchor(claim)})"


def verdict_cell(claim: Mapping[str, Any], quick: bool, lecture: bool = True) -> str:
    """The verdict, labelled where its experiment is a reduced one, with the other verdicts that add to it.

    Those are the verdict after Holm, the stored one of the lecture's setting, and the expected one.
    """
    text = f"{verdict_text(claim['verdict'])}{' (quick)' if quick else ''}"
    if claim["adjusted_verdict"] not in (None, claim["verdict"]):
        text += f"<br>after Holm: {verdict_text(claim['adjusted_verdict'])}"
    stored = claim["lecture_verdict"]
    if lecture and claim["setting"] == "quick" and stored and (quick or stored != claim["verdict"]):
        text += f"<br>lecture setting{authority_text(claim)}: {verdict_text(stored)}"
    if claim["expected_verdict"] not in (None, claim["verdict"]):
        text += f"<br>⚠ expected: {verdict_text(claim['expected_verdict'])}"
    return text


def authority_text(claim: Mapping[str, Any]) -> str:
    """What the stored verdict of the lecture's setting rests on: " (1,024 seeds, NVIDIA H100 80GB HBM3)".

    Empty where that is not recorded, or nothing was trained.
    """
    rests = claim.get("lecture")
    return f" ({rests['seeds']:,} seeds, {escape(rests['device_model'])})" if rests and rests["seeds"] else ""


def all_claims(run: Run) -> str:
    """Every claim in lecture order, one row each."""
    claims = run.claims
    if not claims:
        return ""
    rows = [
        [
            escape(claim["slide"]),
            link(claim),
            escape(claim["statement"]),
            published_cell(claim),
            ours_cell(run, claim),
            effects_cell(claim),
            verdict_cell(claim, is_reduced(run, claim)),
            state_text(claim["baseline"]),
        ]
        for claim in claims
    ]
    return (
        "## All claims, in lecture order\n\n"
        + table(COLUMNS, rows)
        + "\n\nOurs: mean ± standard deviation over n seeds. Effect: the mean paired difference with the interval its "
        "rule decides by, 95 % unless the details say otherwise; of several effects the one the verdict rests on. Of a "
        "slide's figure: the interval in which one more run of ours would lie, 99 %. A censored or diverged seed has "
        "no value; a rank test counts it as the worst. Accuracies are fractions. Each claim's id leads to its details."
        + (" *(quick)*: decided at less than the lecture's size." if any(is_reduced(run, c) for c in claims) else "")
    )
