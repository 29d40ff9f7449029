"""The stored times of a stack, ``baselines/timing/<stack>.json``. Each repeat of a case is from another process."""

from __future__ import annotations

import statistics
from typing import Annotated

import msgspec

from harness.record.evidence import Struct

SCHEMA = 1
KEPT = 10
"""Number of repeats kept of a case: the newest."""

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Taken = Annotated[float, msgspec.Meta(gt=0)]
"""Seconds of a measurement, never 0."""
Text = Annotated[str, msgspec.Meta(pattern=r"\S")]
"""A text that is not blank."""


class Provenance(Struct, frozen=True, kw_only=True):
    """The origin of a measurement.

    Attributes:
        commit: of the source; "unknown" outside git.
        date: an ISO 8601 date or time.
        reason: the text given to ``--update-baselines``.
        fingerprint: see ``harness.environment.fingerprint.fingerprint``.
    """

    commit: Text
    date: str
    reason: Text
    fingerprint: dict[str, str | int | float | bool | None]


class Repeat(Struct, frozen=True, kw_only=True):
    """One process's measurement of one case.

    Attributes:
        rounds: seconds per steady epoch, one value per round.
        epochs: number of epochs of a round.
        compile, first_epoch: seconds; None if they could not be measured apart.
        definition: digest of the configuration that was trained (``harness.training.configuration``).
        provenance: its origin.
        reference: by name, the least seconds of each reference work (``harness.timing.reference``); empty if not
            measured.
        contention: share of time that other programs may have cost (``harness.timing.contention``); None if unknown.
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
        """The fastest round: the one that other programs disturbed least."""
        return min(self.rounds)


class Timings(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One file.

    Attributes:
        schema: 1.
        stack: backend and device ("tensorflow-cpu").
        cases: by "experiment/variant/engine", the repeats from the oldest to the newest.
    """

    schema: int = SCHEMA
    stack: str
    cases: dict[Text, Annotated[tuple[Repeat, ...], msgspec.Meta(min_length=1, max_length=KEPT)]]

    def with_repeat(self, case: str, repeat: Repeat, *, replaces: bool) -> Timings:
        """Adds a repeat of a case and keeps the newest KEPT. With ``replaces`` it is the only repeat."""
        before = () if replaces else self.cases.get(case, ())
        return msgspec.structs.replace(self, cases={**self.cases, case: (*before, repeat)[-KEPT:]})

    def without(self, cases: set[str]) -> Timings:
        kept = {key: repeats for key, repeats in self.cases.items() if key not in cases}
        return msgspec.structs.replace(self, cases=kept)
