"""The table of all claims, in lecture order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from baselines.judge import ClaimState
from harness.store import Run
from reports.evidence import effects_cell, ours_cell, published_cell
from reports.labels import state_text, verdict_text
from reports.text import code, escape, table

COLUMNS = ("slide", "claim", "statement", "slide's figure", "ours", "effect [interval]", "verdict")


def anchor(claim: Mapping[str, Any]) -> str:
    """The id of a claim's details in the page."""
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", claim["key"].lower()).strip("-")


def figures_anchor(experiment: str) -> str:
    """The id of an experiment's figures in the page."""
    return f"figures-{experiment}"


def link(claim: Mapping[str, Any]) -> str:
    return f"[{code(claim['key'])}](#{anchor(claim)})"


def verdict_cell(run: Run, claim: Mapping[str, Any]) -> str:
    """The verdict; of a check, what it rests on; of a run to the end, Holm's and the evidence's where they differ.

    With the expected verdict where that is another one.
    """
    verdict, here = claim["verdict"], claim.get("here")
    text = verdict_text(verdict)
    if run.header["full"]:
        if claim["adjusted_verdict"] not in (None, verdict):
            text += f"<br>after Holm: {verdict_text(claim['adjusted_verdict'])}"
        if here and here["stack"] and here["verdict"] != verdict:
            text += f"<br>evidence: {verdict_text(here['verdict'])}, {rests_on(here)}"
    elif here:
        text += f"<br>{rests_on(here)}"
    if claim["expected_verdict"] not in (None, verdict):
        text += f"<br>⚠ expected: {verdict_text(claim['expected_verdict'])}"
    return text


def rests_on(here: Mapping[str, Any]) -> str:
    """Whose evidence, and how many seeds of it: "30 seeds, tensorflow-cpu"."""
    return (
        f"{here['seeds']:,} {'seed' if here['seeds'] == 1 else 'seeds'}, {escape(here['stack'])}"
        if here["stack"]
        else "no evidence"
    )


def here_cell(claim: Mapping[str, Any]) -> str:
    """How much of the evidence this machine confirms, marked where it does not; a dash where nothing was compared."""
    state = (claim.get("here") or {}).get("state", "")
    return f"⚠ **{state}**" if state == ClaimState.NOT_CONFIRMED else state or "–"


def all_claims(run: Run) -> str:
    """Every claim in lecture order, one row each."""
    claims = run.claims
    if not claims:
        return ""
    compared = any(here_cell(claim) != "–" for claim in claims)
    rows = [
        [
            escape(claim["slide"]),
            link(claim),
            escape(claim["statement"]),
            published_cell(claim),
            ours_cell(run, claim),
            effects_cell(claim),
            verdict_cell(run, claim),
            *([here_cell(claim)] if compared else []),
            state_text(claim["baseline"]),
        ]
        for claim in claims
    ]
    return (
        "## All claims, in lecture order\n\n"
        + table([*COLUMNS, *(["here"] if compared else []), "state"], rows)
        + "\n\nOurs: mean ± standard deviation over n seeds. Effect: the mean paired difference with the interval its "
        "rule decides by, whose level the details give; of several effects the one the verdict rests on. Of a slide's "
        "figure: the interval in which one more run of ours would lie. A censored or diverged seed has no value; a "
        "rank test counts it as the worst. Accuracies are fractions. Here: what this machine confirms of the evidence. "
        "Each claim's id leads to its details."
    )
