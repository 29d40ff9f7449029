"""Faults of the initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, held_out, instead, small, wrapped
from tests.faults.places import BY_SGD, DEEP, KERAS, LONG_SOFTMAX, MLP, RNN, SCALING

GROUP = "initial weights"
UNIFORM = "keras.src.initializers.random_initializers:RandomUniform"
ZEROS = "keras.src.initializers.constant_initializers:Zeros"


ON_GLOROT, ON_UNIFORM = ("batch-normalization-rates", "plain, rate 0.1"), ("example-4", "2 relu")


def fault(name: str, owner: str, change: Callable[[Any], Any], on: tuple[str, str] = ON_GLOROT) -> Fault:
    return Fault(name, (Patch(owner, "__call__", change),), on)


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


def glorot_times(factor: float) -> Fault:
    change = wrapped(lambda original, self, shape, dtype=None: original(self, shape, dtype) * factor)
    only = (BY_SGD, LONG_SOFTMAX, DEEP)
    what = (
        f"Glorot's initial weights are {factor:g} times as large; the first loss has them. It cannot show where the "
        "weights are drawn otherwise, as in a canonical trace."
    )
    return small(f"glorot × {factor:g}", what, Patch(SCALING, "__call__", change), only, 1)


def rectangle(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    """Weights of the upper half of the interval only."""
    from keras import ops

    return ops.abs(original(self, shape, dtype))


def rounded_start(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    """Initial weights in float16."""
    from keras import ops

    return ops.cast(ops.cast(original(self, shape, dtype), "float16"), "float32")


def larger_where_wide(original: Any, self: Any, shape: Any, *args: Any, **kwargs: Any) -> Any:
    values = original(self, shape, *args, **kwargs)
    return values * 1.05 if shape[0] > 300 else values


def orthogonal_without_signs(self: Any, shape: Any, dtype: Any = None) -> Any:
    """Q of a normal matrix as the QR decomposition gives it: not uniform over the orthogonal matrices."""
    import keras
    from keras import ops

    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = keras.random.normal((max(rows, columns), min(rows, columns)), seed=self.seed, dtype=dtype)
    q = ops.qr(drawn)[0]
    return self.gain * ops.reshape(ops.transpose(q) if rows < columns else q, shape)


def cut_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    from keras.src.backend.jax import random

    return random.truncated_normal(shape, mean, stddev, dtype, seed)


FAULTS = (
    *(gain(SCALING, "glorot", factor, ON_GLOROT) for factor in (0.5, 0.9, 0.97, 0.99)),
    *(gain(UNIFORM, "random_uniform", factor, ON_UNIFORM) for factor in (0.9, 0.99)),
    gain(SCALING, "glorot", 0.0, ON_GLOROT),
    *map(biased, (0.1, 0.01)),
    *map(another_mode, ("fan_in", "fan_out")),
    fault("glorot normal in the place of uniform", SCALING, wrapped(normal)),
    fault("all layers and seeds share the initialiser's seed", SCALING, wrapped(one_seed)),
    fault("a tenth of the weights start at zero", SCALING, wrapped(half_zero)),
    glorot_times(0.9),
    held_out("glorot: positive weights only", SCALING, "__call__", wrapped(rectangle), BY_SGD),
    held_out("glorot: weights in float16", SCALING, "__call__", wrapped(rounded_start), BY_SGD),
    held_out(
        "initial weights × 1.05 behind more than 300 inputs",
        "keras.src.initializers.random_initializers:VarianceScaling",
        "__call__",
        wrapped(larger_where_wide),
        MLP,
    ),
    held_out(
        "orthogonal weights without the signs of R",
        f"{KERAS}.initializers.random_initializers:Orthogonal",
        "__call__",
        instead(orthogonal_without_signs),
        RNN,
    ),
    held_out(
        "normal weights cut off at two deviations",
        f"{KERAS}.backend.jax.random",
        "normal",
        instead(cut_normal),
        ("deep-gradients", "relu, badly scaled"),
    ),
)
