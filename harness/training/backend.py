"""The backend of this process: chosen once, before Keras is imported, and the device it computes on."""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import shutil
import sys
import tempfile

from harness.environment_variables import neutralise
from harness.errors import SuiteError, nearest
from harness.training.backends import NAMES, Backend, named
from harness.training.devices import Device, device_of

PRECISIONS = ("default", "highest")
"""Of matrix products in float32 on a GPU: what the backend does by itself (TensorFlow and JAX round the factors to
TF32, PyTorch does not), or nothing rounded. On a CPU both are the same."""


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

    A private KERAS_HOME keeps a user's ``keras.json``, which silently changes floatx and epsilon, out of the results;
    the environment variables that ``environment_variables.NEUTRALISED`` names are removed.
    On a GPU the backend takes memory as it needs it, unless the environment says otherwise: left to themselves,
    TensorFlow takes all and JAX three quarters at once, and a second process, or a second worker of -n, gets none.
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
    """Has the active backend compute products with that precision from now on; ``name`` out of PRECISIONS."""
    if name != "default":
        active().set_highest_precision()


def start_backend(precision: str = "default") -> Device:
    """Imports Keras on the chosen backend and finds its device, without the lines that XLA, oneDNN and CUDA write then.

    They come from C++ before any log level applies, so file descriptor 2 is set aside; if anything fails, what was
    written is shown. Garbage collections then pass over what was imported: 4 ms instead of 250 after every variant.
    """
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            set_precision(precision)
            found = device()
            gc.freeze()
            return found
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
