"""The strict reader of stored timings."""

from __future__ import annotations

from typing import Any

from baselines.record import Provenance
from baselines.strict import (
    FormatError,
    date,
    definition_of,
    fields_of,
    has_surrogate,
    load,
    mapping,
    number,
    text_of,
)
from baselines.timing_record import KEPT, SCHEMA, Repeat, Timings

FIELDS = ("rounds", "epochs", "compile", "first_epoch", "definition", "provenance")
LATER = ("reference", "contention")
"""Fields that a repeat may lack: files of before there were any do."""


def parse_timings(text: str) -> Timings:
    """The timings that a file's text holds; FormatError, and nothing else, where it holds none."""
    fields = fields_of(load(text, "timings", SCHEMA), "", ("schema", "stack", "cases"))
    cases = mapping(fields["cases"], "cases")
    return Timings(text_of(fields["stack"], "stack"), {key: _case(key, value) for key, value in cases.items()})


def _case(key: str, value: Any) -> tuple[Repeat, ...]:
    where = f"cases/{key}"
    if not isinstance(value, list) or not 0 < len(value) <= KEPT:
        raise FormatError(f"a list of 1 to {KEPT} repeats", value, where)
    return tuple(_repeat(repeat, f"{where}/{index}") for index, repeat in enumerate(value))


def _repeat(value: Any, where: str) -> Repeat:
    later = [name for name in LATER if isinstance(value, dict) and name in value]
    fields = fields_of(value, where, (*FIELDS, *later))
    rounds = fields["rounds"]
    if not isinstance(rounds, list) or not rounds:
        raise FormatError("a list of at least one round", rounds, f"{where}/rounds")
    for index, seconds in enumerate(rounds):
        _positive(seconds, f"{where}/rounds/{index}")
    reference = mapping(fields.get("reference", {}), f"{where}/reference")
    for name, seconds in reference.items():
        _positive(seconds, f"{where}/reference/{name}")
    contention = fields.get("contention")
    if contention is not None:
        number(contention, f"{where}/contention")
    epochs = fields["epochs"]
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise FormatError("a whole number of at least 1", epochs, f"{where}/epochs")
    for name in ("compile", "first_epoch"):
        if fields[name] is not None:
            _seconds(fields[name], f"{where}/{name}")
    return Repeat(
        tuple(map(float, rounds)),
        epochs,
        fields["compile"],
        fields["first_epoch"],
        definition_of(fields["definition"], f"{where}/definition"),
        _provenance(fields["provenance"], f"{where}/provenance"),
        {name: float(seconds) for name, seconds in reference.items()},
        contention,
    )


def _provenance(value: Any, where: str) -> Provenance:
    fields = fields_of(value, where, ("commit", "date", "reason", "fingerprint"))
    fingerprint = mapping(fields["fingerprint"], f"{where}/fingerprint")
    for key, entry in fingerprint.items():
        if isinstance(entry, float):
            number(entry, f"{where}/fingerprint/{key}")
        elif entry is not None and (not isinstance(entry, str | int) or has_surrogate(entry)):
            raise FormatError("a text, a number, true, false or null", entry, f"{where}/fingerprint/{key}")
    commit, reason = (text_of(fields[key], f"{where}/{key}") for key in ("commit", "reason"))
    return Provenance(fingerprint, commit, date(fields["date"], f"{where}/date"), reason)


def _positive(value: Any, where: str) -> None:
    _seconds(value, where)
    if value == 0:
        raise FormatError("seconds above 0", value, where)


def _seconds(value: Any, where: str) -> None:
    number(value, where)
    if value < 0:
        raise FormatError("seconds, not negative", value, where)
