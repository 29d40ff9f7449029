"""Keras on TensorFlow, the lecture's own backend.

The compiled program is ``tf.function(jit_compile=True)`` around stateful Keras variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, kind_of
from harness.training.programs import Curves, Program
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
    """By a graph of one step: without one it takes milliseconds, and a graph of all is traced twice as long."""
    import tensorflow as tf

    optimizer.build(variables)

    def step(gradients: list[Any]) -> list[Any]:
        optimizer.apply(gradients, variables)
        return [tf.identity(variable.value) for variable in variables]

    steps = [[tf.constant(gradient) for gradient in of] for of in zip(*gradients, strict=True)]
    run = tf.function(step, autograph=False).get_concrete_function(steps[0])  # calling it would warn of the fifth graph
    return [np.stack(values) for values in zip(*(run(of) for of in steps), strict=True)]


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

    def launch(self, orders: np.ndarray) -> tuple[Curves, np.ndarray]:
        import tensorflow as tf

        curves, losses = self._program(tf.constant(orders), self._data, self._validation)
        return dict(zip(self._names, curves.numpy().T, strict=True)), losses.numpy()

    @property
    def _names(self) -> list[str]:
        """The names of the curves, which one tensor has."""
        experiment = self._setup.experiment
        prefixes = ["", *(["val_"] if self._validation else []), *(["train_"] if experiment.inference else [])]
        kinds = ["loss", "accuracy"] if experiment.accuracy else ["loss"]
        halves = ["even_val_loss", "odd_val_loss"] if self._validation and experiment.halves else []
        return [*(prefix + kind for prefix in prefixes for kind in kinds), *halves, *experiment.follow]

    def _step(self, rows: Any, data: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        x, y = (tf.gather(array, rows) for array in data)
        with tf.GradientTape() as tape:
            loss, (_, hits) = self._objective(None, None, x, y, training=True)
        weights = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        return loss, hits

    def _epoch(self, order: Any, data: Any, validation: Any) -> Any:
        import tensorflow as tf

        count = order.shape[0]
        full, partial = divmod(count, self._batch)
        total, all_hits = tf.constant(0.0), tf.constant(0.0)
        losses = tf.TensorArray("float32", full + bool(partial), element_shape=())
        if full:
            for index in tf.range(full):
                loss, hits = self._step(tf.slice(order, [index * self._batch], [self._batch]), data)
                total, all_hits, losses = total + loss * self._batch, all_hits + hits, losses.write(index, loss)
        if partial:
            loss, hits = self._step(order[full * self._batch :], data)
            total, all_hits, losses = total + loss * partial, all_hits + hits, losses.write(full, loss)
        curves = self._means("", total / count, all_hits, count)
        curves |= self._curves((None, None), self._model.trainable_variables, data, validation)
        return tf.stack([curves[name] for name in self._names]), losses.stack()

    def _train(self, orders: Any, data: Any, validation: Any) -> Any:
        import tensorflow as tf

        epochs = orders.shape[0]
        if epochs == 1:  # without the outer loop XLA runs the inner one faster
            curves, losses = self._epoch(orders[0], data, validation)
            return curves[None], losses[None]
        steps = -(-orders.shape[1] // self._batch)
        rows = tf.TensorArray("float32", epochs, element_shape=(len(self._names),))
        losses = tf.TensorArray("float32", epochs, element_shape=(steps,))
        for epoch in tf.range(epochs):
            row, of_steps = self._epoch(tf.ensure_shape(orders[epoch], orders.shape[1:]), data, validation)
            rows, losses = rows.write(epoch, row), losses.write(epoch, of_steps)
        return rows.stack(), losses.stack()


program = TensorFlowProgram
