"""Stores one variant of Example 4 as the suite does: python -m tests.robustness.writer ROOT VARIANT ROUNDS.

It reads the files as a run does when it begins, prints "ready", and waits for a line on its standard input. Then, in
each round, it adds a seed of its variant, changes the verdicts of its exact claims, and prints each difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cases
from harness.check.stored import Stored
from harness.model import Seconds, Trial
from harness.record.evidence import EXACT
from harness.record.trials import Training
from harness.verdict import Decision, Verdict
from suite.catalogue import EXPERIMENTS
from tests.make import provenance

EXPERIMENT, STACK = "example-4", "jax-cpu"
VARIANTS = tuple(variant.name for variant in EXPERIMENTS[EXPERIMENT].variants)
CLAIMS = tuple(claim.key for claim in cases.CLAIMS if claim.experiment is None)


def claims_for(variant: str) -> tuple[str, ...]:
    """Each claim belongs to one of the writers."""
    return CLAIMS[VARIANTS.index(variant) :: len(VARIANTS)]


def trial(variant: str, seed: int) -> Trial:
    value = (seed + 1) / (VARIANTS.index(variant) + 2)
    return Trial(variant, seed, {"made_up": value}, {"loss": (value, value)}, None, Seconds(1.0), "compiled")


def main(root: str, variant: str, rounds: int) -> None:
    stored = Stored(Path(root), STACK)
    for name in (EXPERIMENT, EXACT):
        stored.get(name)
    print("ready", flush=True)
    sys.stdin.readline()
    for round_ in range(rounds):
        verdict = (Verdict.SUPPORTED, Verdict.REFUTED)[round_ % 2]
        measured = Training(configuration={"batch_size": 32}, trials=(trial(variant, round_),))
        reason = f"{variant}, round {round_}"
        verdicts = dict.fromkeys(claims_for(variant), Decision(verdict, reason))
        origin = provenance(reason, {"backend": "jax"})
        print(stored.add(EXPERIMENTS[EXPERIMENT], {variant: measured}, origin, ()))
        print(stored.add(None, {}, origin, cases.CLAIMS, verdicts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
