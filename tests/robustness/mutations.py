"""Strategies for hypothesis that damage files: JSON nodes deleted, doubled or replaced; text cut, bytes changed."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NASTY = st.sampled_from(
    ["", " ", "nan", "\ud800", "\ufeff", -1, 0, 10**400, 1e308, "2026-11-24", "SUPPORTED", "a" * 300]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NASTY
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def spots(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON value, but of its top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from spots(item, (*at, key))


def holder(record: Any, spot: tuple[Any, ...]) -> Any:
    """The object or list that the value at ``spot`` lies in."""
    for key in spot[:-1]:
        record = record[key]
    return record


@st.composite
def spoilt(draw: st.DrawFn, record: Any) -> Any:
    """The JSON value with one to three of its nodes changed."""
    record = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 3))):
        known = list(spots(record))
        if not known:
            break
        spot = draw(st.sampled_from(known))
        place, key = holder(record, spot), spot[-1]
        kind = draw(st.sampled_from(["delete", "double", "exchange", "replace", "nasty", "nasty"]))
        if kind == "delete":
            del place[key]
        elif kind == "double" and isinstance(place, list):
            place.insert(key, copy.deepcopy(place[key]))
        elif kind == "double":
            place[draw(st.text(max_size=4))] = copy.deepcopy(place[key])
        elif kind == "exchange":
            other = draw(st.sampled_from(known))
            place[key] = copy.deepcopy(holder(record, other)[other[-1]])
        else:
            place[key] = draw(NASTY if kind == "nasty" else JSON)
    return record


def text_of(record: Any) -> bytes:
    """JSON with whatever is in it: integers of any length, NaN, lone surrogates escaped."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(record).encode()
    finally:
        sys.set_int_max_str_digits(limit)


@st.composite
def torn(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes cut, doubled in part, with other line ends or a mark in front, or with some of them changed."""
    kind = draw(st.sampled_from(["truncate", "cut", "double", "flip", "insert", "crlf", "mark", "utf-16", "latin-1"]))
    at = draw(st.integers(0, len(content)))
    length = draw(st.integers(1, 40))
    if kind == "truncate":
        return content[:at]
    if kind == "cut":
        return content[:at] + content[at + length :]
    if kind == "double":
        return content[: at + length] + content[at:]
    if kind == "flip" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    if kind == "insert":
        return content[:at] + draw(st.binary(min_size=1, max_size=6)) + content[at:]
    if kind == "crlf":
        return content.replace(b"\n", b"\r\n")
    if kind == "mark":
        return b"\xef\xbb\xbf" + content
    if kind in ("utf-16", "latin-1"):
        return content.decode("utf-8").encode(kind, "replace")
    return content
