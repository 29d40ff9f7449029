"""Faults of networks, by somebody who had seen neither the checks nor the other faults' code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.faults.blind import CNN, KERAS, MLP, NORMALISED, RNN, Original, fault
from tests.faults.fault import instead, wrapped

# Optimizers


def ones_for_velocities(original: Original, self: Any, variables: Any, name: Any, initializer: Any = "zeros") -> Any:
    return original(self, variables, name, "ones" if name == "velocity" else initializer)


def remembers_scaled_steps(original: Original, self: Any, grad: Any, variable: Any, learning_rate: Any) -> None:
    """d ← ρ d + (1 − ρ) (α Δ)², where it should be Δ²."""
    from keras import ops

    mean = self._accumulated_delta_vars[self._get_variable_index(variable)]
    kept = ops.multiply(self.rho, mean.value)
    original(self, grad, variable, learning_rate)
    added = ops.subtract(mean.value, kept)
    self.assign(mean, ops.add(kept, ops.multiply(added, ops.square(ops.cast(learning_rate, mean.dtype)))))


def clips_rows(original: Original, self: Any, values: Any, axes: Any = None) -> Any:
    return original(self, values, -1 if len(values.shape) > 1 else axes)


def starts_anew(original: Original, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """All of the optimizer's variables but the learning rate, which is the second."""
    import jax.numpy as jnp

    (weights, others, moments), signs = carry
    fresh = [
        old if index == 1 else jnp.asarray(new, old.dtype)
        for index, (old, new) in enumerate(zip(moments, self._fresh, strict=True))
    ]
    return original(self, ((weights, others, fresh), signs), order, data, validation)


# Layers


def bias_last(self: Any, inputs: Any, training: Any = None) -> Any:
    from keras import ops

    x = self.activation(ops.matmul(inputs, self.kernel))
    return x if self.bias is None else ops.add(x, self.bias)


def convolved_coarsely(original: Original, self: Any, inputs: Any, kernel: Any) -> Any:
    """Factors of eight significant bits, as in bfloat16, by Veltkamp's splitting; sums in float32."""
    from keras import ops

    large = [65537.0 * ops.convert_to_tensor(one) for one in (inputs, kernel)]
    return original(self, *(one - (one - exact) for one, exact in zip(large, (inputs, kernel), strict=True)))


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


def half_sigmoid(original: Original, x: Any) -> Any:
    from jax import lax
    from keras import ops

    return lax.reduce_precision(original(lax.reduce_precision(ops.convert_to_tensor(x), 5, 10)), 5, 10)


# Initialisers, losses, penalties


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


def first_class_heavier(original: Original, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    from keras import ops

    return original(target, output, from_logits, axis) * (1.0 + 0.05 * ops.convert_to_tensor(target)[..., 0])


def penalises_bias(original: Original, self: Any, input_shape: Any) -> None:
    self.bias_regularizer = self.kernel_regularizer
    original(self, input_shape)


# Callbacks, files, fit


def forgets_the_best(original: Original, self: Any, epoch: int, logs: Any = None) -> None:
    original(self, epoch, logs)
    self.best = self.get_monitor_value(logs)


def saves_halves(original: Original, self: Any, store: Any) -> None:
    kept: dict[str, Any] = {}
    original(self, kept)
    for name, values in kept.items():
        store[name] = np.asarray(values).astype("float16")


def labels_shuffled(original: Original, self: Any, convert: Any, inputs: Any) -> Iterator[Any]:
    """Within each batch; only where examples are shuffled, so not in evaluation."""
    for batch in original(self, convert, inputs):
        if self._shuffle and isinstance(batch, tuple | list) and len(batch) > 1 and batch[1] is not None:
            x, y, *rest = batch
            yield type(batch)((x, y[np.random.permutation(len(y))], *rest))
        else:
            yield batch


FAULTS = (
    fault(
        "the optimizer starts anew in every epoch",
        "harness.training.compiled_jax:JaxProgram",
        "_epoch",
        wrapped(starts_anew),
        MLP,
    ),
    fault(
        "RMSprop: the mean of squares starts at 1",
        f"{KERAS}.optimizers.rmsprop:RMSprop",
        "add_optimizer_variables",
        wrapped(ones_for_velocities),
        ("far-target", "rmsprop"),
    ),
    fault(
        "Adadelta: its steps are remembered times the rate",
        f"{KERAS}.optimizers.adadelta:Adadelta",
        "update_step",
        wrapped(remembers_scaled_steps),
        None,  # the catalogue's Adadelta has a rate of 1
    ),
    fault(
        "clipnorm clips each row of a kernel by itself",
        f"{KERAS}.optimizers.base_optimizer:BaseOptimizer",
        "_clip_by_norm",
        wrapped(clips_rows),
        ("example-2-clipped", "clipnorm 1"),
    ),
    fault(
        "Dense: the bias is added behind the activation",
        f"{KERAS}.layers.core.dense:Dense",
        "call",
        instead(bias_last),
        MLP,
    ),
    fault(
        "convolution: factors of 7 bits",
        f"{KERAS}.layers.convolutional.base_conv:BaseConv",
        "convolution_op",
        wrapped(convolved_coarsely),
        CNN,
    ),
    fault(
        "LSTM: gates with a hard sigmoid of slope 0.2",
        f"{KERAS}.layers.rnn.lstm:LSTMCell",
        "_compute_carry_and_output_fused",
        instead(hard_gates),
        RNN,
    ),
    fault(
        "batch normalization: no gradient through mean and variance",
        f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization",
        "_moments",
        wrapped(constant_moments),
        NORMALISED,
    ),
    fault(
        "dropout scales by the share that it has kept",
        f"{KERAS}.backend.jax.random",
        "dropout",
        instead(scaled_by_share),
        ("optimizers", "adam"),
    ),
    fault(
        "sigmoid and its gradient in float16",
        f"{KERAS}.backend.jax.nn",
        "sigmoid",
        wrapped(half_sigmoid),
        ("small-rate-gradients", "rate 1"),
    ),
    fault(
        "orthogonal weights without the signs of R",
        f"{KERAS}.initializers.random_initializers:Orthogonal",
        "__call__",
        instead(orthogonal_without_signs),
        RNN,
    ),
    fault(
        "normal weights cut off at two deviations",
        f"{KERAS}.backend.jax.random",
        "normal",
        instead(cut_normal),
        ("deep-gradients", "relu, badly scaled"),
    ),
    fault(
        "cross-entropy: the first class weighs 1.05",
        f"{KERAS}.backend.jax.nn",
        "categorical_crossentropy",
        wrapped(first_class_heavier),
        MLP,
    ),
    fault(
        "L2 penalises the biases too",
        f"{KERAS}.layers.core.dense:Dense",
        "build",
        wrapped(penalises_bias),
        ("regularization", "l2 0.001"),
    ),
    fault(
        "early stopping compares with the epoch before",
        f"{KERAS}.callbacks.early_stopping:EarlyStopping",
        "on_epoch_end",
        wrapped(forgets_the_best),
        None,
    ),
    fault(
        "weights of Dense are saved in float16",
        f"{KERAS}.layers.core.dense:Dense",
        "save_own_variables",
        wrapped(saves_halves),
        None,
    ),
    fault(
        "fit shuffles examples and labels apart",
        f"{KERAS}.trainers.data_adapters.array_data_adapter:ArrayDataAdapter",
        "_get_iterator",
        wrapped(labels_shuffled),
        None,
    ),
)
