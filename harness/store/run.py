"""A run read back from its file, or from the lines of it that a store holds."""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import SuiteError, invalid
from harness.store.journal import SCHEMA
from harness.trial import Trial


@dataclass(frozen=True)
class Run:
    """A run read back; ``trials`` by (experiment, variant), in order of training.

    Of a variant, a claim, an erratum or a timing that has several records (a claim's p-values are adjusted at the end,
    and a resumed run decides again) the last one counts, in the place of the first.
    """

    path: Path
    header: Mapping[str, Any]
    experiments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trials: Mapping[tuple[str, str], tuple[Trial, ...]] = field(default_factory=dict)
    trainings: tuple[Mapping[str, Any], ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    end: Mapping[str, Any] | None = None
    timings: tuple[Mapping[str, Any], ...] = ()
    peaks: tuple[Mapping[str, Any], ...] = ()
    errata: tuple[Mapping[str, Any], ...] = ()
    conformance: tuple[Mapping[str, Any], ...] = ()
    reused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How many of a variant's trials are of earlier runs, where any is."""


def read_run(path: Path) -> Run:
    """Reads a run file; a last line torn by a kill is left out, any other damage is a SuiteError naming the line."""
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"Cannot read the run's record {path}: {error}.") from error
    return parse_run(lines[:-1], path)  # behind the last newline: nothing, or a line torn by a kill


def parse_run(lines: Iterable[str], path: Path) -> Run:
    """The run of these lines, which are said to be of ``path``; SuiteError naming the line that is damaged."""
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            record["kind"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise invalid(
                f"line {number} of {path}", expected="a JSON record with a kind", received=line[:60]
            ) from error
        records.append(record)
    if not records or records[0]["kind"] != "run" or records[0].get("schema") != SCHEMA:
        received = records[0].get("schema") if records else "an empty file"
        raise invalid(f"run record {path}", expected=f"a first line of kind 'run', schema {SCHEMA}", received=received)
    trials: dict[tuple[str, str], list[Trial]] = {}
    reused: Counter[tuple[str, str]] = Counter()
    try:
        for record in records:
            if record["kind"] == "trial":
                for name in (record["experiment"], record["variant"]):
                    name.encode()  # a text, without lone surrogates
                operator.index(record["seed"])
                key = (record["experiment"], record["variant"])
                trials.setdefault(key, []).append(Trial.from_json(record))
                reused[key] += "reused" in record
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        said = f"{error!r}"[:200]
        raise invalid(f"trial in {path}", expected="the fields of a trial", received=said) from error
    of_kind: dict[Any, list[Mapping[str, Any]]] = {}
    try:
        for record in records:
            if record["kind"] == "resumed":
                of_kind.pop("end", None)  # it goes on
            of_kind.setdefault(record["kind"], []).append(record)
        return Run(
            path,
            records[0],
            {record["id"]: record for record in of_kind.get("experiment", ()) if "id" in record},
            {key: tuple(value) for key, value in trials.items()},
            _last(of_kind.get("training", ()), "experiment", "variant"),
            _last(of_kind.get("claim", ()), "key"),
            of_kind["end"][-1] if "end" in of_kind else None,
            _last(of_kind.get("timing", ()), "work", "engine"),
            _last(of_kind.get("peak", ()), "when"),
            _last(of_kind.get("erratum", ()), "id"),
            _last(of_kind.get("conformance", ()), "name"),
            {key: count for key, count in reused.items() if count},
        )
    except TypeError as error:  # a kind, an id or a key that is a list or an object
        raise invalid(f"run record {path}", expected="texts as ids and keys", received=f"{error}") from error


def _last(records: Sequence[Mapping[str, Any]], *names: str) -> tuple[Mapping[str, Any], ...]:
    """Of the records that agree in these fields the last, in the place of the first."""
    return tuple({tuple(record.get(name) for name in names): record for record in records}.values())


def latest_run(folder: Path) -> Path:
    """The newest run file of a folder (ids begin with the start time, so names sort); SuiteError if there is none.

    A file without a byte is no run: its process was killed between making it and writing its first line.
    """
    runs = sorted(path for path in folder.glob("*.jsonl") if path.stat().st_size)
    if not runs:
        raise SuiteError(f"No run is recorded in {folder}. Run `pytest suite/` first.")
    return runs[-1]
