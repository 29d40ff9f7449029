"""The vectorized engine against NumPy: every seed of a block, whatever its neighbours are."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

from harness.experiment import Size
from harness.training import engines
from harness.training.train import train
from suite.conformance.engine import BATCH, CASE, COUNT, EPOCHS, orders, same_curves
from suite.conformance.finding import Finding

SEEDS = (5, 0, 8)
NETWORKS = ("relu-adam", "normalised-nesterov", "recurrent-adagrad")


def check(engine: str, setting: str) -> Iterator[Finding]:
    """Whatever ``engine`` is asked for: it is the default one of tiny trainings, where a backend has it.

    In one launch, and epoch by epoch with everything carried from launch to launch.
    """
    for name in NETWORKS:
        yield from _block(name, setting, "side by side")
    with mock.patch.object(engines, "TINY", 0):
        yield from _block("normalised-nesterov", setting, "side by side, epoch by epoch")


def _block(name: str, setting: str, how: str) -> Iterator[Finding]:
    one = CASE[name]
    experiment = one.experiment(Size(epochs=EPOCHS, batch_size=BATCH, seeds=len(SEEDS)))
    trials = train(experiment, one.name, SEEDS, setting, "vectorized")
    told = tuple((trial.seed, trial.engine) for trial in trials)
    yield Finding(f"{name} {how}, seeds and engine", told, tuple((seed, "vectorized") for seed in SEEDS))
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, EPOCHS, COUNT), BATCH)
        yield from same_curves(f"{name} {how}, seed {trial.seed}", trial, curves)
