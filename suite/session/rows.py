"""Rounds measured elsewhere, as a row of pytest-benchmark's table and JSON.

pytest-benchmark measures one function after another and cannot alternate. It accepts a timer, though: one that replays
the rounds gives it their durations by its public interface.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from harness.record.run import TrainingCompared
from suite.session.session import Session


class Replay:
    """A timer whose every second reading lies one duration behind the reading before it."""

    def __init__(self, durations: Sequence[float]) -> None:
        self.__name__ = "rounds in alternation"  # what the JSON says in place of perf_counter
        self.readings = list(itertools.chain.from_iterable((0.0, duration) for duration in durations))
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.readings[min(self.asked, len(self.readings)) - 1]


def replay(request: pytest.FixtureRequest, group: str, durations: Sequence[float], extra: dict[str, Any]) -> None:
    """Makes the running test item an entry with these rounds, in seconds; nothing under --benchmark-disable.

    A warning where pytest-benchmark reads its timer otherwise than twice a round: the entry is then not right.
    """
    timer = Replay(durations)
    request.node.add_marker(pytest.mark.benchmark(group=group, timer=timer))
    benchmark = request.getfixturevalue("benchmark")
    benchmark.pedantic(lambda: None, rounds=len(durations), iterations=1)
    benchmark.extra_info.update(extra)
    if not benchmark.disabled and timer.asked != len(timer.readings):
        request.node.warn(
            pytest.PytestWarning(
                f"This version of pytest-benchmark read its timer {timer.asked} times instead of "
                f"{len(timer.readings)}: its table and benchmark.json are wrong, the report is right."
            )
        )


def training_row(
    request: pytest.FixtureRequest, session: Session, record: TrainingCompared, extra: dict[str, Any]
) -> None:
    """Makes the running item a row of a training's times, by the clock of the process that trained it.

    Seconds of a steady epoch of each trial that went to the end; where none did, of a step of each shortened trial,
    compilation included.
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
