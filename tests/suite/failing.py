"""A plugin (-p tests.suite.failing): seed 3 of every training turns to nan in its second step or epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import pytest
from msgspec.structs import replace

from harness.model import Divergence, Trial
from harness.record.trials import ShortTrial

SEED = 3


def failed(trial: Trial) -> Trial:
    if trial.seed != SEED:
        return trial
    history = {name: (curve[:1] + (None,) * len(curve[1:])) for name, curve in trial.history.items()}
    metrics = dict.fromkeys(trial.metrics)
    return replace(trial, metrics=metrics, history=history, divergence=Divergence("nan", 2, None))


def shortened(trial: ShortTrial) -> ShortTrial:
    if trial.seed != SEED:
        return trial
    return replace(trial, losses=(*trial.losses[:1], *["nan"] * len(trial.losses[1:])))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from harness.training import steps
    from harness.training import train as trains

    train, short_trials = trains.train, steps.short_trials

    def failing(
        declared: Any, variant: str, seeds: Sequence[int], engine: str, epoch: Any, keep: Any, **how: Any
    ) -> Any:
        keep_failed: Callable[[Trial], None] = lambda trial: keep(failed(trial))  # noqa: E731
        return tuple(map(failed, train(declared, variant, seeds, engine, epoch, keep_failed, **how)))

    def failing_steps(*arguments: Any, **how: Any) -> tuple[ShortTrial, ...]:
        return tuple(map(shortened, short_trials(*arguments, **how)))

    with mock.patch.object(trains, "train", failing), mock.patch.object(steps, "short_trials", failing_steps):
        return (yield)
