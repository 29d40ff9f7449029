"""Compiled programs: what those of all backends share, which trainings can share one, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from harness.model import Dataset
from harness.training.configuration import without_names
from harness.training.setup import TrainingSetup

P = TypeVar("P", bound="Program")
Curves = dict[str, Any]


class Program:
    """The compiled training of one variant. Its curves are those of ``keras.Model.fit``.

    A backend says how steps and epochs are repeated, and where the state is: by default in the variables of the model
    and the optimizer. Elsewhere it is explicit, as (weights, other variables, optimizer variables).
    """

    def __init__(self, setup: TrainingSetup) -> None:
        import keras

        self._model, self._optimizer = setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self._batch = setup.size.batch_size
        self.parameters: int = self._model.count_params()
        self._held_out: tuple[Any, ...] = ()
        self._validation: tuple[Any, ...] = ()
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

        self._data = tuple(convert_to_tensor(array, "float32") for array in (data.x, data.y))
        held_out = () if data.x_val is None else (data.x_val, data.y_val)
        if [*map(id, held_out)] != [*map(id, self._held_out)]:  # short epochs share their validation data
            self._held_out = held_out
            self._validation = tuple(convert_to_tensor(array, "float32") for array in held_out)

    @property
    def weights(self) -> Sequence[Any]:
        """The weights after the last launch: variables or arrays."""
        return list(self._model.trainable_variables)

    @property
    def moments(self) -> list[tuple[str, Any]]:
        """(name, value) of each of the optimizer's variables after the last launch."""
        return [(variable.name, variable) for variable in self._optimizer.variables]

    @property
    def model(self) -> Any:
        """The Keras model, with its variables after the last launch or ``reset``."""
        assign(self._own.variables, self._model.variables)
        return self._own

    def reset(self, seed: int) -> None:
        """Sets the initial weights of ``seed``, and a new optimizer state."""
        self._setup.initialise(self._own, seed)
        assign(self._model.variables, self._own.variables)
        assign(self._optimizer.variables, self._fresh)

    def launch(self, orders: np.ndarray) -> tuple[Curves, np.ndarray]:
        """Trains one epoch per row of ``orders``, and waits for the device.

        Args:
            orders: the data order of each epoch, shape (epochs, examples), int32.

        Returns:
            The curves, each of shape (epochs,), and the loss of every step, of shape (epochs, steps).
        """
        raise NotImplementedError

    def _call(self, weights: Any, others: Any, x: Any, training: bool) -> tuple[Any, Any, Any]:
        """The outputs of the network, its other variables afterwards, and its penalties."""
        return self._model(x, training=training), others, self._model.losses

    def _objective(self, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
        """(the loss, (the other variables afterwards, the number of hits)) of some examples."""
        from keras import ops

        outputs, others, penalties = self._call(weights, others, x, training)
        loss = ops.mean(self._loss(y, outputs)) + sum(penalties)
        hits = ops.sum(ops.equal(ops.argmax(outputs, -1), ops.argmax(y, -1))) if self._setup.experiment.accuracy else 0
        return loss, (others, ops.cast(hits, "float32"))

    def _curves(self, state: Any, weights: Sequence[Any], data: Any, validation: Any) -> Curves:
        """The curves of an epoch that are known from the state at its end."""
        from keras import ops

        experiment = self._setup.experiment
        curves = self._evaluate(state, "val_", validation) if validation else {}
        curves |= self._evaluate(state, "train_", data) if experiment.inference else {}
        curves |= self._evaluate_halves(state, *validation) if validation and experiment.halves else {}
        return curves | {name: ops.cast(of(weights), "float32") for name, of in experiment.follow.items()}

    def _means(self, prefix: str, loss: Any, hits: Any, count: int) -> Curves:
        """The curves of a mean loss and of the number of hits among ``count`` examples."""
        accuracy = {f"{prefix}accuracy": hits / count} if self._setup.experiment.accuracy else {}
        return {f"{prefix}loss": loss, **accuracy}

    def _evaluate(self, state: Any, prefix: str, data: Any) -> Curves:
        loss, (_, hits) = self._objective(state[0], state[1], data[0], data[1], training=False)
        return self._means(prefix, loss, hits, len(data[0]))

    def _evaluate_halves(self, state: Any, x: Any, y: Any) -> Curves:
        from keras import ops

        losses = self._loss(y, self._call(state[0], state[1], x, training=False)[0])
        return {"even_val_loss": ops.mean(losses[::2]), "odd_val_loss": ops.mean(losses[1::2])}


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
    experiment, data, size = setup.experiment, setup.data, setup.size
    shapes = [None if array is None else array.shape for array in (data.x, data.y, data.x_val, data.y_val)]
    curves = [experiment.accuracy, experiment.inference, experiment.halves, sorted(experiment.follow)]
    layers = without_names(model.get_config(), without="_initializer")
    follows = experiment.id if experiment.follow else ""  # the names of followed curves are unique per experiment
    parts = [follows, layers, type(optimizer).__name__, config, experiment.loss, curves, shapes]
    return json.dumps([*parts, size.epochs, size.batch_size], sort_keys=True, default=repr)


class Programs(dict[str, Program]):
    """Compiled programs by kind and structure, kept for later trainings.

    Args:
        keep_all: keep every program. By default only the last one is kept, to free memory for the next.
    """

    def __init__(self, keep_all: bool = False) -> None:
        super().__init__()
        self._keep_all = keep_all

    def get_for(self, kind: Callable[[TrainingSetup], P], setup: TrainingSetup) -> tuple[P, bool]:
        """(a program of this kind for a training, whether it was used before)."""
        key = f"{kind.__qualname__} {structure(setup)}"
        used = key in self
        if used:
            self[key].rebind(setup)
        else:
            if not self._keep_all:
                self.clear()
            self[key] = kind(setup)
        return cast(P, self[key]), used
