"""Devices: where a backend puts new arrays, and where the trained weights are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.environment.fingerprint import cpu_model
from harness.errors import SuiteError
from harness.training.backends import named


@dataclass(frozen=True)
class Device:
    """A device and the precision of its computations.

    Attributes:
        kind: "cpu" or "gpu".
        model: the hardware's name.
        precision: of floating-point numbers, and on a GPU of matrix products.
    """

    kind: str
    model: str
    precision: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.model}"


def device_of(array: Any) -> Device:
    """The device that holds ``array``: a Keras variable, or an array of the active backend, of any shape."""
    import keras

    value = getattr(array, "value", array)  # a variable of a model of Keras 3.0 is no keras.Variable
    policy = str(keras.config.dtype_policy().name)
    kind, model, matmul = named(keras.backend.backend()).place(value)
    return Device("cpu", cpu_model(), policy) if kind == "cpu" else Device(kind, model, policy + matmul)


def trained_on(weights: Sequence[Any]) -> Device:
    """The device of a training's weights (``Engine.weights``). If only some are on a GPU, it is the other device."""
    found = [device_of(array) for array in weights]
    return next((device for device in found if device.kind != "gpu"), found[0])


def check_on_gpu(devices: Iterable[str]) -> None:
    """SuiteError unless each of ``devices`` is a GPU.

    Args:
        devices: as in ``Trial.device``: "gpu: NVIDIA H100 80GB HBM3". An empty one passes: its trial was read from a
            file.
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
    """The peak of bytes in arrays on the GPU so far in this process; None on a CPU, or if unknown.

    The backend counts them. Unlike in `nvidia-smi`, memory that its allocator has only reserved does not count.
    """
    import keras

    place = keras.ops.convert_to_tensor([0.0])
    if device_of(place).kind != "gpu":
        return None
    return named(keras.backend.backend()).peak_bytes(place)
