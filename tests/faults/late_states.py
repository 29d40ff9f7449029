"""Faults that act after many steps, counted by the optimizer; they do not change the first steps.

They act with every backend and engine. Steps per epoch at the lecture's size: 118 for Example 4 and regularization, 300
for Example 3, 469 for the optimizers, 600 for the rates with batch normalization, 50 for more data.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, late, wrapped
from tests.faults.places import (
    ADADELTA,
    ADADELTA_RACE,
    ADAGRAD,
    ADAGRAD_RACE,
    ADAM,
    ADAM_RACE,
    BASE,
    BY_SGD,
    DEEP,
    DROPOUT,
    DROPPED,
    JAX,
    L2,
    LONG_SOFTMAX,
    MNIST,
    NESTEROV,
    NORMALISED,
    NORMALIZATION,
    PENALISED,
    RMSPROP,
    RMSPROP_RACE,
    SGD,
    SOFTMAX,
    TENSORFLOW,
    UNPENALISED,
    VALLEY,
    Original,
    Trainings,
)

GROUP = "late states"
MOMENTS = ("_momentums", "_velocities")


NORMALISED_ADAM = ("regularization", "batch normalization")


def made(optimizer: Any) -> Any:
    """The number of steps that an optimizer has made, a float."""
    from keras import ops

    return ops.cast(optimizer.iterations, "float32")


def rate(name: str, what: str, of: Callable[[Any], Any], only: Trainings, step: int) -> Fault:
    """The learning rate times ``of(steps made)``."""

    def current(original: Original, self: Any) -> Any:
        return original(self) * of(made(self))

    return late(name, what, (Patch(BASE, "_get_current_learning_rate", wrapped(current)),), only, step)


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
    return late(
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


ON_ADAM = (LONG_SOFTMAX, SOFTMAX, DEEP)


FAULTS = (
    rate("the rate is halved after 500 steps", "From step 501 on the rate is half.", halved_after_500, MNIST, 502),
    rate(
        "the rate falls by 4 % each 1,000 steps",
        "A staircase of exponential decay: × 0.96 at step 1,001, at 2,001, and so on.",
        staircase,
        (BY_SGD, LONG_SOFTMAX),
        1002,
    ),
    rate(
        "the rate follows a cosine after 300 steps",
        "Cosine annealing from step 302 on; nothing is left after 3,000 steps.",
        half_a_cosine,
        MNIST,
        303,
    ),
    late(
        "Adam: no bias correction from step 1,000 on",
        "Adam's steps are not corrected from step 1,000 on, where the factor is 0.80 and tends to 1.",
        update(ADAM, uncorrected_late),
        ON_ADAM,
        1001,
    ),
    late(
        "Adam: steps counted in bfloat16",
        "The count of Adam's bias correction stands still at 256, so that later steps are too short, by up to a half.",
        update(ADAM, counted_in_bfloat16),
        ON_ADAM,
        258,
    ),
    late_constant(ADAM, MOMENTS, "beta_1", 0.95, 500, (SOFTMAX, ADAM_RACE)),
    late_constant(ADAM, MOMENTS, "beta_2", 0.99, 1000, ON_ADAM),
    late(
        "Adam: second moments in bfloat16 from step 500 on",
        "From step 500 on Adam's second moments have eight bits: steps of a thousandth are lost, and they stand still.",
        update(ADAM, remembered("_velocities", in_bfloat16_late)),
        (SOFTMAX, ADAM_RACE, DEEP),
        502,
    ),
    late(
        "RMSprop: the mean of squares stands still from step 300 on",
        "RMSprop no longer keeps what it adds to its mean of squares from step 300 on.",
        update(RMSPROP, remembered("_velocities", frozen_late)),
        (RMSPROP_RACE,),
        302,
    ),
    late(
        "Adagrad: the sum of squares is at most 256",
        "Adagrad's sum stands still at 256, as one of bfloat16 does; gradients of 1 reach it at step 256.",
        update(ADAGRAD, remembered("_accumulators", at_most_256)),
        (ADAGRAD_RACE,),
        258,
    ),
    late(
        "Adadelta: the mean of squared gradients is lost at step 500",
        "Adadelta's mean of squared gradients is 0 after step 500, once.",
        update(ADADELTA, remembered("_accumulated_grads", emptied_at_500)),
        (ADADELTA_RACE,),
        502,
    ),
    late(
        "SGD: momentum is lost each 100 steps",
        "The momentum of SGD is 0 after step 100, after 200, and so on.",
        update(SGD, remembered("momentums", emptied_each_100)),
        (VALLEY, NESTEROV),
        102,
    ),
    late(
        "Adam: weights decay from step 500 on",
        "A decoupled weight decay of 0.01 begins at step 500.",
        update(ADAM, decayed_late),
        (SOFTMAX, DEEP, UNPENALISED),
        501,
    ),
    late(
        "Adam: the first layer is frozen from step 1,000 on",
        "Kernels behind 784 inputs are no longer trained from step 1,000 on.",
        update(ADAM, first_layer_frozen_late),
        (SOFTMAX, LONG_SOFTMAX, DEEP),
        1001,
    ),
    late(
        "gradients in bfloat16 from step 200 on",
        "Gradients are rounded to eight bits from step 200 on.",
        clip(coarse_late),
        (*MNIST, VALLEY),
        201,
    ),
    late(
        "gradients clipped after a warm-up",
        "Gradients are clipped to a global norm of 0.5 from step 201 on.",
        clip(clipped_late),
        (BY_SGD, ("batch-normalization-rates", "plain, rate 0.5")),
        202,
    ),
    late(
        "huge gradients clipped",
        "Components beyond 1e12 are clipped, which only trainings that diverge have, after some ten steps.",
        clip(clipped_where_huge),
        (("gradient-descent", "rate 10"),),
        8,
    ),
    late(
        "dropout off from step 600 on",
        "Dropout leaves out nothing from step 600 on.",
        dropout_off(600),
        (ADAM_RACE, DROPPED),
        600,
    ),
    late(
        "dropout off in the last two epochs",
        "Dropout leaves out nothing from step 2,125 on: the last two of Example 4's twenty epochs.",
        dropout_off(2125),
        (DROPPED, ("regularization", "dropout 0.2")),
        2125,
    ),
    late(
        "dropout: masks repeat after 300 steps",
        "The random state of each Dropout layer begins anew after 300 steps.",
        (Patch("keras.src.random.seed_generator:SeedGenerator", "next", wrapped(short_period)),),
        (ADAM_RACE, DROPPED),
        301,
    ),
    late(
        "batch normalization: moving averages frozen from step 400 on",
        "Moving means and variances stay as they are after 400 steps; training itself does not change.",
        normalization(moving(kept_late)),
        (NORMALISED, NORMALISED_ADAM),
        402,
        "evaluation",
    ),
    late(
        "batch normalization: the moving variance drifts from step 300 on",
        "After 300 steps each step makes the moving variance 0.05 % larger: 5 % in the end; training does not change.",
        normalization(moving(drifting)),
        (NORMALISED, NORMALISED_ADAM),
        302,
        "evaluation",
    ),
    late(
        "batch normalization: inference mode in training from step 1,000 on",
        "After 1,000 steps training, too, normalises by the moving averages.",
        normalization(inference_late),
        (NORMALISED, NORMALISED_ADAM),
        1001,
    ),
    late(
        "L2 fades",
        "The strength of an L2 penalty falls by 0.1 % a step, from the first on: to 9 % at the end.",
        penalty(fading),
        (PENALISED, ("regularization", "batch normalization, l2 1e-4")),
        2,
    ),
    late(
        "L2 grows from step 300 on",
        "The strength of an L2 penalty grows after 300 steps, by 0.1 % of its own a step: to three times at the end.",
        penalty(growing_late),
        (PENALISED, ("regularization", "l2 1")),
        302,
    ),
    late(
        "small losses have a doubled gradient",
        "The gradient of a batch whose cross-entropy is below 0.1 is doubled; SGD sees it, from about step 400 on.",
        (Patch("keras.src.ops", "categorical_crossentropy", wrapped(doubled_where_small)),),
        (("batch-normalization-rates", "normalised, rate 0.5"), NORMALISED),
        150,
    ),
)
