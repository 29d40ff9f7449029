"""More faults that were thought of when all checks stood, by somebody who had not written them.

For one of them drift was changed: two seeds that gave one trial were no alarm on another machine. It counts among the
faults of determinism.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, wrapped

OPTIMIZER = "keras.src.optimizers.base_optimizer:BaseOptimizer"
NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
MNIST, CNN, RNN = ("more-data", "2,000 images"), *(("batch-normalization-examples", name) for name in ("cnn", "rnn"))
NORMALISED = ("batch-normalization-rates", "normalised, rate 0.1")


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any], on: tuple[str, str] = MNIST) -> Fault:
    return Fault(name, "written after the checks", (Patch(owner, attribute, wrapped(wrapper)),), on)


def larger_where_wide(original: Any, self: Any, shape: Any, *args: Any, **kwargs: Any) -> Any:
    values = original(self, shape, *args, **kwargs)
    return values * 1.05 if shape[0] > 300 else values


def handed(change: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
    """What ``Dataset.first`` hands to training, with some arrays changed; other data than MNIST's stay."""

    def first(original: Any, self: Any, count: Any) -> Any:
        data = original(self, count)
        return dataclasses.replace(data, **change(data)) if data.x.shape[1:] == (784,) else data

    return first


def transposed(data: Any) -> dict[str, Any]:
    x = np.array(data.x)
    x[::50] = x[::50].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    return {"x": x}


def nines_as_fours(data: Any) -> dict[str, Any]:
    y = np.array(data.y)
    rows = np.flatnonzero(y.argmax(1) == 9)[::33]
    y[rows] = np.eye(10)[4]
    return {"y": y}


def repeated_validation(data: Any) -> dict[str, Any]:
    if data.x_val is None:
        return {}
    x, y = np.array(data.x_val), np.array(data.y_val)
    x[500:1000], y[500:1000] = x[:500], y[:500]
    return {"x_val": x, "y_val": y}


def gradients(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(original: Any, self: Any, grads: Any, variables: Any = None) -> Any:
        return original(self, [change(self, gradient) for gradient in grads], variables)

    return apply


def small_ones_dropped(optimizer: Any, gradient: Any) -> Any:
    from keras import ops

    return ops.where(ops.abs(gradient) < 1e-5, 0.0, gradient)


def one_in_twenty_doubled(optimizer: Any, gradient: Any) -> Any:
    from keras import ops

    return gradient * (1.0 + ops.cast(optimizer.iterations % 20 == 19, "float32"))


def warmed_up(original: Any, self: Any) -> Any:
    from keras import ops

    return original(self) * ops.where(self.iterations < 10, 0.5, 1.0)


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


def halved_precision(original: Any, x: Any, axis: int = -1) -> Any:
    from keras import ops

    return ops.cast(ops.cast(original(x, axis), "float16"), "float32")


def clipped(original: Any, target: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return original(target, ops.clip(output, 0.01, 0.99), *args, **kwargs)


def standing_still(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    state = original(self, *args, **kwargs)
    self.state.assign(state)
    return state


FAULTS = (
    fault(
        "initial weights × 1.05 behind more than 300 inputs",
        "keras.src.initializers.random_initializers:VarianceScaling",
        "__call__",
        larger_where_wide,
    ),
    fault("softmax of 1.02 times its input", "keras.src.ops", "softmax", lambda f, x, axis=-1: f(x * 1.02, axis)),
    fault("softmax rounded to float16", "keras.src.ops", "softmax", halved_precision),
    fault("probabilities clipped to 0.01 in the loss", "keras.src.ops", "categorical_crossentropy", clipped),
    fault("one image in 50 transposed", "harness.domain.experiment:Dataset", "first", handed(transposed)),
    fault("3 % of nines are fours", "harness.domain.experiment:Dataset", "first", handed(nines_as_fours)),
    fault("500 validation images twice", "harness.domain.experiment:Dataset", "first", handed(repeated_validation)),
    fault(
        "odd epochs backwards",
        "harness.training.seeding",
        "data_order",
        lambda f, seed, epoch, count: f(seed, epoch, count)[:: -1 if epoch % 2 else 1],
    ),
    fault("gradients below 1e-5 dropped", OPTIMIZER, "apply", gradients(small_ones_dropped)),
    fault("one gradient in 20 doubled", OPTIMIZER, "apply", gradients(one_in_twenty_doubled)),
    fault("half the rate for ten steps", OPTIMIZER, "_get_current_learning_rate", warmed_up),
    fault("batch normalization with ten times its epsilon", NORMALIZATION, "call", with_epsilon, NORMALISED),
    fault("batch normalization with the unbiased variance", NORMALIZATION, "_moments", unbiased, NORMALISED),
    fault("LSTM without its forget bias", "keras.src.layers.rnn.lstm:LSTMCell", "build", without_forget_bias, RNN),
    fault("mean in the place of max pooling", "keras.src.ops", "max_pool", averaged, CNN),
    Fault(
        "seeds 2 and 3 the same",
        "determinism",
        (Patch("harness.training.seeding", "derived", wrapped(lambda f, s, role: f(2 if s == 3 else s, role))),),
        MNIST,
    ),
    fault(
        "a random state that stands still",
        "keras.src.random.seed_generator:SeedGenerator",
        "next",
        standing_still,
        ("optimizers", "adam"),
    ),
)
