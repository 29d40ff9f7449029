"""Keras on TensorFlow, the lecture's own backend.

The compiled program is ``tf.function(jit_compile=True)`` around stateful Keras variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, kind_of
from harness.training.divergence import BLOW_UP
from harness.training.programs import Program
from harness.training.setup import TrainingSetup

facts = Facts(
    label="TensorFlow",
    distributions=("tensorflow", "tensorflow-cpu", "tf-nightly"),
    avx=True,
    compiled_fit=True,
    prefix="TF_",
    neutralised=("TF_USE_LEGACY_KERAS",),
    harmless="TF_(CPP_.*|FORCE_GPU_ALLOW_GROWTH|GPU_ALLOCATOR|ENABLE_GPU_GARBAGE_COLLECTION|DUMP_.*)",
    defaults={"TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
)
TF32_SINCE = (8, 0)
"""The least compute capability (Ampere) with which a GPU can round factors of float32 products to TensorFloat-32."""


def seed(seed: int) -> None:
    import tensorflow as tf

    tf.random.set_seed(seed)


def set_highest_precision() -> None:
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)


def synchronise() -> None:
    import tensorflow as tf

    tf.test.experimental.sync_devices()


def compiled(function: Any) -> Any:
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def program(setup: TrainingSetup) -> TensorFlowProgram:
    return TensorFlowProgram(setup)


def device_of(value: Any) -> tuple[str, str, str]:
    """It parses a device string: "/job:localhost/…/device:GPU:0"."""
    import tensorflow as tf

    kind, index = _parts(value.device)
    if kind != "gpu":
        return kind, kind, ""
    gpus = tf.config.get_visible_devices("GPU")
    # One physical device may be split into several logical ones; then their numbers run on.
    details = tf.config.experimental.get_device_details(gpus[min(index, len(gpus) - 1)])
    rounds = (
        tf.config.experimental.tensor_float_32_execution_enabled()
        and tuple(details.get("compute_capability", TF32_SINCE)) >= TF32_SINCE
    )
    return kind, str(details.get("device_name", "unknown GPU")), "+tf32" if rounds else ""


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[Any, Any]:
    import tensorflow as tf

    at = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return value, tape.gradient(value, at)


def weight_gradients(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(y, model(x, training=True)))
    return list(tape.gradient(value, model.trainable_variables))


def trajectory(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    import tensorflow as tf

    optimizer.build(variables)

    @tf.function
    def run(gradients: list[Any]) -> list[Any]:
        count = len(gradients[0])
        history = [tf.TensorArray("float32", count, element_shape=variable.shape) for variable in variables]
        for step in tf.range(count):
            optimizer.apply([each[step] for each in gradients], variables)
            history = [
                each.write(step, tf.convert_to_tensor(v.value)) for each, v in zip(history, variables, strict=True)
            ]
        return [each.stack() for each in history]

    constants = [tf.constant(each) for each in gradients]
    # a concrete function, because TensorFlow would warn that every call is traced
    return [weights.numpy() for weights in run.get_concrete_function(constants)(constants)]


def _parts(device: str) -> tuple[str, int]:
    """(kind, number) of "/job:localhost/replica:0/setup:0/device:GPU:0"."""
    match = re.search(r"device:(\w+):(\d+)$", device)
    return (kind_of(match[1]), int(match[2])) if match else ("unknown", 0)


class TensorFlowProgram(Program):
    """It trains the variables of its model, in one XLA program."""

    def __init__(self, setup: TrainingSetup) -> None:
        import tensorflow as tf

        super().__init__(setup)
        self._program = tf.function(self._train, jit_compile=True)

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import tensorflow as tf

        arguments = (tf.constant(orders), tf.constant(initial, "float32"), self._data, self._validation)
        curves, flags = self._program(*arguments)
        values = curves.numpy()
        return {name: values[:, column] for column, name in enumerate(self._names)}, flags.numpy()

    @property
    def _names(self) -> list[str]:
        experiment = self._setup.experiment
        prefixes = ["", *(["val_"] if self._validation else []), *(["train_"] if experiment.inference else [])]
        kinds = ["loss", "accuracy"] if experiment.accuracy else ["loss"]
        halves = ["even_val_loss", "odd_val_loss"] if self._validation and experiment.halves else []
        return [*(prefix + kind for prefix in prefixes for kind in kinds), *halves, *experiment.follow]

    def _objective(self, x: Any, y: Any, training: bool) -> Any:
        import tensorflow as tf

        outputs = self._model(x, training=training)
        loss = tf.reduce_mean(self._loss(y, outputs)) + sum(self._model.losses)
        if not self._setup.experiment.accuracy:
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

        experiment, count = self._setup.experiment, order.shape[0]
        total, hits = tf.constant(0.0), tf.constant(0.0)
        if count >= self._batch:
            for index in tf.range(count // self._batch):
                rows = tf.slice(order, [index * self._batch], [self._batch])
                flags, total, hits = self._step(rows, data, flags, total, hits)
        if count % self._batch:
            rows = order[count - count % self._batch :]
            flags, total, hits = self._step(rows, data, flags, total, hits)
        row = [total / count, hits / count] if experiment.accuracy else [total / count]
        for part in (validation, data if experiment.inference else ()):
            if part:
                loss, right = self._objective(part[0], part[1], False)
                row += [loss, right / len(part[0])] if experiment.accuracy else [loss]
        if validation and experiment.halves:
            losses = self._loss(validation[1], self._model(validation[0], training=False))
            row += [tf.reduce_mean(losses[::2]), tf.reduce_mean(losses[1::2])]
        row += [tf.cast(of(self._model.trainable_variables), "float32") for of in experiment.follow.values()]
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
