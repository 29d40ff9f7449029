"""Faults of layers, activations and penalties."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, held_out, instead, small, times, with_attribute, wrapped
from tests.faults.places import (
    ADAM_RACE,
    BY_SGD,
    CNN,
    DENSE,
    DROPOUT,
    DROPPED,
    KERAS,
    L1,
    L2,
    MLP,
    NORMALISED,
    NORMALIZATION,
    PENALISED,
    RNN,
    Original,
)

GROUP = "layers"
BATCH_NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
RELU = "keras.src.activations.activations:ReLU"


ON_DROPOUT, ON_NORMALISED = ("optimizers", "adam"), ("batch-normalization-rates", "normalised, rate 0.1")


ON_PLAIN = ("batch-normalization-rates", "plain, rate 0.1")


ON_L1, ON_L2 = ("example-4", "l1 1e-4"), ("regularization", "l2 0.001")


def fault(name: str, owner: str, attribute: str, change: Callable[[Any], Any], on: tuple[str, str]) -> Fault:
    return Fault(name, (Patch(owner, attribute, change),), on)


def dropout(name: str, change: Callable[[Any], Any]) -> Fault:
    return fault(f"dropout {name}", DROPOUT, "call", change, ON_DROPOUT)


def normalization(name: str, change: Callable[[Any], Any]) -> Fault:
    return fault(f"batch normalization {name}", BATCH_NORMALIZATION, "call", change, ON_NORMALISED)


def rectifier(name: str, of: Callable[[Any], Any]) -> Fault:
    def call(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
        return of(x)

    return fault(f"ReLU {name}", RELU, "static_call", lambda original: staticmethod(call), ON_PLAIN)


def rate_times(factor: float) -> Fault:
    def call(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
        kept = self.rate
        self.rate = kept * factor
        try:
            return original(self, inputs, training=training)
        finally:
            self.rate = kept

    return dropout(f"rate × {factor:g}", wrapped(call))


def unscaled(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    outputs = original(self, inputs, training=training)
    return outputs * (1 - self.rate) if training and self.rate else outputs


def one_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same units are left out for all examples of a batch."""
    kept, self.noise_shape = self.noise_shape, (1, *inputs.shape[1:])
    try:
        return original(self, inputs, training=training)
    finally:
        self.noise_shape = kept


def same_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same mask at every step."""
    if not (training and self.rate):
        return inputs
    import keras

    return keras.random.dropout(inputs, self.rate, seed=7)


def momentum(number: float) -> Fault:
    return _constant("momentum", number)


def epsilon(number: float) -> Fault:
    return _constant("epsilon", number)


def _constant(attribute: str, number: float) -> Fault:
    def call(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        kept = getattr(self, attribute)
        setattr(self, attribute, number)
        try:
            return original(self, inputs, training=training, mask=mask)
        finally:
            setattr(self, attribute, kept)

    return normalization(f"{attribute} is {number:g}", wrapped(call))


def moments(name: str, of: Callable[[Any, Any, int], Any]) -> Fault:
    """Other statistics of a batch: ``of(mean, variance, examples)``."""

    def call(original: Any, self: Any, inputs: Any, mask: Any) -> Any:
        mean, variance = original(self, inputs, mask)
        return of(mean, variance, inputs.shape[0])

    return fault(f"batch normalization: {name}", BATCH_NORMALIZATION, "_moments", wrapped(call), ON_NORMALISED)


def always(training: bool) -> Callable[[Any], Any]:
    def call(original: Any, self: Any, inputs: Any, **how: Any) -> Any:
        return original(self, inputs, **{**how, "training": training})

    return wrapped(call)


def scaled_output(factor: float) -> Fault:
    """Softmax of logits that are a little too large or too small."""
    change = wrapped(lambda original, x, axis=-1: original(x * factor, axis=axis))
    return fault(f"logits × {factor:g}", "keras.src.ops", "softmax", change, ON_PLAIN)


def without_bias(self: Any, inputs: Any, training: Any = None) -> Any:
    from keras import ops

    x = ops.matmul(inputs, self.kernel)
    return x if self.activation is None else self.activation(x)


def penalty(owner: str, name: str, factor: float, on: tuple[str, str]) -> Fault:
    change = wrapped(lambda original, self, x: original(self, x) * factor)
    return fault(f"{name} × {factor:g}", owner, "__call__", change, on)


def one_gate_off(original: Any, self: Any, inputs: Any, states: Any, training: bool = False) -> Any:
    """The LSTM's output gate is left open."""
    _, (_, c) = original(self, inputs, states, training=training)
    from keras import ops

    return ops.tanh(c), [ops.tanh(c), c]


def mean_pool(original: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return ops.average_pool(inputs, *args, **kwargs)


def _ops() -> Any:
    from keras import ops

    return ops


ON_LSTM, ON_CNN = ("batch-normalization-examples", "rnn"), ("batch-normalization-examples", "cnn")


def l2_times(factor: float) -> Fault:
    change = wrapped(lambda original, self, x: original(self, x) * factor)
    only = (PENALISED, ("regularization", "l2 1"), ("regularization", "batch normalization, l2 1e-4"))
    what = f"L2 penalties are {factor:g} times as strong; the first loss has them. Layers with a kernel_regularizer."
    return small(f"L2 strength × {factor:g}", what, Patch(L2, "__call__", change), only, 1)


def dropout_times(factor: float) -> Fault:
    patch = Patch(DROPOUT, "call", with_attribute("rate", functools.partial(times, factor)))
    only = (ADAM_RACE, DROPPED, ("regularization", "dropout 0.2"))
    what = (
        f"Dropout leaves out {factor:g} times its rate; the first loss has it. It cannot show where dropout is "
        "switched off, as in a canonical trace."
    )
    return small(f"dropout rate × {factor:g}", what, patch, only, 1)


def twice_activated(original: Any, self: Any, inputs: Any, training: Any = None) -> Any:
    outputs = original(self, inputs, training=training)
    return outputs if self.activation is None else self.activation(outputs)


def squared_moving(original: Any, self: Any, inputs: Any, mask: Any) -> Any:
    """The standard deviation in the place of the variance."""
    mean, variance = original(self, inputs, mask)
    return mean, variance**0.5


def gamma_ignored(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    kept, self.scale = self.scale, False
    try:
        return original(self, inputs, training=training, mask=mask)
    finally:
        self.scale = kept


def rate_of_the_rest(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """Keeps what it should leave out."""
    kept, self.rate = self.rate, 1 - self.rate
    try:
        return original(self, inputs, training=training)
    finally:
        self.rate = kept


def flipped(original: Any, self: Any, inputs: Any, kernel: Any) -> Any:
    """A convolution as mathematicians have it: the kernel is turned round."""
    return original(self, inputs, kernel[::-1, ::-1])


def with_epsilon(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    kept, self.epsilon = self.epsilon, 10 * self.epsilon
    try:
        return original(self, *args, **kwargs)
    finally:
        self.epsilon = kept


def unbiased(original: Any, self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    mean, variance = original(self, inputs, *args, **kwargs)
    count = int(np.prod([size for axis, size in enumerate(inputs.shape) if axis in self._reduction_axes]))
    return mean, variance * count / (count - 1)


def without_forget_bias(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    self.unit_forget_bias = False
    return original(self, *args, **kwargs)


def averaged(original: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return ops.average_pool(inputs, *args, **kwargs)


def bias_last(self: Any, inputs: Any, training: Any = None) -> Any:
    from keras import ops

    x = self.activation(ops.matmul(inputs, self.kernel))
    return x if self.bias is None else ops.add(x, self.bias)


def hard_gates(self: Any, z: Any, c_tm1: Any) -> Any:
    """With Keras 2's hard sigmoid in all three gates."""
    from keras import ops

    i, f, o = (ops.clip(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z[0], z[1], z[3]))
    return f * c_tm1 + i * self.activation(z[2]), o


def constant_moments(original: Original, self: Any, inputs: Any, mask: Any) -> Any:
    from keras import ops

    mean, variance = original(self, inputs, mask)
    return ops.stop_gradient(mean), ops.stop_gradient(variance)


def scaled_by_share(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """The same masks, divided by the share of units that this mask keeps and not by that which is expected."""
    import jax
    import jax.numpy as jnp
    from keras.src.backend.jax.random import jax_draw_seed

    mask = jax.random.bernoulli(jax_draw_seed(seed), 1.0 - rate, noise_shape or inputs.shape)
    return jnp.where(mask, inputs / jnp.maximum(jnp.mean(mask), 1e-7), 0.0)


def penalises_bias(original: Original, self: Any, input_shape: Any) -> None:
    self.bias_regularizer = self.kernel_regularizer
    original(self, input_shape)


def reads_backwards(original: Original, self: Any, sequences: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return original(self, ops.flip(sequences, axis=1), *args, **kwargs)


def pools_with_the_gradient_of_a_mean(original: Original, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The largest pixel forwards; backwards each pixel of the window gets its share."""
    from jax import lax
    from keras.src.backend.jax import nn

    mean = nn.average_pool(inputs, *args, **kwargs)
    return mean + lax.stop_gradient(original(inputs, *args, **kwargs) - mean)


def drops_forwards_only(original: Original, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """What is left out, and scaled, on the way forward gets the gradient as if there were no dropout."""
    from jax import lax

    return inputs + lax.stop_gradient(original(inputs, *args, **kwargs) - inputs)


def averages_deviations(original: Original, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """The moving average is of standard deviations, and squared, as batch renormalization keeps it."""
    from keras import ops

    old = ops.sqrt(ops.convert_to_tensor(self.moving_variance))
    outputs = original(self, inputs, training=training, mask=mask)
    if training and self.trainable:
        _, variance = self._moments(inputs, mask)
        self.moving_variance.assign(ops.square(old * self.momentum + ops.sqrt(variance) * (1.0 - self.momentum)))
    return outputs


FAULTS = (
    dropout("off", instead(lambda self, inputs, training=False: inputs)),
    dropout("on at evaluation", always(True)),
    dropout("without rescaling", wrapped(unscaled)),
    *map(rate_times, (1.5, 1.1, 1.02)),
    dropout("with one mask for a batch", wrapped(one_mask)),
    dropout("with one mask for all steps", wrapped(same_mask)),
    rectifier("→ leaky, 0.1", lambda x: _ops().maximum(x, 0.1 * x)),
    rectifier("→ leaky, 0.01", lambda x: _ops().maximum(x, 0.01 * x)),
    rectifier("→ linear", lambda x: x),
    rectifier("→ softplus, 100 times as sharp", lambda x: _ops().softplus(100 * x) / 100),
    rectifier("capped at 6", lambda x: _ops().clip(x, 0.0, 6.0)),
    *map(momentum, (0.9, 0.98, 0.999)),
    *map(epsilon, (1e-2, 1e-5)),
    normalization("in training mode at evaluation", always(True)),
    normalization("in inference mode in training", always(False)),
    moments("the variance of n − 1", lambda mean, variance, n: (mean, variance * (n / (n - 1)))),
    moments("no mean taken away", lambda mean, variance, n: (mean * 0, variance)),
    moments("the variance × 0.99", lambda mean, variance, n: (mean, variance * 0.99)),
    *map(scaled_output, (0.9, 0.99)),
    fault("Dense without its bias", DENSE, "call", instead(without_bias), ON_PLAIN),
    *(penalty(L2, "L2 penalty", factor, ON_L2) for factor in (0.0, 0.5, 0.9)),
    *(penalty(L1, "L1 penalty", factor, ON_L1) for factor in (0.0, 0.9)),
    fault("LSTM's output gate open", "keras.src.layers.rnn.lstm:LSTMCell", "call", wrapped(one_gate_off), ON_LSTM),
    fault("max pooling → mean", "keras.src.ops", "max_pool", wrapped(mean_pool), ON_CNN),
    *map(l2_times, (1.1, 1.01)),
    *map(dropout_times, (1.1, 1.01)),
    held_out("Dense: activation twice", DENSE, "call", wrapped(twice_activated), BY_SGD),
    held_out(
        "batch normalization: deviation for variance", NORMALIZATION, "_moments", wrapped(squared_moving), NORMALISED
    ),
    held_out("batch normalization: γ ignored", NORMALIZATION, "call", wrapped(gamma_ignored), NORMALISED),
    held_out(
        "dropout keeps what it should leave out",
        "keras.src.layers.regularization.dropout:Dropout",
        "call",
        wrapped(rate_of_the_rest),
        ADAM_RACE,
    ),
    held_out(
        "convolution with its kernel turned round",
        "keras.src.layers.convolutional.base_conv:BaseConv",
        "convolution_op",
        wrapped(flipped),
        ("batch-normalization-examples", "cnn"),
    ),
    held_out(
        "softmax of 1.02 times its input",
        "keras.src.ops",
        "softmax",
        wrapped(lambda f, x, axis=-1: f(x * 1.02, axis)),
        MLP,
    ),
    held_out(
        "batch normalization with ten times its epsilon", NORMALIZATION, "call", wrapped(with_epsilon), NORMALISED
    ),
    held_out(
        "batch normalization with the unbiased variance", NORMALIZATION, "_moments", wrapped(unbiased), NORMALISED
    ),
    held_out(
        "LSTM without its forget bias", "keras.src.layers.rnn.lstm:LSTMCell", "build", wrapped(without_forget_bias), RNN
    ),
    held_out("mean in the place of max pooling", "keras.src.ops", "max_pool", wrapped(averaged), CNN),
    held_out(
        "Dense: the bias is added behind the activation",
        f"{KERAS}.layers.core.dense:Dense",
        "call",
        instead(bias_last),
        MLP,
    ),
    held_out(
        "LSTM: gates with a hard sigmoid of slope 0.2",
        f"{KERAS}.layers.rnn.lstm:LSTMCell",
        "_compute_carry_and_output_fused",
        instead(hard_gates),
        RNN,
    ),
    held_out(
        "batch normalization: no gradient through mean and variance",
        f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization",
        "_moments",
        wrapped(constant_moments),
        NORMALISED,
    ),
    held_out(
        "dropout scales by the share that it has kept",
        f"{KERAS}.backend.jax.random",
        "dropout",
        instead(scaled_by_share),
        ("optimizers", "adam"),
    ),
    held_out(
        "L2 penalises the biases too",
        f"{KERAS}.layers.core.dense:Dense",
        "build",
        wrapped(penalises_bias),
        ("regularization", "l2 0.001"),
    ),
    held_out(
        "LSTM: reads its sequence backwards",
        f"{KERAS}.layers.rnn.lstm:LSTM",
        "inner_loop",
        wrapped(reads_backwards),
        RNN,
    ),
    held_out(
        "max pooling: the gradient goes to all pixels",
        f"{KERAS}.backend.jax.nn",
        "max_pool",
        wrapped(pools_with_the_gradient_of_a_mean),
        CNN,
    ),
    held_out(
        "dropout: the gradient knows no mask",
        f"{KERAS}.backend.jax.random",
        "dropout",
        wrapped(drops_forwards_only),
        ("optimizers", "adam"),
    ),
    held_out(
        "batch normalization: the moving average of deviations, squared",
        f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization",
        "call",
        wrapped(averages_deviations),
        NORMALISED,
    ),
)
