"""Compiled programs: what those of all backends share, which trainings can share one, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from harness.domain.model import Dataset
from harness.training.configuration import without_names
from harness.training.seeding import initialise
from harness.training.setup import TrainingSetup

P = TypeVar("P", bound="Program")


class Program:
    """The compiled training of one variant. Its curves are those of ``keras.Model.fit``.

    Its state is in the variables of its model and its optimizer, unless a backend keeps it elsewhere.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        import keras

        self._model, self._optimizer = setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self._batch = setup.size.batch_size
        self.parameters: int = self._model.count_params()
        self.rebind(setup)

    def rebind(self, setup: TrainingSetup) -> None:
        """Switches to another training of the same ``structure``: to its data, learning rate and initializers."""
        from keras.ops import convert_to_numpy

        self._setup, (self._own, optimizer) = setup, setup.built  # the initializers of this model draw the weights
        self._fresh = [np.array(convert_to_numpy(variable)) for variable in optimizer.variables]
        self.feed(setup.data)

    def feed(self, data: Dataset) -> None:
        """Replaces the data by others of the same shapes, from the next launch on."""
        from keras.ops import convert_to_tensor

        pairs = [(data.x, data.y), () if data.x_val is None else (data.x_val, data.y_val)]
        self._data, self._validation = (tuple(convert_to_tensor(a, "float32") for a in pair) for pair in pairs)

    @property
    def weights(self) -> Sequence[Any]:
        """The weights after the last launch: variables or arrays."""
        return list(self._model.trainable_variables)

    @property
    def model(self) -> Any:
        """The Keras model, with its variables after the last launch or ``reset``."""
        assign(self._own.variables, self._model.variables)
        return self._own

    def reset(self, seed: int) -> None:
        """Sets the initial weights of ``seed``, and a new optimizer state."""
        initialise(self._own, seed, self._setup.perturbed, self._setup.canonical)
        assign(self._model.variables, self._own.variables)
        assign(self._optimizer.variables, self._fresh)

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trains one epoch per row of ``orders``, and waits for the device.

        Args:
            orders: the data order of each epoch, shape (epochs, examples), int32.
            initial: the loss of the training's first step; nan if that step is in this launch.

        Returns:
            The curves, each of shape (epochs,), and the divergence flags, of shape (4,): the first step with a
            non-finite loss or 0, whether it is nan, the first step with a loss above BLOW_UP × the first or 0, and the
            loss of the training's first step. Steps are counted from 1 within this launch.
        """
        raise NotImplementedError


def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Gives variables the values of others, or of arrays."""
    for variable, value in zip(variables, values, strict=True):
        if variable is not value:
            variable.assign(value)


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
    """Compiled programs, kept for later trainings of the same structure.

    Args:
        keep_all: keep every program. By default only the last program of each engine is kept, to free memory for the
            next one.
    """

    def __init__(self, keep_all: bool = False) -> None:
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
