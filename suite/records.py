"""The records of a run file: those of ``harness.store.records``, with what only a run of the suite knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.experiment import Experiment
from harness.store import records
from harness.trial import Trial
from harness.verdict import Decision
from suite.catalogue import EXPERIMENTS, ORDER
from suite.outcome import Outcome


def experiment_record(experiment: Experiment) -> dict[str, Any]:
    return records.experiment_record(experiment, list(EXPERIMENTS).index(experiment.id))


def claim_record(
    outcome: Outcome,
    trials: Mapping[str, Sequence[Trial]],
    adjusted: str | None = None,
    effects: Decision | None = None,
) -> dict[str, Any]:
    """The complete record of a decided claim; ``effects``: the decision with p-values adjusted over the catalogue."""
    claim = outcome.claim
    declared = records.claim_record(claim, ORDER[claim.key], effects or outcome.decision, outcome.beside, trials)
    state = msgspec.to_builtins(outcome.comparison)
    return {
        **declared,
        "expected_verdict": state["expected"],
        "adjusted_verdict": adjusted,
        **({"here": dataclasses.asdict(outcome.here)} if outcome.here else {}),
        **({"seeds": outcome.taken.to_json()} if outcome.taken else {}),
        "baseline": {"state": state["state"], "reason": state["reason"], "red": outcome.red},
        "notes": [*declared["notes"], *([outcome.error] if outcome.error else [])],
        "error": outcome.error,
        "seconds": outcome.seconds,
    }
