"""Measures the same trainings by two engines: curves to compare by value and by distribution."""

from __future__ import annotations

from typing import Any
from unittest import mock

import msgspec
import numpy as np

from harness.domain.experiment import Experiment
from harness.domain.trial import Trial
from harness.training import compiled, engines, fit
from harness.training.seeding import data_order
from harness.training.train import train
from tests.training.experiments import AGREEMENT, DROPOUT, INFERENCE, MASKS, REGRESSION
from tests.training.ordered import OrderedFit

SEED = 3
SEEDS = tuple(range(12))
ALONE = 5


def one(experiment: Experiment, variant: str, engine: str) -> Any:
    """Seed 3; by ``compiled`` after another seed, whose weights, moments and statistics must leave no trace."""
    seeds = [SEED] if engine == "fit" else [1, SEED]
    return msgspec.to_builtins(train(experiment, variant, seeds, engine=engine)[-1])


def ordered(experiment: Experiment, variant: str) -> Any:
    with mock.patch.object(fit, "FitEngine", OrderedFit):
        return one(experiment, variant, "fit")


def without_last_batch(experiment: Experiment, variant: str) -> Any:
    """``compiled`` spoilt: it never sees the last, partial batch of an epoch."""
    batch = experiment.size.batch_size

    def shorter(seed: int, epoch: int, count: int) -> np.ndarray:
        return data_order(seed, epoch, count)[: count - count % batch]

    with mock.patch.object(compiled, "data_order", shorter):
        return one(experiment, variant, "compiled")


def agreement() -> dict[str, dict[str, Any]]:
    """Seed 3 by both engines, ``fit`` in the order of ``compiled``; and by one that drops the last batch."""
    partial, full = [(INFERENCE, "softmax"), (REGRESSION, "linear")], (DROPOUT, "with")
    seeded = (DROPOUT, "seeded")
    l1, batch_norm = ((AGREEMENT, name) for name in ("activity l1", "batch norm"))
    found = {arm[1]: {"fit": ordered(*arm)} for arm in (*partial, l1, batch_norm, full, seeded)}
    for arm in (*partial, l1, full, seeded):
        found[arm[1]]["compiled"] = one(*arm, "compiled")
    found["linear"]["last batch dropped"] = without_last_batch(REGRESSION, "linear")
    with mock.patch.object(engines, "TINY", 0):  # a launch an epoch, the state carried from one to the next
        for arm in (batch_norm, (REGRESSION, "linear")):
            found[arm[1]]["epoch by epoch"] = one(*arm, "compiled")
    return found


def dropout() -> dict[str, list[Any]]:
    """Twelve seeds by each engine, one of them again alone, and twelve without dropout."""

    def trials(variant: str, engine: str, seeds: tuple[int, ...]) -> list[Any]:
        trained: tuple[Trial, ...] = train(DROPOUT, variant, seeds, engine=engine)
        return [msgspec.to_builtins(trial) for trial in trained]

    return {
        **{engine: trials("with", engine, SEEDS) for engine in ("fit", "compiled")},
        **{f"{engine} alone": trials("with", engine, (ALONE,)) for engine in ("fit", "compiled")},
        "without": trials("without", "compiled", SEEDS),
    }


def masks() -> dict[str, Any]:
    return {engine: one(MASKS, "dropout", engine) for engine in ("fit", "compiled")}
