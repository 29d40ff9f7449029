"""Where arrays live: on which device a backend put a new array, and on which it left the weights it has trained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import SuiteError
from harness.fingerprint import cpu_model

KINDS = {"cuda": "gpu", "rocm": "gpu"}
"""What backends call a kind of device, where Keras calls it otherwise; "cpu", "gpu" and "tpu" are the same to all."""
TF32_SINCE = (8, 0)
"""The compute capability (Ampere) from which a GPU can round the factors of a float32 product to TensorFloat-32."""


@dataclass(frozen=True)
class Device:
    """Where arrays live: ``kind`` "cpu" or "gpu", the hardware's ``model`` and the floating-point ``precision``."""

    kind: str
    model: str
    precision: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.model}"


def device_of(array: Any) -> Device:
    """The device that holds ``array``: a Keras variable, or an array of the active backend, of any shape."""
    import keras

    value = array.value if isinstance(array, keras.Variable) else array
    policy = str(keras.config.dtype_policy().name)
    kind, model, matmul = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()](value)
    return Device("cpu", cpu_model(), policy) if kind == "cpu" else Device(kind, model, policy + matmul)


def trained_on(weights: Sequence[Any]) -> Device:
    """The device of a training's weights (``Engine.weights``); one that is no GPU, where only some are on a GPU."""
    found = [device_of(array) for array in weights]
    return next((device for device in found if device.kind != "gpu"), found[0])


def check_on_gpu(devices: Iterable[str]) -> None:
    """SuiteError, one sentence and what to do, unless each of ``devices`` is a GPU.

    ``devices``: as ``Trial.device`` has them and ``str(device)`` gives them, "gpu: NVIDIA H100 80GB HBM3"; empty for a
    trial that was read from a file, of which nothing is said.
    """
    for device in devices:
        kind, _, model = device.partition(": ")
        if device and kind != "gpu":
            raise SuiteError(
                f"--require-gpu: the trained weights are on the {kind.upper()} ({model}), so the GPU did not compute "
                "them. Check CUDA_VISIBLE_DEVICES, JAX_PLATFORMS and KERAS_TORCH_DEVICE, and that the backend's CUDA "
                "build is installed."
            )


def peak_bytes() -> int | None:
    """The most bytes that arrays have taken up on the GPU so far in this process; None on a CPU, or where untold.

    It is the backend's own count, so what the allocator has set aside in advance is not in it; `nvidia-smi` shows that
    instead. JAX has no way to start anew: compare peaks of processes, or of growing work within one.
    """
    import keras

    place = keras.ops.convert_to_tensor([0.0])
    if device_of(place).kind != "gpu":
        return None
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return int(tf.config.experimental.get_memory_info(f"GPU:{_parts(place.device)[1]}")["peak"])
    if backend == "jax":
        stats = next(iter(place.devices())).memory_stats()  # None with XLA_PYTHON_CLIENT_ALLOCATOR=platform
        return int(stats["peak_bytes_in_use"]) if stats and "peak_bytes_in_use" in stats else None
    import torch

    return int(torch.cuda.max_memory_allocated(place.device))


def _tensorflow(value: Any) -> tuple[str, str, str]:
    """(kind, model, how products are rounded), as the two below; of "/job:localhost/…/device:GPU:0"."""
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


def _jax(value: Any) -> tuple[str, str, str]:
    import jax

    (first, *_) = sorted(value.devices(), key=lambda device: device.id)
    matmul = getattr(jax.config, "jax_default_matmul_precision", None) or "default"
    return _kind(first.platform), str(first.device_kind), f", matmul {matmul}"


def _torch(value: Any) -> tuple[str, str, str]:
    import torch

    kind = _kind(value.device.type)
    model = torch.cuda.get_device_name(value.device) if kind == "gpu" else kind
    return kind, str(model), f", matmul {torch.get_float32_matmul_precision()}"


def _kind(name: str) -> str:
    return KINDS.get(name.lower(), name.lower())


def _parts(device: str) -> tuple[str, int]:
    """(kind, number) of TensorFlow's "/job:localhost/replica:0/task:0/device:GPU:0"."""
    found = re.search(r"device:(\w+):(\d+)$", device)
    return (_kind(found[1]), int(found[2])) if found else ("unknown", 0)
