"""The backend of this process: chosen once, before Keras is imported, and the device it computes on."""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import shutil
import sys
import tempfile

from harness.environment.variables import neutralise
from harness.errors import SuiteError, nearest
from harness.training.backends import NAMES, Backend, named
from harness.training.devices import Device, device_of

PRECISIONS = ("default", "highest")
"""Precisions of matrix products in float32 on a GPU. "default" is the backend's own: TensorFlow and JAX round the
factors to TF32, PyTorch does not. "highest" rounds nothing. On a CPU both are the same."""


def check_installed(name: str) -> None:
    """SuiteError if the backend is unknown or not installed; imports nothing."""
    if name not in NAMES:
        raise SuiteError(
            f"Invalid backend. Expected: one of {', '.join(NAMES)}. Received: {name!r}. {nearest(name, NAMES)}"
        )
    if importlib.util.find_spec(name) is None:
        raise SuiteError(
            f"Backend {name!r} is not installed for {sys.executable}. "
            f"Install it with `python -m pip install {name}`, or choose another with --backend."
        )


def choose_backend(name: str) -> None:
    """Makes ``name`` the Keras backend of this process; SuiteError if it is unknown, not installed or too late.

    KERAS_HOME becomes an empty folder, because a user's ``keras.json`` silently changes floatx and epsilon. The
    variables of ``environment_variables.NEUTRALISED`` are removed. On a GPU the backend takes memory as it needs it,
    unless the environment says otherwise: by default TensorFlow takes all of it at once and JAX three quarters, and a
    second process gets none.
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


def active_backend() -> str:
    """The name of the backend Keras runs on."""
    import keras

    return str(keras.backend.backend())


def active() -> Backend:
    """The backend Keras runs on."""
    return named(active_backend())


def device() -> Device:
    """The device on which the active backend places a new array."""
    import keras

    return device_of(keras.ops.convert_to_tensor([0.0]))


def set_precision(name: str) -> None:
    """Sets the precision of the active backend's matrix products, one of PRECISIONS."""
    if name != "default":
        active().set_highest_precision()


def start_backend(precision: str = "default") -> Device:
    """Imports Keras on the chosen backend and returns its device.

    XLA, oneDNN and CUDA write lines to file descriptor 2 meanwhile, which no log level stops. They are shown only if
    something fails. Garbage collections ignore what was imported: they take 4 ms instead of 250.
    """
    with tempfile.TemporaryFile() as written:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            set_precision(precision)
            found = device()
            gc.freeze()
            return found
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
