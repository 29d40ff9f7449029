"""The table of all claims, in lecture order."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.domain.verdict import Verdict
from harness.record.outcomes import ClaimState, Here
from harness.record.run import ClaimDecided, Run
from reports.labels import state_text, verdict_text
from reports.sections.effects import effects_cell, ours_cell, published_cell
from reports.text import code, escape, table

COLUMNS = ("slide", "claim", "statement", "slide's figure", "ours", "effect [interval]", "verdict")


def anchor(claim: ClaimDecided) -> str:
    """The HTML id of a claim's details."""
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", claim.key.lower()).strip("-")


def figures_anchor(experiment: str) -> str:
    """The HTML id of an experiment's figures."""
    return f"figures-{experiment}"


def link(claim: ClaimDecided) -> str:
    return f"[{code(claim.key)}](#{anchor(claim)})"


def verdict_cell(run: Run, claim: ClaimDecided, holm: Mapping[str, Verdict]) -> str:
    """The verdict, and below it what a reader should know about it.

    A check adds the evidence that the verdict rests on. A run to the end adds the verdicts after Holm and of the
    evidence if they differ. Both add the expected verdict if it differs.

    Args:
        run: the run of the claim.
        claim: the claim.
        holm: verdicts after Holm's adjustment, by claim key; empty if nothing is adjusted.
    """
    verdict, here, expected = claim.verdict, claim.here, claim.comparison.expected
    text = verdict_text(verdict)
    if run.header.full:
        adjusted = holm.get(claim.key, verdict)
        if adjusted is not verdict:
            text += f"<br>after Holm: {verdict_text(adjusted)}"
        if here and here.stack and here.verdict is not verdict:
            text += f"<br>evidence: {verdict_text(here.verdict)}, {rests_on(here)}"
    elif here:
        text += f"<br>{rests_on(here)}"
    if expected is not None and expected is not verdict:
        text += f"<br>⚠ expected: {verdict_text(expected)}"
    return text


def rests_on(here: Here) -> str:
    """The evidence's number of seeds and its stack: "30 seeds, tensorflow-cpu"."""
    if not here.stack:
        return "no evidence"
    return f"{here.seeds:,} {'seed' if here.seeds == 1 else 'seeds'}, {escape(here.stack)}"


def here_cell(claim: ClaimDecided) -> str:
    """How far this machine confirms the evidence; a dash if nothing was compared."""
    if claim.here is None or claim.here.state is None:
        return "–"
    return state_text(claim.here.state, red=claim.here.state is ClaimState.NOT_CONFIRMED)


def all_claims(run: Run, holm: Mapping[str, Verdict]) -> str:
    """The table of all claims in lecture order; ``holm``: see ``verdict_cell``."""
    claims = run.claims.values()
    if not claims:
        return ""
    compared = any(here_cell(claim) != "–" for claim in claims)
    rows = [
        [
            escape(claim.slide),
            link(claim),
            escape(claim.statement),
            published_cell(claim),
            ours_cell(run, claim),
            effects_cell(claim),
            verdict_cell(run, claim, holm),
            *([here_cell(claim)] if compared else []),
            state_text(claim.comparison.state, claim.red),
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
