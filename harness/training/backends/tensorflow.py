"""Keras on TensorFlow, the lecture's own backend."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, Product, kind_of

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


def program(setup: Any) -> Any:
    from harness.training.compiled_tensorflow import TensorFlowProgram

    return TensorFlowProgram(setup)


def place(value: Any) -> tuple[str, str, str]:
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


def peak_bytes(value: Any) -> int | None:
    import tensorflow as tf

    return int(tf.config.experimental.get_memory_info(f"GPU:{_parts(value.device)[1]}")["peak"])


def reset_peak_bytes() -> bool:
    import tensorflow as tf

    tf.config.experimental.reset_memory_stats("GPU:0")
    return True


def products() -> dict[str, Callable[[int], Product]]:
    """TensorFlow's own product, and that of XLA, which engine ``compiled`` and ``jit_compile`` use."""
    import tensorflow as tf

    def prepared(matmul: Any) -> Callable[[int], Product]:
        def prepare(size: int) -> Product:
            a, b = tf.random.normal((size, size)), tf.random.normal((size, size))

            def product() -> None:
                matmul(a, b)
                synchronise()

            return product

        return prepare

    return {"tensorflow": prepared(tf.linalg.matmul), "tensorflow xla": prepared(compiled(tf.linalg.matmul))}


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
    found = re.search(r"device:(\w+):(\d+)$", device)
    return (kind_of(found[1]), int(found[2])) if found else ("unknown", 0)
