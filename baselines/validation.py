"""Reading JSON strictly into typed structs: the first fault is named with its place."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class FormatError(ValueError):
    """What a file should hold, where, and what was found instead."""

    def __init__(self, expected: str, received: object, where: str = "") -> None:
        self.expected = f"{expected} at {_one_line(where)}" if where else expected
        self.received = _one_line(received) if isinstance(received, Said) else _short(received)
        super().__init__(f"{self.expected}; {self.received}")


class OtherSchemaError(FormatError):
    """The file is one of another version of the suite: it is not damaged, and must not be restored or deleted."""


class Said(str):
    """A description of what was found, as against the thing itself."""


def decode(text: str, kind: type[T], what: str, schema: int) -> T:
    """The struct that a file's text holds, of that schema; FormatError, and nothing else, where it holds none.

    Beyond the types: each key of an object once, and no nan or infinity. ``what`` is the file's content, in words.
    """
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
    _check_schema(record.get("schema"), what, schema)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise _fault(record, kind, str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:  # half of a surrogate pair
        raise FormatError(f"{what} as JSON in UTF-8", Said(f"{error}")) from None


def check_date(text: str, where: str) -> None:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("an ISO 8601 date", text, where) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError("each key of an object once", Said(f"{twice!r} twice"))
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise FormatError("finite numbers or null", Said(name))


def _check_schema(found: object, what: str, schema: int) -> None:
    if type(found) is not int:
        raise FormatError(f"schema {schema}", found)
    if found != schema:
        age, advice = ("a newer", "update the suite") if found > schema else ("an earlier", f"make the {what} again")
        said = f"schema {found}, written by {age} version of the suite: {advice}"
        raise OtherSchemaError(f"schema {schema}", Said(said))


def _fault(record: Any, kind: type[object], message: str) -> FormatError:
    """What msgspec found wrong, with the place's keys (which it leaves out) and the value that is there."""
    said, _, place = message.rpartition(" - at ") if " - at " in message else (message, "", "")
    path: list[str | int] = []
    value = record
    for field, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place):
        key = field or (int(index) if index != "..." else _failing_key(record, path, kind, message))
        try:
            value = value[key]
        except (LookupError, TypeError):  # no such place: the name of an unknown field may look like one
            break
        path.append(key)
    where = "/".join(map(str, path)) or "the top level"
    if found := re.fullmatch(r"Object contains unknown field `(.*?)`?", said, re.DOTALL):
        return FormatError("known fields only", Said(f"an unknown {found[1]!r}"), where)
    if found := re.fullmatch(r"Object missing required field `(.*)`", said, re.DOTALL):
        return FormatError(f"a field {found[1]!r}", value, where)
    if said == "Number out of range":
        return FormatError("a number that a float can hold", value, where)
    if not said.startswith("Expected "):  # none of the values that a field may have
        return FormatError(f"a value that {kind.__module__} lists", Said(said), where)
    expected = said.removeprefix("Expected ").partition(", got ")[0]
    return FormatError(f"keys that are {expected}" if place.startswith("`key`") else expected, value, where)


def _failing_key(record: Any, path: Sequence[str | int], kind: type[object], message: str) -> str:
    """The key of the object at the path whose value gives that message; "…" where none does by itself."""
    place = record
    for step in path:
        place = place[step]
    for key in place:
        text = json.dumps(_with_only(record, path, key)).replace("Infinity", "1e999")  # what no float can hold
        try:
            msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            if str(error) == message:
                return str(key)
    return "…"


def _with_only(record: Any, path: Sequence[str | int], key: str) -> Any:
    """The record, of whose object at the path only that key is left."""
    if not path:
        return {key: record[key]}
    copy = record.copy()
    copy[path[0]] = _with_only(record[path[0]], path[1:], key)
    return copy


def _one_line(text: str) -> str:
    """A text that may hold anything, such as a file's keys."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _short(value: object) -> str:
    try:
        text = repr(value) if not isinstance(value, Mapping) else f"an object with {sorted(value)}"
    except ValueError:  # an integer of too many digits
        text = "a very large integer"
    return text if len(text) <= 80 else f"{text[:77]}…"
