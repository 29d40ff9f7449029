"""The measured times of a training, and the stored times of a stack, ``baselines/timing/<stack>.json``."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Annotated

import msgspec

from harness.record.json_file import FormatError, JsonFile, decode
from harness.record.trials import Struct

SCHEMA = 1
KEPT = 10
"""Number of measurements kept of a case: the newest."""

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


class Measurement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One process's times of one engine on one training. Stored ones may have fields that are no longer measured.

    Attributes:
        rounds: seconds per steady epoch, one value per round: the median over the epochs without compilation. For
            ``fit`` an epoch lasts from Keras' on_epoch_begin to on_epoch_end; for the others it is a launch, or its
            share of one.
        epochs, images: epochs of a round, and training images of an epoch.
        compile: seconds of compilation. For ``fit``: the median over rounds of first epoch − steady epoch.
        first_epoch: seconds of the first epoch, with any compilation in it; None if all epochs are one launch, whose
            epochs cannot be timed.
        first_training: median seconds of a first training: copying the data, building, compiling and training.
        training: median seconds of a whole training, with initialisation; for ``fit`` with compilation.
        fit: seconds of the fastest round of ``fit`` in the same process; None for ``fit`` itself, or if it did not run.
        contention: share of time that other programs may have cost; None if unknown.
        trained_on: the device of the trained weights, "cpu: AMD EPYC".
        definition: digest of the configuration that was trained (``harness.training.configuration``).
        provenance: its origin.
    """

    rounds: Annotated[tuple[Taken, ...], msgspec.Meta(min_length=1)]
    epochs: Annotated[int, msgspec.Meta(ge=1)]
    images: int | None = None
    compile: Seconds | None
    first_epoch: Seconds | None
    first_training: Seconds | None = None
    training: Seconds | None = None
    fit: Taken | None = None
    contention: float | None = None
    trained_on: str = ""
    definition: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    provenance: Provenance

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
        schema: its version.
        stack: backend and device ("tensorflow-cpu").
        cases: by "experiment/variant/engine", the measurements from the oldest to the newest.
    """

    schema: int = SCHEMA
    stack: str
    cases: dict[Text, Annotated[tuple[Measurement, ...], msgspec.Meta(min_length=1, max_length=KEPT)]]

    def added(self, case: str, measurement: Measurement, *, replaces: bool) -> Timings:
        """Adds a measurement of a case and keeps the newest KEPT. With ``replaces`` it is the only one."""
        before = () if replaces else self.cases.get(case, ())
        return msgspec.structs.replace(self, cases={**self.cases, case: (*before, measurement)[-KEPT:]})

    def without(self, cases: set[str]) -> Timings:
        kept = {key: stored for key, stored in self.cases.items() if key not in cases}
        return msgspec.structs.replace(self, cases=kept)


def path_of(root: Path, stack: str) -> Path:
    """The file of a stack (``harness.environment.fingerprint.stack``)."""
    return root / "timing" / f"{stack}.json"


def parse(text: str) -> Timings:
    """The timings in a file's text. Raises FormatError only."""
    return decode(text, Timings, "timings", SCHEMA)


def dumps(timings: Timings) -> str:
    """The file's text. Each measurement has its own line, so a diff shows what was added or removed."""
    cases = [
        f"    {_line(case)}: [\n" + ",\n".join(f"      {_line(measurement)}" for measurement in stored) + "\n    ]"
        for case, stored in timings.cases.items()
    ]
    inside = "{\n" + ",\n".join(cases) + "\n  }" if cases else "{}"
    return f'{{\n  "schema": {timings.schema},\n  "stack": {_line(timings.stack)},\n  "cases": {inside}\n}}\n'


def _line(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, allow_nan=False)


def _check_stack(path: Path, timings: Timings) -> None:
    if timings.stack != path.stem:
        raise FormatError(f"the timings of {path.stem}, as the file's name says", timings.stack)


FILE = JsonFile("timings", parse, dumps, _check_stack, "-m timing --update-baselines")
read, update = FILE.read, FILE.update
