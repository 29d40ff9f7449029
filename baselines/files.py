"""Baseline files: ``<root>/<setting>/<stack>/<experiment>.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from baselines.json_file import JsonFile
from baselines.record import Baseline
from baselines.schema import parse
from baselines.strict import FormatError

FLAT_DEPTH = 4  # variants / name / trials / one trial: from here on a value stays on its line


def path_of(root: Path, setting: str, stack: str, experiment: str) -> Path:
    """The file of an experiment (``record.EXACT`` for the claims without one); ``stack`` from harness.fingerprint."""
    return root / setting / stack / f"{experiment}.json"


def dumps(baseline: Baseline) -> str:
    """The file's text: indented, and each trial, fingerprint and verdict on a line of its own."""
    return _layout(baseline.to_json(), 0) + "\n"


def _layout(value: Any, depth: int) -> str:
    items = list(value.values()) if isinstance(value, dict) else value
    if depth >= FLAT_DEPTH or not isinstance(items, list) or not any(isinstance(i, dict | list) for i in items):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    opening, closing, keys = "[", "]", [""] * len(items)
    if isinstance(value, dict):
        opening, closing, keys = "{", "}", [json.dumps(key, ensure_ascii=False) + ": " for key in value]
    inner = "  " * (depth + 1)
    lines = ",\n".join(f"{inner}{key}{_layout(item, depth + 1)}" for key, item in zip(keys, items, strict=True))
    return f"{opening}\n{lines}\n{'  ' * depth}{closing}"


def _check_place(path: Path, baseline: Baseline) -> None:
    place = (path.parent.parent.name, path.parent.name, path.stem)
    held = (baseline.setting, baseline.stack, baseline.experiment)
    if place != held:
        raise FormatError(f"the baseline of {' / '.join(place)}, as its place says", " / ".join(held))


BASELINE = JsonFile("baseline", parse, dumps, _check_place, "--update-baselines")
read, update, write = BASELINE.read, BASELINE.update, BASELINE.write
