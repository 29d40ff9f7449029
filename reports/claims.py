"""The tables of claims: those that contradict the lecture, all of them in lecture order, and the errata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.evidence import effects_cell, ours_cell, published_cell, seeds_of
from reports.text import code, escape, table
from reports.words import state_text, verdict_text

COLUMNS = ("slide", "claim", "statement", "slide's figure", "ours", "effect [interval]", "verdict", "baseline")


def anchor(claim: Mapping[str, Any]) -> str:
    """The id of a claim's details in the page."""
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", claim["key"].lower()).strip("-")


def link(claim: Mapping[str, Any]) -> str:
    return f"[{code(claim['key'])}](#{anchor(claim)})"


def verdict_cell(claim: Mapping[str, Any]) -> str:
    """The verdict, labelled where it is quick, with those after Holm and of the lecture's setting where they add to it.

    An exact claim has no label: its setting changes nothing in it.
    """
    quick = claim["setting"] == "quick" and claim["marker"] == "training"
    text = f"{verdict_text(claim['verdict'])}{' (quick)' if quick else ''}"
    if claim["adjusted_verdict"] not in (None, claim["verdict"]):
        text += f"<br>after Holm: {verdict_text(claim['adjusted_verdict'])}"
    if quick and claim["lecture_verdict"]:
        text += f"<br>lecture setting: {verdict_text(claim['lecture_verdict'])}"
    if claim["expected_verdict"] not in (None, claim["verdict"]):
        text += f"<br>⚠ expected: {verdict_text(claim['expected_verdict'])}"
    return text


def contradictions(run: Run) -> str:
    """The claims the measurement refutes: what a lecturer reads first."""
    refuted = [c for c in run.claims if c["verdict"] == Verdict.REFUTED and c["marker"] != "errata"]
    text = "## Where the measurement contradicts the lecture\n\n"
    if not refuted:
        return text + "No claim was refuted."
    rows = [
        [
            escape(claim["slide"]),
            link(claim),
            escape(claim["statement"]),
            effects_cell(claim, most=2),
            "–" if seeds_of(claim) is None else str(seeds_of(claim)),
            verdict_cell(claim),
        ]
        for claim in refuted
    ]
    return text + table(["slide", "claim", "the lecture says", "effect [interval]", "n", "verdict"], rows, right=["n"])


def all_claims(run: Run) -> str:
    """Every claim in lecture order, one row each."""
    claims = [claim for claim in run.claims if claim["marker"] != "errata"]
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
            verdict_cell(claim),
            state_text(claim["baseline"]),
        ]
        for claim in claims
    ]
    return (
        "## All claims, in lecture order\n\n"
        + table(COLUMNS, rows)
        + "\n\nOurs: mean ± standard deviation over n seeds. Effect: the mean paired difference with the interval its "
        "rule decides by, 95 % unless the details say otherwise; of several effects the one the verdict rests on. "
        "Accuracies are fractions. Each claim's id leads to its details."
    )


def errata(run: Run) -> str:
    """The slides whose code needs an update; empty where the run looked at none."""
    rows = [
        [escape(c["slide"]), link(c), escape(c["statement"]), verdict_text(c["verdict"]), escape(c["reason"])]
        for c in run.claims
        if c["marker"] == "errata"
    ]
    if not rows:
        return ""
    return "## Slides whose code needs an update\n\n" + table(["slide", "item", "what", "verdict", "today"], rows)
