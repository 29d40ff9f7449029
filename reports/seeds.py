"""How many seeds the claims of a run took, where each takes as many as it needs (``--seeds auto``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.store import Run
from reports.text import plural

WHY = {
    "maximum": "undecided at the maximum",
    "budget": "undecided when the budget of time was spent",
    "interrupted": "interrupted",
    "not run": "not run",
}


def seeds_line(run: Run) -> str:
    """The summary's line; empty of a run with a fixed number of seeds."""
    if not run.header.get("auto"):
        return ""
    return (
        f"**As many seeds as needed:** {told(run.claims, {key: len(done) for key, done in run.trials.items()})}. "
        "Intervals and p-values hold for all looks of a claim together."
    )


def told(claims: Sequence[Mapping[str, Any]], trials: Mapping[tuple[str, str], int]) -> str:
    """How many claims stopped when, and how many trials that saved against the maximum for each variant.

    Args:
        claims: their records; of each ``seeds``, ``experiment`` and the names in ``variants``.
        trials: how many were trained, by (experiment, variant).
    """
    took = [claim["seeds"] for claim in claims if claim.get("seeds")]
    at_once = sum(one["why"] == "decided" and len(one["looks"]) == 1 for one in took)
    later = sum(one["why"] == "decided" and len(one["looks"]) > 1 for one in took)
    others = Counter(one["why"] for one in took)
    parts = [f"{at_once} of {plural(len(took), 'claim')} decided with the least seeds", f"{later} with more"]
    parts += [f"{others[why]} {text}" for why, text in WHY.items() if others[why]]
    most = {
        (claim["experiment"], name): claim["seeds"]["most"]
        for claim in claims
        if claim.get("seeds")
        for name in claim["variants"]
    }
    saved = sum(max(limit - trials.get(key, 0), 0) for key, limit in most.items())
    used = sum(trials.get(key, 0) for key in most)
    return f"{', '.join(parts)}; {plural(used, 'trial')}, {saved} fewer than with the maximum for every variant"


def took(claim: Mapping[str, Any]) -> str:
    """How many seeds one claim took, for its details; empty where their number was fixed."""
    seeds = claim.get("seeds")
    if not seeds:
        return ""
    looked = ", ".join(map(str, seeds["looks"]))
    return (
        f"{seeds['taken']} of at most {seeds['most']}, {seeds['saved']} saved; looked at after {looked}; "
        f"{WHY.get(seeds['why'], seeds['why'])}"
    )
