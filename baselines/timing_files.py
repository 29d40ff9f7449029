"""Stored timings: ``<root>/timing/<stack>.json``."""

from __future__ import annotations

import json
from pathlib import Path

from baselines.json_file import JsonFile
from baselines.strict import FormatError
from baselines.timing_record import SCHEMA, Timings
from baselines.timing_schema import parse_timings


def timings_path(root: Path, stack: str) -> Path:
    """The file of a stack (``harness.fingerprint.stack``)."""
    return root / "timing" / f"{stack}.json"


def dumps_timings(timings: Timings) -> str:
    """The file's text: each repeat on a line of its own, so that a diff shows which were added and which went."""
    cases = [
        f"    {_line(key)}: [\n" + ",\n".join(f"      {_line(repeat.to_json())}" for repeat in repeats) + "\n    ]"
        for key, repeats in timings.cases.items()
    ]
    inside = "{\n" + ",\n".join(cases) + "\n  }" if cases else "{}"
    return f'{{\n  "schema": {SCHEMA},\n  "stack": {_line(timings.stack)},\n  "cases": {inside}\n}}\n'


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _check_stack(path: Path, timings: Timings) -> None:
    if timings.stack != path.stem:
        raise FormatError(f"the timings of {path.stem}, as the file's name says", timings.stack)


TIMINGS = JsonFile("timings", parse_timings, dumps_timings, _check_stack, "-m timing --update-baselines")
read_timings, update_timings = TIMINGS.read, TIMINGS.update
