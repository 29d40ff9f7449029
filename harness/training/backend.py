"""The backend of this process: chosen once, before Keras is imported, and the device it computes on."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass

from harness.errors import SuiteError, nearest
from harness.fingerprint import cpu_model

BACKENDS = ("tensorflow", "jax", "torch")


def choose_backend(name: str) -> None:
    """Makes ``name`` the Keras backend of this process; SuiteError if it is unknown, not installed or too late.

    A private KERAS_HOME keeps a user's ``keras.json``, which silently changes floatx and epsilon, out of the results.
    """
    if name not in BACKENDS:
        raise SuiteError(
            f"Invalid backend. Expected: one of {', '.join(BACKENDS)}. Received: {name!r}. {nearest(name, BACKENDS)}"
        )
    if importlib.util.find_spec(name) is None:
        raise SuiteError(
            f"Backend {name!r} is not installed for {sys.executable}. "
            f"Install it with `python -m pip install {name}`, or choose another with --backend."
        )
    if "keras" in sys.modules and active_backend() != name:
        raise SuiteError(
            f"Keras already runs on {active_backend()!r} in this process, so {name!r} cannot be chosen any more. "
            "One process has one backend: start another."
        )
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "keras" not in sys.modules:
        home = tempfile.mkdtemp(prefix="keras-home-")
        os.environ["KERAS_HOME"] = home
        atexit.register(shutil.rmtree, home, ignore_errors=True)


def active_backend() -> str:
    """The name of the backend Keras runs on."""
    import keras

    return str(keras.backend.backend())


@dataclass(frozen=True)
class Device:
    """Where the arrays live: ``kind`` "cpu" or "gpu", the hardware's ``model`` and the floating-point ``precision``."""

    kind: str
    model: str
    precision: str


def device() -> Device:
    """The device on which a new array of the active backend is placed."""
    import keras

    precision = str(keras.config.dtype_policy().name)
    backend = active_backend()
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if not gpus or "GPU" not in tf.constant(0.0).device:  # TensorFlow falls back to the CPU in silence
            return Device("cpu", cpu_model(), precision)
        tf32 = "+tf32" if tf.config.experimental.tensor_float_32_execution_enabled() else ""
        return Device("gpu", tf.config.experimental.get_device_details(gpus[0])["device_name"], precision + tf32)
    if backend == "jax":
        import jax

        first = jax.devices()[0]
        matmul = getattr(jax.config, "jax_default_matmul_precision", None) or "default"
        if first.platform == "cpu":
            return Device("cpu", cpu_model(), precision)
        return Device("gpu", first.device_kind, f"{precision}, matmul {matmul}")
    import torch

    if not torch.cuda.is_available():
        return Device("cpu", cpu_model(), precision)
    return Device("gpu", torch.cuda.get_device_name(0), f"{precision}, matmul {torch.get_float32_matmul_precision()}")


def start_backend() -> Device:
    """Imports Keras on the chosen backend and finds its device, without the lines that XLA, oneDNN and CUDA write then.

    They come from C++ before any log level applies, so file descriptor 2 is set aside; if anything fails, what was
    written is shown.
    """
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            return device()
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
