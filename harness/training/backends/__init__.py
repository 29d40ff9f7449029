"""The backends that Keras runs on: a module each, behind one protocol, and their names.

To add one, write its module and add its name to ``NAMES``. A module imports its library inside its functions only, so
that a process imports the one that was chosen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from harness.training.program import Program
from harness.training.setup import TrainingSetup

NAMES = ("tensorflow", "jax", "torch")
KINDS = {"cuda": "gpu", "rocm": "gpu"}
"""Backends' names of kinds of devices, where Keras' name is another one."""
Product = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a backend before its library is imported.

    Attributes:
        label: as reports write it.
        distributions: its names on a package index; the installed one counts.
        runtime: the distribution that has its compiled code, "" where that is the same one.
        compiled_fit: whether ``Model.fit`` compiles by XLA; it is what Keras' "auto" means for the lecture's networks.
        prefix: how the names of the environment variables begin that only this backend reads.
        neutralised: environment variables that would change every result; the library reads them when it is imported.
        harmless: a regular expression of environment variables with ``prefix`` that change no result.
        defaults: environment variables that are set unless the user has set them.
    """

    label: str
    distributions: tuple[str, ...]
    runtime: str = ""
    compiled_fit: bool = False
    prefix: str
    neutralised: tuple[str, ...] = ()
    harmless: str
    defaults: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """What the harness asks of a backend."""

    @property
    def facts(self) -> Facts: ...

    def seed(self, seed: int) -> None:
        """Seeds the backend's own generator, which Keras uses for whatever has no seed of its own."""

    def set_highest_precision(self) -> None:
        """Has matrix products of float32 computed on a GPU without rounding their factors."""

    def synchronise(self) -> None:
        """Returns when all work that is queued on its device is done."""

    def compiled(self, function: Any) -> Any:
        """The function compiled as the engines compile, or as it is where the backend has no compiler for them."""

    def program(self, setup: TrainingSetup) -> Program:
        """A compiled program of a training, where the engine "compiled" has this backend."""

    def place(self, value: Any) -> tuple[str, str, str]:
        """(kind of device, its model, how matrix products are rounded there) of an array of this backend."""

    def peak_bytes(self, value: Any) -> int | None:
        """The most bytes taken so far on the GPU that holds ``value``; None where unknown."""

    def reset_peak_bytes(self) -> bool:
        """Starts to count the most bytes anew; False where that is impossible."""

    def products(self) -> Mapping[str, Callable[[int], Product]]:
        """By library: size -> a product of two square float32 matrices, which returns when it is computed."""

    def value_and_gradient(self, function: Callable[[Any], Any], point: np.ndarray) -> tuple[Any, Any]:
        """f(point) and ∇f(point) in float64."""

    def weight_gradients(self, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Sequence[Any]:
        """∂L/∂W of the mean ``loss``, a Keras function, by each trainable weight, in training mode."""

    def trajectory(self, optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> Sequence[Any]:
        """For each variable its values after every step, (steps, *shape)."""


def named(name: str) -> Backend:
    """The module of a backend out of ``NAMES``."""
    return cast(Backend, importlib.import_module(f"{__name__}.{name}"))


def kind_of(name: str) -> str:
    """A backend's name of a kind of device, as Keras calls it."""
    return KINDS.get(name.lower(), name.lower())
