"""Files of stored times, ``<root>/timing/<stack>.json``. They are read strictly, and written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from harness.record.json_file import FormatError, JsonFile, decode
from harness.record.timings import SCHEMA, Timings


def path_of(root: Path, stack: str) -> Path:
    """The file of a stack (``harness.environment.fingerprint.stack``)."""
    return root / "timing" / f"{stack}.json"


def parse(text: str) -> Timings:
    """The timings in a file's text. Raises FormatError only."""
    return decode(text, Timings, "timings", (SCHEMA,))


def dumps(timings: Timings) -> str:
    """The file's text. Each measurement has its own line, so a diff shows what was added or removed."""
    cases = [
        f"    {_line(case)}: [\n" + ",\n".join(f"      {_line(measurement)}" for measurement in stored) + "\n    ]"
        for case, stored in timings.cases.items()
    ]
    inside = "{\n" + ",\n".join(cases) + "\n  }" if cases else "{}"
    return f'{{\n  "schema": {timings.schema},\n  "stack": {_line(timings.stack)},\n  "cases": {inside}\n}}\n'


def _line(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, allow_nan=False)


def _check_stack(path: Path, timings: Timings) -> None:
    if timings.stack != path.stem:
        raise FormatError(f"the timings of {path.stem}, as the file's name says", timings.stack)


FILE = JsonFile("timings", parse, dumps, _check_stack, "-m timing --update-baselines")
read, update = FILE.read, FILE.update
