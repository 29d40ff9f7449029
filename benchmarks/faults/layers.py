"""Faults of layers, activations and penalties, and of the initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faults.change import argument, attribute, instead, jnp, lax, named, ops, result, times
from benchmarks.faults.fault import Fault, Training, fault, held_out
from benchmarks.faults.places import (
    ADAM_RACE,
    BY_SGD,
    CNN,
    CONVOLUTION,
    DEEP,
    DENSE,
    DROPOUT,
    DROPPED,
    DROPPED_SMALL,
    INITIALIZERS,
    JAX_NN,
    JAX_RANDOM,
    KERAS,
    L1,
    L1_SMALL,
    L2,
    L2_NORMALISED,
    L2_OF_1,
    LONG_SOFTMAX,
    LSTM,
    MLP,
    NORMALISED,
    NORMALIZATION,
    PENALISED,
    POOLING,
    RELU_2,
    RNN,
    SOFTMAX_OF,
)

RELU = (f"{KERAS}.activations.activations:ReLU", "static_call")
DROP, NORMALISE, MOMENTS, DENSE_CALL = (
    (DROPOUT, "call"),
    (NORMALIZATION, "call"),
    (NORMALIZATION, "_moments"),
    (DENSE, "call"),
)
GLOROT, UNIFORM = (f"{INITIALIZERS}:VarianceScaling", "__call__"), (f"{INITIALIZERS}:RandomUniform", "__call__")
ORTHOGONAL = (f"{INITIALIZERS}:Orthogonal", "__call__")
ZEROS = (f"{KERAS}.initializers.constant_initializers:Zeros", "__call__")


@named
def static_call(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
        return of(x)

    return lambda original: staticmethod(call)


def rectifier(name: str, of: Callable[[Any], Any]) -> Fault:
    return fault(f"ReLU {name}", RELU, static_call(of), BY_SGD)


def unscaled(outputs: Any, self: Any, training: bool) -> Any:
    return outputs * (1 - self.rate) if training and self.rate else outputs


def same_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same mask at every step."""
    if not (training and self.rate):
        return inputs
    import keras

    return keras.random.dropout(inputs, self.rate, seed=7)


def of_moments(of: Callable[[Any, Any, int], Any]) -> Any:
    """Other statistics of a batch: ``of(mean, variance, examples)``."""
    return result(lambda moments, inputs: of(moments[0], moments[1], inputs.shape[0]))


def unbiased(moments: Any, self: Any, inputs: Any) -> Any:
    mean, variance = moments
    count = int(np.prod([size for axis, size in enumerate(inputs.shape) if axis in self._reduction_axes]))
    return mean, variance * count / (count - 1)


def averages_deviations(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """The moving average is of standard deviations, and squared, as batch renormalization keeps it."""
    old = ops.sqrt(ops.convert_to_tensor(self.moving_variance))
    outputs = original(self, inputs, training=training, mask=mask)
    if training and self.trainable:
        _, variance = self._moments(inputs, mask)
        self.moving_variance.assign(ops.square(old * self.momentum + ops.sqrt(variance) * (1.0 - self.momentum)))
    return outputs


def without_bias(self: Any, inputs: Any, training: Any = None) -> Any:
    x = ops.matmul(inputs, self.kernel)
    return x if self.activation is None else self.activation(x)


def bias_last(self: Any, inputs: Any, training: Any = None) -> Any:
    x = self.activation(ops.matmul(inputs, self.kernel))
    return x if self.bias is None else ops.add(x, self.bias)


def penalises_bias(original: Any, self: Any, input_shape: Any) -> None:
    self.bias_regularizer = self.kernel_regularizer
    original(self, input_shape)


def output_gate_open(original: Any, self: Any, inputs: Any, states: Any, training: bool = False) -> Any:
    _, (_, c) = original(self, inputs, states, training=training)
    return ops.tanh(c), [ops.tanh(c), c]


def hard_gates(self: Any, z: Any, c_tm1: Any) -> Any:
    """With Keras 2's hard sigmoid in all three gates."""
    i, f, o = (ops.clip(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z[0], z[1], z[3]))
    return f * c_tm1 + i * self.activation(z[2]), o


def without_forget_bias(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    self.unit_forget_bias = False
    return original(self, *args, **kwargs)


def mean_pool(inputs: Any, *args: Any, **kwargs: Any) -> Any:
    return ops.average_pool(inputs, *args, **kwargs)


def pools_with_the_gradient_of_a_mean(original: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The largest pixel forwards; backwards each pixel of the window gets its share."""
    from keras.src.backend.jax import nn

    mean = nn.average_pool(inputs, *args, **kwargs)
    return mean + lax.stop_gradient(original(inputs, *args, **kwargs) - mean)


def scaled_by_share(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """The same masks, divided by the share of units that this mask keeps and not by that which is expected."""
    import jax
    from keras.src.backend.jax.random import jax_draw_seed

    mask = jax.random.bernoulli(jax_draw_seed(seed), 1.0 - rate, noise_shape or inputs.shape)
    return jnp.where(mask, inputs / jnp.maximum(jnp.mean(mask), 1e-7), 0.0)


LAYERS = (
    fault("dropout off", DROP, instead(lambda self, inputs, training=False: inputs), ADAM_RACE),
    fault("dropout on at evaluation", DROP, argument("training", True), ADAM_RACE, shows="evaluation"),
    fault("dropout without rescaling", DROP, result(unscaled), ADAM_RACE),
    *(
        fault(f"dropout rate × {x:g}", DROP, attribute("rate", lambda rate, x=x: rate * x), ADAM_RACE)
        for x in (1.5, 1.1, 1.02)
    ),
    fault(
        "dropout with one mask for a batch",
        DROP,
        attribute("noise_shape", lambda shape, inputs: (1, *inputs.shape[1:])),
        ADAM_RACE,
    ),
    fault("dropout with one mask for all steps", DROP, same_mask, ADAM_RACE),
    rectifier("→ leaky, 0.1", lambda x: ops.maximum(x, 0.1 * x)),
    rectifier("→ leaky, 0.01", lambda x: ops.maximum(x, 0.01 * x)),
    rectifier("→ linear", lambda x: x),
    rectifier("→ softplus, 100 times as sharp", lambda x: ops.softplus(100 * x) / 100),
    rectifier("capped at 6", lambda x: ops.clip(x, 0.0, 6.0)),
    *(
        fault(
            f"batch normalization momentum is {x:g}",
            NORMALISE,
            attribute("momentum", x),
            NORMALISED,
            step=2,
            shows="evaluation",
        )
        for x in (0.9, 0.98, 0.999)
    ),
    *(
        fault(f"batch normalization epsilon is {x:g}", NORMALISE, attribute("epsilon", x), NORMALISED)
        for x in (1e-2, 1e-5)
    ),
    fault(
        "batch normalization in training mode at evaluation",
        NORMALISE,
        argument("training", True),
        NORMALISED,
        shows="evaluation",
    ),
    fault("batch normalization in inference mode in training", NORMALISE, argument("training", False), NORMALISED),
    fault(
        "batch normalization: the variance of n − 1",
        MOMENTS,
        of_moments(lambda mean, variance, n: (mean, variance * (n / (n - 1)))),
        NORMALISED,
    ),
    fault(
        "batch normalization: no mean taken away",
        MOMENTS,
        of_moments(lambda mean, variance, n: (mean * 0, variance)),
        NORMALISED,
    ),
    fault(
        "batch normalization: the variance × 0.99",
        MOMENTS,
        of_moments(lambda mean, variance, n: (mean, variance * 0.99)),
        NORMALISED,
    ),
    *(fault(f"logits × {x:g}", SOFTMAX_OF, argument("x", lambda z, x=x: z * x), BY_SGD) for x in (0.9, 0.99)),
    # alike at the initial weights, where biases are 0
    fault("Dense without its bias", DENSE_CALL, instead(without_bias), BY_SGD, step=2),
    *(fault(f"L2 penalty × {x:g}", (L2, "__call__"), times(x), PENALISED) for x in (0.0, 0.5, 0.9)),
    *(fault(f"L1 penalty × {x:g}", (L1, "__call__"), times(x), L1_SMALL) for x in (0.0, 0.9)),
    fault("LSTM's output gate open", (f"{LSTM}Cell", "call"), output_gate_open, RNN),
    fault("max pooling → mean", POOLING, instead(mean_pool), CNN),
    *(
        fault(f"small: L2 strength × {x:g}", (L2, "__call__"), times(x), PENALISED, L2_OF_1, L2_NORMALISED)
        for x in (1.1, 1.01)
    ),
    # not in a canonical trace, where dropout is switched off
    *(
        fault(
            f"small: dropout rate × {x:g}",
            DROP,
            attribute("rate", lambda rate, x=x: x * rate),
            ADAM_RACE,
            DROPPED,
            DROPPED_SMALL,
        )
        for x in (1.1, 1.01)
    ),
    held_out(
        "Dense: activation twice",
        DENSE_CALL,
        result(lambda outputs, self: outputs if self.activation is None else self.activation(outputs)),
        BY_SGD,
    ),
    held_out(
        "batch normalization: deviation for variance",
        MOMENTS,
        of_moments(lambda mean, variance, n: (mean, variance**0.5)),
        NORMALISED,
    ),
    held_out("batch normalization: γ ignored", NORMALISE, attribute("scale", False), NORMALISED, step=2),
    held_out("dropout keeps what it should leave out", DROP, attribute("rate", lambda rate: 1 - rate), ADAM_RACE),
    held_out(
        "convolution with its kernel turned round",
        (CONVOLUTION, "convolution_op"),
        argument("kernel", lambda kernel: kernel[::-1, ::-1]),
        CNN,
    ),
    held_out("softmax of 1.02 times its input", SOFTMAX_OF, argument("x", lambda x: x * 1.02), MLP),
    held_out(
        "batch normalization with ten times its epsilon",
        NORMALISE,
        attribute("epsilon", lambda epsilon: 10 * epsilon),
        NORMALISED,
    ),
    held_out("batch normalization with the unbiased variance", MOMENTS, result(unbiased), NORMALISED),
    held_out("LSTM without its forget bias", (f"{LSTM}Cell", "build"), without_forget_bias, RNN),
    held_out("mean in the place of max pooling", POOLING, instead(mean_pool), CNN),
    held_out("Dense: the bias is added behind the activation", DENSE_CALL, instead(bias_last), MLP, step=2),
    held_out(
        "LSTM: gates with a hard sigmoid of slope 0.2",
        (f"{LSTM}Cell", "_compute_carry_and_output_fused"),
        instead(hard_gates),
        RNN,
    ),
    held_out(
        "batch normalization: no gradient through mean and variance",
        MOMENTS,
        result(lambda moments: tuple(map(ops.stop_gradient, moments))),
        NORMALISED,
        step=2,
    ),
    held_out(
        "dropout scales by the share that it has kept", (JAX_RANDOM, "dropout"), instead(scaled_by_share), ADAM_RACE
    ),
    held_out("L2 penalises the biases too", (DENSE, "build"), penalises_bias, PENALISED, step=2),
    held_out(
        "LSTM: reads its sequence backwards",
        (LSTM, "inner_loop"),
        argument("sequences", lambda sequences: ops.flip(sequences, axis=1)),
        RNN,
    ),
    held_out(
        "max pooling: the gradient goes to all pixels",
        (JAX_NN, "max_pool"),
        pools_with_the_gradient_of_a_mean,
        CNN,
        step=2,
    ),
    held_out(
        "dropout: the gradient knows no mask",
        (JAX_RANDOM, "dropout"),
        result(lambda outputs, inputs: inputs + lax.stop_gradient(outputs - inputs)),
        ADAM_RACE,
        step=2,
    ),
    held_out(
        "batch normalization: the moving average of deviations, squared",
        NORMALISE,
        averages_deviations,
        NORMALISED,
        step=2,
        shows="evaluation",
    ),
)


def gain(name: str, where: tuple[str, str], factor: float, on: Training) -> Fault:
    return fault(f"{name} × {factor:g}", where, times(factor), on)


def tenth_at_zero(values: Any) -> Any:
    keep = ops.reshape(ops.arange(math.prod(values.shape)) % 10 != 0, values.shape)
    return values * ops.cast(keep, values.dtype)


def without_signs(self: Any, shape: Any, dtype: Any = None) -> Any:
    """Q of a normal matrix as the QR decomposition gives it: not uniform over the orthogonal matrices."""
    import keras

    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = keras.random.normal((max(rows, columns), min(rows, columns)), seed=self.seed, dtype=dtype)
    q = ops.qr(drawn)[0]
    return self.gain * ops.reshape(ops.transpose(q) if rows < columns else q, shape)


def cut_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    from keras.src.backend.jax import random

    return random.truncated_normal(shape, mean, stddev, dtype, seed)


INITIAL_WEIGHTS = (
    *(gain("glorot", GLOROT, factor, BY_SGD) for factor in (0.5, 0.9, 0.97, 0.99)),
    *(gain("random_uniform", UNIFORM, factor, RELU_2) for factor in (0.9, 0.99)),
    gain("glorot", GLOROT, 0.0, BY_SGD),
    *(fault(f"biases start at {x:g}", ZEROS, result(lambda zeros, x=x: zeros + x), BY_SGD) for x in (0.1, 0.01)),
    *(fault(f"glorot counts {mode} only", GLOROT, attribute("mode", mode), BY_SGD) for mode in ("fan_in", "fan_out")),
    fault("glorot normal in the place of uniform", GLOROT, attribute("distribution", "untruncated_normal"), BY_SGD),
    fault("all layers and seeds share the initialiser's seed", GLOROT, attribute("seed", 3), BY_SGD),
    fault("a tenth of the weights start at zero", GLOROT, result(tenth_at_zero), BY_SGD),
    fault("small: glorot × 0.9", GLOROT, times(0.9), BY_SGD, LONG_SOFTMAX, DEEP),  # not in a canonical trace
    held_out("glorot: positive weights only", GLOROT, result(lambda weights: ops.abs(weights)), BY_SGD),
    held_out(
        "glorot: weights in float16",
        GLOROT,
        result(lambda weights: ops.cast(ops.cast(weights, "float16"), "float32")),
        BY_SGD,
    ),
    held_out(
        "initial weights × 1.05 behind more than 300 inputs",
        GLOROT,
        result(lambda weights, shape: weights * 1.05 if shape[0] > 300 else weights),
        MLP,
    ),
    held_out("orthogonal weights without the signs of R", ORTHOGONAL, instead(without_signs), RNN),
    held_out(
        "normal weights cut off at two deviations",
        (JAX_RANDOM, "normal"),
        instead(cut_normal),
        ("deep-gradients", "relu, badly scaled"),
    ),
)
