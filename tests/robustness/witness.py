"""A plugin (-p tests.robustness.witness) that notes on the side what a run trains, whatever becomes of its record.

A line in the file WITNESS, "begun" or "kept", for each trial: before its training is asked for, and once it is
recorded. What a kill leaves of the run's file can be held against that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

FILE = "WITNESS"
"""The environment variable that says where."""
Key = tuple[str, str, int]
"""Experiment, variant, seed."""


def note(what: str, experiment: str, variant: str, seed: int) -> None:
    file = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(file, (json.dumps([what, experiment, variant, seed]) + "\n").encode())
    os.close(file)


def noted(path: Path) -> list[tuple[str, Key]]:
    """In order."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [(what, (experiment, variant, seed)) for what, experiment, variant, seed in map(json.loads, lines)]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from harness.store import RunLog

    from suite import trials

    train, append = trials.train, RunLog.append

    def watched_train(declared: Any, variant: str, seeds: Sequence[int], *rest: Any, **how: Any) -> Any:
        for seed in seeds:
            note("begun", declared.id, variant, seed)
        return train(declared, variant, seeds, *rest, **how)

    def watched_append(log: RunLog, kind: str, record: Mapping[str, Any]) -> None:
        append(log, kind, record)
        if kind == "trial":
            note("kept", record["experiment"], record["variant"], record["seed"])

    with mock.patch.object(trials, "train", watched_train), mock.patch.object(RunLog, "append", watched_append):
        return (yield)
