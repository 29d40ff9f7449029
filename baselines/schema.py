"""The strict reader of a baseline's JSON: every key, type and value is checked, and the first fault is named."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from baselines.record import EXACT, SCHEMA, Baseline, ExpectedVerdict, Provenance, VariantBaseline
from harness.definition import LENGTH
from harness.experiment import SETTINGS
from harness.trial import DivergenceKind, Trial
from harness.verdict import Verdict

EXPECTED = [str(verdict) for verdict in Verdict if verdict is not Verdict.NOT_RUN]


class FormatError(ValueError):
    """What a baseline should hold, where, and what was found instead."""

    def __init__(self, expected: str, received: object, where: str = "") -> None:
        self.expected = f"{expected} at {_one_line(where)}" if where else expected
        self.received = received if isinstance(received, _Said) else _Said(_short(received))
        super().__init__(f"{self.expected}; {self.received}")


class _Said(str):
    """A description of what was found, as against the thing itself."""


def parse(text: str) -> Baseline:
    """The baseline that a file's text holds; FormatError, and nothing else, where it is not one."""
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError("a baseline", _Said("JSON nested too deeply")) from None
    except ValueError as error:  # JSONDecodeError, or an integer of too many digits
        raise FormatError("complete JSON", _Said(f"{error}")) from None
    if not isinstance(record, dict):
        raise FormatError("a JSON object", record)
    if type(record.get("schema")) is not int or record["schema"] != SCHEMA:
        raise FormatError(f"schema {SCHEMA}, the one this version of the suite knows", record.get("schema"))
    fields = _fields(record, "", ("schema", "experiment", "setting", "stack", "variants", "verdicts"))
    experiment = _text(fields["experiment"], "experiment")
    variants = {n: _variant(n, v) for n, v in _mapping(fields["variants"], "variants").items()}
    if experiment == EXACT and variants:
        raise FormatError(f"no variants in the file of the {EXACT} claims", list(variants))
    return Baseline(
        experiment,
        _one_of(fields["setting"], "setting", SETTINGS),
        _text(fields["stack"], "stack"),
        variants,
        {k: _verdict(v, f"verdicts/{k}") for k, v in _mapping(fields["verdicts"], "verdicts").items()},
    )


def _variant(name: str, value: Any) -> VariantBaseline:
    where = f"variants/{name}"
    fields = _fields(value, where, ("definition", "provenance", "trials"))
    definition = _text(fields["definition"], f"{where}/definition")
    if not re.fullmatch(f"[0-9a-f]{{{LENGTH}}}", definition):
        raise FormatError(f"{LENGTH} hex digits", definition, f"{where}/definition")
    records = fields["trials"]
    if not isinstance(records, list) or not records:
        raise FormatError("a list of at least one trial", records, f"{where}/trials")
    trials = tuple(_trial(record, name, f"{where}/trials/{i}") for i, record in enumerate(records))
    seeds = [trial.seed for trial in trials]
    if len(set(seeds)) != len(seeds):
        raise FormatError("each seed once", seeds, f"{where}/trials")
    for trial in trials:
        if set(trial.metrics) != set(trials[0].metrics):
            expected = f"the metrics {sorted(trials[0].metrics)} on every seed"
            raise FormatError(expected, sorted(trial.metrics), f"{where}, seed {trial.seed}")
    return VariantBaseline(trials, definition, _provenance(fields["provenance"], f"{where}/provenance"))


def _provenance(value: Any, where: str) -> Provenance:
    fields = _fields(value, where, ("commit", "date", "reason", "fingerprint"))
    fingerprint = _mapping(fields["fingerprint"], f"{where}/fingerprint")
    for key, entry in fingerprint.items():
        if isinstance(entry, float):
            _number(entry, f"{where}/fingerprint/{key}")
        elif entry is not None and (not isinstance(entry, str | int) or _has_surrogate(entry)):
            raise FormatError("a text, a number, true, false or null", entry, f"{where}/fingerprint/{key}")
    commit, reason = (_text(fields[key], f"{where}/{key}") for key in ("commit", "reason"))
    return Provenance(fingerprint, commit, _date(fields["date"], f"{where}/date"), reason)


def _verdict(value: Any, where: str) -> ExpectedVerdict:
    fields = _fields(value, where, ("verdict", "date", "reason"))
    verdict = Verdict(_one_of(fields["verdict"], f"{where}/verdict", EXPECTED))
    return ExpectedVerdict(verdict, _date(fields["date"], f"{where}/date"), _text(fields["reason"], f"{where}/reason"))


def _trial(value: Any, variant: str, where: str) -> Trial:
    fields = _fields(value, where, ("variant", "seed", "metrics", "history", "divergence", "seconds", "engine"))
    if fields["variant"] != variant:
        raise FormatError(f"variant {variant!r}", fields["variant"], f"{where}/variant")
    _count(fields["seed"], f"{where}/seed")
    for key, metric in _mapping(fields["metrics"], f"{where}/metrics").items():
        _optional(_number, metric, f"{where}/metrics/{key}")
    for key, curve in _mapping(fields["history"], f"{where}/history").items():
        if not isinstance(curve, list):
            raise FormatError("a list of numbers", curve, f"{where}/history/{key}")
        for point in curve:
            _optional(_number, point, f"{where}/history/{key}")
    if fields["divergence"] is not None:
        divergence = _fields(fields["divergence"], f"{where}/divergence", ("kind", "epoch", "step"))
        _one_of(divergence["kind"], f"{where}/divergence/kind", get_args(DivergenceKind))
        _count(divergence["epoch"], f"{where}/divergence/epoch")
        _optional(_count, divergence["step"], f"{where}/divergence/step")
    for key, second in _fields(
        fields["seconds"], f"{where}/seconds", ("total", "compile", "first_epoch", "steady_epoch")
    ).items():
        _number(second, f"{where}/seconds/{key}")
    _text(fields["engine"], f"{where}/engine")
    return Trial.from_json(fields)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError("each key of an object once", _Said(f"{twice!r} twice"))
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise FormatError("finite numbers or null", _Said(name))


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError("an object", value, where)
    for key in value:
        _text(key, f"a key of {where}")
    return value


def _fields(value: Any, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    record = _mapping(value, where or "the top level")
    if set(record) != set(names):
        lacking, extra = (sorted(a - b) for a, b in ((set(names), set(record)), (set(record), set(names))))
        said = " and ".join([*(f"no {key!r}" for key in lacking), *(f"an unknown {key!r}" for key in extra)])
        raise FormatError(f"the keys {', '.join(names)}", _Said(said), where or "the top level")
    return record


def _number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError("a number", value, where)
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise FormatError("a finite number that a float can hold", value, where)


def _count(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FormatError("a whole number, not negative", value, where)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or _has_surrogate(value):
        raise FormatError("a text", value, where)
    return value


def _has_surrogate(value: object) -> bool:
    """Whether it is a text that UTF-8 cannot hold, so that it could be read (from an escape) and not written."""
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def _date(value: Any, where: str) -> str:
    text = _text(value, where)
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("an ISO 8601 date", value, where) from None
    return text


def _one_of(value: Any, where: str, known: Iterable[str]) -> str:
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise FormatError(f"one of {', '.join(names)}", value, where)
    return value


def _optional(check: Callable[[Any, str], None], value: Any, where: str) -> None:
    if value is not None:
        check(value, where)


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
