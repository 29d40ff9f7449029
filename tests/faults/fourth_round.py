"""A second round by somebody who had seen neither the checks nor the other faults' code."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, instead, wrapped

GROUP = "written after the checks"
KERAS = "keras.src"
JAX = "harness.training.compiled_jax:JaxProgram"
MLP = ("more-data", "2,000 images")
RNN = ("batch-normalization-examples", "rnn")
CNN = ("batch-normalization-examples", "cnn")
NORMALISED = ("batch-normalization-rates", "normalised, rate 0.1")

Original = Callable[..., Any]


def fault(
    name: str, owner: str, attribute: str, change: Callable[[Any], Any], yardstick: tuple[str, str] | None
) -> Fault:
    """A fault of one patch."""
    return Fault(name, GROUP, (Patch(owner, attribute, change),), yardstick)


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


# Data and their order


def in_sixteen_greys(original: Original, self: Any, count: int | None) -> Any:
    """All images, those of validation too."""
    from harness.experiment import Dataset

    data = original(self, count)
    if data.x.ndim != 2 or data.x.shape[1] != 784:
        return data

    def coarse(images: np.ndarray | None) -> np.ndarray | None:
        return None if images is None else (np.rint(images * 15) / 15).astype("float32")

    return Dataset(coarse(data.x), data.y, coarse(data.x_val), data.y_val)


def centred_by_the_median(columns: np.ndarray) -> np.ndarray:
    return np.asarray(columns - np.median(columns, axis=0))


def order_turned(original: Original, seed: int, epoch: int, count: int) -> np.ndarray:
    """One permutation for all epochs, each of which starts it at another place."""
    start = int(np.random.default_rng([seed, epoch]).integers(count))
    return np.roll(original(seed, 0, count), start)


# The engine, and what is observed


def one_half_twice(original: Original, self: Any, state: Any, x: Any, y: Any) -> dict[str, Any]:
    even = original(self, state, x, y)["even_val_loss"]
    return {"even_val_loss": even, "odd_val_loss": even}


def follows_too_early(original: Original, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """What is followed is taken of the weights before the epoch."""
    import jax.numpy as jnp

    after, curves = original(self, carry, order, data, validation)
    return after, curves | {name: jnp.float32(of(carry[0][0])) for name, of in self._follow.items()}


def gradients_of_half(original: Original, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Any:
    count = max(len(x) // 2, 1)
    return original(model, loss, x[:count], y[:count])


def last_finite(original: Original, self: Any, history: Any) -> float | None:
    """The metric of a training that ended in nan or inf is its last number before."""
    numbers = [] if self.of else [value for value in history.get(self.name, ()) if math.isfinite(value)]
    return float(numbers[-1]) if numbers else original(self, history)


def thinned_downwards(curve: Sequence[Any], points: int) -> tuple[Any, ...]:
    """Places rounded down, not to the nearest."""
    if len(curve) <= points:
        return tuple(curve)
    return tuple(curve[index * (len(curve) - 1) // (points - 1)] for index in range(points))


# Rules, baselines, errata


def never_below(original: Original, pairs: Any, null: float) -> Any:
    """Of the two tests of ``Equivalent`` the lower one always passes."""
    from harness.rules.sides import Sides

    found = original(pairs, null)
    return Sides(0.0, 1.0, found.method) if null < 0 else found


def decimal_score(original: Original, trial: Any, metric: Any) -> float:
    found = float(original(trial, metric))
    return found / math.log(10) if metric.scale == "log" else found


def the_last_metric_first(original: Original, trials: Any, baseline: Any, metrics: Any, **kwargs: Any) -> Any:
    return original(trials, baseline, tuple(reversed(metrics)), **kwargs)


def null_is_zero(original: Original, value: Any, variant: str, where: str) -> Any:
    """Of the numbers of a stored trial, its curves included."""
    trial = original(value, variant, where)

    def filled(number: float | None) -> float:
        return 0.0 if number is None else number

    metrics = {name: filled(number) for name, number in trial.metrics.items()}
    history = {name: tuple(map(filled, curve)) for name, curve in trial.history.items()}
    return dataclasses.replace(trial, metrics=metrics, history=history)


def any_error(original: Original, self: Any, ran: Any) -> Any:
    return "" if ran.error is not None else original(self, ran)


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
    fault("images in 16 levels of grey", "harness.experiment:Dataset", "first", wrapped(in_sixteen_greys), MLP),
    fault(
        "columns are centred by their median",
        "cases.preprocessing",
        "centre",
        instead(centred_by_the_median),
        ("centring", "centred"),
    ),
    Fault(
        "data order: one permutation, begun at random",
        GROUP,
        (
            Patch("harness.training.seeding", "data_order", wrapped(order_turned)),
            Patch("harness.training.compiled", "data_order", wrapped(order_turned)),
        ),
        MLP,
    ),
    fault(
        "both halves of the validation images are one",
        JAX,
        "_evaluate_halves",
        wrapped(one_half_twice),
        ("regularization", "none"),
    ),
    fault(
        "what is followed comes an epoch early",
        JAX,
        "_epoch",
        wrapped(follows_too_early),
        ("gradient-descent", "rate 0.1"),
    ),
    fault(
        "gradients are observed on half of the batch",
        "harness.training.weight_gradients",
        "_jax",
        wrapped(gradients_of_half),
        ("deep-gradients", "relu"),
    ),
    fault(
        "a diverged training's metric is its last finite value",
        "harness.metric:Metric",
        "value",
        wrapped(last_finite),
        ("example-2", "raw"),
    ),
    fault(
        "long curves are thinned at other epochs",
        "harness.trial",
        "thin",
        instead(thinned_downwards),
        ("example-1", "rate 0.1"),
    ),
    fault("Equivalent tests its upper margin only", "harness.rules.equivalent", "sides", wrapped(never_below), None),
    fault("paired rules: logarithms to base 10", "harness.rules.pairs", "score", wrapped(decimal_score), None),
    Fault(
        "drift: the last metric decides, not the first",
        GROUP,
        (
            Patch("baselines.drift", "compare", wrapped(the_last_metric_first)),
            Patch("suite.stored", "compare", wrapped(the_last_metric_first)),
        ),
        None,
    ),
    fault("baselines: null is read as 0", "baselines.schema", "_trial", wrapped(null_is_zero), None),
    fault("errata: any error will do", "harness.erratum:Fails", "fault", wrapped(any_error), None),
)
