"""The compiled program on TensorFlow: ``tf.function(jit_compile=True)`` around stateful Keras variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.divergence import BLOW_UP
from harness.training.program import copy_values
from harness.training.seeding import initialise
from harness.training.setup import TrainingSetup


class TensorFlowProgram:
    """The training of one variant (``programs.Program``). Its state is in the variables of the model and optimizer."""

    def __init__(self, setup: TrainingSetup) -> None:
        import keras
        import tensorflow as tf

        self._model, self._optimizer = setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self._accuracy, self._inference = setup.experiment.accuracy, setup.experiment.inference
        self._follow, self._halves = setup.experiment.follow, setup.experiment.halves
        self._batch = setup.size.batch_size
        self.parameters = self._model.count_params()
        self._program = tf.function(self._train, jit_compile=True)
        self.rebind(setup)

    def rebind(self, setup: TrainingSetup) -> None:
        self._setup, (self._own, optimizer) = setup, setup.built  # the initializers of this model draw the weights
        self._fresh = [variable.numpy() for variable in optimizer.variables]
        self.feed(setup.data)

    def feed(self, data: Dataset) -> None:
        import tensorflow as tf

        self._data = tuple(tf.constant(array, "float32") for array in (data.x, data.y))
        self._validation = (
            () if data.x_val is None else tuple(tf.constant(array, "float32") for array in (data.x_val, data.y_val))
        )

    @property
    def weights(self) -> list[Any]:
        return list(self._model.trainable_variables)

    @property
    def model(self) -> Any:
        copy_values(self._model, self._own)
        return self._own

    def reset(self, seed: int) -> None:
        initialise(self._own, seed, self._setup.perturbed, self._setup.canonical)
        copy_values(self._own, self._model)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import tensorflow as tf

        arguments = (tf.constant(orders), tf.constant(initial, "float32"), self._data, self._validation)
        curves, flags = self._program(*arguments)
        values = curves.numpy()
        return {name: values[:, column] for column, name in enumerate(self._names)}, flags.numpy()

    @property
    def _names(self) -> list[str]:
        prefixes = ["", *(["val_"] if self._validation else []), *(["train_"] if self._inference else [])]
        kinds = ["loss", "accuracy"] if self._accuracy else ["loss"]
        halves = ["even_val_loss", "odd_val_loss"] if self._validation and self._halves else []
        return [*(prefix + kind for prefix in prefixes for kind in kinds), *halves, *self._follow]

    def _objective(self, x: Any, y: Any, training: bool) -> Any:
        import tensorflow as tf

        outputs = self._model(x, training=training)
        loss = tf.reduce_mean(self._loss(y, outputs)) + sum(self._model.losses)
        if not self._accuracy:
            return loss, tf.constant(0.0)
        return loss, tf.reduce_sum(tf.cast(tf.equal(tf.argmax(outputs, -1), tf.argmax(y, -1)), "float32"))

    def _step(self, rows: Any, data: Any, flags: Any, total: Any, hits: Any) -> Any:
        import tensorflow as tf

        x, y = (tf.gather(array, rows) for array in data)
        with tf.GradientTape() as tape:
            loss, right = self._objective(x, y, True)
        weights = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        return _watch(flags, loss), total + loss * rows.shape[0], hits + right

    def _epoch(self, order: Any, data: Any, validation: Any, flags: Any) -> Any:
        import tensorflow as tf

        count = order.shape[0]
        total, hits = tf.constant(0.0), tf.constant(0.0)
        if count >= self._batch:
            for index in tf.range(count // self._batch):
                rows = tf.slice(order, [index * self._batch], [self._batch])
                flags, total, hits = self._step(rows, data, flags, total, hits)
        if count % self._batch:
            rows = order[count - count % self._batch :]
            flags, total, hits = self._step(rows, data, flags, total, hits)
        row = [total / count, hits / count] if self._accuracy else [total / count]
        for part in (validation, data if self._inference else ()):
            if part:
                loss, right = self._objective(part[0], part[1], False)
                row += [loss, right / len(part[0])] if self._accuracy else [loss]
        if validation and self._halves:
            losses = self._loss(validation[1], self._model(validation[0], training=False))
            row += [tf.reduce_mean(losses[::2]), tf.reduce_mean(losses[1::2])]
        row += [tf.cast(of(self._model.trainable_variables), "float32") for of in self._follow.values()]
        return tf.stack(row), flags

    def _train(self, orders: Any, initial: Any, data: Any, validation: Any) -> Any:
        import tensorflow as tf

        flags = (tf.constant(0), tf.constant(0), tf.constant(False), tf.constant(0), initial)
        epochs = orders.shape[0]
        if epochs == 1:  # without the outer loop XLA runs the inner one faster
            row, flags = self._epoch(orders[0], data, validation, flags)
            curves = row[None]
        else:
            rows = tf.TensorArray("float32", epochs, element_shape=(len(self._names),))
            for epoch in tf.range(epochs):
                row, flags = self._epoch(tf.ensure_shape(orders[epoch], orders.shape[1:]), data, validation, flags)
                rows = rows.write(epoch, row)
            curves = rows.stack()
        _, broken, is_nan, high, initial = flags
        return curves, tf.stack([tf.cast(flag, "float32") for flag in (broken, is_nan, high, initial)])


def _watch(flags: Any, loss: Any) -> Any:
    """Advances (step, first non-finite step, whether nan, first high step, first loss) by one step."""
    import tensorflow as tf

    step, broken, is_nan, high, initial = flags
    step = step + 1
    initial = tf.where((step == 1) & tf.math.is_nan(initial), loss, initial)
    new = (broken == 0) & ~tf.math.is_finite(loss)
    high = tf.where((high == 0) & (loss > BLOW_UP * initial), step, high)
    return step, tf.where(new, step, broken), tf.where(new, tf.math.is_nan(loss), is_nan), high, initial
