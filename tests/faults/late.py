"""Faults that act late: nothing differs in the first steps of a training.

They were written without sight of the checks. Faults of Keras go by the optimizer's own count of steps, so they act
with every backend and engine. Faults of an epoch are put into the engine ``compiled`` between two launches; it launches
each epoch of a MNIST training by itself. Faults of curves are put in where an engine's measurements become a trial.

Steps per epoch at the lecture's size: 118 for Example 4 and regularization, 300 for Example 3, 469 for the optimizers,
600 for the rates with batch normalization, 50 for more data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.faults.fault import Breaks, Fault, Patch, Shows, wrapped

BASE = "keras.src.optimizers.base_optimizer:BaseOptimizer"
ADAM, SGD = "keras.src.optimizers.adam:Adam", "keras.src.optimizers.sgd:SGD"
MOMENTS = ("_momentums", "_velocities")
RMSPROP, ADAGRAD = "keras.src.optimizers.rmsprop:RMSprop", "keras.src.optimizers.adagrad:Adagrad"
ADADELTA = "keras.src.optimizers.adadelta:Adadelta"
NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
DROPOUT, L2 = "keras.src.layers.regularization.dropout:Dropout", "keras.src.regularizers.regularizers:L2"
JAX, TENSORFLOW = "harness.training.compiled_jax:JaxProgram", "harness.training.compiled_tensorflow:TensorFlowProgram"
SEEDING, TRAIN = "harness.training.seeding", "harness.training.train"

SOFTMAX, LONG_SOFTMAX = ("example-4-softmax", "as printed"), ("example-3", "softmax")
DEEP, DROPPED = ("example-4", "5 relu xavier"), ("example-4", "dropout 0.2")
SECOND_SOFTMAX = ("example-4-softmax", "rate 1e-4")
BY_SGD, NORMALISED = (("batch-normalization-rates", f"{kind}, rate 0.1") for kind in ("plain", "normalised"))
NORMALISED_ADAM = ("regularization", "batch normalization")
PENALISED, UNPENALISED = ("regularization", "l2 0.001"), ("regularization", "none")
ADAM_RACE, RMSPROP_RACE, ADADELTA_RACE = (("optimizers", name) for name in ("adam", "rmsprop", "adadelta"))
NESTEROV, VALLEY = ("optimizers", "sgd nesterov"), ("long-valley", "momentum 0.9")
FAR_ADAGRAD, FAR_RMSPROP, DESCENT = (
    ("far-target", "adagrad"),
    ("far-target", "rmsprop"),
    ("gradient-descent", "rate 0.01"),
)
MNIST = (SOFTMAX, BY_SGD, ("more-data", "2,000 images"), DEEP)

Trainings = tuple[tuple[str, str], ...]
Original = Callable[..., Any]
Curves = dict[str, list[float]]


def fault(
    name: str,
    what: str,
    patches: tuple[Patch, ...],
    only: Trainings,
    step: int,
    shows: Shows = "training",
    breaks: Breaks | None = None,
) -> Fault:
    return Fault(f"late: {name}", "late", patches, only[0], what, only, step, shows, breaks)


# The optimizers, by their own count of steps


def made(optimizer: Any) -> Any:
    """The number of steps that an optimizer has made, a float."""
    from keras import ops

    return ops.cast(optimizer.iterations, "float32")


def rate(name: str, what: str, of: Callable[[Any], Any], only: Trainings, step: int) -> Fault:
    """The learning rate times ``of(steps made)``."""

    def current(original: Original, self: Any) -> Any:
        return original(self) * of(made(self))

    return fault(name, what, (Patch(BASE, "_get_current_learning_rate", wrapped(current)),), only, step)


def halved_after_500(steps: Any) -> Any:
    from keras import ops

    return ops.where(steps >= 500, 0.5, 1.0)


def staircase(steps: Any) -> Any:
    from keras import ops

    return ops.power(0.96, ops.floor(steps / 1000))


def half_a_cosine(steps: Any) -> Any:
    """1 for 300 steps, then half a cosine that ends at 0 after 3,000."""
    from keras import ops

    return 0.5 + 0.5 * ops.cos(np.pi * ops.clip((steps - 300) / 2700, 0.0, 1.0))


def late_constant(
    optimizer: str, slots: tuple[str, ...], attribute: str, value: float, first: int, only: Trainings
) -> Fault:
    """A constant of an optimizer is another one from the ``first`` step on.

    Each step is made with either constant, so that the steps before ``first`` keep their bits.
    """

    def step(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        from keras import ops

        index, kept = self._get_variable_index(variable), getattr(self, attribute)
        touched = [variable, *(getattr(self, slot)[index] for slot in slots)]
        before = [ops.add(one, 0.0) for one in touched]
        original(self, gradient, variable, rate)
        usual = [ops.add(one, 0.0) for one in touched]
        for one, number in zip(touched, before, strict=True):
            self.assign(one, number)
        setattr(self, attribute, value)
        try:
            original(self, gradient, variable, rate)
        finally:
            setattr(self, attribute, kept)
        for one, number in zip(touched, usual, strict=True):
            self.assign(one, ops.where(made(self) >= first - 1, ops.convert_to_tensor(one), number))

    name = optimizer.partition(":")[2]
    return fault(
        f"{name}: {attribute} is {value:g} from step {first:,} on",
        f"{name} uses {attribute} = {value:g} from step {first:,} on.",
        update(optimizer, step),
        only,
        first + 1,
    )


def uncorrected_late(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
    from keras import ops

    step = made(self) + 1
    corrected = ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
    return original(self, gradient, variable, rate * ops.where(step >= 1000, 1 / corrected, 1.0))


def counted_in_bfloat16(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
    """The step count of the bias correction has eight bits: 256 + 1 is 256."""
    from keras import ops

    def corrected(step: Any) -> Any:
        return ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))

    step = made(self) + 1
    return original(self, gradient, variable, rate * ops.where(step <= 256, 1.0, corrected(256.0) / corrected(step)))


def remembered(slots: str, of: Callable[[Any, Any, Any], Any]) -> Original:
    """Behind each step a variable of the optimizer becomes ``of(steps made, value before, value after)``."""

    def step(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        from keras import ops

        slot = getattr(self, slots)[self._get_variable_index(variable)]
        before = ops.add(slot, 0.0)
        original(self, gradient, variable, rate)
        self.assign(slot, of(made(self), before, ops.convert_to_tensor(slot)))

    return step


def in_bfloat16_late(steps: Any, before: Any, after: Any) -> Any:
    from keras import ops

    return ops.where(steps >= 499, ops.cast(ops.cast(after, "bfloat16"), after.dtype), after)


def frozen_late(steps: Any, before: Any, after: Any) -> Any:
    from keras import ops

    return ops.where(steps >= 299, before, after)


def at_most_256(steps: Any, before: Any, after: Any) -> Any:
    from keras import ops

    return ops.minimum(after, 256.0)


def emptied_at_500(steps: Any, before: Any, after: Any) -> Any:
    from keras import ops

    return ops.where(ops.equal(steps, 499), 0.0 * after, after)


def emptied_each_100(steps: Any, before: Any, after: Any) -> Any:
    from keras import ops

    return ops.where(ops.equal(ops.mod(steps + 1, 100), 0), 0.0 * after, after)


def decayed_late(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    from keras import ops

    original(self, gradient, variable, rate)
    self.assign_sub(variable, ops.multiply(variable, rate * ops.where(made(self) >= 499, 0.01, 0.0)))


def first_layer_frozen_late(original: Original, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    from keras import ops

    moves = ops.where(made(self) >= 999, 0.0, 1.0) if tuple(variable.shape)[:1] == (784,) else 1.0
    original(self, gradient, variable, rate * moves)


def gradients(of: Callable[[Any, Any], Any]) -> Original:
    """All gradients become ``of(steps made, gradients)``."""

    def clip(original: Original, self: Any, grads: Any) -> Any:
        return of(made(self), original(self, grads))

    return clip


def coarse_late(steps: Any, grads: Any) -> Any:
    from keras import ops

    return [ops.where(steps >= 199, ops.cast(ops.cast(one, "bfloat16"), one.dtype), one) for one in grads]


def clipped_late(steps: Any, grads: Any) -> Any:
    """To a global norm of a half, after a warm-up of 200 steps."""
    from keras import ops

    norm = ops.sqrt(sum(ops.sum(ops.square(one)) for one in grads))
    factor = ops.where(steps >= 200, 0.5 / ops.maximum(norm, 0.5), 1.0)
    return [one * factor for one in grads]


def clipped_where_huge(steps: Any, grads: Any) -> Any:
    from keras import ops

    return [ops.clip(one, -1e12, 1e12) for one in grads]


def update(optimizer: str, wrapper: Original) -> tuple[Patch, ...]:
    return (Patch(optimizer, "update_step", wrapped(wrapper)),)


def clip(of: Callable[[Any, Any], Any]) -> tuple[Patch, ...]:
    return (Patch(BASE, "_clip_gradients", wrapped(gradients(of))),)


# Layers and losses, by the steps of the training that they are in

_steps: list[Any] = []
"""The count of steps, of the innermost training: a variable of the optimizer, or its value while JAX traces."""


@contextlib.contextmanager
def _counted(steps: Any) -> Iterator[None]:
    _steps.append(steps)
    try:
        yield
    finally:
        _steps.pop()


def now() -> Any:
    """The steps made, a float; None outside a training."""
    from keras import ops

    return ops.cast(ops.convert_to_tensor(_steps[-1]), "float32") if _steps else None


def _of_jax_step(original: Original, self: Any, carry: Any, *args: Any) -> Any:
    with _counted(carry[0][2][0]):
        return original(self, carry, *args)


def _of_jax_evaluation(original: Original, self: Any, state: Any, *args: Any) -> Any:
    with _counted(state[2][0]):
        return original(self, state, *args)


def _of_tensorflow(original: Original, self: Any, *args: Any) -> Any:
    with _counted(self._optimizer.iterations):
        return original(self, *args)


def _of_fit(original: Original, self: Any, *args: Any) -> Any:
    """``train_step(data)``, or on JAX ``train_step(state, data)``."""
    with _counted(args[0][2][0] if len(args) > 1 else self.optimizer.iterations):
        return original(self, *args)


COUNTED = (
    Patch(JAX, "_step", wrapped(_of_jax_step)),
    Patch(JAX, "_evaluate", wrapped(_of_jax_evaluation)),
    Patch(TENSORFLOW, "launch", wrapped(_of_tensorflow)),
    Patch("keras.src.models.model:Model", "train_step", wrapped(_of_fit)),
)
"""Lets layers and penalties know ``now``."""


def normalization(call: Original) -> tuple[Patch, ...]:
    return (Patch(NORMALIZATION, "call", wrapped(call)), *COUNTED)


def moving(of: Callable[[Any, Any, Any, str], Any]) -> Original:
    """In training each moving statistic becomes ``of(steps made, before, after, its name)``."""

    def call(original: Original, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        from keras import ops

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


def kept_late(steps: Any, before: Any, after: Any, name: str) -> Any:
    from keras import ops

    return ops.where(steps >= 400, before, after)


def drifting(steps: Any, before: Any, after: Any, name: str) -> Any:
    from keras import ops

    return after * ops.where(steps >= 300, 1.0005, 1.0) if name == "moving_variance" else after


def inference_late(original: Original, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """Training, too, normalises by the moving statistics."""
    from keras import ops

    steps = now()
    if not training or steps is None:
        return original(self, inputs, training=training, mask=mask)
    still = original(self, inputs, training=False, mask=mask)
    return ops.where(steps >= 1000, still, original(self, inputs, training=True, mask=mask))


def penalty(of: Callable[[Any], Any]) -> tuple[Patch, ...]:
    """L2 penalties times ``of(steps made)``."""

    def call(original: Original, self: Any, x: Any) -> Any:
        steps = now()
        return original(self, x) if steps is None else original(self, x) * of(steps)

    return (Patch(L2, "__call__", wrapped(call)), *COUNTED)


def fading(steps: Any) -> Any:
    from keras import ops

    return ops.exp(-steps / 1000)


def growing_late(steps: Any) -> Any:
    from keras import ops

    return 1 + ops.maximum(steps - 300, 0.0) / 1000


def dropout_off(first: int) -> tuple[Patch, ...]:
    """No unit is left out from the ``first`` step on; a layer's random state counts its steps."""

    def call(original: Original, self: Any, inputs: Any, training: bool = False) -> Any:
        from keras import ops

        if not (training and self.rate):
            return original(self, inputs, training=training)
        steps = ops.cast(ops.convert_to_tensor(self.seed_generator.state)[1], "int32")
        return ops.where(steps >= first - 1, inputs, original(self, inputs, training=training))

    return (Patch(DROPOUT, "call", wrapped(call)),)


def short_period(original: Original, self: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    state = original(self, *args, **kwargs)
    return ops.stack([state[0], ops.cast(ops.mod(ops.cast(state[1], "int32"), 300), state.dtype)])


def doubled_where_small(original: Original, target: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
    """The gradient only; the loss keeps its value."""
    from keras import ops

    losses = original(target, output, *args, **kwargs)
    more = ops.stop_gradient(ops.where(ops.mean(losses) < 0.1, 1.0, 0.0))
    return losses + more * (losses - ops.stop_gradient(losses))


# The engine, between two epochs


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


def between(change: Callable[[Any, int], None]) -> tuple[Patch, ...]:
    """``change(program, epochs made)`` before each epoch but the first."""

    def launch(original: Original, self: Any, orders: Any, initial: float) -> Any:
        epochs = epochs_made(self)
        if epochs:
            change(self, epochs)
        return original(self, orders, initial)

    return Patch(JAX, "launch", wrapped(launch)), Patch(TENSORFLOW, "launch", wrapped(launch))


def reset_once(program: Any, epochs: int) -> None:
    from keras import ops

    def of(index: int, value: Any) -> Any:
        return value if index == 1 or epochs != 1 else ops.convert_to_tensor(program._fresh[index], value.dtype)

    set_moments(program, of)


def halved_rate(program: Any, epochs: int) -> None:
    set_moments(program, lambda index, value: value * 0.5 if index == 1 and epochs == 2 else value)


def coarse_weights(program: Any, epochs: int) -> None:
    from keras import ops

    def rounded(value: Any) -> Any:
        return ops.cast(ops.cast(value, "bfloat16"), "float32")

    if hasattr(program, "_state"):
        program._state = ([rounded(value) for value in program._state[0]], *program._state[1:])
    else:
        for variable in program._model.trainable_variables:
            variable.assign(rounded(variable))


def keeps_stale_rate(original: Original, self: Any, task: Any) -> None:
    self._stale = getattr(self, "_fresh", None)
    original(self, task)


def stale_rate(program: Any, epochs: int) -> None:
    from keras import ops

    stale = getattr(program, "_stale", None)
    if stale is not None:
        set_moments(program, lambda i, value: ops.convert_to_tensor(stale[1], value.dtype) if i == 1 else value)


def data(of: Callable[[Any, Any, Any], Any], first: int = 1) -> tuple[Patch, ...]:
    """From the ``first`` epoch on training gets ``of(x, y, order)``; only where an epoch is a launch."""

    def launch(original: Original, self: Any, orders: Any, initial: float) -> Any:
        if len(orders) > 1 or epochs_made(self) < first - 1:
            return original(self, orders, initial)
        kept = self._data
        self._data = of(kept[0], kept[1], orders[0])
        try:
            return original(self, orders, initial)
        finally:
            self._data = kept

    return Patch(JAX, "launch", wrapped(launch)), Patch(TENSORFLOW, "launch", wrapped(launch))


def moved(x: Any, y: Any, order: Any) -> Any:
    from keras import ops

    return ops.roll(x, 1, axis=-1), y


def noisy(x: Any, y: Any, order: Any) -> Any:
    from keras import ops

    drawn = np.random.default_rng(int(order[0])).standard_normal(x.shape, "float32")
    return x + ops.convert_to_tensor(0.1 * drawn), y


def last_labels_wrong(x: Any, y: Any, order: Any) -> Any:
    """The images that come last in an epoch, a fiftieth, have the labels of their neighbours."""
    from keras import ops

    rows, labels = order[-(len(order) // 50) :], np.array(y)
    labels[rows] = labels[np.roll(rows, 1)]
    return x, ops.convert_to_tensor(labels)


def whole_batches_late(original: Original, self: Any, orders: Any, initial: float) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    late = len(orders) == 1 and whole and epochs_made(self) > 0
    return original(self, orders[:, :whole] if late else orders, initial)


def fewer_validated_late(original: Original, self: Any, orders: Any, initial: float) -> Any:
    kept = self._validation
    if len(orders) == 1 and kept and epochs_made(self) > 0:
        self._validation = tuple(array[: len(array) * 9 // 10] for array in kept)
    try:
        return original(self, orders, initial)
    finally:
        self._validation = kept


def launched(wrapper: Original) -> tuple[Patch, ...]:
    return Patch(JAX, "launch", wrapped(wrapper)), Patch(TENSORFLOW, "launch", wrapped(wrapper))


def rate_leaks(original: Original, self: Any, seed: int) -> None:
    """ReduceLROnPlateau has the rate at nine tenths when a trial ends, and nobody sets it back."""
    original(self, seed)
    last, self._last_seed = getattr(self, "_last_seed", seed), seed
    self._leak = getattr(self, "_leak", 1.0) * (0.9 if last != seed else 1.0)
    set_moments(self, lambda index, value: value * self._leak if index == 1 else value)


def count_leaks(original: Original, self: Any, seed: int) -> None:
    """A trial's count of steps goes on from that of the trial before."""
    state = getattr(self, "_state", None)
    last = np.array(state[2][0] if state else self._optimizer.iterations)
    original(self, seed)
    from keras import ops

    set_moments(self, lambda index, value: ops.convert_to_tensor(last, value.dtype) if index == 0 else value)


def reset(wrapper: Original) -> tuple[Patch, ...]:
    return Patch(JAX, "reset", wrapped(wrapper)), Patch(TENSORFLOW, "reset", wrapped(wrapper))


# Seeds


def orders_repeat(original: Original, seed: int, epoch: int, count: int) -> Any:
    return original(seed, epoch % 4, count)


def orders_collide(original: Original, seed: int, epoch: int, count: int) -> Any:
    return original(seed if epoch == 0 else 0, epoch, count)


def order(wrapper: Original) -> tuple[Patch, ...]:
    return (Patch(SEEDING, "data_order", wrapped(wrapper)),)


# Curves and metrics


def curves(of: Callable[[int, Curves], Curves]) -> tuple[Patch, ...]:
    """The curves of a trial that has ended become ``of(seed, curves)``; only where there is a validation loss."""

    def trial(original: Original, task: Any, seed: int, raw: Any, *args: Any) -> Any:
        history = of(seed, dict(raw.history)) if "val_loss" in raw.history else raw.history
        return original(task, seed, dataclasses.replace(raw, history=history), *args)

    return (Patch(TRAIN, "_trial", wrapped(trial)),)


def validated_late(seed: int, history: Curves) -> Curves:
    """From the second epoch on validation runs on the weights of the epoch before."""
    return {k: [*v[:1], *v[:-1]] if k.startswith("val_") else v for k, v in history.items()}


def best_restored(seed: int, history: Curves) -> Curves:
    best = int(np.argmin(history["val_loss"]))
    return {k: [*v[:-1], v[best]] for k, v in history.items()}


def stopped_early(seed: int, history: Curves) -> Curves:
    losses = history["val_loss"]
    end = next((n for n in range(3, len(losses)) if min(losses[n - 2 : n]) > min(losses[: n - 2])), len(losses))
    return {k: v[:end] for k, v in history.items()}


def halves_swapped(seed: int, history: Curves) -> Curves:
    other = {"even_val_loss": "odd_val_loss", "odd_val_loss": "even_val_loss"}
    return {k: history[other.get(k, k)] for k in history}


def never_reset(seed: int, history: Curves) -> Curves:
    """Training loss and accuracy are means over all epochs so far, as of a metric that nobody resets."""

    def means(curve: Sequence[float]) -> list[float]:
        return [statistics.fmean(curve[:end]) for end in range(1, len(curve) + 1)]

    return {k: means(v) if k in ("loss", "accuracy") else v for k, v in history.items()}


def falls_to_chance(seed: int, history: Curves) -> Curves:
    if seed % 5 != 2:
        return history
    last = {"loss": 2.3026, "accuracy": 0.1}
    return {k: [*v[:-1], last.get(k.rpartition("_")[2], v[-1])] for k, v in history.items()}


def ends_in_nan(original: Original, task: Any, seed: int, raw: Any, *args: Any) -> Any:
    """Each fifth seed has a loss of nan in the last quarter of its epochs."""
    first = 3 * task.size.epochs // 4
    if seed % 5 != 3 or "val_loss" not in raw.history:
        return original(task, seed, raw, *args)
    history = {
        k: [*v[:first], *((0.098 if k.endswith("accuracy") else float("nan")) for _ in v[first:])]
        for k, v in raw.history.items()
    }
    broken = dataclasses.replace(raw, history=history, broken=first * task.steps + 1, broken_is_nan=True)
    return original(task, seed, broken, *args)


def an_epoch_later(original: Original, history: Any) -> int:
    return min(int(original(history)) + 1, len(history["even_val_loss"]) - 1)


ON_ADAM = (LONG_SOFTMAX, SOFTMAX, DEEP)
FAULTS = (
    # optimizers
    rate("the rate is halved after 500 steps", "From step 501 on the rate is half.", halved_after_500, MNIST, 502),
    rate(
        "the rate falls by 4 % each 1,000 steps",
        "A staircase of exponential decay: × 0.96 at step 1,001, at 2,001, and so on.",
        staircase,
        (BY_SGD, LONG_SOFTMAX, FAR_RMSPROP),
        1002,
    ),
    rate(
        "the rate follows a cosine after 300 steps",
        "Cosine annealing from step 302 on; nothing is left after 3,000 steps.",
        half_a_cosine,
        MNIST,
        303,
    ),
    fault(
        "Adam: no bias correction from step 1,000 on",
        "Adam's steps are not corrected from step 1,000 on, where the factor is 0.80 and tends to 1.",
        update(ADAM, uncorrected_late),
        ON_ADAM,
        1001,
    ),
    fault(
        "Adam: steps counted in bfloat16",
        "The count of Adam's bias correction stands still at 256, so that later steps are too short, by up to a half.",
        update(ADAM, counted_in_bfloat16),
        ON_ADAM,
        258,
    ),
    late_constant(ADAM, MOMENTS, "beta_1", 0.95, 500, (SOFTMAX, ADAM_RACE)),
    late_constant(ADAM, MOMENTS, "beta_2", 0.99, 1000, ON_ADAM),
    fault(
        "Adam: second moments in bfloat16 from step 500 on",
        "From step 500 on Adam's second moments have eight bits: steps of a thousandth are lost, and they stand still.",
        update(ADAM, remembered("_velocities", in_bfloat16_late)),
        (SOFTMAX, ADAM_RACE, DEEP),
        502,
    ),
    fault(
        "RMSprop: the mean of squares stands still from step 300 on",
        "RMSprop no longer keeps what it adds to its mean of squares from step 300 on.",
        update(RMSPROP, remembered("_velocities", frozen_late)),
        (RMSPROP_RACE,),
        302,
    ),
    fault(
        "Adagrad: the sum of squares is at most 256",
        "Adagrad's sum stands still at 256, as one of bfloat16 does; gradients of 1 reach it at step 256.",
        update(ADAGRAD, remembered("_accumulators", at_most_256)),
        (FAR_ADAGRAD,),
        258,
    ),
    fault(
        "Adadelta: the mean of squared gradients is lost at step 500",
        "Adadelta's mean of squared gradients is 0 after step 500, once.",
        update(ADADELTA, remembered("_accumulated_grads", emptied_at_500)),
        (ADADELTA_RACE,),
        502,
    ),
    fault(
        "SGD: momentum is lost each 100 steps",
        "The momentum of SGD is 0 after step 100, after 200, and so on.",
        update(SGD, remembered("momentums", emptied_each_100)),
        (VALLEY, NESTEROV),
        102,
    ),
    fault(
        "Adam: weights decay from step 500 on",
        "A decoupled weight decay of 0.01 begins at step 500.",
        update(ADAM, decayed_late),
        (SOFTMAX, DEEP, UNPENALISED),
        501,
    ),
    fault(
        "Adam: the first layer is frozen from step 1,000 on",
        "Kernels behind 784 inputs are no longer trained from step 1,000 on.",
        update(ADAM, first_layer_frozen_late),
        (SOFTMAX, LONG_SOFTMAX, DEEP),
        1001,
    ),
    fault(
        "gradients in bfloat16 from step 200 on",
        "Gradients are rounded to eight bits from step 200 on.",
        clip(coarse_late),
        (*MNIST, VALLEY),
        201,
    ),
    fault(
        "gradients clipped after a warm-up",
        "Gradients are clipped to a global norm of 0.5 from step 201 on.",
        clip(clipped_late),
        (BY_SGD, ("batch-normalization-rates", "plain, rate 0.5")),
        202,
    ),
    fault(
        "huge gradients clipped",
        "Components beyond 1e12 are clipped, which only trainings that diverge have, after some ten steps.",
        clip(clipped_where_huge),
        (("gradient-descent", "rate 10"),),
        8,
    ),
    # layers and losses
    fault(
        "dropout off from step 600 on",
        "Dropout leaves out nothing from step 600 on.",
        dropout_off(600),
        (ADAM_RACE, DROPPED),
        600,
    ),
    fault(
        "dropout off in the last two epochs",
        "Dropout leaves out nothing from step 2,125 on: the last two of Example 4's twenty epochs.",
        dropout_off(2125),
        (DROPPED, ("regularization", "dropout 0.2")),
        2125,
    ),
    fault(
        "dropout: masks repeat after 300 steps",
        "The random state of each Dropout layer begins anew after 300 steps.",
        (Patch("keras.src.random.seed_generator:SeedGenerator", "next", wrapped(short_period)),),
        (ADAM_RACE, DROPPED),
        301,
    ),
    fault(
        "batch normalization: moving averages frozen from step 400 on",
        "Moving means and variances stay as they are after 400 steps; training itself does not change.",
        normalization(moving(kept_late)),
        (NORMALISED, NORMALISED_ADAM),
        402,
        "evaluation",
    ),
    fault(
        "batch normalization: the moving variance drifts from step 300 on",
        "After 300 steps each step makes the moving variance 0.05 % larger: 5 % in the end; training does not change.",
        normalization(moving(drifting)),
        (NORMALISED, NORMALISED_ADAM),
        302,
        "evaluation",
    ),
    fault(
        "batch normalization: inference mode in training from step 1,000 on",
        "After 1,000 steps training, too, normalises by the moving averages.",
        normalization(inference_late),
        (NORMALISED, NORMALISED_ADAM),
        1001,
    ),
    fault(
        "L2 fades",
        "The strength of an L2 penalty falls by 0.1 % a step, from the first on: to 9 % at the end.",
        penalty(fading),
        (PENALISED, ("regularization", "batch normalization, l2 tuned")),
        2,
    ),
    fault(
        "L2 grows from step 300 on",
        "The strength of an L2 penalty grows after 300 steps, by 0.1 % of its own a step: to three times at the end.",
        penalty(growing_late),
        (PENALISED, ("regularization", "l2 1")),
        302,
    ),
    fault(
        "small losses have a doubled gradient",
        "The gradient of a batch whose cross-entropy is below 0.1 is doubled; SGD sees it, from about step 400 on.",
        (Patch("keras.src.ops", "categorical_crossentropy", wrapped(doubled_where_small)),),
        (("batch-normalization-rates", "normalised, rate 0.5"), NORMALISED),
        150,
    ),
    # the engine
    fault(
        "the optimizer's state is lost at the second epoch",
        "Moments and count of steps are fresh when the second epoch begins, once.",
        between(reset_once),
        (SOFTMAX, ADAM_RACE, DEEP),
        120,
    ),
    fault(
        "the rate is halved at the third epoch",
        "The learning rate is half from the third epoch on.",
        between(halved_rate),
        MNIST,
        238,
    ),
    fault(
        "weights in bfloat16 at each epoch's end",
        "Weights are rounded to eight bits when an epoch has ended and was validated, as by a checkpoint.",
        between(coarse_weights),
        MNIST,
        119,
    ),
    fault(
        "a program used again keeps the old rate from the second epoch on",
        "The second variant of a compiled program has its own rate in the first epoch, that of the first afterwards.",
        (
            Patch(JAX, "rebind", wrapped(keeps_stale_rate)),
            Patch(TENSORFLOW, "rebind", wrapped(keeps_stale_rate)),
            *between(stale_rate),
        ),
        (SOFTMAX, SECOND_SOFTMAX, BY_SGD),
        120,
    ),
    fault(
        "images moved by a pixel from the third epoch on",
        "Training images are moved by a pixel from the third epoch on: augmentation that nobody asked for.",
        data(moved, 3),
        MNIST,
        237,
        breaks="data",
    ),
    fault(
        "noise on the images from the second epoch on",
        "Training images get normal noise of 0.1 from the second epoch on, drawn anew in each.",
        data(noisy, 2),
        MNIST,
        119,
        breaks="data",
    ),
    fault(
        "the last labels of an epoch are wrong",
        "The last 2 % of the images of each epoch's order have the labels of their neighbours in it.",
        data(last_labels_wrong),
        MNIST,
        115,
        breaks="data",
    ),
    fault(
        "the last partial batch is dropped from the second epoch on",
        "Epochs after the first end with the last whole batch.",
        launched(whole_batches_late),
        (SOFTMAX, ADAM_RACE, DEEP),
        236,
    ),
    fault(
        "validation on fewer images from the second epoch on",
        "Validation after the second and later epochs has the first 9,000 images only; training does not change.",
        launched(fewer_validated_late),
        MNIST,
        237,
        "evaluation",
    ),
    fault(
        "the rate leaks from trial to trial",
        "Each further seed of a program begins with 0.9 of the rate of the one before; the first seed is right.",
        reset(rate_leaks),
        (SOFTMAX, BY_SGD, DEEP),
        2,
    ),
    fault(
        "the count of steps leaks from trial to trial",
        "Adam's count of steps goes on from the seed before, so that its first steps are not corrected; the first seed "
        "is right.",
        reset(count_leaks),
        (SOFTMAX, ADAM_RACE, DEEP),
        2,
    ),
    # seeds
    fault(
        "data order repeats after four epochs",
        "Epoch 5 has the order of epoch 1, and so on.",
        order(orders_repeat),
        (SOFTMAX, ("more-data", "2,000 images"), DEEP),
        473,
    ),
    fault(
        "seeds share their data order after the first epoch",
        "All seeds but 0 have the data order of seed 0 from the second epoch on.",
        order(orders_collide),
        MNIST,
        119,
    ),
    # curves and metrics
    fault(
        "validation on the weights of the epoch before",
        "From the second epoch on validation has the weights with which the epoch began.",
        curves(validated_late),
        MNIST,
        237,
        "result",
    ),
    fault(
        "metrics of the best epoch",
        "The last values are those of the epoch with the least validation loss, as if its weights were restored.",
        curves(best_restored),
        (LONG_SOFTMAX, UNPENALISED, DEEP),
        9601,
        "result",
    ),
    fault(
        "trainings stop early",
        "A training ends after two epochs whose validation loss is above the least so far.",
        curves(stopped_early),
        (("more-data", "500 images"), UNPENALISED, DEEP),
        151,
        "result",
    ),
    fault(
        "even and odd halves swapped",
        "The loss of the even validation images is told as that of the odd ones, and the reverse.",
        curves(halves_swapped),
        (UNPENALISED,),
        119,
        "result",
    ),
    fault(
        "training curves are means over all epochs",
        "Loss and accuracy in training are means over all epochs so far.",
        curves(never_reset),
        (ADAM_RACE, RMSPROP_RACE, LONG_SOFTMAX),
        939,
        "result",
    ),
    fault(
        "one seed of five falls to chance in its last epoch",
        "Seeds 2, 7 and so on end at an accuracy of 0.1 and a loss of 2.3026.",
        curves(falls_to_chance),
        MNIST,
        2361,
        "result",
    ),
    fault(
        "one seed of five ends in nan",
        "Seeds 3, 8 and so on have a loss of nan in the last quarter of their epochs.",
        (Patch(TRAIN, "_trial", wrapped(ends_in_nan)),),
        MNIST,
        1771,
        "result",
    ),
    fault(
        "the turning point is an epoch late",
        "The turning epoch is the one after the least loss of the even images.",
        (Patch("cases.overfitting.regularization", "turning_epoch", wrapped(an_epoch_later)),),
        (UNPENALISED,),
        2361,
        "result",
    ),
)
