"""Faults that act after many steps and do not change the first.

States are counted by the optimizer, so that these faults act with every backend and engine. Epochs are those of the
engine ``compiled``, between two launches: it launches each epoch of an MNIST training separately. Steps per epoch at
the lecture's size: 118 for Example 4 and regularization, 300 for Example 3, 469 for the optimizers, 600 for the rates
with batch normalization, 50 for more data.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import Wrapper, argument, combinator, ops, result
from benchmarks.faults.fault import Patch, fault, patches

NORMALISE = (at.NORMALIZATION, "call")


def made(optimizer: Any) -> Any:
    """The number of steps that an optimizer has made, a float."""
    return ops.cast(optimizer.iterations, "float32")


@combinator
def rate_times(of: Callable[[Any], Any]) -> Wrapper:
    """The learning rate times ``of(steps made)``."""
    return lambda original, self: original(self) * of(made(self))


@combinator
def from_step(first: int, attribute: str, value: float, slots: tuple[str, ...]) -> Wrapper:
    """A constant of an optimizer is another one from the ``first`` step on.

    Each step is made with either constant, so that the steps before ``first`` keep their bits.
    """

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        index, kept = self._get_variable_index(variable), getattr(self, attribute)
        touched = [variable, *(getattr(self, slot)[index] for slot in slots)]
        before = [ops.add(number, 0.0) for number in touched]
        original(self, gradient, variable, rate)
        usual = [ops.add(number, 0.0) for number in touched]
        for target, number in zip(touched, before, strict=True):
            self.assign(target, number)
        setattr(self, attribute, value)
        try:
            original(self, gradient, variable, rate)
        finally:
            setattr(self, attribute, kept)
        for target, number in zip(touched, usual, strict=True):
            self.assign(target, ops.where(made(self) >= first - 1, ops.convert_to_tensor(target), number))

    return step


MOMENTS = ("_momentums", "_velocities")


def uncorrected_late(rate: Any, self: Any) -> Any:
    """From step 1,000 on, where the factor is 0.80 and tends to 1."""
    step = made(self) + 1
    corrected = ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
    return rate * ops.where(step >= 1000, 1 / corrected, 1.0)


def counted_in_bfloat16(rate: Any, self: Any) -> Any:
    """The step count of the bias correction has eight bits: 256 + 1 is 256; later steps are too short, by up to a
    half."""

    def corrected(step: Any) -> Any:
        return ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))

    step = made(self) + 1
    return rate * ops.where(step <= 256, 1.0, corrected(256.0) / corrected(step))


@combinator
def remembered(slots: str, of: Callable[[Any, Any, Any], Any]) -> Wrapper:
    """Behind each step a variable of the optimizer becomes ``of(steps made, value before, value after)``."""

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        slot = getattr(self, slots)[self._get_variable_index(variable)]
        before = ops.add(slot, 0.0)
        original(self, gradient, variable, rate)
        self.assign(slot, of(made(self), before, ops.convert_to_tensor(slot)))

    return step


def in_bfloat16(x: Any) -> Any:
    return ops.cast(ops.cast(x, "bfloat16"), x.dtype)


def decayed_late(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """A decoupled weight decay of 0.01 begins at step 500."""
    original(self, gradient, variable, rate)
    self.assign_sub(variable, ops.multiply(variable, rate * ops.where(made(self) >= 499, 0.01, 0.0)))


def first_layer_frozen_late(rate: Any, self: Any, variable: Any) -> Any:
    """Kernels behind 784 inputs."""
    return rate * (ops.where(made(self) >= 999, 0.0, 1.0) if tuple(variable.shape)[:1] == (784,) else 1.0)


@combinator
def gradients(of: Callable[[Any, Any], Any]) -> Wrapper:
    """All gradients become ``of(steps made, gradients)``."""
    return lambda original, self, grads: of(made(self), original(self, grads))


def clipped_late(steps: Any, grads: Any) -> Any:
    """To a global norm of a half, after a warm-up of 200 steps."""
    norm = ops.sqrt(sum(ops.sum(ops.square(grad)) for grad in grads))
    factor = ops.where(steps >= 200, 0.5 / ops.maximum(norm, 0.5), 1.0)
    return [grad * factor for grad in grads]


_steps: list[Any] = []
"""The count of steps, of the innermost training: a variable of the optimizer, or its value while JAX traces."""


def now() -> Any:
    """The steps made, a float; None outside a training."""
    return ops.cast(ops.convert_to_tensor(_steps[-1]), "float32") if _steps else None


@contextlib.contextmanager
def _counted(steps: Any) -> Iterator[None]:
    _steps.append(steps)
    try:
        yield
    finally:
        _steps.pop()


@combinator
def counting(steps: Callable[..., Any]) -> Wrapper:
    """``steps(self, *args)`` is the count while the call lasts."""

    def call(original: Any, self: Any, *args: Any) -> Any:
        with _counted(steps(self, *args)):
            return original(self, *args)

    return call


COUNTED: tuple[Patch, ...] = (
    *patches((at.JAX, "_step"), counting(lambda self, carry, *args: carry[0][2][0])),
    *patches((at.JAX, "_evaluate"), counting(lambda self, state, *args: state[2][0])),
    *patches((at.TENSORFLOW, "launch"), counting(lambda self, *args: self._optimizer.iterations)),
    *patches(  # ``train_step(data)``, or on JAX ``train_step(state, data)``
        (f"{at.KERAS}.models.model:Model", "train_step"),
        counting(lambda self, *args: args[0][2][0] if len(args) > 1 else self.optimizer.iterations),
    ),
)
"""Lets layers and penalties know ``now``."""


@combinator
def moving(of: Callable[[Any, Any, Any, str], Any]) -> Wrapper:
    """In training each moving statistic becomes ``of(steps made, before, after, its name)``."""

    def call(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        steps = now()
        if not training or steps is None:
            return original(self, inputs, training=training, mask=mask)
        names = ("moving_mean", "moving_variance")
        before = {name: ops.add(getattr(self, name), 0.0) for name in names}
        outputs = original(self, inputs, training=training, mask=mask)
        for name in names:
            variable = getattr(self, name)
            variable.assign(of(steps, before[name], ops.convert_to_tensor(variable), name))
        return outputs

    return call


def drifting(steps: Any, before: Any, after: Any, name: str) -> Any:
    """0.05 % a step: 5 % in the end; training does not change."""
    return after * ops.where(steps >= 300, 1.0005, 1.0) if name == "moving_variance" else after


def inference_late(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """Training, too, normalises by the moving statistics."""
    steps = now()
    if not training or steps is None:
        return original(self, inputs, training=training, mask=mask)
    still = original(self, inputs, training=False, mask=mask)
    return ops.where(steps >= 1000, still, original(self, inputs, training=True, mask=mask))


@combinator
def penalty(of: Callable[[Any], Any]) -> Wrapper:
    """L2 penalties times ``of(steps made)``."""

    def call(original: Any, self: Any, x: Any) -> Any:
        steps = now()
        return original(self, x) if steps is None else original(self, x) * of(steps)

    return call


@combinator
def dropout_off(first: int) -> Wrapper:
    """No unit is left out from the ``first`` step on; a layer's random state counts its steps."""

    def call(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
        if not (training and self.rate):
            return original(self, inputs, training=training)
        steps = ops.cast(ops.convert_to_tensor(self.seed_generator.state)[1], "int32")
        return ops.where(steps >= first - 1, inputs, original(self, inputs, training=training))

    return call


def short_period(state: Any) -> Any:
    """The random state of each Dropout layer begins anew."""
    return ops.stack([state[0], ops.cast(ops.mod(ops.cast(state[1], "int32"), 300), state.dtype)])


def doubled_where_small(losses: Any) -> Any:
    """The gradient only, of a batch whose loss is below 0.1; the loss keeps its value."""
    more = ops.stop_gradient(ops.where(ops.mean(losses) < 0.1, 1.0, 0.0))
    return losses + more * (losses - ops.stop_gradient(losses))


STATES = {
    "late: the rate is halved after 500 steps": fault(
        at.RATE, rate_times(lambda steps: ops.where(steps >= 500, 0.5, 1.0)), *on.MNIST, step=502
    ),
    "late: the rate falls by 4 % each 1,000 steps": fault(
        at.RATE,
        rate_times(lambda steps: ops.power(0.96, ops.floor(steps / 1000))),
        on.BY_SGD,
        on.LONG_SOFTMAX,
        step=1002,
    ),
    # half a cosine that ends at 0 after 3,000
    "late: the rate follows a cosine after 300 steps": fault(
        at.RATE,
        rate_times(lambda steps: 0.5 + 0.5 * ops.cos(np.pi * ops.clip((steps - 300) / 2700, 0.0, 1.0))),
        *on.MNIST,
        step=303,
    ),
    "late: Adam: no bias correction from step 1,000 on": fault(
        at.ADAM_STEP, argument("learning_rate", uncorrected_late), on.LONG_SOFTMAX, on.SOFTMAX, on.DEEP, step=1001
    ),
    "late: Adam: steps counted in bfloat16": fault(
        at.ADAM_STEP, argument("learning_rate", counted_in_bfloat16), on.LONG_SOFTMAX, on.SOFTMAX, on.DEEP, step=258
    ),
    "late: Adam: beta_1 is 0.95 from step 500 on": fault(
        at.ADAM_STEP, from_step(500, "beta_1", 0.95, MOMENTS), on.SOFTMAX, on.ADAM_RACE, step=501
    ),
    "late: Adam: beta_2 is 0.99 from step 1,000 on": fault(
        at.ADAM_STEP, from_step(1000, "beta_2", 0.99, MOMENTS), on.LONG_SOFTMAX, on.SOFTMAX, on.DEEP, step=1001
    ),
    # steps of a thousandth are lost, and the moments stand still
    "late: Adam: second moments in bfloat16 from step 500 on": fault(
        at.ADAM_STEP,
        remembered("_velocities", lambda steps, before, after: ops.where(steps >= 499, in_bfloat16(after), after)),
        on.SOFTMAX,
        on.ADAM_RACE,
        on.DEEP,
        step=502,
    ),
    "late: RMSprop: the mean of squares stands still from step 300 on": fault(
        at.RMSPROP_STEP,
        remembered("_velocities", lambda steps, before, after: ops.where(steps >= 299, before, after)),
        on.RMSPROP_RACE,
        step=302,
    ),
    # as one of bfloat16 does; gradients of 1 reach it at step 256
    "late: Adagrad: the sum of squares is at most 256": fault(
        at.ADAGRAD_STEP,
        remembered("_accumulators", lambda steps, before, after: ops.minimum(after, 256.0)),
        on.ADAGRAD_RACE,
        step=258,
    ),
    # it is 0 then, once
    "late: Adadelta: the mean of squared gradients is lost at step 500": fault(
        at.ADADELTA_STEP,
        remembered(
            "_accumulated_grads", lambda steps, before, after: ops.where(ops.equal(steps, 499), 0.0 * after, after)
        ),
        on.ADADELTA_RACE,
        step=502,
    ),
    "late: SGD: momentum is lost each 100 steps": fault(
        at.SGD_STEP,
        remembered(
            "momentums",
            lambda steps, before, after: ops.where(ops.equal(ops.mod(steps + 1, 100), 0), 0.0 * after, after),
        ),
        on.VALLEY,
        on.NESTEROV,
        step=102,
    ),
    "late: Adam: weights decay from step 500 on": fault(
        at.ADAM_STEP, decayed_late, on.SOFTMAX, on.DEEP, on.UNPENALISED, step=501
    ),
    "late: Adam: the first layer is frozen from step 1,000 on": fault(
        at.ADAM_STEP, argument("learning_rate", first_layer_frozen_late), *on.ADAMS, step=1001
    ),
    "late: gradients in bfloat16 from step 200 on": fault(
        at.CLIP,
        gradients(lambda steps, grads: [ops.where(steps >= 199, in_bfloat16(grad), grad) for grad in grads]),
        *on.MNIST,
        on.VALLEY,
        step=201,
    ),
    "late: gradients clipped after a warm-up": fault(
        at.CLIP, gradients(clipped_late), on.BY_SGD, ("batch-normalization-rates", "plain, rate 0.5"), step=202
    ),
    # only trainings that diverge have them, after some ten steps
    "late: huge gradients clipped": fault(
        at.CLIP,
        gradients(lambda steps, grads: [ops.clip(grad, -1e12, 1e12) for grad in grads]),
        ("gradient-descent", "rate 10"),
        step=8,
    ),
    "late: dropout off from step 600 on": fault(
        (at.DROPOUT, "call"), dropout_off(600), on.ADAM_RACE, on.DROPPED, step=600
    ),
    # of Example 4's twenty
    "late: dropout off in the last two epochs": fault(
        (at.DROPOUT, "call"), dropout_off(2125), on.DROPPED, on.DROPPED_SMALL, step=2125
    ),
    "late: dropout: masks repeat after 300 steps": fault(
        at.NEXT_SEED, result(short_period), on.ADAM_RACE, on.DROPPED, step=301
    ),
    "late: batch normalization: moving averages frozen from step 400 on": fault(
        NORMALISE,
        moving(lambda steps, before, after, name: ops.where(steps >= 400, before, after)),
        on.NORMALISED,
        on.NORMALISED_ADAM,
        step=402,
        also=COUNTED,
        shows="evaluation",
    ),
    "late: batch normalization: the moving variance drifts from step 300 on": fault(
        NORMALISE, moving(drifting), on.NORMALISED, on.NORMALISED_ADAM, step=302, also=COUNTED, shows="evaluation"
    ),
    "late: batch normalization: inference mode in training from step 1,000 on": fault(
        NORMALISE, inference_late, on.NORMALISED, on.NORMALISED_ADAM, step=1001, also=COUNTED
    ),
    # by 0.1 % a step, from the first on: to 9 % at the end
    "late: L2 fades": fault(
        at.L2_PENALTY,
        penalty(lambda steps: ops.exp(-steps / 1000)),
        on.PENALISED,
        on.L2_NORMALISED,
        step=2,
        also=COUNTED,
    ),
    # by 0.1 % of its own a step: to three times at the end
    "late: L2 grows from step 300 on": fault(
        at.L2_PENALTY,
        penalty(lambda steps: 1 + ops.maximum(steps - 300, 0.0) / 1000),
        on.PENALISED,
        on.L2_OF_1,
        step=302,
        also=COUNTED,
    ),
    # SGD sees it, from about step 400 on
    "late: small losses have a doubled gradient": fault(
        at.CROSS_ENTROPY,
        result(doubled_where_small),
        ("batch-normalization-rates", "normalised, rate 0.5"),
        on.NORMALISED,
        step=150,
    ),
}


def epochs_made(program: Any) -> int:
    state = getattr(program, "_state", None)
    steps = int(np.asarray(state[2][0] if state else program._optimizer.iterations))
    return int(steps // -(-len(program._data[0]) // program._batch))


def set_moments(program: Any, of: Callable[[int, Any], Any]) -> None:
    """The optimizer's variables become ``of(index, value)``; 0 is the count of steps, 1 the learning rate."""
    if hasattr(program, "_state"):
        weights, others, moments = program._state
        program._state = (weights, others, [of(index, value) for index, value in enumerate(moments)])
    else:
        for index, variable in enumerate(program._optimizer.variables):
            variable.assign(of(index, variable.value))


@combinator
def between(change: Callable[[Any, int], None]) -> Wrapper:
    """``change(program, epochs made)`` before each epoch but the first."""

    def launch(original: Any, self: Any, orders: Any, initial: float) -> Any:
        epochs = epochs_made(self)
        if epochs:
            change(self, epochs)
        return original(self, orders, initial)

    return launch


def reset_once(program: Any, epochs: int) -> None:
    """Moments and count of steps are fresh when the second epoch begins."""

    def of(index: int, value: Any) -> Any:
        return value if index == 1 or epochs != 1 else ops.convert_to_tensor(program._fresh[index], value.dtype)

    set_moments(program, of)


def halved_rate(program: Any, epochs: int) -> None:
    set_moments(program, lambda index, value: value * 0.5 if index == 1 and epochs == 2 else value)


def coarse_weights(program: Any, epochs: int) -> None:
    """When an epoch has ended and was validated, as by a checkpoint."""

    def rounded(value: Any) -> Any:
        return ops.cast(ops.cast(value, "bfloat16"), "float32")

    if hasattr(program, "_state"):
        program._state = ([rounded(value) for value in program._state[0]], *program._state[1:])
    else:
        for variable in program._model.trainable_variables:
            variable.assign(rounded(variable))


def keeps_stale_rate(original: Any, self: Any, task: Any) -> None:
    self._stale = getattr(self, "_fresh", None)
    original(self, task)


def stale_rate(program: Any, epochs: int) -> None:
    stale = getattr(program, "_stale", None)
    if stale is not None:
        set_moments(program, lambda i, value: ops.convert_to_tensor(stale[1], value.dtype) if i == 1 else value)


@combinator
def data(of: Callable[[Any, Any, Any], Any], first: int = 1) -> Wrapper:
    """From the ``first`` epoch on training gets ``of(x, y, order)``; only where an epoch is a launch."""

    def launch(original: Any, self: Any, orders: Any, initial: float) -> Any:
        if len(orders) > 1 or epochs_made(self) < first - 1:
            return original(self, orders, initial)
        kept = self._data
        self._data = of(kept[0], kept[1], orders[0])
        try:
            return original(self, orders, initial)
        finally:
            self._data = kept

    return launch


def noisy(x: Any, y: Any, order: Any) -> Any:
    """Drawn anew in each epoch."""
    drawn = np.random.default_rng(int(order[0])).standard_normal(x.shape, "float32")
    return x + ops.convert_to_tensor(0.1 * drawn), y


def last_labels_wrong(x: Any, y: Any, order: Any) -> Any:
    """The images that come last in an epoch, a fiftieth, have the labels of their neighbours in it."""
    rows, labels = order[-(len(order) // 50) :], np.array(y)
    labels[rows] = labels[np.roll(rows, 1)]
    return x, ops.convert_to_tensor(labels)


def whole_batches_late(orders: Any, self: Any) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    return orders[:, :whole] if len(orders) == 1 and whole and epochs_made(self) > 0 else orders


def fewer_validated_late(original: Any, self: Any, orders: Any, initial: float) -> Any:
    """The first 9,000 images only; training does not change."""
    kept = self._validation
    if len(orders) == 1 and kept and epochs_made(self) > 0:
        self._validation = tuple(array[: len(array) * 9 // 10] for array in kept)
    try:
        return original(self, orders, initial)
    finally:
        self._validation = kept


def rate_leaks(original: Any, self: Any, seed: int) -> None:
    """ReduceLROnPlateau has the rate at nine tenths when a trial ends, and nobody sets it back; the first seed is
    right."""
    original(self, seed)
    last, self._last_seed = getattr(self, "_last_seed", seed), seed
    self._leak = getattr(self, "_leak", 1.0) * (0.9 if last != seed else 1.0)
    set_moments(self, lambda index, value: value * self._leak if index == 1 else value)


def count_leaks(original: Any, self: Any, seed: int) -> None:
    """A trial's count of steps goes on from that of the trial before, so that Adam's first steps are not corrected."""
    state = getattr(self, "_state", None)
    last = np.array(state[2][0] if state else self._optimizer.iterations)
    original(self, seed)
    set_moments(self, lambda index, value: ops.convert_to_tensor(last, value.dtype) if index == 0 else value)


EPOCHS = {
    "late: the optimizer's state is lost at the second epoch": fault(
        at.LAUNCH, between(reset_once), on.SOFTMAX, on.ADAM_RACE, on.DEEP, step=120
    ),
    "late: the rate is halved at the third epoch": fault(at.LAUNCH, between(halved_rate), *on.MNIST, step=238),
    "late: weights in bfloat16 at each epoch's end": fault(at.LAUNCH, between(coarse_weights), *on.MNIST, step=119),
    # the second variant has its own rate in the first epoch, that of the first afterwards
    "late: a program used again keeps the old rate from the second epoch on": fault(
        at.both("rebind"),
        keeps_stale_rate,
        on.SOFTMAX,
        ("example-4-softmax", "rate 1e-4"),
        on.BY_SGD,
        step=120,
        also=patches(at.LAUNCH, between(stale_rate)),
    ),
    # augmentation that nobody asked for
    "late: images moved by a pixel from the third epoch on": fault(
        at.LAUNCH, data(lambda x, y, order: (ops.roll(x, 1, axis=-1), y), 3), *on.MNIST, step=237, breaks="data"
    ),
    "late: noise on the images from the second epoch on": fault(
        at.LAUNCH, data(noisy, 2), *on.MNIST, step=119, breaks="data"
    ),
    "late: the last labels of an epoch are wrong": fault(
        at.LAUNCH, data(last_labels_wrong), *on.MNIST, step=115, breaks="data"
    ),
    "late: the last partial batch is dropped from the second epoch on": fault(
        at.LAUNCH, argument("orders", whole_batches_late), on.SOFTMAX, on.ADAM_RACE, on.DEEP, step=236
    ),
    "late: validation on fewer images from the second epoch on": fault(
        at.LAUNCH, fewer_validated_late, *on.MNIST, step=237, shows="evaluation"
    ),
    "late: the rate leaks from trial to trial": fault(
        at.both("reset"), rate_leaks, on.SOFTMAX, on.BY_SGD, on.DEEP, step=2
    ),
    "late: the count of steps leaks from trial to trial": fault(
        at.both("reset"), count_leaks, on.SOFTMAX, on.ADAM_RACE, on.DEEP, step=2
    ),
    "late: data order repeats after four epochs": fault(
        at.ORDER, argument("epoch", lambda epoch: epoch % 4), on.SOFTMAX, on.MLP, on.DEEP, step=473
    ),
    "late: seeds share their data order after the first epoch": fault(
        at.ORDER, argument("seed", lambda seed, epoch: seed if epoch == 0 else 0), *on.MNIST, step=119
    ),
}
