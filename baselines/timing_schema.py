"""The strict reader of stored timings: every key, type and value is checked, and the first fault is named."""

from __future__ import annotations

import json
import re
from typing import Any

from baselines.schema import (
    FormatError,
    _fields,
    _mapping,
    _no_constant,
    _number,
    _provenance,
    _text,
    _unique,
)
from baselines.timing_record import KEPT, SCHEMA, Repeat, Timings
from harness.definition import LENGTH

FIELDS = ("rounds", "epochs", "compile", "first_epoch", "definition", "provenance")


def parse_timings(text: str) -> Timings:
    """The timings that a file's text holds; FormatError, and nothing else, where it holds none."""
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError("timings", "JSON nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, or an integer of too many digits
        raise FormatError("complete JSON", str(error)) from None
    if not isinstance(record, dict):
        raise FormatError("a JSON object", record)
    if type(record.get("schema")) is not int or record["schema"] != SCHEMA:
        raise FormatError(f"schema {SCHEMA}, the one this version of the suite knows", record.get("schema"))
    fields = _fields(record, "", ("schema", "stack", "cases"))
    cases = _mapping(fields["cases"], "cases")
    return Timings(_text(fields["stack"], "stack"), {key: _case(key, value) for key, value in cases.items()})


def _case(key: str, value: Any) -> tuple[Repeat, ...]:
    where = f"cases/{key}"
    if not isinstance(value, list) or not 0 < len(value) <= KEPT:
        raise FormatError(f"a list of 1 to {KEPT} repeats", value, where)
    return tuple(_repeat(repeat, f"{where}/{index}") for index, repeat in enumerate(value))


def _repeat(value: Any, where: str) -> Repeat:
    fields = _fields(value, where, FIELDS)
    rounds = fields["rounds"]
    if not isinstance(rounds, list) or not rounds:
        raise FormatError("a list of at least one round", rounds, f"{where}/rounds")
    for index, seconds in enumerate(rounds):
        _seconds(seconds, f"{where}/rounds/{index}")
        if seconds == 0:
            raise FormatError("seconds above 0", seconds, f"{where}/rounds/{index}")
    epochs = fields["epochs"]
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise FormatError("a whole number of at least 1", epochs, f"{where}/epochs")
    for name in ("compile", "first_epoch"):
        if fields[name] is not None:
            _seconds(fields[name], f"{where}/{name}")
    definition = _text(fields["definition"], f"{where}/definition")
    if not re.fullmatch(f"[0-9a-f]{{{LENGTH}}}", definition):
        raise FormatError(f"{LENGTH} hex digits", definition, f"{where}/definition")
    return Repeat(
        tuple(map(float, rounds)),
        epochs,
        fields["compile"],
        fields["first_epoch"],
        definition,
        _provenance(fields["provenance"], f"{where}/provenance"),
    )


def _seconds(value: Any, where: str) -> None:
    _number(value, where)
    if value < 0:
        raise FormatError("seconds, not negative", value, where)
