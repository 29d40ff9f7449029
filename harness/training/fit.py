"""Engine ``fit``: ``keras.Model.fit``, the lecture's own call, and the reference for the other engines."""

from __future__ import annotations

import math
import time
from typing import Any

from harness.training.backends import named
from harness.training.divergence import first_bad
from harness.training.observing import observed
from harness.training.seeding import derived, seed_everything
from harness.training.task import OnEpoch, Raw, Task


class FitEngine:
    """Trains seed after seed of one task, each with a new model.

    ``jit_compile`` is pinned to what "auto" means today for the lecture's networks (``Facts.compiled_fit``).
    """

    name = "fit"

    def __init__(self, task: Task, backend: str) -> None:
        self.task = task
        self.jit_compile = named(backend).facts.compiled_fit
        self.weights: list[Any] = []

    def run(self, seed: int, on_epoch: OnEpoch) -> Raw:
        clock = Clock(self.task, seed, on_epoch)
        history = self._fit(seed, clock.begin, clock.end, train_begin=clock.first)
        curves = {name: [float(value) for value in curve] for name, curve in history.items()}
        losses = curves.get("loss", [])  # none of a size without epochs
        raw = Raw(curves | clock.further, initial=losses[0] if losses else 0.0, launches=clock.seconds)
        if losses and _suspicious(losses):
            self._locate(seed, raw)
        return raw

    def model(self, seed: int) -> Any:
        """A new Keras model with the initial weights of ``seed``, compiled as this engine uses it."""
        model, optimizer = self.task.build()
        self.task.initialise(model, seed)
        model.compile(
            optimizer=optimizer,
            loss=self.task.experiment.loss,
            metrics=["accuracy"] if self.task.experiment.accuracy else [],
            jit_compile=self.jit_compile,
        )
        return model

    def _fit(
        self, seed: int, begin: Any = None, end: Any = None, batch_end: Any = None, train_begin: Any = None
    ) -> dict[str, list[float]]:
        """``Model.fit``; the hooks get the model and Keras' own arguments (epoch or batch, logs)."""
        import keras

        model, data, size = self.model(seed), self.task.data, self.task.size
        hooks = {
            name: lambda index, logs=None, hook=hook: hook(model, index, logs)
            for name, hook in (("on_epoch_begin", begin), ("on_epoch_end", end), ("on_train_batch_end", batch_end))
            if hook is not None
        }
        self.weights = model.trainable_variables
        if train_begin is not None:
            train_begin(model)
        seed_everything(derived(seed, "data order"))
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

    def _locate(self, seed: int, raw: Raw) -> None:
        """Finds the first bad step by training again, batch by batch.

        A callback on every batch forces the device to synchronise and would change what the first training measured.
        """
        steps = Steps(len(self.task.data.x), self.task.size.batch_size)
        self._fit(seed, batch_end=steps.end)
        raw.initial = steps.losses[0]
        raw.broken, raw.high = first_bad(steps.losses)
        raw.broken_is_nan = bool(raw.broken) and math.isnan(steps.losses[raw.broken - 1])


def _suspicious(losses: list[float]) -> bool:
    return not all(map(math.isfinite, losses)) or losses[-1] > 10 * min(losses)


class Clock:
    """Seconds of each epoch, validation included; the curves that ``Model.fit`` does not give, which are not timed."""

    def __init__(self, task: Task, seed: int, on_epoch: OnEpoch) -> None:
        self.task, self.seed, self.on_epoch = task, seed, on_epoch
        self.seconds: list[float] = []
        self.further: dict[str, list[float]] = {}

    def first(self, model: Any) -> None:
        if self.task.experiment.observe is not None:
            observed(self.task, model, self.further, "initial_")

    def begin(self, model: Any, epoch: int, logs: Any) -> None:
        self._start = time.perf_counter()

    def end(self, model: Any, epoch: int, logs: Any) -> None:
        self.seconds.append(time.perf_counter() - self._start)
        if self.task.experiment.inference:
            data = self.task.data
            values = model.evaluate(data.x, data.y, batch_size=1024, verbose=0, return_dict=True)
            for name, value in values.items():
                self.further.setdefault(f"train_{name}", []).append(float(value))
        if self.task.experiment.halves:
            self._halves(model)
        for name, of in self.task.experiment.follow.items():
            self.further.setdefault(name, []).append(float(of(model.trainable_variables)))
        if self.task.experiment.observe is not None:
            observed(self.task, model, self.further)
        self.on_epoch(self.seed, epoch + 1)

    def _halves(self, model: Any) -> None:
        import keras

        loss = keras.losses.get(self.task.experiment.loss)
        data = self.task.data
        outputs = model.predict(data.x_val, batch_size=1024, verbose=0)
        losses = keras.ops.convert_to_numpy(loss(data.y_val, outputs))
        for name, part in (("even_val_loss", losses[::2]), ("odd_val_loss", losses[1::2])):
            self.further.setdefault(name, []).append(float(part.mean()))


class Steps:
    """The loss of every step, recovered from the running mean of the epoch; stops at the first non-finite one."""

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
