"""The backends that Keras runs on: one module each, with one protocol.

To add a backend, write its module and add its name to ``NAMES``. A module imports its library inside functions only, so
a process imports only the library that it uses.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

NAMES = ("tensorflow", "jax", "torch")
KINDS = {"cuda": "gpu", "rocm": "gpu"}
"""Names of device kinds: a backend's name -> Keras' name, where they differ."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of a backend that are known before its library is imported.

    Attributes:
        label: its name in reports.
        distributions: its names on a package index. The installed one counts.
        runtime: the distribution with its compiled code; "" if it is the same one.
        avx: whether its releases for x86-64 need a processor with AVX. Without it TensorFlow ends the process.
        compiled_fit: whether ``Model.fit`` compiles with XLA, as Keras' "auto" does for the lecture's networks.
        prefix: of environment variables that only this backend reads.
        neutralised: environment variables that would change every result. The library reads them when it is imported.
        harmless: a regular expression for environment variables with ``prefix`` that change no result.
        defaults: environment variables that are set, unless the user has set them.
    """

    label: str
    distributions: tuple[str, ...]
    runtime: str = ""
    avx: bool = False
    compiled_fit: bool = False
    prefix: str
    neutralised: tuple[str, ...] = ()
    harmless: str
    defaults: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """The functions of a backend's module."""

    @property
    def facts(self) -> Facts: ...

    @property
    def program(self) -> Callable[[Any], Any]:
        """The class of its programs (``programs.Program``), for engine "compiled"."""

    def seed(self, seed: int) -> None:
        """Seeds the backend's own generator, which Keras uses for operations without a seed."""

    def set_highest_precision(self) -> None:
        """Makes a GPU compute float32 matrix products without rounding their factors."""

    def synchronise(self) -> None:
        """Waits until all work that is queued on its device is done."""

    def device_of(self, value: Any) -> tuple[str, str, str]:
        """(kind of device, its model, the rounding of matrix products there) for an array of this backend."""

    def value_and_gradient(self, function: Callable[[Any], Any], point: np.ndarray) -> tuple[Any, Any]:
        """f(point) and ∇f(point) in float64."""

    def weight_gradients(self, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Sequence[Any]:
        """∂L/∂W of the mean ``loss``, a Keras function, by each trainable weight, in training mode."""

    def trajectory(self, optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> Sequence[Any]:
        """The values of each variable after every step of a new optimizer, (steps, *shape)."""


def named(name: str) -> Backend:
    """The module of a backend out of ``NAMES``."""
    return cast(Backend, importlib.import_module(f"{__name__}.{name}"))


def active_backend() -> str:
    """The name of Keras' backend in this process."""
    import keras

    return str(keras.backend.backend())


def active() -> Backend:
    """Keras' backend in this process."""
    return named(active_backend())


def kind_of(name: str) -> str:
    """Keras' name for a backend's device kind."""
    return KINDS.get(name.lower(), name.lower())


@contextlib.contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Makes imports of these packages fail, as if they were not installed. Those already imported stay."""
    names = [name for name in packages if name not in sys.modules]
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment] # the documented way to make an import fail; typeshed has no None here
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
