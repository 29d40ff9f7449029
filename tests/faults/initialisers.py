"""Faults of the initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, wrapped

SCALING = "keras.src.initializers.random_initializers:VarianceScaling"
UNIFORM = "keras.src.initializers.random_initializers:RandomUniform"
ZEROS = "keras.src.initializers.constant_initializers:Zeros"
ON_GLOROT, ON_UNIFORM = ("batch-normalization-rates", "plain, rate 0.1"), ("example-4", "2 relu")


def fault(name: str, owner: str, change: Callable[[Any], Any], on: tuple[str, str] = ON_GLOROT) -> Fault:
    return Fault(name, "initialisers", (Patch(owner, "__call__", change),), on)


def gain(owner: str, what: str, factor: float, on: tuple[str, str]) -> Fault:
    change = wrapped(lambda original, self, shape, dtype=None: original(self, shape, dtype) * factor)
    return fault(f"{what} × {factor:g}", owner, change, on)


def biased(number: float) -> Fault:
    change = wrapped(lambda original, self, shape, dtype=None: original(self, shape, dtype) + number)
    return fault(f"biases start at {number:g}", ZEROS, change)


def another_mode(mode: str) -> Fault:
    def call(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
        kept, self.mode = self.mode, mode
        try:
            return original(self, shape, dtype)
        finally:
            self.mode = kept

    return fault(f"glorot counts {mode} only", SCALING, wrapped(call))


def normal(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    kept, self.distribution = self.distribution, "untruncated_normal"
    try:
        return original(self, shape, dtype)
    finally:
        self.distribution = kept


def one_seed(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    kept, self.seed = self.seed, 3
    try:
        return original(self, shape, dtype)
    finally:
        self.seed = kept


def half_zero(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    """Every tenth weight is zero."""
    from keras import ops

    values = original(self, shape, dtype)
    keep = ops.reshape(ops.arange(math.prod(values.shape)) % 10 != 0, values.shape)
    return values * ops.cast(keep, values.dtype)


FAULTS = (
    *(gain(SCALING, "glorot", factor, ON_GLOROT) for factor in (0.5, 0.9, 0.97, 0.99)),
    *(gain(UNIFORM, "random_uniform", factor, ON_UNIFORM) for factor in (0.9, 0.99)),
    gain(SCALING, "glorot", 0.0, ON_GLOROT),
    *map(biased, (0.1, 0.01)),
    *map(another_mode, ("fan_in", "fan_out")),
    fault("glorot normal in the place of uniform", SCALING, wrapped(normal)),
    fault("all layers and seeds share the initialiser's seed", SCALING, wrapped(one_seed)),
    fault("a tenth of the weights start at zero", SCALING, wrapped(half_zero)),
)
