"""Times engines on the same work, with explicit rounds and a warm-up: one trial of the lecture's networks.

Only with ``-m timing``, for a quiet machine. Each round trains the same seed again with a program compiled before; an
engine that the backend lacks is skipped, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.experiment import Experiment, Size
from harness.training.train import ENGINES, prepare
from suite.catalogue import EXPERIMENTS, training_name
from suite.outcome import plain_errors, timed_by
from suite.run import SuiteRun

pytestmark = pytest.mark.timing

WORK = (
    ("example-1", "rate 0.1", 200),
    ("example-4", "softmax", 2),
    ("example-4", "5 relu xavier", 2),
    ("example-4", "dropout 0.2", 2),
)
"""Experiment, variant and epochs, at the lecture's size."""

ROUNDS = 3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("experiment", "variant", "epochs"), WORK, ids=[training_name(e, v) for e, v, _ in WORK])
def test_timing(experiment: str, variant: str, epochs: int, engine: str, suite_run: SuiteRun, benchmark: Any) -> None:
    backend = suite_run.options.backend
    if backend not in ENGINES[engine]:
        pytest.skip(f"engine {engine!r} runs on {' and '.join(ENGINES[engine])}, not on {backend}")
    benchmark.group = f"{training_name(experiment, variant)}, {epochs} epochs"
    with plain_errors(), timed_by(benchmark):
        runner = prepare(timed(EXPERIMENTS[experiment], epochs), variant, "lecture", engine)
        benchmark.pedantic(runner.run, args=(0, lambda seed, epoch: None), rounds=ROUNDS, iterations=1, warmup_rounds=1)
    images = len(runner.task.data.x) * epochs
    benchmark.extra_info.update(
        engine=engine,
        backend=backend,
        device=suite_run.device.kind,
        device_model=suite_run.device.model,
        precision=suite_run.device.precision,
        images_per_second=images / benchmark.stats.stats.median,
    )


def timed(experiment: Experiment, epochs: int) -> Experiment:
    """The experiment at the lecture's size, for that many epochs."""
    lecture: Size = replace(experiment.size("lecture"), epochs=epochs)
    return replace(experiment, sizes={**experiment.sizes, "lecture": lecture})
