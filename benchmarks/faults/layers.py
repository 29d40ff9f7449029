"""Faults of layers, activations and penalties, and of the initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from benchmarks.faults import places as at
from benchmarks.faults.change import (
    New,
    Wrapper,
    argument,
    attribute,
    in_bits,
    instead,
    keras,
    ops,
    result,
    times,
)
from benchmarks.faults.fault import fault, held_out, here, strengths

RELU = (f"{at.KERAS}.activations.activations:ReLU", "static_call")
MOMENTS = (at.NORMALIZATION, "_moments")
GLOROT, UNIFORM, ORTHOGONAL = (
    (f"{at.INITIALIZERS}:{name}", "__call__") for name in ("VarianceScaling", "RandomUniform", "Orthogonal")
)
CELL = f"{at.LSTM}Cell"
ZEROS = (f"{at.KERAS}.initializers.constant_initializers:Zeros", "__call__")


def relu(of: Callable[[Any], Any]) -> New:
    """ReLU is ``of(x)``, whatever its other arguments."""
    return New(lambda original: staticmethod(lambda x, *args, **kwargs: of(x)))


def moments(of: Callable[[Any, Any], Any]) -> Wrapper:
    """Other statistics of a batch: ``of(mean, variance)``."""
    return result(lambda given: of(*given))


def sample_variance(given: Any, count: int) -> Any:
    """Mean and variance of a sample, of which one degree of freedom is gone."""
    mean, variance = given
    return mean, variance * (count / (count - 1))


def unbiased(given: Any, self: Any, inputs: Any) -> Any:
    return sample_variance(given, math.prod(inputs.shape[axis] for axis in self._reduction_axes))


def activated_again(outputs: Any, self: Any) -> Any:
    return outputs if self.activation is None else self.activation(outputs)


def unscaled(outputs: Any, self: Any, training: bool) -> Any:
    return outputs * (1 - self.rate) if training and self.rate else outputs


def same_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same mask at every step."""
    return keras.random.dropout(inputs, self.rate, seed=7) if training and self.rate else inputs


def averages_deviations(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """The moving average is of standard deviations, and squared, as batch renormalization keeps it."""
    old = ops.sqrt(ops.convert_to_tensor(self.moving_variance))
    outputs = original(self, inputs, training=training, mask=mask)
    if training and self.trainable:
        _, variance = self._moments(inputs, mask)
        self.moving_variance.assign(ops.square(old * self.momentum + ops.sqrt(variance) * (1.0 - self.momentum)))
    return outputs


def bias_last(self: Any, inputs: Any, training: Any = None) -> Any:
    x = self.activation(ops.matmul(inputs, self.kernel))
    return x if self.bias is None else ops.add(x, self.bias)


def before(name: str, of: Callable[[Any], Any]) -> Wrapper:
    """An attribute of the object is another one from the call on: ``of(object)``."""

    def call(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        setattr(self, name, of(self))
        return original(self, *args, **kwargs)

    return call


def output_gate_open(given: Any) -> Any:
    """What an LSTM's cell gives: its output, which is its first state, and its second."""
    _, (_, c) = given
    return ops.tanh(c), [ops.tanh(c), c]


def hard_gates(self: Any, z: Any, c_tm1: Any) -> Any:
    """With Keras 2's hard sigmoid in all three gates."""
    i, f, o = (ops.clip(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z[0], z[1], z[3]))
    return f * c_tm1 + i * self.activation(z[2]), o


def mean_pool(inputs: Any, *args: Any, **kwargs: Any) -> Any:
    return ops.average_pool(inputs, *args, **kwargs)


def rate_times(factor: float) -> Wrapper:
    return attribute("rate", lambda rate: factor * rate)


def logits_times(factor: float) -> Wrapper:
    return argument("x", lambda z: z * factor)


DROP, LINEAR, NORMALISE, OF_BATCH, OF_SOFTMAX = (
    here(at.DROP, at.ADAM_RACE),
    here(RELU, at.BY_SGD),
    here(at.NORMALISE, at.NORMALISED),
    here(MOMENTS, at.NORMALISED),
    here(at.SOFTMAX_OF, at.BY_SGD),
)
DROPPED = here(at.DROP, at.ADAM_RACE, at.DROPPED, at.DROPPED_SMALL)
PENALISED = here(at.L2_PENALTY, at.PENALISED, at.L2_OF_1, at.L2_NORMALISED)
LAYERS = {
    "dropout off": DROP(instead(lambda self, inputs, training=False: inputs)),
    "dropout on at evaluation": DROP(argument("training", True)),
    "dropout without rescaling": DROP(result(unscaled)),
    **strengths("dropout rate × {:g}", (1.5, 1.1, 1.02), lambda x: DROP(rate_times(x))),
    "dropout with one mask for a batch": DROP(attribute("noise_shape", lambda _, inputs: (1, *inputs.shape[1:]))),
    "dropout with one mask for all steps": DROP(same_mask),
    **strengths("ReLU → leaky, {:g}", (0.1, 0.01), lambda slope: LINEAR(relu(lambda x: ops.maximum(x, slope * x)))),
    "ReLU → linear": LINEAR(relu(lambda x: x)),
    "ReLU → softplus, 100 times as sharp": LINEAR(relu(lambda x: ops.softplus(100 * x) / 100)),
    "ReLU capped at 6": LINEAR(relu(lambda x: ops.clip(x, 0.0, 6.0))),
    **strengths(
        "batch normalization momentum is {:g}",
        (0.9, 0.98, 0.999),
        lambda x: NORMALISE(attribute("momentum", x), step=2),
    ),
    **strengths("batch normalization epsilon is {:g}", (1e-2, 1e-5), lambda x: NORMALISE(attribute("epsilon", x))),
    "batch normalization in training mode at evaluation": NORMALISE(argument("training", True)),
    "batch normalization in inference mode in training": NORMALISE(argument("training", False)),
    "batch normalization: the variance of n − 1": OF_BATCH(
        result(lambda given, inputs: sample_variance(given, inputs.shape[0]))
    ),
    "batch normalization: no mean taken away": OF_BATCH(moments(lambda mean, variance: (mean * 0, variance))),
    "batch normalization: the variance × 0.99": OF_BATCH(moments(lambda mean, variance: (mean, variance * 0.99))),
    **strengths("logits × {:g}", (0.9, 0.99), lambda x: OF_SOFTMAX(logits_times(x))),
    # alike at the initial weights, where biases are 0
    "Dense without its bias": fault(at.DENSE_CALL, attribute("bias", None), at.BY_SGD, step=2),
    **strengths("L2 penalty × {:g}", (0.0, 0.5, 0.9), lambda x: fault(at.L2_PENALTY, times(x), at.PENALISED)),
    **strengths("L1 penalty × {:g}", (0.0, 0.9), lambda x: fault(at.L1_PENALTY, times(x), at.L1_SMALL)),
    "LSTM's output gate open": fault((CELL, "call"), result(output_gate_open), at.RNN),
    "max pooling → mean": fault(at.POOLING, instead(mean_pool), at.CNN),
    **strengths("small: L2 strength × {:g}", (1.1, 1.01), lambda x: PENALISED(times(x))),
    # not in a canonical trace, where dropout is switched off
    **strengths("small: dropout rate × {:g}", (1.1, 1.01), lambda x: DROPPED(rate_times(x))),
} | held_out(
    {
        "Dense: activation twice": fault(at.DENSE_CALL, result(activated_again), at.BY_SGD),
        "batch normalization: deviation for variance": OF_BATCH(moments(lambda mean, variance: (mean, variance**0.5))),
        "batch normalization: γ ignored": NORMALISE(attribute("scale", False), step=2),
        "dropout keeps what it should leave out": DROP(attribute("rate", lambda rate: 1 - rate)),
        "convolution with its kernel turned round": fault(
            at.CONVOLVE, argument("kernel", lambda kernel: kernel[::-1, ::-1]), at.CNN
        ),
        "softmax of 1.02 times its input": fault(at.SOFTMAX_OF, logits_times(1.02), at.MLP),
        "batch normalization with ten times its epsilon": NORMALISE(attribute("epsilon", lambda old: 10 * old)),
        "batch normalization with the unbiased variance": OF_BATCH(result(unbiased)),
        "LSTM without its forget bias": fault((CELL, "build"), before("unit_forget_bias", lambda self: False), at.RNN),
        "mean in the place of max pooling": fault(at.POOLING, instead(mean_pool), at.CNN),
        "Dense: the bias is added behind the activation": fault(at.DENSE_CALL, instead(bias_last), at.MLP, step=2),
        "LSTM: gates with a hard sigmoid of slope 0.2": fault(
            (CELL, "_compute_carry_and_output_fused"), instead(hard_gates), at.RNN
        ),
        "batch normalization: no gradient through mean and variance": OF_BATCH(
            result(lambda given: tuple(map(ops.stop_gradient, given))), step=2
        ),
        "L2 penalises the biases too": fault(
            (at.DENSE, "build"), before("bias_regularizer", lambda self: self.kernel_regularizer), at.PENALISED, step=2
        ),
        "LSTM: reads its sequence backwards": fault(
            (at.LSTM, "inner_loop"), argument("sequences", lambda sequences: ops.flip(sequences, axis=1)), at.RNN
        ),
        "batch normalization: the moving average of deviations, squared": NORMALISE(averages_deviations, step=2),
    }
)


def tenth_at_zero(values: Any) -> Any:
    keep = ops.reshape(ops.arange(math.prod(values.shape)) % 10 != 0, values.shape)
    return values * ops.cast(keep, values.dtype)


def without_signs(self: Any, shape: Any, dtype: Any = None) -> Any:
    """Q of a normal matrix as the QR decomposition gives it: not uniform over the orthogonal matrices."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = keras.random.normal((max(rows, columns), min(rows, columns)), seed=self.seed, dtype=dtype)
    q = ops.qr(drawn)[0]
    return self.gain * ops.reshape(ops.transpose(q) if rows < columns else q, shape)


DRAWN = here(GLOROT, at.BY_SGD)
INITIAL_WEIGHTS = {
    **strengths("glorot × {:g}", (0.5, 0.9, 0.97, 0.99, 0.0), lambda x: DRAWN(times(x))),
    **strengths("random_uniform × {:g}", (0.9, 0.99), lambda x: fault(UNIFORM, times(x), at.RELU_2)),
    **strengths(
        "biases start at {:g}", (0.1, 0.01), lambda x: fault(ZEROS, result(lambda zeros: zeros + x), at.BY_SGD)
    ),
    "glorot counts fan_in only": DRAWN(attribute("mode", "fan_in")),
    "glorot counts fan_out only": DRAWN(attribute("mode", "fan_out")),
    "glorot normal in the place of uniform": DRAWN(attribute("distribution", "untruncated_normal")),
    "all layers and seeds share the initialiser's seed": DRAWN(attribute("seed", 3)),
    "a tenth of the weights start at zero": DRAWN(result(tenth_at_zero)),
    # not in a canonical trace
    "small: glorot × 0.9": fault(GLOROT, times(0.9), at.BY_SGD, at.LONG_SOFTMAX, at.DEEP),
} | held_out(
    {
        "glorot: positive weights only": DRAWN(result(lambda weights: ops.abs(weights))),
        "glorot: weights in float16": DRAWN(result(in_bits("float16"))),
        "initial weights × 1.05 behind more than 300 inputs": fault(
            GLOROT, result(lambda weights, shape: weights * 1.05 if shape[0] > 300 else weights), at.MLP
        ),
        "orthogonal weights without the signs of R": fault(ORTHOGONAL, instead(without_signs), at.RNN),
    }
)
