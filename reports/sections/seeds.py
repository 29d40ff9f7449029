"""How many seeds each claim needed in a run with ``--seeds auto``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from harness.record.run import ClaimDecided, Run
from reports.words import plural

WHY: Mapping[str, str] = {
    "maximum": "undecided at the maximum",
    "interrupted": "interrupted",
    "not run": "not run",
}


def seeds_line(run: Run) -> str:
    """The line of the summary; empty for a run with a fixed number of seeds."""
    if not run.header.auto:
        return ""
    return (
        f"**As many seeds as needed:** {seeds_text(run)}. "
        "Intervals and p-values hold for all looks of a claim together."
    )


def seeds_text(run: Run) -> str:
    """When claims stopped, and how many trials that saved compared with the maximum for every variant."""
    taken = [(claim, claim.taken) for claim in run.claims.values() if claim.taken]
    at_once = sum(one.stopped == "decided" and len(one.looks) == 1 for _, one in taken)
    later = sum(one.stopped == "decided" and len(one.looks) > 1 for _, one in taken)
    others: Counter[str] = Counter(one.stopped for _, one in taken)
    parts = [f"{at_once} of {plural(len(taken), 'claim')} decided with the least seeds", f"{later} with more"]
    parts += [f"{others[why]} {text}" for why, text in WHY.items() if others[why]]
    most = {(claim.experiment or "", name): one.most for claim, one in taken for name in claim.variants}
    trials = {key: len(done) for key, done in run.trials.items()}
    saved = sum(max(limit - trials.get(key, 0), 0) for key, limit in most.items())
    used = sum(trials.get(key, 0) for key in most)
    return f"{', '.join(parts)}; {plural(used, 'trial')}, {saved} fewer than with the maximum for every variant"


def seeds_detail(claim: ClaimDecided) -> str:
    """How many seeds one claim needed, for its details; empty if the number of seeds was fixed."""
    seeds = claim.taken
    if seeds is None:
        return ""
    looked = ", ".join(map(str, seeds.looks))
    return (
        f"{seeds.seeds} of at most {seeds.most}, {seeds.saved} saved; looked at after {looked}; "
        f"{WHY.get(seeds.stopped, seeds.stopped)}"
    )
