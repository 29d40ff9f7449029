"""Reads JSON strictly into typed structs. An error names the first fault and its place."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class FormatError(ValueError):
    """A fault in a file: what was expected, at which place, and what was received."""

    def __init__(self, expected: str, received: object, where: str = "") -> None:
        self.expected = f"{expected} at {_one_line(where)}" if where else expected
        self.received = _one_line(received) if isinstance(received, Described) else _short(received)
        super().__init__(f"{self.expected}; {self.received}")


class OtherSchemaError(FormatError):
    """A file of another version of the suite. It is not damaged, so it must not be restored or deleted."""


class Described(str):
    """A description of what was received, shown without quotation marks."""


def decode(text: str, kind: type[T], what: str, schema: int) -> T:
    """The struct in a file's text. Raises FormatError only.

    Args:
        text: JSON without repeated keys, nan or infinity.
        kind: the struct's type.
        what: the name of the content in messages.
        schema: the expected schema.
    """
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(what, Described("JSON nested too deeply")) from None
    except ValueError as error:  # JSONDecodeError, or an integer of too many digits
        raise FormatError("complete JSON", Described(f"{error}")) from None
    if not isinstance(record, dict):
        raise FormatError("a JSON object", record)
    _check_schema(record.get("schema"), what, schema)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise _fault(record, kind, str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:  # half of a surrogate pair
        raise FormatError(f"{what} as JSON in UTF-8", Described(f"{error}")) from None


def check_date(text: str, where: str) -> None:
    """FormatError unless ``text`` is an ISO 8601 date or time."""
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("an ISO 8601 date", text, where) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError("each key of an object once", Described(f"{twice!r} twice"))
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise FormatError("finite numbers or null", Described(name))


def _check_schema(found: object, what: str, schema: int) -> None:
    if type(found) is not int:
        raise FormatError(f"schema {schema}", found)
    if found != schema:
        age, advice = ("a newer", "update the suite") if found > schema else ("an earlier", f"make the {what} again")
        received = f"schema {found}, written by {age} version of the suite: {advice}"
        raise OtherSchemaError(f"schema {schema}", Described(received))


def _fault(record: Any, kind: type[object], message: str) -> FormatError:
    """msgspec's error as FormatError, with the keys of the place, which msgspec omits, and the value there."""
    text, _, place = message.rpartition(" - at ") if " - at " in message else (message, "", "")
    path: list[str | int] = []
    value = record
    for field, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place):
        key = field or (int(index) if index != "..." else _failing_key(record, path, kind, message))
        try:
            value = value[key]
        except (LookupError, TypeError):  # the name of an unknown field may look like a place
            break
        path.append(key)
    where = "/".join(map(str, path)) or "the top level"
    if found := re.fullmatch(r"Object contains unknown field `(.*?)`?", text, re.DOTALL):
        return FormatError("known fields only", Described(f"an unknown {found[1]!r}"), where)
    if found := re.fullmatch(r"Object missing required field `(.*)`", text, re.DOTALL):
        return FormatError(f"a field {found[1]!r}", value, where)
    if text == "Number out of range":
        return FormatError("a number that a float can hold", value, where)
    if not text.startswith("Expected "):  # none of the values that a field may have
        return FormatError(f"a value that {kind.__module__} lists", Described(text), where)
    expected = text.removeprefix("Expected ").partition(", got ")[0]
    return FormatError(f"keys that are {expected}" if place.startswith("`key`") else expected, value, where)


def _failing_key(record: Any, path: Sequence[str | int], kind: type[object], message: str) -> str:
    """The key, of the object at the path, whose value alone gives that message; "…" if there is none."""
    place = record
    for step in path:
        place = place[step]
    for key in place:
        text = json.dumps(_with_only(record, path, key)).replace("Infinity", "1e999")  # too large for a float
        try:
            msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            if str(error) == message:
                return str(key)
    return "…"


def _with_only(record: Any, path: Sequence[str | int], key: str) -> Any:
    """The record with one key left in the object at the path."""
    if not path:
        return {key: record[key]}
    copy = record.copy()
    copy[path[0]] = _with_only(record[path[0]], path[1:], key)
    return copy


def _one_line(text: str) -> str:
    """Any text, such as a file's keys, on one line of at most 200 printable characters."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _short(value: object) -> str:
    try:
        text = repr(value) if not isinstance(value, Mapping) else f"an object with {sorted(value)}"
    except ValueError:  # an integer of too many digits
        text = "a very large integer"
    return text if len(text) <= 80 else f"{text[:77]}…"
