"""The backend of this process, which is chosen once, before Keras is imported; and its device."""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import SuiteError, invalid, nearest
from harness.training.backends import NAMES, active, active_backend, hidden, named
from harness.training.machine import cpu_model, instruction_set, neutralise

PRECISIONS = ("default", "highest")
"""Precisions of float32 matrix products on a GPU. "default" is the backend's default: TensorFlow and JAX round the
factors to TF32, PyTorch does not. "highest" rounds nothing. On a CPU both are the same."""

WITHOUT_TENSORFLOW = (3, 14)
"""The first Python that TensorFlow has no release for. There requirements/suite.txt installs JAX in its place."""

WITHOUT_AVX = "x86_64"
"""``instruction_set()`` of a processor that has none of its extensions."""

WITHOUT_BACKEND = (3, 15)
"""The first Python that no backend has a release for."""


def default_backend() -> tuple[str, str]:
    """The backend of a command that names none, and why it is that one. It imports nothing."""
    if sys.version_info < WITHOUT_TENSORFLOW or importlib.util.find_spec("tensorflow"):
        return "tensorflow", "default"
    return "jax", f"default: TensorFlow has no release for {_python()}"


def _python() -> str:
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}"


def check_installed(name: str) -> None:
    """SuiteError if the backend is unknown, not installed, or cannot run on this processor. It imports nothing."""
    if name not in NAMES:
        raise invalid("backend", expected=f"one of {', '.join(NAMES)}", received=repr(name), fix=nearest(name, NAMES))
    if importlib.util.find_spec(name) is None:
        if sys.version_info >= WITHOUT_BACKEND:
            raise SuiteError(
                f"{named(name).facts.label} has no release for {_python()}. The suite runs on Python 3.11 to 3.14: "
                "make .venv anew with one of those, as README.md says."
            )
        if name == "tensorflow" and sys.version_info >= WITHOUT_TENSORFLOW:
            raise SuiteError(
                f"TensorFlow has no release for {_python()}, only for Python 3.11, 3.12 and 3.13. Leave out --backend "
                "and KERAS_BACKEND to run on JAX, the default here; or make .venv anew with one of those Pythons."
            )
        raise SuiteError(
            f"Backend {name!r} is not installed for {sys.executable}. "
            f"Install it with `python -m pip install {name}`, or choose another with --backend."
        )
    if named(name).facts.avx and sys.platform == "linux" and instruction_set() == WITHOUT_AVX:
        label = named(name).facts.label
        raise SuiteError(
            f"{label} cannot run here. Expected: a processor with AVX, which its releases need. Received: "
            f"{cpu_model()}, without AVX. Use --backend torch, which runs without it, or another machine."
        )


def choose_backend(name: str) -> None:
    """Makes ``name`` the Keras backend of this process. SuiteError if it is unknown, not installed or too late.

    KERAS_HOME becomes an empty folder, because a user's ``keras.json`` silently changes floatx and epsilon. The
    variables of ``harness.training.machine.NEUTRALISED`` are removed. On a GPU the backend allocates memory as
    needed, unless the environment says otherwise. By default TensorFlow allocates all of it and JAX three quarters,
    which leaves nothing for a second process.
    """
    check_installed(name)
    if "keras" in sys.modules and active_backend() != name:
        raise SuiteError(
            f"Keras already runs on {active_backend()!r} in this process, so {name!r} cannot be chosen any more. "
            "One process has one backend: start another."
        )
    neutralise(os.environ)
    os.environ["KERAS_BACKEND"] = name
    for each in map(named, NAMES):
        for variable, value in each.facts.defaults.items():
            os.environ.setdefault(variable, value)
    if "keras" not in sys.modules:
        home = tempfile.mkdtemp(prefix="keras-home-")
        os.environ["KERAS_HOME"] = home
        atexit.register(shutil.rmtree, home, ignore_errors=True)


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
    kind, model, matmul = active().device_of(value)
    return Device("cpu", cpu_model(), policy) if kind == "cpu" else Device(kind, model, policy + matmul)


def trained_on(weights: Sequence[Any]) -> Device:
    """The device of a training's weights (``Engine.weights``). If only some are on a GPU, it is the other device."""
    devices = [device_of(array) for array in weights]
    return next((device for device in devices if device.kind != "gpu"), devices[0])


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


def device() -> Device:
    """The device on which the active backend places a new array."""
    import keras

    return device_of(keras.ops.convert_to_tensor([0.0]))


def start_backend(precision: str = "default") -> Device:
    """Imports Keras on the chosen backend with one of PRECISIONS, and returns its device.

    XLA, oneDNN and CUDA write lines to file descriptor 2, which no log level stops. They are shown only if something
    fails. Imported objects are frozen, so a garbage collection takes 4 ms instead of 250. Keras imports Matplotlib and
    pandas if they are installed, which takes almost half of its start on JAX, and needs neither here.
    """
    with tempfile.TemporaryFile() as written:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            with hidden("matplotlib", "pandas"):
                if precision != "default":
                    active().set_highest_precision()
                started_on = device()
            gc.freeze()
            return started_on
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
