"""The stored times of a stack: one process's measurement of a case after another, ``baselines/timing/<stack>.json``."""

from __future__ import annotations

import statistics
from typing import Annotated

import msgspec

from harness.record.evidence import Struct

SCHEMA = 1
KEPT = 10
"""Repeats kept of a case, the newest."""

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Taken = Annotated[float, msgspec.Meta(gt=0)]
"""Seconds that a piece of work took."""
Text = Annotated[str, msgspec.Meta(pattern=r"\S")]
"""Not blank."""


class Provenance(Struct, frozen=True, kw_only=True):
    """Where a measurement comes from.

    Attributes:
        commit: the source's; "unknown" without one.
        date: an ISO 8601 date or time.
        reason: what was given to ``--update-baselines``.
        fingerprint: flat, see ``harness.environment.fingerprint``; without the engine, which the case's name has.
    """

    commit: Text
    date: str
    reason: Text
    fingerprint: dict[str, str | int | float | bool | None]


class Repeat(Struct, frozen=True, kw_only=True):
    """One process's measurement of one case.

    Attributes:
        rounds: seconds per epoch, steady state, one value per round.
        epochs: of a round.
        compile, first_epoch: seconds; None where they could not be told apart.
        definition: the digest of the configuration (``harness.training.configuration``) that was trained.
        provenance: where it was measured.
        reference: seconds of fixed pieces of work between the rounds, the least of each by its name
            (``harness.timing.reference``); empty where they were not measured.
        contention: share of the time that others may have cost (``harness.timing.contention``); None if unknown.
    """

    rounds: Annotated[tuple[Taken, ...], msgspec.Meta(min_length=1)]
    epochs: Annotated[int, msgspec.Meta(ge=1)]
    compile: Seconds | None
    first_epoch: Seconds | None
    definition: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    provenance: Provenance
    reference: dict[str, Taken] = msgspec.field(default_factory=dict)
    contention: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def fastest(self) -> float:
        """Of the rounds: what others on the machine have lengthened least."""
        return min(self.rounds)


class Timings(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One file.

    Attributes:
        schema: 1.
        stack: backend and device ("tensorflow-cpu").
        cases: "experiment/variant/engine", each with its repeats from the oldest on.
    """

    schema: int = SCHEMA
    stack: str
    cases: dict[Text, Annotated[tuple[Repeat, ...], msgspec.Meta(min_length=1, max_length=KEPT)]]

    def with_repeat(self, case: str, repeat: Repeat, *, replaces: bool) -> Timings:
        """One more repeat of a case; alone where it ``replaces`` those before, else behind them, the newest kept."""
        before = () if replaces else self.cases.get(case, ())
        return msgspec.structs.replace(self, cases={**self.cases, case: (*before, repeat)[-KEPT:]})

    def without(self, cases: set[str]) -> Timings:
        kept = {key: repeats for key, repeats in self.cases.items() if key not in cases}
        return msgspec.structs.replace(self, cases=kept)
