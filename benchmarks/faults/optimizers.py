"""Faults of the optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.faults import places as at
from benchmarks.faults.change import Wrapper, argument, attribute, each, instead, ops, result, times
from benchmarks.faults.fault import fault, held_out, here, strengths

EVERYWHERE = (at.BY_SGD, at.SOFTMAX, at.VALLEY, at.RMSPROP_RACE, at.DEEP)


def times_its(name: str, factor: float) -> Wrapper:
    """A constant of an optimizer is another one in its steps, whatever its configuration says."""
    return attribute(name, lambda number: factor * number)


def rest_times(factor: float) -> Wrapper:
    """The distance of a decay rate from 1: the other reading of "off by 10 %", and the smaller fault."""
    return attribute("beta_2", lambda number: 1 - factor * (1 - number))


def gradient(of: Callable[..., Any]) -> Wrapper:
    """The gradient of a step is another one."""
    return argument("gradient", of)


def rate(of: Callable[..., Any]) -> Wrapper:
    """The learning rate of a step is another one."""
    return argument("learning_rate", of)


def made(optimizer: Any) -> Any:
    """The number of steps that an optimizer has made, a float."""
    return ops.cast(optimizer.iterations, "float32")


def correction(adam: Any, step: Any) -> Any:
    """The factor by which Adam corrects the rate of a step, counted from 1."""
    return ops.sqrt(1 - ops.power(adam.beta_2, step)) / (1 - ops.power(adam.beta_1, step))


def slot(optimizer: Any, slots: str, variable: Any) -> Any:
    """The variable that an optimizer keeps for a weight."""
    return getattr(optimizer, slots)[optimizer._get_variable_index(variable)]


def corrected_late(rate: Any, self: Any) -> Any:
    return rate * (correction(self, made(self) + 2) / correction(self, made(self) + 1))


def epsilon_inside(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Adam's step with √(v + ε), not √v + ε."""
    m, v = slot(self, "_momentums", variable), slot(self, "_velocities", variable)
    self.assign_add(m, (gradient - m) * (1 - self.beta_1))
    self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
    alpha = ops.cast(learning_rate, "float32") * correction(self, made(self) + 1)
    self.assign_sub(variable, m * alpha / ops.sqrt(v + self.epsilon))


def decayed(decay: float) -> Wrapper:
    return gradient(lambda gradient, variable: gradient + decay * variable)


def output_layer_longer(gradient: Any, variable: Any) -> Any:
    return gradient * (1.01 if variable.shape[-1] in (4, 10) else 1.0)


def without_small(grad: Any) -> Any:
    return ops.where(ops.abs(grad) < 1e-5, 0.0, grad)


def one_in_20_doubled(grads: Any, self: Any) -> Any:
    return [grad * (1.0 + ops.cast(self.iterations % 20 == 19, "float32")) for grad in grads]


def upper_clip_only(original: Any, self: Any, grads: Any) -> Any:
    return [ops.minimum(grad, self.clipvalue) for grad in grads] if self.clipvalue else original(self, grads)


def by_turns(size: float) -> Wrapper:
    """Every gradient a little too long or too short, by turns: as of a sum that loses a part."""
    return gradient(lambda gradient, self: gradient * (1 + size * (2 * ops.mod(made(self), 2) - 1)))


def all_but_each(count: int) -> Wrapper:
    """No gradient in one step of ``count``."""
    return gradient(lambda gradient, self: gradient * ops.cast(ops.mod(self.iterations + 1, count) != 0, "float32"))


def remembers_scaled_steps(original: Any, self: Any, grad: Any, variable: Any, learning_rate: Any) -> None:
    """d ← ρ d + (1 − ρ) (α Δ)², where it should be Δ²."""
    mean = slot(self, "_accumulated_delta_vars", variable)
    kept = ops.multiply(self.rho, mean.value)
    original(self, grad, variable, learning_rate)
    added = ops.subtract(mean.value, kept)
    self.assign(mean, ops.add(kept, ops.multiply(added, ops.square(ops.cast(learning_rate, mean.dtype)))))


def first_of_its_shape(index: Any, self: Any) -> int:
    """The slot of the first variable that has this one's shape."""
    shapes = [tuple(other.shape) for other in self._trainable_variables]
    return shapes.index(shapes[int(index)])


def divides_by_the_sum_before(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Adagrad's step; its own gradient is added to the sum of squares behind it."""
    accumulator = slot(self, "_accumulators", variable)
    self.assign_sub(variable, learning_rate * gradient / ops.sqrt(accumulator + self.epsilon))
    self.assign_add(accumulator, ops.square(gradient))


def decays(decay: float) -> Wrapper:
    """α / (1 + decay · t), as in Keras 2, though nobody asked for it."""
    return result(lambda rate, self: rate / (1 + decay * made(self)))


def half_for(steps: int) -> Wrapper:
    return result(lambda rate, self: rate * ops.where(self.iterations < steps, 0.5, 1.0))


ALWAYS, ADAM, PLAIN, NESTEROV = (
    here(at.RATE, at.BY_SGD),
    here(at.ADAM_STEP, at.ADAM_RACE),
    here(at.SGD_STEP, at.BY_SGD),
    here(at.SGD_STEP, at.NESTEROV),
)
ADAMS, CLIP = here(at.ADAM_STEP, *at.ADAMS), here(at.CLIP, at.BY_SGD)
FAULTS = {
    **strengths("learning rate × {:g}", (2.0, 0.5, 0.9, 0.97, 0.99, 0.999), lambda x: ALWAYS(times(x))),
    **strengths("learning rate decays by {:g} a step", (1e-2, 1e-3, 1e-5), lambda x: ALWAYS(decays(x), step=3)),
    **strengths("Adam: beta_1 is {:g}", (0.8, 0.89), lambda x: ADAM(attribute("beta_1", x), step=3)),
    "Adam: beta_2 is 0.99": ADAM(attribute("beta_2", 0.99), step=3),
    **strengths("Adam: epsilon is {:g}", (1e-3, 1e-8), lambda x: ADAM(attribute("epsilon", x))),
    "Adam: no bias correction": ADAM(rate(lambda rate, self: rate / correction(self, made(self) + 1))),
    "Adam: bias correction a step late": ADAM(rate(corrected_late)),
    "Adam: ε inside the root": ADAM(instead(epsilon_inside)),
    "SGD: momentum is 0.89": NESTEROV(attribute("momentum", 0.89)),
    "SGD: momentum ignored": NESTEROV(attribute("momentum", 0)),
    "SGD: nesterov ignored": NESTEROV(attribute("nesterov", False)),
    # no training uses it
    "Adam: amsgrad ignored": ADAM(attribute("amsgrad", False), step=None),
    "RMSprop: rho is 0.95": fault(at.RMSPROP_STEP, attribute("rho", 0.95), at.RMSPROP_RACE),
    "Adadelta: rho is 0.9": fault(at.ADADELTA_STEP, attribute("rho", 0.9), at.ADADELTA_RACE),
    "Adagrad: epsilon is 0.01": fault(at.ADAGRAD_STEP, attribute("epsilon", 1e-2), at.ADAGRAD_RACE),
    **strengths("weight decay of {:g} always on", (1e-2, 1e-4), lambda x: PLAIN(decayed(x))),
    "clipping ignored": fault(at.CLIP, instead(lambda self, grads: grads), at.CLIPPED),
    "gradients clipped at 0.1, always": CLIP(result(each(lambda grad: ops.clip(grad, -0.1, 0.1)))),
    **strengths("gradients off by {:g}, by turns", (0.1, 0.01), lambda x: PLAIN(by_turns(x))),
    **strengths("no step at each {}th", (10, 100), lambda n: PLAIN(all_but_each(int(n)), step=int(n) + 1)),
    "SGD: biases frozen": PLAIN(gradient(lambda gradient, variable: gradient * (len(variable.shape) != 1))),
    **strengths(
        "small: learning rate × {:g}", (1.01, 0.99, 1.003, 0.997), lambda x: fault(at.RATE, times(x), *EVERYWHERE)
    ),
    # Adam's first step does not depend on beta_2
    **strengths("small: Adam: beta_2 × {:g}", (0.9, 0.99), lambda x: ADAMS(times_its("beta_2", x), step=3)),
    **strengths("small: Adam: 1 − beta_2 × {:g}", (1.1, 1.01), lambda x: ADAMS(rest_times(x), step=3)),
    # an epsilon shows on weights with small gradients only, near the last bits; Adadelta's first steps have its root
    **strengths("small: Adam: epsilon × {:g}", (1.1, 1.01), lambda x: ADAMS(times_its("epsilon", x))),
    **strengths(
        "small: RMSprop: epsilon × {:g}",
        (1.1, 1.01),
        lambda x: fault(at.RMSPROP_STEP, times_its("epsilon", x), at.RMSPROP_RACE),
    ),
    **strengths(
        "small: Adadelta: epsilon × {:g}",
        (1.1, 1.01),
        lambda x: fault(at.ADADELTA_STEP, times_its("epsilon", x), at.ADADELTA_RACE),
    ),
    # it is lost in the rounding of the sum that begins at 0.1
    "small: Adagrad: epsilon × 1.1": fault(at.ADAGRAD_STEP, times_its("epsilon", 1.1), at.ADAGRAD_RACE, step=None),
    # with Nesterov's steps the second loss shows it
    **strengths(
        "small: SGD: momentum × {:g}",
        (0.9, 0.99),
        lambda x: fault(at.SGD_STEP, times_its("momentum", x), at.VALLEY, step=3),
    ),
} | held_out(
    {
        "SGD: nesterov always": NESTEROV(attribute("nesterov", True)),
        "half the rate in the first two steps": ALWAYS(half_for(2)),
        "learning rate × 1.0005": ALWAYS(times(1.0005)),
        "clipvalue clips upwards only": CLIP(upper_clip_only),
        "Adam: output layer × 1.01": ADAM(gradient(output_layer_longer)),
        "gradients below 1e-5 dropped": fault(at.APPLY, argument("grads", each(without_small)), at.MLP),
        "one gradient in 20 doubled": fault(at.APPLY, argument("grads", one_in_20_doubled), at.MLP, step=21),
        "half the rate for ten steps": fault(at.RATE, half_for(10), at.MLP),
        "RMSprop: the mean of squares starts at 1": fault(
            (at.RMSPROP, "add_optimizer_variables"),
            argument("initializer", lambda kind, name: "ones" if name == "velocity" else kind),
            at.RMSPROP_RACE,
        ),
        "Adadelta: its steps are remembered times the rate": fault(at.ADADELTA_STEP, remembers_scaled_steps),
        "clipnorm clips each row of a kernel by itself": fault(
            (at.BASE, "_clip_by_norm"),
            argument("axes", lambda axes, values: -1 if len(values.shape) > 1 else axes),
            at.CLIPPED,
        ),
        "optimizers: variables of one shape share their slots": fault(
            (at.BASE, "_get_variable_index"), result(first_of_its_shape), at.MLP
        ),
        "Adagrad: the gradient is added behind the step": fault(
            at.ADAGRAD_STEP, instead(divides_by_the_sum_before), at.ADAGRAD_RACE
        ),
    }
)
