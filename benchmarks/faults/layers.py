"""Faults of layers, activations and penalties, and of the initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import argument, attribute, instead, jnp, lax, named, ops, result, times
from benchmarks.faults.fault import fault, held_out

RELU = (f"{at.KERAS}.activations.activations:ReLU", "static_call")
DROP, NORMALISE, MOMENTS, DENSE_CALL = (
    (at.DROPOUT, "call"),
    (at.NORMALIZATION, "call"),
    (at.NORMALIZATION, "_moments"),
    (at.DENSE, "call"),
)
GLOROT, UNIFORM = (f"{at.INITIALIZERS}:VarianceScaling", "__call__"), (f"{at.INITIALIZERS}:RandomUniform", "__call__")
ORTHOGONAL = (f"{at.INITIALIZERS}:Orthogonal", "__call__")
ZEROS = (f"{at.KERAS}.initializers.constant_initializers:Zeros", "__call__")


@named
def static_call(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
        return of(x)

    return lambda original: staticmethod(call)


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


LAYERS = {
    "dropout off": fault(DROP, instead(lambda self, inputs, training=False: inputs), on.ADAM_RACE),
    "dropout on at evaluation": fault(DROP, argument("training", True), on.ADAM_RACE, shows="evaluation"),
    "dropout without rescaling": fault(DROP, result(unscaled), on.ADAM_RACE),
    **{
        f"dropout rate × {x:g}": fault(DROP, attribute("rate", lambda rate, x=x: rate * x), on.ADAM_RACE)
        for x in (1.5, 1.1, 1.02)
    },
    "dropout with one mask for a batch": fault(
        DROP, attribute("noise_shape", lambda shape, inputs: (1, *inputs.shape[1:])), on.ADAM_RACE
    ),
    "dropout with one mask for all steps": fault(DROP, same_mask, on.ADAM_RACE),
    "ReLU → leaky, 0.1": fault(RELU, static_call(lambda x: ops.maximum(x, 0.1 * x)), on.BY_SGD),
    "ReLU → leaky, 0.01": fault(RELU, static_call(lambda x: ops.maximum(x, 0.01 * x)), on.BY_SGD),
    "ReLU → linear": fault(RELU, static_call(lambda x: x), on.BY_SGD),
    "ReLU → softplus, 100 times as sharp": fault(RELU, static_call(lambda x: ops.softplus(100 * x) / 100), on.BY_SGD),
    "ReLU capped at 6": fault(RELU, static_call(lambda x: ops.clip(x, 0.0, 6.0)), on.BY_SGD),
    **{
        f"batch normalization momentum is {x:g}": fault(
            NORMALISE, attribute("momentum", x), on.NORMALISED, step=2, shows="evaluation"
        )
        for x in (0.9, 0.98, 0.999)
    },
    **{
        f"batch normalization epsilon is {x:g}": fault(NORMALISE, attribute("epsilon", x), on.NORMALISED)
        for x in (1e-2, 1e-5)
    },
    "batch normalization in training mode at evaluation": fault(
        NORMALISE, argument("training", True), on.NORMALISED, shows="evaluation"
    ),
    "batch normalization in inference mode in training": fault(NORMALISE, argument("training", False), on.NORMALISED),
    "batch normalization: the variance of n − 1": fault(
        MOMENTS, of_moments(lambda mean, variance, n: (mean, variance * (n / (n - 1)))), on.NORMALISED
    ),
    "batch normalization: no mean taken away": fault(
        MOMENTS, of_moments(lambda mean, variance, n: (mean * 0, variance)), on.NORMALISED
    ),
    "batch normalization: the variance × 0.99": fault(
        MOMENTS, of_moments(lambda mean, variance, n: (mean, variance * 0.99)), on.NORMALISED
    ),
    **{f"logits × {x:g}": fault(at.SOFTMAX_OF, argument("x", lambda z, x=x: z * x), on.BY_SGD) for x in (0.9, 0.99)},
    # alike at the initial weights, where biases are 0
    "Dense without its bias": fault(DENSE_CALL, instead(without_bias), on.BY_SGD, step=2),
    **{f"L2 penalty × {x:g}": fault(at.L2_PENALTY, times(x), on.PENALISED) for x in (0.0, 0.5, 0.9)},
    **{f"L1 penalty × {x:g}": fault(at.L1_PENALTY, times(x), on.L1_SMALL) for x in (0.0, 0.9)},
    "LSTM's output gate open": fault((f"{at.LSTM}Cell", "call"), output_gate_open, on.RNN),
    "max pooling → mean": fault(at.POOLING, instead(mean_pool), on.CNN),
    **{
        f"small: L2 strength × {x:g}": fault(at.L2_PENALTY, times(x), on.PENALISED, on.L2_OF_1, on.L2_NORMALISED)
        for x in (1.1, 1.01)
    },
    # not in a canonical trace, where dropout is switched off
    **{
        f"small: dropout rate × {x:g}": fault(
            DROP, attribute("rate", lambda rate, x=x: x * rate), on.ADAM_RACE, on.DROPPED, on.DROPPED_SMALL
        )
        for x in (1.1, 1.01)
    },
    "Dense: activation twice": held_out(
        DENSE_CALL,
        result(lambda outputs, self: outputs if self.activation is None else self.activation(outputs)),
        on.BY_SGD,
    ),
    "batch normalization: deviation for variance": held_out(
        MOMENTS, of_moments(lambda mean, variance, n: (mean, variance**0.5)), on.NORMALISED
    ),
    "batch normalization: γ ignored": held_out(NORMALISE, attribute("scale", False), on.NORMALISED, step=2),
    "dropout keeps what it should leave out": held_out(DROP, attribute("rate", lambda rate: 1 - rate), on.ADAM_RACE),
    "convolution with its kernel turned round": held_out(
        (at.CONVOLUTION, "convolution_op"), argument("kernel", lambda kernel: kernel[::-1, ::-1]), on.CNN
    ),
    "softmax of 1.02 times its input": held_out(at.SOFTMAX_OF, argument("x", lambda x: x * 1.02), on.MLP),
    "batch normalization with ten times its epsilon": held_out(
        NORMALISE, attribute("epsilon", lambda epsilon: 10 * epsilon), on.NORMALISED
    ),
    "batch normalization with the unbiased variance": held_out(MOMENTS, result(unbiased), on.NORMALISED),
    "LSTM without its forget bias": held_out((f"{at.LSTM}Cell", "build"), without_forget_bias, on.RNN),
    "mean in the place of max pooling": held_out(at.POOLING, instead(mean_pool), on.CNN),
    "Dense: the bias is added behind the activation": held_out(DENSE_CALL, instead(bias_last), on.MLP, step=2),
    "LSTM: gates with a hard sigmoid of slope 0.2": held_out(
        (f"{at.LSTM}Cell", "_compute_carry_and_output_fused"), instead(hard_gates), on.RNN
    ),
    "batch normalization: no gradient through mean and variance": held_out(
        MOMENTS, result(lambda moments: tuple(map(ops.stop_gradient, moments))), on.NORMALISED, step=2
    ),
    "dropout scales by the share that it has kept": held_out(
        (at.JAX_RANDOM, "dropout"), instead(scaled_by_share), on.ADAM_RACE
    ),
    "L2 penalises the biases too": held_out((at.DENSE, "build"), penalises_bias, on.PENALISED, step=2),
    "LSTM: reads its sequence backwards": held_out(
        (at.LSTM, "inner_loop"), argument("sequences", lambda sequences: ops.flip(sequences, axis=1)), on.RNN
    ),
    "max pooling: the gradient goes to all pixels": held_out(
        (at.JAX_NN, "max_pool"), pools_with_the_gradient_of_a_mean, on.CNN, step=2
    ),
    "dropout: the gradient knows no mask": held_out(
        (at.JAX_RANDOM, "dropout"),
        result(lambda outputs, inputs: inputs + lax.stop_gradient(outputs - inputs)),
        on.ADAM_RACE,
        step=2,
    ),
    "batch normalization: the moving average of deviations, squared": held_out(
        NORMALISE, averages_deviations, on.NORMALISED, step=2, shows="evaluation"
    ),
}


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


INITIAL_WEIGHTS = {
    **{f"glorot × {x:g}": fault(GLOROT, times(x), on.BY_SGD) for x in (0.5, 0.9, 0.97, 0.99, 0.0)},
    **{f"random_uniform × {x:g}": fault(UNIFORM, times(x), on.RELU_2) for x in (0.9, 0.99)},
    **{f"biases start at {x:g}": fault(ZEROS, result(lambda zeros, x=x: zeros + x), on.BY_SGD) for x in (0.1, 0.01)},
    **{
        f"glorot counts {mode} only": fault(GLOROT, attribute("mode", mode), on.BY_SGD)
        for mode in ("fan_in", "fan_out")
    },
    "glorot normal in the place of uniform": fault(GLOROT, attribute("distribution", "untruncated_normal"), on.BY_SGD),
    "all layers and seeds share the initialiser's seed": fault(GLOROT, attribute("seed", 3), on.BY_SGD),
    "a tenth of the weights start at zero": fault(GLOROT, result(tenth_at_zero), on.BY_SGD),
    # not in a canonical trace
    "small: glorot × 0.9": fault(GLOROT, times(0.9), on.BY_SGD, on.LONG_SOFTMAX, on.DEEP),
    "glorot: positive weights only": held_out(GLOROT, result(lambda weights: ops.abs(weights)), on.BY_SGD),
    "glorot: weights in float16": held_out(
        GLOROT, result(lambda weights: ops.cast(ops.cast(weights, "float16"), "float32")), on.BY_SGD
    ),
    "initial weights × 1.05 behind more than 300 inputs": held_out(
        GLOROT, result(lambda weights, shape: weights * 1.05 if shape[0] > 300 else weights), on.MLP
    ),
    "orthogonal weights without the signs of R": held_out(ORTHOGONAL, instead(without_signs), on.RNN),
    "normal weights cut off at two deviations": held_out(
        (at.JAX_RANDOM, "normal"), instead(cut_normal), ("deep-gradients", "relu, badly scaled")
    ),
}
