"""Keeps compiled programs, and decides which trainings can share one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from harness.training.configuration import without_names
from harness.training.program import Program
from harness.training.seeding import Orders
from harness.training.setup import TrainingSetup

P = TypeVar("P", bound=Program)


def structure(setup: TrainingSetup) -> str:
    """Everything that a compiled program of a training depends on. Trainings with equal texts can share a program.

    Layers and optimizers are described by their ``get_config``, which Keras requires to be complete. Initializers are
    left out: they decide the weights that a program gets, and not what it does to them.
    """
    model, optimizer = setup.built
    config = without_names(optimizer.get_config())
    if isinstance(config["learning_rate"], float):
        del config["learning_rate"]  # a variable of the optimizer
    experiment, data = setup.experiment, setup.data
    shapes = [None if array is None else array.shape for array in (data.x, data.y, data.x_val, data.y_val)]
    recorded = [
        experiment.loss,
        experiment.accuracy,
        experiment.inference,
        experiment.halves,
        sorted(experiment.follow),
    ]
    layers = without_names(model.get_config(), without="_initializer")
    follows = experiment.id if experiment.follow else ""  # the names of followed curves are unique per experiment
    parts = [follows, layers, type(optimizer).__name__, config, recorded, shapes]
    return json.dumps([*parts, setup.size.epochs, setup.size.batch_size], sort_keys=True, default=repr)


class Programs:
    """Compiled programs, kept for later trainings of the same structure, and data orders.

    Args:
        keep_all: keep every program. By default only the last program of each engine is kept, to free memory for the
            next one.
    """

    def __init__(self, keep_all: bool = False) -> None:
        self.orders = Orders()
        self._keep_all = keep_all
        self._kept: dict[str, dict[str, Any]] = {}

    def get(self, engine: str, setup: TrainingSetup, load: Callable[[TrainingSetup], P]) -> tuple[P, bool]:
        """(a program for a training, whether it was used before). ``load`` creates it if none can be shared."""
        kept, key = self._kept.setdefault(engine, {}), structure(setup)
        if key in kept:
            kept[key].rebind(setup)
            return kept[key], True
        if not self._keep_all:
            kept.clear()
        kept[key] = load(setup)
        return kept[key], False

    def clear(self) -> None:
        """Forgets every program."""
        self._kept.clear()

    @property
    def count(self) -> int:
        """Number of kept programs."""
        return sum(map(len, self._kept.values()))
