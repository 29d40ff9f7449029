"""A second such round: faults of networks."""

from __future__ import annotations

import math
from typing import Any

from tests.faults.blind import CNN, JAX, KERAS, MLP, NORMALISED, RNN, Original, fault
from tests.faults.fault import instead, wrapped

# Optimizers


def index_of_shape(original: Original, self: Any, variable: Any) -> int:
    """The slot of the first variable that has this one's shape."""
    index = int(original(self, variable))
    shapes = [tuple(other.shape) for other in self._trainable_variables]
    return shapes.index(shapes[index])


def divides_by_the_sum_before(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Adagrad's step; its own gradient is added to the sum of squares behind it."""
    from keras import ops

    gradient = ops.cast(gradient, variable.dtype)
    accumulator = self._accumulators[self._get_variable_index(variable)]
    root = ops.sqrt(ops.add(accumulator, self.epsilon))
    self.assign_sub(variable, ops.divide(ops.multiply(ops.cast(learning_rate, variable.dtype), gradient), root))
    self.assign_add(accumulator, ops.square(gradient))


# Layers and losses


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


def on_two_devices(
    original: Original, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool
) -> tuple[Any, Any]:
    """Each half of a batch by itself, so that batch normalization sees the half only; the first keeps the averages."""
    if not training or len(x) < 2:
        found: tuple[Any, Any] = original(self, weights, others, x, y, training)
        return found
    half = len(x) // 2
    share = half / len(x)
    first, (kept, hits) = original(self, weights, others, x[:half], y[:half], training)
    second, (_, more) = original(self, weights, others, x[half:], y[half:], training)
    return share * first + (1 - share) * second, (kept, hits + more)


def uniform_of_period(original: Original, shape: Any, *args: Any, **kwargs: Any) -> Any:
    """Uniform numbers of a generator that begins anew after 65,536 of them."""
    import jax.numpy as jnp

    count, period = math.prod(shape), 2**16
    if count <= period:
        return original(shape, *args, **kwargs)
    numbers = original((period,), *args, **kwargs)
    return jnp.tile(numbers, -(-count // period))[:count].reshape(shape)


def adds_epsilon(original: Original, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """− Σ y log(p + ε); it should clip p to between ε and 1 − ε, where no gradient passes."""
    import jax.numpy as jnp
    from keras import config

    if from_logits:
        return original(target, output, from_logits=from_logits, axis=axis)
    target, output = jnp.asarray(target), jnp.asarray(output)
    output = output / jnp.sum(output, axis, keepdims=True)
    return -jnp.sum(target * jnp.log(output + config.epsilon()), axis=axis)


# Callbacks and files of Keras


def asks_for_a_hundredth(original: Original, self: Any, value: Any, reference: Any) -> Any:
    """An improvement is one by at least a per cent."""
    return original(self, value if reference is None else value * 1.01, reference)


def loads_no_bias(original: Original, self: Any, store: Any) -> None:
    from keras import ops

    original(self, store)
    if self.bias is not None:
        self.bias.assign(ops.zeros(self.bias.shape))


FAULTS = (
    fault(
        "optimizers: variables of one shape share their slots",
        f"{KERAS}.optimizers.base_optimizer:BaseOptimizer",
        "_get_variable_index",
        wrapped(index_of_shape),
        MLP,
    ),
    fault(
        "Adagrad: the gradient is added behind the step",
        f"{KERAS}.optimizers.adagrad:Adagrad",
        "update_step",
        instead(divides_by_the_sum_before),
        ("optimizers", "adagrad"),
    ),
    fault(
        "LSTM: reads its sequence backwards",
        f"{KERAS}.layers.rnn.lstm:LSTM",
        "inner_loop",
        wrapped(reads_backwards),
        RNN,
    ),
    fault(
        "max pooling: the gradient goes to all pixels",
        f"{KERAS}.backend.jax.nn",
        "max_pool",
        wrapped(pools_with_the_gradient_of_a_mean),
        CNN,
    ),
    fault(
        "dropout: the gradient knows no mask",
        f"{KERAS}.backend.jax.random",
        "dropout",
        wrapped(drops_forwards_only),
        ("optimizers", "adam"),
    ),
    fault(
        "batch normalization: the moving average of deviations, squared",
        f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization",
        "call",
        wrapped(averages_deviations),
        NORMALISED,
    ),
    fault("batches in two halves, as on two devices", JAX, "_objective", wrapped(on_two_devices), NORMALISED),
    fault(
        "uniform numbers repeat after 65,536",
        f"{KERAS}.backend.jax.random",
        "uniform",
        wrapped(uniform_of_period),
        MLP,
    ),
    fault(
        "cross-entropy adds epsilon in the place of clipping",
        f"{KERAS}.backend.jax.nn",
        "categorical_crossentropy",
        wrapped(adds_epsilon),
        ("example-1", "rate 10"),
    ),
    fault(
        "callbacks: an improvement has to be 1 %",
        f"{KERAS}.callbacks.monitor_callback:MonitorCallback",
        "_is_improvement",
        wrapped(asks_for_a_hundredth),
        None,
    ),
    fault(
        "biases of Dense are not loaded",
        f"{KERAS}.layers.core.dense:Dense",
        "load_own_variables",
        wrapped(loads_no_bias),
        None,
    ),
)
