"""Engine ``fit``: ``keras.Model.fit``, which the lecture uses. It is the reference for the other engines."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.model import Dataset
from harness.training.backends import active
from harness.training.engine import Engine, Measurements, OnEpoch, Parts, Trained
from harness.training.seeding import seed_training
from harness.training.setup import TrainingSetup


class FitEngine(Engine):
    """Trains one seed after another, each with a new model.

    ``jit_compile`` is fixed to what Keras' "auto" means for the lecture's networks (``Facts.compiled_fit``).
    """

    name = "fit"
    compiles_each_seed = True
    _weights: Sequence[Any] = ()

    @property
    def weights(self) -> Sequence[Any]:
        return self._weights

    def parts(self, seeds: Sequence[int], parts: Parts) -> Iterator[Trained]:
        def trained(seed: int) -> Trained:
            model, measured = self.model(seed), Measurements()
            seed_training(seed)
            for data in parts(seed):
                clock = Clock(replace(self.setup, data=data), model, seed, lambda *_: None)
                steps = Steps(model, ends(len(data.x), self.setup.size.batch_size))
                hooks = {"on_train_batch_end": steps.end, "on_epoch_begin": clock.begin, "on_epoch_end": clock.end}
                curves = self._fit(model, data, shuffle=False, **hooks)
                measured.add(curves | clock.measured.history, np.array(steps.losses))
            return seed, measured, lambda: model

        return map(trained, seeds)

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        clock = Clock(self.setup, self.model(seed), seed, on_epoch)
        seed_training(seed)
        curves = self._fit(clock.model, self.setup.data, on_epoch_begin=clock.begin, on_epoch_end=clock.end)
        clock.measured.history = curves | clock.measured.history
        losses = curves.get("loss", [])  # empty for a size without epochs
        if losses and _suspicious(losses):
            clock.measured.losses.append(self._losses_of_steps(seed))
        return clock.measured

    def model(self, seed: int) -> Any:
        """A new Keras model with the initial weights of ``seed``, compiled as this engine uses it."""
        model, optimizer = self.setup.build()
        self.setup.initialise(model, seed)
        model.compile(
            optimizer=optimizer,
            loss=self.setup.experiment.loss,
            metrics=["accuracy"] if self.setup.experiment.accuracy else [],
            jit_compile=active().facts.compiled_fit,
        )
        return model

    def _fit(self, model: Any, data: Dataset, shuffle: bool = True, **hooks: Any) -> dict[str, list[float]]:
        """Calls ``Model.fit`` with these hooks of a callback, and returns its history."""
        import keras

        size = self.setup.size
        self._weights = model.trainable_variables
        model.fit(
            data.x,
            data.y,
            batch_size=size.batch_size,
            epochs=size.epochs,
            validation_data=None if data.x_val is None else (data.x_val, data.y_val),
            shuffle=shuffle,
            callbacks=[keras.callbacks.LambdaCallback(**hooks)],
            verbose=0,
        )
        return {name: [float(value) for value in curve] for name, curve in model.history.history.items()}

    def _losses_of_steps(self, seed: int) -> np.ndarray:
        """Trains again, with a callback on every batch, up to the first loss that is not finite.

        Such a callback makes the device wait for the host, so the timed training has none.
        """
        model = self.model(seed)
        steps = Steps(model, ends(len(self.setup.data.x), self.setup.size.batch_size))
        seed_training(seed)
        self._fit(model, self.setup.data, on_train_batch_end=steps.end)
        return np.array(steps.losses)


def _suspicious(losses: list[float]) -> bool:
    return not all(map(math.isfinite, losses)) or losses[-1] > 10 * min(losses)


class Clock:
    """Callbacks of ``Model.fit`` that time each epoch, and record the curves that ``fit`` does not give.

    The seconds of an epoch include its validation, and not the curves recorded here.
    """

    def __init__(self, setup: TrainingSetup, model: Any, seed: int, on_epoch: OnEpoch) -> None:
        self.setup, self.model, self.seed, self.on_epoch = setup, model, seed, on_epoch
        self.measured = Measurements()
        self.measured.observe(setup, lambda: model, "initial_")

    def begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def end(self, epoch: int, logs: Any = None) -> None:
        import keras

        self.measured.launches.append(time.perf_counter() - self._start)
        data, experiment = self.setup.data, self.setup.experiment
        if experiment.inference:
            values = self.model.evaluate(data.x, data.y, batch_size=1024, verbose=0, return_dict=True)
            self._add({f"train_{name}": value for name, value in values.items()})
        if experiment.halves:
            losses = validation_losses(self.setup, self.model, 1024)
            self._add({"even_val_loss": losses[::2].mean(), "odd_val_loss": losses[1::2].mean()})
        weights = self.model.trainable_variables
        self._add({name: keras.ops.convert_to_numpy(of(weights)) for name, of in experiment.follow.items()})
        self.measured.observe(self.setup, lambda: self.model)
        self.on_epoch(self.seed, epoch + 1)

    def _add(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.measured.history.setdefault(name, []).append(float(value))


def validation_losses(setup: TrainingSetup, model: Any, batch: int) -> np.ndarray:
    """The loss of each validation example, in inference mode, without penalties.

    The network is called, and not asked to ``predict``: that drops the logits from which Keras takes the loss.
    """
    import keras

    loss, x, y = keras.losses.get(setup.experiment.loss), setup.data.x_val, setup.data.y_val
    assert x is not None
    assert y is not None
    losses = []
    for start in range(0, len(x), batch):
        inputs, targets = (keras.ops.convert_to_tensor(array[start : start + batch], "float32") for array in (x, y))
        losses.append(keras.ops.convert_to_numpy(loss(targets, model(inputs, training=False))))
    return np.concatenate(losses)


def ends(count: int, batch: int) -> list[int]:
    """The number of examples seen after each step of an epoch."""
    return [min(start + batch, count) for start in range(0, count, batch)]


class Steps:
    """A callback that recovers the loss of every step from the epoch's running mean.

    It stops the training at the first loss that is not finite. ``ends``: the number of examples seen after each step.
    """

    def __init__(self, model: Any, ends: Sequence[int]) -> None:
        self.model, self.ends = model, (*ends, 0)
        self.losses: list[float] = []
        self._sum = 0.0

    def end(self, batch: int, logs: Any) -> None:
        before = self._sum if batch else 0.0
        seen = self.ends[batch]
        self._sum = float(logs["loss"]) * seen
        self.losses.append((self._sum - before) / (seen - self.ends[batch - 1]))
        if not math.isfinite(self.losses[-1]):
            self.model.stop_training = True
