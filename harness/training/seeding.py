"""Pairing made real: initial weights from (seed, role of the layer), data order from (seed, epoch).

The role of a layer is its class and its ordinal among the layers of that class. Adding a Dropout or BatchNormalization
layer therefore leaves the roles, and the initial weights, of the Dense layers alone.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from typing import Any

import numpy as np

from harness.training.backend import active


def derived(seed: int, role: str) -> int:
    """A 31-bit seed for one role, from the trial's seed; equal on every platform."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{role}".encode()).digest()[:4], "big") >> 1


def roles(model: Any) -> list[tuple[str, Any]]:
    """(role, layer) of every layer with variables, in the model's order; nested models are searched."""
    counts: Counter[str] = Counter()
    found = []

    def visit(layers: list[Any]) -> None:
        for layer in layers:
            if getattr(layer, "layers", None):
                visit(layer.layers)
            elif layer.variables:
                kind = type(layer).__name__
                found.append((f"{kind}-{counts[kind]}", layer))
                counts[kind] += 1

    visit(model.layers)
    return found


def seed_python(seed: int) -> None:
    """Seeds Python's and NumPy's generators; from Python's, Keras draws the seed of what has none of its own."""
    random.seed(seed)
    np.random.seed(seed)


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and the active backend's generators, from which Keras draws what has no seed of its own.

    As ``keras.utils.set_random_seed``, which would import TensorFlow on every backend where it is installed.
    """
    seed_python(seed)
    active().seed(seed)


def initialise(model: Any, seed: int, perturbed: int = 0, canonical: bool = False) -> None:
    """Sets every variable of the built Keras ``model``, random-number states of Dropout included, from ``seed``.

    Args:
        model: as built; its layers' own initialisers draw the values.
        seed: of the trial.
        perturbed: 0, or the number of a perturbation: the last bit of every trained weight that is not 0 goes up or
            down, otherwise for each number. Rounding on another machine changes a training as much.
        canonical: NumPy draws every variable of two or more dimensions (``canonical_values``), so that it is the same
            for every backend and every version of Keras.

    Each layer is built anew from its own configuration under a seed of its own, so Keras' initialisers draw the values.
    The backend's own generator is left alone: Keras' initialisers draw nothing from it, and seeding TensorFlow's throws
    away its compiled kernels, 10 ms a layer.
    """
    for role, layer in roles(model):
        seed_python(derived(seed, role))
        fresh = type(layer).from_config(layer.get_config())
        if layer.get_build_config() is not None:
            fresh.build_from_config(layer.get_build_config())
        rng = np.random.default_rng(derived(seed, f"{role}/canonical"))
        for own, new in zip(layer.variables, fresh.variables, strict=True):
            own.assign(canonical_values(rng, own.shape) if canonical and len(own.shape) > 1 else new)
        if perturbed:
            _flip_last_bits(layer, derived(seed, f"{role}/perturbed {perturbed}"))


def canonical_values(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform in ± √(6 / (fan_in + fan_out)), float32 (Glorot & Bengio 2010).

    The last two dimensions are inputs and outputs; those before them (a convolution's field) count in both.
    """
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape).astype("float32")


def _flip_last_bits(layer: Any, seed: int) -> None:
    import keras

    rng = np.random.default_rng(seed)
    for variable in layer.trainable_variables:
        values = keras.ops.convert_to_numpy(variable)
        towards = rng.choice(np.array([-np.inf, np.inf], values.dtype), values.shape)
        variable.assign(np.where(values == 0, values, np.nextafter(values, towards)))


def data_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of ``count`` training examples in ``epoch`` (from 0): a permutation, int32, of shape (count,)."""
    if count == 1:
        return np.zeros(1, "int32")
    return np.random.default_rng([seed, epoch]).permutation(count).astype("int32")


def order_type(count: int) -> str:
    """The smallest type for the numbers of so many examples: half the way to the device for all of MNIST."""
    return "uint16" if count <= 2**16 else "int32"


class Orders:
    """Data orders of several epochs, kept for the variants that follow: a sweep draws those of a seed once.

    ``most``: bytes that are kept; what does not fit is drawn again.
    """

    def __init__(self, most: int = 128_000_000) -> None:
        self._most, self._bytes = most, 0
        self._kept: dict[tuple[int, range, int], np.ndarray] = {}

    def get(self, seed: int, epochs: range, count: int) -> np.ndarray:
        """One ``data_order`` per row, of shape (epochs, count), as ``order_type``; not to be written to."""
        key = (seed, epochs, count)
        found = self._kept.get(key)
        if found is None:
            found = np.stack([data_order(seed, epoch, count).astype(order_type(count)) for epoch in epochs])
            if self._bytes + found.nbytes <= self._most:
                found.flags.writeable = False
                self._kept[key] = found
                self._bytes += found.nbytes
        return found
