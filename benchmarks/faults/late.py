"""Faults that act after many steps and do not change the first.

Steps are counted by the optimizer, so that these faults act with every backend and engine.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import Wrapper, attribute, each, in_bits, ops, result
from benchmarks.faults.fault import Patch, fault, here
from benchmarks.faults.optimizers import correction, made, rate, slot

in_bfloat16 = in_bits("bfloat16")


def rate_times(of: Callable[[Any], Any]) -> Wrapper:
    """The learning rate times ``of(steps made)``."""
    return result(lambda rate, self: rate * of(made(self)))


def from_step(first: int, change: Wrapper, *slots: str) -> Wrapper:
    """The change acts from the ``first`` step on.

    Each step is made with and without it, so that the steps before ``first`` keep their bits.
    """

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        touched = [variable, *(slot(self, name, variable) for name in slots)]

        def after(step: Callable[..., Any]) -> list[Any]:
            before = [ops.add(number, 0.0) for number in touched]
            step(self, gradient, variable, rate)
            reached = [ops.add(number, 0.0) for number in touched]
            for target, number in zip(touched, before, strict=True):
                self.assign(target, number)
            return reached

        both = after(functools.partial(change, original)), after(original)
        for target, other, usual in zip(touched, *both, strict=True):
            self.assign(target, ops.where(made(self) >= first - 1, other, usual))

    return step


MOMENTS = ("_momentums", "_velocities")


def remembered(slots: str, of: Callable[[Any, Any, Any], Any]) -> Wrapper:
    """Behind each step a variable of the optimizer becomes ``of(steps made, value before, value after)``.

    An optimizer that has no such variable is not changed.
    """

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        if not getattr(self, slots):  # SGD without momentum
            original(self, gradient, variable, rate)
            return
        kept = slot(self, slots, variable)
        before = ops.add(kept, 0.0)
        original(self, gradient, variable, rate)
        self.assign(kept, of(made(self), before, ops.convert_to_tensor(kept)))

    return step


def lost(slots: str, at_step: Callable[[Any], Any]) -> Wrapper:
    """A variable of the optimizer is 0 behind a step where ``at_step(steps made before it)`` is true."""
    return remembered(slots, lambda steps, before, after: ops.where(at_step(steps), 0.0 * after, after))


def uncorrected_late(rate: Any, self: Any) -> Any:
    """From step 1,000 on, where the factor is 0.80 and tends to 1."""
    step = made(self) + 1
    return rate * ops.where(step >= 1000, 1 / correction(self, step), 1.0)


def counted_in_bfloat16(rate: Any, self: Any) -> Any:
    """The step count of the bias correction has eight bits: 256 + 1 is 256; later steps are too short, by up to a
    half."""
    step = made(self) + 1
    return rate * ops.where(step <= 256, 1.0, correction(self, 256.0) / correction(self, step))


def decayed_late(nothing: Any, self: Any, variable: Any, learning_rate: Any) -> None:
    """A decoupled weight decay of 0.01 begins at step 500."""
    self.assign_sub(variable, ops.multiply(variable, learning_rate * ops.where(made(self) >= 499, 0.01, 0.0)))


def first_layer_frozen_late(rate: Any, self: Any, variable: Any) -> Any:
    """Kernels behind 784 inputs."""
    return rate * (ops.where(made(self) >= 999, 0.0, 1.0) if tuple(variable.shape)[:1] == (784,) else 1.0)


def coarse_late(grads: Any, self: Any) -> Any:
    return [ops.where(made(self) >= 199, in_bfloat16(grad), grad) for grad in grads]


def clipped_late(grads: Any, self: Any) -> Any:
    """To a global norm of a half, after a warm-up of 200 steps."""
    norm = ops.sqrt(sum(ops.sum(ops.square(grad)) for grad in grads))
    factor = ops.where(made(self) >= 200, 0.5 / ops.maximum(norm, 0.5), 1.0)
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


def counting(owner: str, method: str, steps: Callable[..., Any]) -> Patch:
    """``steps(self, *args)`` is the count while the call lasts."""

    def call(original: Any, self: Any, *args: Any) -> Any:
        with _counted(steps(self, *args)):
            return original(self, *args)

    return Patch(owner, method, call)


COUNTED = (
    counting(at.JAX, "_step", lambda self, carry, *args: carry[0][2][0]),
    counting(at.JAX, "_evaluate", lambda self, state, *args: state[2][0]),
    counting(at.TENSORFLOW, "launch", lambda self, *args: self._optimizer.iterations),
    counting(  # ``train_step(data)``, or on JAX ``train_step(state, data)``
        f"{at.KERAS}.models.model:Model",
        "train_step",
        lambda self, *args: args[0][2][0] if len(args) > 1 else self.optimizer.iterations,
    ),
)
"""Lets layers and penalties know ``now``."""


def normalising(call: Callable[..., Any]) -> Wrapper:
    """``call(original, self, inputs, steps made)`` in the place of batch normalization in training."""

    def wrapper(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        steps = now()
        if not training or steps is None:
            return original(self, inputs, training=training, mask=mask)
        return call(original, self, inputs, steps)

    return wrapper


def moving(of: Callable[[Any, Any, Any, str], Any]) -> Wrapper:
    """In training each moving statistic becomes ``of(steps made, before, after, its name)``."""

    def call(original: Any, self: Any, inputs: Any, steps: Any) -> Any:
        statistics = {name: getattr(self, name) for name in ("moving_mean", "moving_variance")}
        before = {name: ops.add(variable, 0.0) for name, variable in statistics.items()}
        outputs = original(self, inputs, training=True)
        for name, variable in statistics.items():
            variable.assign(of(steps, before[name], ops.convert_to_tensor(variable), name))
        return outputs

    return normalising(call)


def drifting(steps: Any, before: Any, after: Any, name: str) -> Any:
    """0.05 % a step: 5 % in the end; training does not change."""
    return after * ops.where(steps >= 300, 1.0005, 1.0) if name == "moving_variance" else after


def inference_late(original: Any, self: Any, inputs: Any, steps: Any) -> Any:
    """Training, too, normalises by the moving statistics."""
    still = original(self, inputs, training=False)
    return ops.where(steps >= 1000, still, original(self, inputs, training=True))


def penalty(of: Callable[[Any], Any]) -> Wrapper:
    """L2 penalties times ``of(steps made)``."""
    return result(lambda penalty: penalty if (steps := now()) is None else penalty * of(steps))


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


RATE, CLIP = here(at.RATE, *at.MNIST), here(at.CLIP, *at.MNIST, at.VALLEY)
ADAM = here(at.ADAM_STEP, at.LONG_SOFTMAX, at.SOFTMAX, at.DEEP)
NORMALISED = here(at.NORMALISE, at.NORMALISED, at.NORMALISED_ADAM, also=COUNTED)
STATES = {
    "late: the rate is halved after 500 steps": RATE(
        rate_times(lambda steps: ops.where(steps >= 500, 0.5, 1.0)), step=502
    ),
    "late: the rate falls by 4 % each 1,000 steps": fault(
        at.RATE, rate_times(lambda n: ops.power(0.96, ops.floor(n / 1000))), at.BY_SGD, at.LONG_SOFTMAX, step=1002
    ),
    # half a cosine that ends at 0 after 3,000
    "late: the rate follows a cosine after 300 steps": RATE(
        rate_times(lambda n: 0.5 + 0.5 * ops.cos(np.pi * ops.clip((n - 300) / 2700, 0.0, 1.0))), step=303
    ),
    "late: Adam: no bias correction from step 1,000 on": ADAM(rate(uncorrected_late), step=1001),
    "late: Adam: steps counted in bfloat16": ADAM(rate(counted_in_bfloat16), step=258),
    "late: Adam: beta_1 is 0.95 from step 500 on": fault(
        at.ADAM_STEP, from_step(500, attribute("beta_1", 0.95), *MOMENTS), at.SOFTMAX, at.ADAM_RACE, step=501
    ),
    "late: Adam: beta_2 is 0.99 from step 1,000 on": ADAM(
        from_step(1000, attribute("beta_2", 0.99), *MOMENTS), step=1001
    ),
    # steps of a thousandth are lost, and the moments stand still
    "late: Adam: second moments in bfloat16 from step 500 on": fault(
        at.ADAM_STEP,
        remembered("_velocities", lambda steps, before, after: ops.where(steps >= 499, in_bfloat16(after), after)),
        *(at.SOFTMAX, at.ADAM_RACE, at.DEEP),
        step=502,
    ),
    "late: RMSprop: the mean of squares stands still from step 300 on": fault(
        at.RMSPROP_STEP,
        remembered("_velocities", lambda steps, before, after: ops.where(steps >= 299, before, after)),
        at.RMSPROP_RACE,
        step=302,
    ),
    # as one of bfloat16 does; gradients of 1 reach it at step 256
    "late: Adagrad: the sum of squares is at most 256": fault(
        at.ADAGRAD_STEP,
        remembered("_accumulators", lambda steps, before, after: ops.minimum(after, 256.0)),
        at.ADAGRAD_RACE,
        step=258,
    ),
    "late: Adadelta: the mean of squared gradients is lost at step 500": fault(
        at.ADADELTA_STEP, lost("_accumulated_grads", lambda steps: ops.equal(steps, 499)), at.ADADELTA_RACE, step=502
    ),
    "late: SGD: momentum is lost each 100 steps": fault(
        at.SGD_STEP,
        lost("momentums", lambda steps: ops.equal(ops.mod(steps + 1, 100), 0)),
        *(at.VALLEY, at.NESTEROV),
        step=102,
    ),
    "late: Adam: weights decay from step 500 on": fault(
        at.ADAM_STEP, result(decayed_late), at.SOFTMAX, at.DEEP, at.UNPENALISED, step=501
    ),
    "late: Adam: the first layer is frozen from step 1,000 on": fault(
        at.ADAM_STEP, rate(first_layer_frozen_late), *at.ADAMS, step=1001
    ),
    "late: gradients in bfloat16 from step 200 on": CLIP(result(coarse_late), step=201),
    "late: gradients clipped after a warm-up": fault(
        at.CLIP, result(clipped_late), at.BY_SGD, ("batch-normalization-rates", "plain, rate 0.5"), step=202
    ),
    # only trainings that diverge have them, after some ten steps
    "late: huge gradients clipped": fault(
        at.CLIP, result(each(lambda grad: ops.clip(grad, -1e12, 1e12))), ("gradient-descent", "rate 10"), step=8
    ),
    "late: dropout off from step 600 on": fault(at.DROP, dropout_off(600), at.ADAM_RACE, at.DROPPED, step=600),
    # of Example 4's twenty
    "late: dropout off in the last two epochs": fault(
        at.DROP, dropout_off(2125), at.DROPPED, at.DROPPED_SMALL, step=2125
    ),
    "late: dropout: masks repeat after 300 steps": fault(
        at.NEXT_SEED, result(short_period), at.ADAM_RACE, at.DROPPED, step=301
    ),
    "late: batch normalization: moving averages frozen from step 400 on": NORMALISED(
        moving(lambda steps, before, after, name: ops.where(steps >= 400, before, after)), step=402
    ),
    "late: batch normalization: the moving variance drifts from step 300 on": NORMALISED(moving(drifting), step=302),
    "late: batch normalization: inference mode in training from step 1,000 on": NORMALISED(
        normalising(inference_late), step=1001
    ),
    # by 0.1 % a step, from the first on: to 9 % at the end
    "late: L2 fades": fault(
        at.L2_PENALTY,
        penalty(lambda steps: ops.exp(-steps / 1000)),
        *(at.PENALISED, at.L2_NORMALISED),
        step=2,
        also=COUNTED,
    ),
    # by 0.1 % of its own a step: to three times at the end
    "late: L2 grows from step 300 on": fault(
        at.L2_PENALTY,
        penalty(lambda steps: 1 + ops.maximum(steps - 300, 0.0) / 1000),
        *(at.PENALISED, at.L2_OF_1),
        step=302,
        also=COUNTED,
    ),
    # SGD sees it, from about step 400 on
    "late: small losses have a doubled gradient": fault(
        at.CROSS_ENTROPY,
        result(doubled_where_small),
        *(("batch-normalization-rates", "normalised, rate 0.5"), at.NORMALISED),
        step=150,
    ),
}
