"""Engine ``fit``: ``keras.Model.fit``, which the lecture uses. It is the reference for the other engines."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.training.backends import active
from harness.training.divergence import first_bad
from harness.training.engines import Engine, FirstSteps, Measurements, Notice, OnEpoch, ShortTraining
from harness.training.programs import Programs
from harness.training.seeding import data_order, initialise, seed_training
from harness.training.setup import TrainingSetup


class FitEngine(Engine):
    """Trains one seed after another, each with a new model.

    ``jit_compile`` is fixed to what Keras' "auto" means for the lecture's networks (``Facts.compiled_fit``).
    """

    name = "fit"

    def __init__(
        self, setup: TrainingSetup, programs: Programs | None = None, notice: Notice = lambda text: None
    ) -> None:
        super().__init__(setup)
        self.jit_compile = active().facts.compiled_fit
        self._weights: list[Any] = []

    @staticmethod
    def first_steps(short: ShortTraining) -> Iterator[FirstSteps]:
        """Trains epochs of one step each. ``fit`` then reports the loss of each step, and not a running mean."""
        engine, data, batch = FitEngine(short.setup.one_step()), short.setup.data, short.setup.full_batch
        for seed in short.seeds:
            model, losses = engine.model(seed), []
            if short.steps:
                rows = data_order(seed, 0, len(data.x))[: short.steps * batch]
                seed_training(seed)
                how = {"batch_size": batch, "epochs": short.steps, "steps_per_epoch": 1, "shuffle": False, "verbose": 0}
                losses = model.fit(data.x[rows], data.y[rows], **how).history["loss"]
            yield seed, losses, model if seed in short.validate else None

    @property
    def weights(self) -> Sequence[Any]:
        return self._weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        measured = Measurements({})
        clock = Clock(self.setup, seed, measured, on_epoch)
        history = self._fit(seed, clock.begin, clock.end, train_begin=clock.first)
        curves = {name: [float(value) for value in curve] for name, curve in history.items()}
        measured.history = curves | measured.history
        losses = curves.get("loss", [])  # empty for a size without epochs
        measured.initial = losses[0] if losses else 0.0
        if losses and _suspicious(losses):
            self._locate(seed, measured)
        return measured

    def model(self, seed: int) -> Any:
        """A new Keras model with the initial weights of ``seed``, compiled as this engine uses it."""
        model, optimizer = self.setup.build()
        initialise(model, seed, self.setup.perturbed, self.setup.canonical)
        model.compile(
            optimizer=optimizer,
            loss=self.setup.experiment.loss,
            metrics=["accuracy"] if self.setup.experiment.accuracy else [],
            jit_compile=self.jit_compile,
        )
        return model

    def _fit(
        self, seed: int, begin: Any = None, end: Any = None, batch_end: Any = None, train_begin: Any = None
    ) -> dict[str, list[float]]:
        """Calls ``Model.fit`` and returns its history. The hooks get the model and Keras' arguments (index, logs)."""
        import keras

        model, data, size = self.model(seed), self.setup.data, self.setup.size
        hooks = {
            name: lambda index, logs=None, hook=hook: hook(model, index, logs)
            for name, hook in (("on_epoch_begin", begin), ("on_epoch_end", end), ("on_train_batch_end", batch_end))
            if hook is not None
        }
        self._weights = model.trainable_variables
        if train_begin is not None:
            train_begin(model)
        seed_training(seed)
        model.fit(
            data.x,
            data.y,
            batch_size=size.batch_size,
            epochs=size.epochs,
            validation_data=None if data.x_val is None else (data.x_val, data.y_val),
            callbacks=[keras.callbacks.LambdaCallback(**hooks)],
            verbose=0,
        )
        history: dict[str, list[float]] = model.history.history
        return history

    def _locate(self, seed: int, measured: Measurements) -> None:
        """Finds the first bad step: it trains again, with a callback on every batch.

        Such a callback makes the device wait for the host, so the timed training has none.
        """
        steps = Steps(len(self.setup.data.x), self.setup.size.batch_size)
        self._fit(seed, batch_end=steps.end)
        measured.initial = steps.losses[0]
        measured.broken, measured.high = first_bad(steps.losses)
        measured.broken_is_nan = bool(measured.broken) and math.isnan(steps.losses[measured.broken - 1])


def _suspicious(losses: list[float]) -> bool:
    return not all(map(math.isfinite, losses)) or losses[-1] > 10 * min(losses)


class Clock:
    """Callbacks of ``Model.fit`` that time each epoch, and record the curves that ``fit`` does not give.

    The seconds of an epoch include its validation, and not the curves recorded here.
    """

    def __init__(self, setup: TrainingSetup, seed: int, measured: Measurements, on_epoch: OnEpoch) -> None:
        self.setup, self.seed, self.measured, self.on_epoch = setup, seed, measured, on_epoch

    def first(self, model: Any) -> None:
        self.measured.record(self.setup, lambda: model, "initial_")

    def begin(self, model: Any, epoch: int, logs: Any) -> None:
        self._start = time.perf_counter()

    def end(self, model: Any, epoch: int, logs: Any) -> None:
        import keras

        self.measured.launches.append(time.perf_counter() - self._start)
        if self.setup.experiment.inference:
            data = self.setup.data
            values = model.evaluate(data.x, data.y, batch_size=1024, verbose=0, return_dict=True)
            for name, value in values.items():
                self._add(f"train_{name}", value)
        if self.setup.experiment.halves:
            self._halves(model)
        for name, of in self.setup.experiment.follow.items():
            self._add(name, keras.ops.convert_to_numpy(of(model.trainable_variables)))
        self.measured.record(self.setup, lambda: model)
        self.on_epoch(self.seed, epoch + 1)

    def _halves(self, model: Any) -> None:
        """Records the loss of each half. ``predict`` would drop the logits, from which Keras takes the loss."""
        import keras

        loss = keras.losses.get(self.setup.experiment.loss)
        x, y = self.setup.data.x_val, self.setup.data.y_val
        assert x is not None
        assert y is not None
        parts = [slice(first, first + 1024) for first in range(0, len(x), 1024)]
        losses = np.concatenate(
            [keras.ops.convert_to_numpy(loss(y[part], model(x[part], training=False))) for part in parts]
        )
        for name, part in (("even_val_loss", losses[::2]), ("odd_val_loss", losses[1::2])):
            self._add(name, part.mean())

    def _add(self, name: str, value: Any) -> None:
        self.measured.history.setdefault(name, []).append(float(value))


class Steps:
    """A callback that recovers the loss of every step from the epoch's running mean.

    It stops the training at the first loss that is not finite.
    """

    def __init__(self, count: int, batch_size: int) -> None:
        self.count, self.batch_size = count, batch_size
        self.losses: list[float] = []
        self._sum = 0.0

    def end(self, model: Any, batch: int, logs: Any) -> None:
        before = self._sum if batch else 0.0
        seen = min((batch + 1) * self.batch_size, self.count)
        self._sum = float(logs["loss"]) * seen
        self.losses.append((self._sum - before) / (seen - batch * self.batch_size))
        if not math.isfinite(self.losses[-1]):
            model.stop_training = True
