"""Reading JSON strictly: every key, type and value is checked, and the first fault is named with its place."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

LENGTH = 16
"""Hex digits of a configuration's digest."""


class FormatError(ValueError):
    """What a file should hold, where, and what was found instead."""

    def __init__(self, expected: str, received: object, where: str = "") -> None:
        self.expected = f"{expected} at {_one_line(where)}" if where else expected
        self.received = received if isinstance(received, Said) else Said(_short(received))
        super().__init__(f"{self.expected}; {self.received}")


class Said(str):
    """A description of what was found, as against the thing itself."""


def load(text: str, what: str, schema: int) -> dict[str, Any]:
    """The object that a file's text holds, of that schema; FormatError, and nothing else, where it holds none."""
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(what, Said("JSON nested too deeply")) from None
    except ValueError as error:  # JSONDecodeError, or an integer of too many digits
        raise FormatError("complete JSON", Said(f"{error}")) from None
    if not isinstance(record, dict):
        raise FormatError("a JSON object", record)
    if type(record.get("schema")) is not int or record["schema"] != schema:
        raise FormatError(f"schema {schema}, the one this version of the suite knows", record.get("schema"))
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError("each key of an object once", Said(f"{twice!r} twice"))
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise FormatError("finite numbers or null", Said(name))


def mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError("an object", value, where)
    for key in value:
        text_of(key, f"a key of {where}")
    return value


def fields_of(value: Any, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    record = mapping(value, where or "the top level")
    if set(record) != set(names):
        lacking, extra = (sorted(a - b) for a, b in ((set(names), set(record)), (set(record), set(names))))
        said = " and ".join([*(f"no {key!r}" for key in lacking), *(f"an unknown {key!r}" for key in extra)])
        raise FormatError(f"the keys {', '.join(names)}", Said(said), where or "the top level")
    return record


def number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError("a number", value, where)
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise FormatError("a finite number that a float can hold", value, where)


def count(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FormatError("a whole number, not negative", value, where)


def text_of(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or has_surrogate(value):
        raise FormatError("a text", value, where)
    return value


def has_surrogate(value: object) -> bool:
    """Whether it is a text that UTF-8 cannot hold, so that it could be read (from an escape) and not written."""
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def definition_of(value: Any, where: str) -> str:
    """The digest of a configuration (``harness.training.configuration.digest``)."""
    text = text_of(value, where)
    if not re.fullmatch(f"[0-9a-f]{{{LENGTH}}}", text):
        raise FormatError(f"{LENGTH} hex digits", text, where)
    return text


def date(value: Any, where: str) -> str:
    text = text_of(value, where)
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("an ISO 8601 date", value, where) from None
    return text


def one_of(value: Any, where: str, known: Iterable[str]) -> str:
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise FormatError(f"one of {', '.join(names)}", value, where)
    return value


def _one_line(where: str) -> str:
    """A place, whose keys may be anything."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in where)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _short(value: object) -> str:
    try:
        text = repr(value) if not isinstance(value, Mapping) else f"an object with {sorted(value)}"
    except ValueError:  # an integer of too many digits
        text = "a very large integer"
    return text if len(text) <= 80 else f"{text[:77]}…"
