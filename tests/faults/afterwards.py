"""Faults that were thought of when all checks of the suite stood, and for which none of them was changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from tests.faults.fault import Fault, Patch, value, wrapped

BASE = "keras.src.optimizers.base_optimizer:BaseOptimizer"
ADAM, SGD = "keras.src.optimizers.adam:Adam", "keras.src.optimizers.sgd:SGD"
DENSE = "keras.src.layers.core.dense:Dense"
NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
SCALING = "keras.src.initializers.random_initializers:VarianceScaling"
JAX = "harness.training.compiled_jax:JaxProgram"
ON, ON_ADAM = ("batch-normalization-rates", "plain, rate 0.1"), ("optimizers", "adam")
ON_NORMALISED, ON_DROPOUT = ("batch-normalization-rates", "normalised, rate 0.1"), ("optimizers", "adam")
RULES = "harness.statistics"


def fault(name: str, *patches: Patch, on: tuple[str, str] | None = ON) -> Fault:
    return Fault(name, "written after the checks", patches, on)


def around(
    name: str, owner: str, attribute: str, wrapper: Callable[..., Any], on: tuple[str, str] | None = ON
) -> Fault:
    return fault(name, Patch(owner, attribute, wrapped(wrapper)), on=on)


def always_nesterov(original: Any, self: Any, *args: Any) -> Any:
    kept, self.nesterov = self.nesterov, True
    try:
        return original(self, *args)
    finally:
        self.nesterov = kept


def warmed_up(original: Any, self: Any) -> Any:
    """Half the rate in the first two steps."""
    import keras

    return original(self) * keras.ops.where(self.iterations < 2, 0.5, 1.0)


def longer_by_a_little(original: Any, self: Any) -> Any:
    return original(self) * 1.0005


def upper_clip_only(original: Any, self: Any, gradients: Any) -> Any:
    import keras

    if not self.clipvalue:
        return original(self, gradients)
    return [keras.ops.minimum(gradient, self.clipvalue) for gradient in gradients]


def last_layer_faster(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
    """The output layer's gradients are a hundredth too long."""
    return original(self, gradient * (1.01 if variable.shape[-1] in (4, 10) else 1.0), variable, rate)


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


def rectangle(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    """Weights of the upper half of the interval only."""
    from keras import ops

    return ops.abs(original(self, shape, dtype))


def rounded_start(original: Any, self: Any, shape: Any, dtype: Any = None) -> Any:
    """Initial weights in float16."""
    from keras import ops

    return ops.cast(ops.cast(original(self, shape, dtype), "float16"), "float32")


def handed(name: str, of: Callable[[Dataset], Dataset]) -> Fault:
    def first(original: Any, self: Dataset, count: int | None) -> Dataset:
        data = original(self, count)
        return of(data) if data.x.shape[-1] == 784 else data

    return around(name, "harness.domain.experiment:Dataset", "first", first)


def transposed(data: Dataset) -> Dataset:
    """Training images lie on their side."""
    sides = data.x.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    return Dataset(np.ascontiguousarray(sides), data.y, data.x_val, data.y_val)


def inverted(data: Dataset) -> Dataset:
    return Dataset(1 - data.x, data.y, None if data.x_val is None else 1 - data.x_val, data.y_val)


def two_digits_swapped(data: Dataset) -> Dataset:
    """Four and nine, in the test labels."""
    columns = [0, 1, 2, 3, 9, 5, 6, 7, 8, 4]
    return Dataset(data.x, data.y, data.x_val, None if data.y_val is None else data.y_val[:, columns])


def one_pixel_dead(data: Dataset) -> Dataset:
    x = data.x.copy()
    x[:, 406] = 0
    return Dataset(x, data.y, data.x_val, data.y_val)


def duplicates(data: Dataset) -> Dataset:
    """Every fiftieth image stands there twice, and the one behind it not at all."""
    rows = np.arange(len(data.x))
    rows[1::50] = rows[0::50][: len(rows[1::50])]
    return Dataset(data.x[rows], data.y[rows], data.x_val, data.y_val)


def two_labels_swapped(data: Dataset) -> Dataset:
    """Of two images."""
    y = data.y.copy()
    other = int(np.argmax((y != y[0]).any(axis=1)))
    y[[0, other]] = y[[other, 0]]
    return Dataset(data.x, y, data.x_val, data.y_val)


def stale(original: Any, self: Any, carry: Any, rows: Any, data: Any) -> Any:
    """Labels are those of the example before, within a batch."""
    import jax.numpy as jnp

    x, y = data
    return original(self, carry, rows, (x, jnp.roll(y, 1, axis=0)))


def penalty_not_told(original: Any, self: Any, state: Any, prefix: str, data: Any) -> Any:
    """Losses of an evaluation are without penalties."""
    found = original(self, state, prefix, data)
    import jax.numpy as jnp

    outputs, _ = self._model.stateless_call(state[0], state[1], data[0], training=False)
    return {**found, f"{prefix}loss": jnp.mean(self._loss(data[1], outputs))}


def late_seed(original: Any, seed: int, epoch: int, count: int) -> Any:
    """The order of an epoch turned round in every second one."""
    order = original(seed, epoch, count)
    return order[::-1].copy() if epoch % 2 else order


def deep_layers_share(original: Any, seed: int, role: str) -> int:
    """Layers behind the first of their kind have one seed."""
    kind, _, number = role.partition("-")
    return original(seed, f"{kind}-{min(int(number or 0), 1)}" if number.isdigit() else role)


def first_pair_only(original: Any, evidence: Any, contrasts: Any, metric: str) -> Any:
    """Best and Monotone look at their first comparison only."""
    return original(evidence, contrasts[:1], metric)


def any_part(original: Any, verdicts: Any) -> Any:
    """A conjunction is as strong as its strongest part."""
    from harness.domain.verdict import Verdict

    return Verdict.SUPPORTED if Verdict.SUPPORTED in verdicts else original(verdicts)


def higher_is_better(original: Any, trial: Any, metric: Any) -> Any:
    """A failed trial counts as the best value of its metric."""
    found = original(trial, metric)
    return -found if found in (float("inf"), float("-inf")) else found


def one_sided(original: Any, self: Any, null: float) -> float:
    return original(self, null) / 2


def neighbour(original: Any, self: Any, experiment: str, variant: str, *stack: str) -> Any:
    """A variant is compared with the evidence of the one before it."""
    found = self.get(experiment, *stack)
    names = list(found.variants) if found else []
    other = names[max(names.index(variant) - 1, 0)] if variant in names else variant
    return original(self, experiment, other, *stack)


FAULTS = (
    around("SGD: nesterov always", SGD, "update_step", always_nesterov, ("optimizers", "sgd nesterov")),
    around("half the rate in the first two steps", BASE, "_get_current_learning_rate", warmed_up),
    around("learning rate × 1.0005", BASE, "_get_current_learning_rate", longer_by_a_little),
    around("clipvalue clips upwards only", BASE, "_clip_gradients", upper_clip_only),
    around("Adam: output layer × 1.01", ADAM, "update_step", last_layer_faster, ON_ADAM),
    around("Dense: activation twice", DENSE, "call", twice_activated),
    around("batch normalization: deviation for variance", NORMALIZATION, "_moments", squared_moving, ON_NORMALISED),
    around("batch normalization: γ ignored", NORMALIZATION, "call", gamma_ignored, ON_NORMALISED),
    around(
        "dropout keeps what it should leave out",
        "keras.src.layers.regularization.dropout:Dropout",
        "call",
        rate_of_the_rest,
        ON_DROPOUT,
    ),
    around(
        "convolution with its kernel turned round",
        "keras.src.layers.convolutional.base_conv:BaseConv",
        "convolution_op",
        flipped,
        ("batch-normalization-examples", "cnn"),
    ),
    around("glorot: positive weights only", SCALING, "__call__", rectangle),
    around("glorot: weights in float16", SCALING, "__call__", rounded_start),
    handed("training images on their side", transposed),
    handed("images inverted", inverted),
    handed("test labels 4 and 9 swapped", two_digits_swapped),
    handed("a dead pixel in training", one_pixel_dead),
    handed("a fiftieth of the images doubled", duplicates),
    handed("the labels of two images swapped", two_labels_swapped),
    around("labels of the example before", JAX, "_step", stale),
    around("evaluation without penalties", JAX, "_evaluate", penalty_not_told, ("regularization", "l2 0.001")),
    around("order turned round in every second epoch", "harness.training.seeding", "data_order", late_seed),
    around("layers behind the first share a seed", "harness.training.seeding", "derived", deep_layers_share),
    around("best and monotone look at one pair", f"{RULES}.best", "all_exceed", first_pair_only, None),
    around("a conjunction holds if a part does", f"{RULES}.conjunction", "weakest", any_part, None),
    around("a failed trial is the best", f"{RULES}.pairs", "score", higher_is_better, None),
    fault("a blow-up is ten times the first loss", Patch("harness.training.compiled_jax", "BLOW_UP", value(10.0))),
    around("drift: p-values of one side", f"{RULES}.inference:Estimate", "unequal", one_sided, None),
    around("a variant beside its neighbour's baseline", "suite.stored:Stored", "variant", neighbour, None),
)
