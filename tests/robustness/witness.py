"""A plugin (-p tests.robustness.witness) that logs what a run trains, independently of the run's record.

It appends a line to the file WITNESS for each trial: "begun" before its training begins, in whatever process, and
"kept" once it is recorded. The log is compared with what a kill leaves of the run's file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from harness.record.run import AnyRecord, TrialDone
from harness.record.run_file import RunFile
from suite.session import task, trials

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


def perform(asked: task.Task, report: Callable[[task.Event], None], /) -> None:
    """What a process does with a task, noted."""
    for seed in asked.seeds:
        note("begun", asked.experiment, asked.variant, seed)
    trained(asked, report)


def attempt(asked: task.Task, report: Callable[[task.Event], None] | None = None, /) -> task.Result:
    """A worker process that gets this task imports this module."""
    return task.attempt(asked, report)


trained, task.perform = task.perform, perform
trials.attempt = attempt


def pytest_sessionstart() -> None:
    append = RunFile.append

    def watched_append(self: RunFile, record: AnyRecord) -> None:
        append(self, record)
        if isinstance(record, TrialDone):
            note("kept", *record.key, record.trial.seed)

    RunFile.append = watched_append  # type: ignore[method-assign]
