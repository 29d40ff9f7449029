"""Compiled programs, and which trainings can use the same one."""

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
    """All that a compiled program of a training depends on: trainings with equal texts can use one program.

    Layers and optimizers count by what their ``get_config`` says, which Keras asks to be complete. Initializers do not
    count: they decide the weights that a program is given, not what it does to them.
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
    follows = experiment.id if experiment.follow else ""  # functions of an experiment's own, known by their names
    parts = [follows, layers, type(optimizer).__name__, config, recorded, shapes]
    return json.dumps([*parts, setup.size.epochs, setup.size.batch_size], sort_keys=True, default=repr)


class Programs:
    """Compiled programs, kept for later trainings of the same structure, and the data orders drawn for them.

    Args:
        keep_all: keeps every program; otherwise the last one of each engine, so that the next one finds its memory.
    """

    def __init__(self, keep_all: bool = False) -> None:
        self.orders = Orders()
        self._keep_all = keep_all
        self._kept: dict[str, dict[str, Any]] = {}

    def get(self, engine: str, setup: TrainingSetup, load: Callable[[TrainingSetup], P]) -> tuple[P, bool]:
        """A program for a training, and whether it was used before; ``load`` makes one where none can be used again."""
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
        """How many programs are kept."""
        return sum(map(len, self._kept.values()))
