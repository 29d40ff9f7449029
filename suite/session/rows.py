"""Measured durations as a row of pytest-benchmark's JSON, and the rows of trainings as one table.

pytest-benchmark can only measure one function after another; the suite measures in alternation, or in other processes.
But pytest-benchmark accepts a timer. A timer that replays the measured durations makes the row.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.record.run import TrainingCompared
from reports.words import duration
from suite.catalogue import TRAININGS, training_name
from suite.session import terminal
from suite.session.session import Session


class Replay:
    """A timer that is read twice for each duration: the second reading is later by that duration, in seconds."""

    def __init__(self, durations: Sequence[float]) -> None:
        self.__name__ = "rounds in alternation"  # the JSON has it in place of perf_counter
        self.readings = list(itertools.chain.from_iterable((0.0, duration) for duration in durations))
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return self.readings[min(self.count, len(self.readings)) - 1]


def replay(request: pytest.FixtureRequest, group: str, durations: Sequence[float], extra: dict[str, Any]) -> None:
    """Makes the running test item a row with these rounds, in seconds; no row under --benchmark-disable.

    Warns if pytest-benchmark does not read its timer twice a round: the row is then wrong.
    """
    timer = Replay(durations)
    request.node.add_marker(pytest.mark.benchmark(group=group, timer=timer))
    benchmark = request.getfixturevalue("benchmark")
    benchmark.pedantic(lambda: None, rounds=len(durations), iterations=1)
    benchmark.extra_info.update(extra)
    if not benchmark.disabled and timer.count != len(timer.readings):
        request.node.warn(
            pytest.PytestWarning(
                f"This version of pytest-benchmark read its timer {timer.count} times instead of "
                f"{len(timer.readings)}: its table and benchmark.json are wrong, the report is right."
            )
        )


def training_row(
    request: pytest.FixtureRequest, session: Session, record: TrainingCompared, extra: dict[str, Any]
) -> None:
    """Makes the running test item a row with the times of a training, by the clock of the process that trained it.

    The rounds are the seconds of a steady epoch of each trial that was trained to the end. Where there is none, they
    are the seconds of a step of each shortened trial, compilation included. Without pytest-benchmark there is no row.
    """
    if not request.config.pluginmanager.hasplugin("benchmark"):
        return
    per, rounds = "epoch", [trial.seconds.steady_epoch for trial in session.trials.done(record.key)]
    if not rounds:
        short = session.trials.short(record.key)
        per, rounds = "step", [trial.seconds / len(trial.losses) for trial in short if trial.losses]
    where = f"{session.header.workers} processes" if session.header.workers > 1 else "this process"
    if rounds:
        replay(request, f"{record.experiment}, seconds per {per}", rounds, {**extra, "per": per, "clock": where})


def table(benchmarks: Sequence[Mapping[str, Any]], columns: int) -> list[str]:
    """The lines of one table with the rows of all trainings, in catalogue order; none without such rows.

    Args:
        benchmarks: the rows as pytest-benchmark gives them to ``pytest_benchmark_group_stats``.
        columns: the greatest width of a line.
    """
    order = {training_name(*key): place for place, key in enumerate(TRAININGS)}
    known = [(row["param"], row) for row in benchmarks if row["param"] in order and "per" in row["extra_info"]]
    rows = [
        (name, row["extra_info"]["per"], duration(row["mean"]), row["rounds"])
        for name, row in sorted(known, key=lambda row: order[row[0]])
    ]
    headers = ("time of a training", "per", "mean", "rounds")
    return list(terminal.table(headers, rows, columns, right=headers[2:])) if rows else []
