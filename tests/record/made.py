"""Records of every kind with arbitrary values, and short runs made of them."""

from __future__ import annotations

import enum
import functools
import types
import typing
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.model import Seconds, Size, Trial
from harness.record.run import AnyRecord, RunEnded, RunStarted, TrialDone, encode
from harness.record.timings import Measurement
from harness.verdict import Difference
from tests.make import measurement

TEXT = st.text(max_size=12) | st.sampled_from(["\0", "\u2028", "\r\n", "적절", '"\\'])
"""Texts without lone surrogates, because a record replaces those."""
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    Any: st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | st.lists(TEXT),
    Size: st.builds(Size, st.integers(0, 99), st.integers(1, 99), st.none() | st.integers(1, 99)),
    Difference: st.builds(Difference, TEXT, st.floats(-1, 1) | TEXT, st.floats(-1, 1) | TEXT, TEXT, TEXT),
    Measurement: st.builds(
        measurement,
        st.lists(st.floats(5e-324, 1e300), min_size=1, max_size=3),
        fit=st.none() | st.floats(5e-324, 1e300),
        contention=st.none() | st.floats(0, 9),
        trained_on=TEXT,
    ),
}


@functools.cache
def values(of: Any) -> st.SearchStrategy[Any]:
    """A strategy for values of this type, which a field of a record has."""
    if of in SIMPLE:
        return SIMPLE[of]
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(values, arguments))
    if origin is tuple and arguments[-1] is ...:
        return st.deferred(lambda: st.lists(values(arguments[0]), max_size=2).map(tuple))
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if issubclass(of, enum.Enum):
        return st.sampled_from(of)
    return structs(of)


def structs(of: type[msgspec.Struct], **changes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(of)}
    return st.deferred(lambda: st.builds(of, **{name: values(kind) for name, kind in fields.items()} | changes))


KINDS: tuple[type[msgspec.Struct], ...] = typing.get_args(AnyRecord)
HEADER = RunStarted(
    id="2026-11-24T10-15-00-000000-7",
    started="2026-11-24T10:15:00+00:00",
    command="pytest suite/ --full --seeds 5",
    full=True,
    backend="jax",
    engine="auto",
    fingerprint={"python": "3.11", "jaxlib": None},
    stack="jax-cpu",
)
END = RunEnded(exit_status=0, seconds=1.5, reported=True)


def trial(seed: int, loss: float = 0.5, variant: str = "plain") -> Trial:
    return Trial(variant, seed, {"loss": loss}, {"loss": (1.0, None, loss)}, None, Seconds(0.25), "compiled")


def done(seed: int, reused: str = "", **changes: Any) -> TrialDone:
    return TrialDone(experiment="e", definition="d", reused=reused, trial=trial(seed, **changes))


def written(folder: Path, *records: AnyRecord, id: str = HEADER.id) -> Path:
    """Writes the file of a run with these records after the first one, and returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{id}.jsonl"
    path.write_bytes(b"".join(encode(each) + b"\n" for each in (replace(HEADER, id=id), *records)))
    return path


def finished(folder: Path, seeds: int = 3, id: str = HEADER.id) -> Path:
    return written(folder, *map(done, range(seeds)), END, id=id)
