"""Stores one variant of Example 4 as the suite does: python -m tests.robustness.writer ROOT VARIANT ROUNDS.

It reads the file as a run does when it begins, says "ready", and waits for a line on its standard input. Then it renews
its variant and the verdicts of its claims, round after round, and prints each difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

from baselines.record import Provenance
from harness.trial import Seconds, Trial
from harness.verdict import Verdict
from suite.catalogue import EXPERIMENTS, claims_of
from suite.stored import Stored

EXPERIMENT, SETTING, STACK = "example-4", "quick", "jax-cpu"
VARIANTS = tuple(variant.name for variant in EXPERIMENTS[EXPERIMENT].variants)
CLAIMS = tuple(claim.key for claim in claims_of(EXPERIMENT))


def claims_for(variant: str) -> tuple[str, ...]:
    """Each claim belongs to one of the writers."""
    return CLAIMS[VARIANTS.index(variant) :: len(VARIANTS)]


def trial(variant: str, round_: int, points: int = 2) -> Trial:
    """Other values in every round."""
    value = (round_ + 1) / (VARIANTS.index(variant) + 2)
    return Trial(variant, 0, {"val_accuracy": value}, {"loss": (value,) * points}, None, Seconds(1.0), "compiled")


def main(root: str, variant: str, rounds: int) -> None:
    stored = Stored(Path(root), STACK)
    stored.get(EXPERIMENT, SETTING)
    print("ready", flush=True)
    sys.stdin.readline()
    for round_ in range(rounds):
        verdict = (Verdict.SUPPORTED, Verdict.REFUTED)[round_ % 2]
        origin = Provenance({"backend": "jax"}, "abc", "2026-11-24", f"{variant}, round {round_}")
        verdicts = dict.fromkeys(claims_for(variant), verdict)
        print(
            stored.renew(
                EXPERIMENTS[EXPERIMENT], {variant: (trial(variant, round_),)}, {}, 1, verdicts, SETTING, origin
            )
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
