"""Seeds: initial weights depend on (seed, role of the layer), data orders on (seed, epoch).

So trials of two variants with the same seed are pairs. The role of a layer is its class and its ordinal among the
layers of that class. Adding a Dropout or BatchNormalization layer therefore changes neither the roles nor the initial
weights of the Dense layers.
"""

from __future__ import annotations

import functools
import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.training.backends import active


def derived(seed: int, role: str) -> int:
    """The seed of one role in a trial, of 31 bits; it is the same on every platform."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{role}".encode()).digest()[:4], "big") >> 1


def roles(model: Any) -> list[tuple[str, Any]]:
    """(role, layer) of every layer with variables, in the model's order. It includes layers of nested models."""
    counts: Counter[str] = Counter()
    by_role = []

    def visit(layers: list[Any]) -> None:
        for layer in layers:
            if getattr(layer, "layers", None):
                visit(layer.layers)
            elif layer.variables:
                kind = type(layer).__name__
                by_role.append((f"{kind}-{counts[kind]}", layer))
                counts[kind] += 1

    visit(model.layers)
    return by_role


def seed_python(seed: int) -> None:
    """Seeds Python's and NumPy's generators. Keras draws missing seeds from Python's generator."""
    random.seed(seed)
    np.random.seed(seed)


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and the active backend's generators. Keras uses them for operations without a seed.

    It does what ``keras.utils.set_random_seed`` does, which would import TensorFlow on every backend.
    """
    seed_python(seed)
    active().seed(seed)


def seed_training(seed: int) -> None:
    """Seeds what a training draws from global generators: the data order of ``fit``, and dropout masks on PyTorch.

    Keras on PyTorch draws the masks of a Dropout layer without a seed from PyTorch's generator. On the other backends
    it draws them from the layer's own state.
    """
    seed_everything(derived(seed, "data order"))


def initialise(
    model: Any,
    seed: int,
    perturbed: int = 0,
    canonical: bool = False,
    late: Callable[[Any, int], None] | None = None,
) -> None:
    """Sets every variable of a built Keras model from a seed, the random-number states of Dropout included.

    Each layer is built again from its configuration, with a seed of its own, and Keras' initialisers draw the values.
    The backend's generator is not seeded: Keras' initialisers do not use it, and TensorFlow would discard its compiled
    kernels, which costs 10 ms a layer.

    Args:
        model: a built Keras model.
        seed: of the trial.
        perturbed: 0, or the number of a perturbation. A perturbation moves the last bit of every trained weight that is
            not 0 up or down, at random. Rounding on another machine changes a training about as much.
        canonical: whether NumPy draws every variable of two or more dimensions (``canonical_values``). These values are
            the same on every backend and in every version of Keras.
        late: draws a late state of a model and a seed over the initial one.
    """
    for role, layer in roles(model):
        rng = np.random.default_rng(derived(seed, f"{role}/canonical"))
        for own, new in zip(layer.variables, _initial_values(_Blueprint.of(layer), derived(seed, role)), strict=True):
            own.assign(canonical_values(rng, own.shape) if canonical and len(own.shape) > 1 else new)
    if late is not None:
        late(model, seed)
    if perturbed:
        for role, layer in roles(model):
            flip_last_bits(layer, derived(seed, f"{role}/perturbed {perturbed}"))


@dataclass(frozen=True)
class _Blueprint:
    """What builds a layer again. Blueprints with one text are equal."""

    text: str
    parts: tuple[Any, Any, Any] = field(compare=False)

    @classmethod
    def of(cls, layer: Any) -> _Blueprint:
        kind, config, build = parts = type(layer), layer.get_config(), layer.get_build_config()
        return cls(f"{kind} { {**config, 'name': ''} } {build}", parts)  # Keras counts names up


@functools.lru_cache(maxsize=256)
def _initial_values(blueprint: _Blueprint, seed: int) -> list[np.ndarray]:
    """The values of a layer's variables after it is built with a seed. Many trainings share them."""
    from keras.ops import convert_to_numpy

    kind, config, build = blueprint.parts
    seed_python(seed)
    layer = kind.from_config(config)
    if build is not None:
        layer.build_from_config(build)
    return [np.array(convert_to_numpy(variable)) for variable in layer.variables]


def canonical_values(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform values between ± √(6 / (fan_in + fan_out)), float32 (Glorot & Bengio 2010).

    The last two dimensions are inputs and outputs. Those before them (a convolution's field) count in both fans.
    """
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape).astype("float32")


def flip_last_bits(layer: Any, seed: int, low: str | None = None) -> None:
    """Moves the last bit of every trained weight of a layer or model that is not 0 up or down, at random.

    ``low``: the bit is that of this type, which has fewer ("bfloat16").
    """
    import keras

    rng = np.random.default_rng(seed)
    for variable in layer.trainable_variables:
        values = keras.ops.convert_to_numpy(variable)
        values = values if low is None else values.astype(keras.ops.convert_to_numpy(keras.ops.zeros((), low)).dtype)
        towards = rng.choice(np.array([-np.inf, np.inf], values.dtype), values.shape)
        variable.assign(np.where(values == 0, values, np.nextafter(values, towards)))


def data_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of ``count`` training examples in ``epoch`` (from 0): a permutation of shape (count,), int32."""
    if count == 1:
        return np.zeros(1, "int32")
    return np.random.default_rng([seed, epoch]).permutation(count).astype("int32")
