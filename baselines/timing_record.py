"""What a file of stored timings says, as frozen dataclasses; ``timing_schema.py`` checks, ``timing_files.py`` reads and
writes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from baselines.record import Provenance

SCHEMA = 1
KEPT = 10
"""Repeats kept of a case, the newest."""


@dataclass(frozen=True)
class Repeat:
    """One process's measurement of one case.

    Attributes:
        rounds: seconds per epoch, steady state, one value per round; at least one, all positive.
        epochs: of a round.
        compile, first_epoch: seconds; None where they could not be told apart.
        definition: ``harness.training.configuration.variant_digest`` of what was trained.
        provenance: where it was measured; the fingerprint is without the engine, which the case's name has.
        reference: seconds of fixed pieces of work beside the rounds, the least of each by its name
            (``harness.timing.reference``), all positive; empty in files of before there were any.
        contention: share of the time that others may have cost (``harness.timing.contention``); None if unknown.
    """

    rounds: tuple[float, ...]
    epochs: int
    compile: float | None
    first_epoch: float | None
    definition: str
    provenance: Provenance
    reference: Mapping[str, float] = field(default_factory=dict)
    contention: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def fastest(self) -> float:
        """Of the rounds: what others on the machine have lengthened least."""
        return min(self.rounds)

    def to_json(self) -> dict[str, Any]:
        return {
            "rounds": list(self.rounds),
            "epochs": self.epochs,
            "compile": self.compile,
            "first_epoch": self.first_epoch,
            "definition": self.definition,
            "provenance": {
                "commit": self.provenance.commit,
                "date": self.provenance.date,
                "reason": self.provenance.reason,
                "fingerprint": dict(self.provenance.fingerprint),
            },
            **({"reference": dict(self.reference)} if self.reference else {}),
            **({} if self.contention is None else {"contention": self.contention}),
        }


@dataclass(frozen=True)
class Timings:
    """One file: the cases of a stack, "experiment/variant/engine", each with its repeats from the oldest on."""

    stack: str
    cases: Mapping[str, tuple[Repeat, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain types only; ``timing_schema.parse_timings`` gives the timings back, bit for bit."""
        cases = {key: [repeat.to_json() for repeat in repeats] for key, repeats in self.cases.items()}
        return {"schema": SCHEMA, "stack": self.stack, "cases": cases}

    def with_repeat(self, case: str, repeat: Repeat, *, replaces: bool) -> Timings:
        """One more repeat of a case; alone where it ``replaces`` those before, else behind them, the newest kept."""
        before = () if replaces else self.cases.get(case, ())
        return replace(self, cases={**self.cases, case: (*before, repeat)[-KEPT:]})

    def without(self, cases: set[str]) -> Timings:
        return replace(self, cases={key: repeats for key, repeats in self.cases.items() if key not in cases})
