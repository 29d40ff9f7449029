"""Faults of the optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.faults.change import Wrapper, argument, attribute, combinator, each, instead, ops, result, times
from benchmarks.faults.fault import Fault, Training, fault, held_out
from benchmarks.faults.places import (
    ADADELTA,
    ADADELTA_RACE,
    ADAGRAD,
    ADAGRAD_RACE,
    ADAM,
    ADAM_RACE,
    ADAMS,
    APPLY,
    BASE,
    BY_SGD,
    CLIP,
    CLIPPED,
    DEEP,
    MLP,
    NESTEROV,
    RATE,
    RMSPROP,
    RMSPROP_RACE,
    SGD,
    SOFTMAX,
    VALLEY,
    step_of,
)

EVERYWHERE = (BY_SGD, SOFTMAX, VALLEY, RMSPROP_RACE, DEEP)


def constant_is(optimizer: str, name: str, number: float, on: Training, step: int = 2) -> Fault:
    """A constant of an optimizer is another one in its steps, whatever its configuration says."""
    said = optimizer.partition(":")[2]
    return fault(f"{said}: {name} is {number:g}", step_of(optimizer), attribute(name, number), on, step=step)


def constant_times(optimizer: str, name: str, factor: float, *on: Training, step: int = 2) -> Fault:
    said = optimizer.partition(":")[2]
    change = attribute(name, lambda number: factor * number)
    return fault(f"small: {said}: {name} × {factor:g}", step_of(optimizer), change, *on, step=step)


def rest_times(factor: float) -> Fault:
    """The distance of a decay rate from 1: the other reading of "off by 10 %", and the smaller fault."""
    change = attribute("beta_2", lambda number: 1 - factor * (1 - number))
    return fault(f"small: Adam: 1 − beta_2 × {factor:g}", step_of(ADAM), change, *ADAMS, step=3)


def gradient(of: Callable[..., Any]) -> Any:
    """The gradient of a step is another one."""
    return argument("gradient", of)


@combinator
def adam_step(corrected: bool = True, late: int = 1, inside: bool = False) -> Wrapper:
    """Adam's step, with its bias correction left out or off by a step, or ε inside the root."""

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        step = ops.cast(self.iterations + late, "float32")
        m = self._momentums[self._get_variable_index(variable)]
        v = self._velocities[self._get_variable_index(variable)]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        alpha = ops.cast(rate, "float32")
        if corrected:
            alpha = alpha * ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
        root = ops.sqrt(v + self.epsilon) if inside else ops.sqrt(v) + self.epsilon
        self.assign_sub(variable, m * alpha / root)

    return step


def without_momentum(self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    self.assign_sub(variable, gradient * rate)


def by_turns(size: float) -> Callable[..., Any]:
    """Every gradient a little too long or too short, by turns: as of a sum that loses a part."""

    def off(gradient: Any, self: Any) -> Any:
        return gradient * (1 + size * (ops.cast(ops.mod(self.iterations, 2), "float32") * 2 - 1))

    return off


def all_but_each(count: int) -> Callable[..., Any]:
    """No gradient in one step of ``count``."""
    return lambda gradient, self: gradient * ops.cast(ops.mod(self.iterations + 1, count) != 0, "float32")


def upper_clip_only(original: Any, self: Any, grads: Any) -> Any:
    return [ops.minimum(one, self.clipvalue) for one in grads] if self.clipvalue else original(self, grads)


def one_in_20_doubled(grads: Any, self: Any) -> Any:
    return [grad * (1.0 + ops.cast(self.iterations % 20 == 19, "float32")) for grad in grads]


def remembers_scaled_steps(original: Any, self: Any, grad: Any, variable: Any, learning_rate: Any) -> None:
    """d ← ρ d + (1 − ρ) (α Δ)², where it should be Δ²."""
    mean = self._accumulated_delta_vars[self._get_variable_index(variable)]
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
    gradient = ops.cast(gradient, variable.dtype)
    accumulator = self._accumulators[self._get_variable_index(variable)]
    root = ops.sqrt(ops.add(accumulator, self.epsilon))
    self.assign_sub(variable, ops.divide(ops.multiply(ops.cast(learning_rate, variable.dtype), gradient), root))
    self.assign_add(accumulator, ops.square(gradient))


def decays(decay: float) -> Callable[..., Any]:
    """α / (1 + decay · t), as in Keras 2, though nobody asked for it."""
    return lambda rate, self: rate / (1.0 + decay * ops.cast(self.iterations, "float32"))


def half_for(steps: int) -> Callable[..., Any]:
    return lambda rate, self: rate * ops.where(self.iterations < steps, 0.5, 1.0)


FAULTS = (
    *(fault(f"learning rate × {x:g}", RATE, times(x), BY_SGD) for x in (2.0, 0.5, 0.9, 0.97, 0.99, 0.999)),
    *(
        fault(f"learning rate decays by {x:g} a step", RATE, result(decays(x)), BY_SGD, step=3)
        for x in (1e-2, 1e-3, 1e-5)
    ),
    constant_is(ADAM, "beta_1", 0.8, ADAM_RACE, 3),
    constant_is(ADAM, "beta_1", 0.89, ADAM_RACE, 3),
    constant_is(ADAM, "beta_2", 0.99, ADAM_RACE, 3),
    constant_is(ADAM, "epsilon", 1e-3, ADAM_RACE),
    constant_is(ADAM, "epsilon", 1e-8, ADAM_RACE),
    fault("Adam: no bias correction", step_of(ADAM), adam_step(corrected=False), ADAM_RACE),
    fault("Adam: bias correction a step late", step_of(ADAM), adam_step(late=2), ADAM_RACE),
    fault("Adam: ε inside the root", step_of(ADAM), adam_step(inside=True), ADAM_RACE),
    constant_is(SGD, "momentum", 0.89, NESTEROV),
    fault("SGD: momentum ignored", step_of(SGD), instead(without_momentum), NESTEROV),
    fault("SGD: nesterov ignored", step_of(SGD), attribute("nesterov", False), NESTEROV),
    # no training uses it
    fault("Adam: amsgrad ignored", step_of(ADAM), attribute("amsgrad", False), ADAM_RACE, shows="result"),
    constant_is(RMSPROP, "rho", 0.95, RMSPROP_RACE),
    constant_is(ADADELTA, "rho", 0.9, ADADELTA_RACE),
    constant_is(ADAGRAD, "epsilon", 1e-2, ADAGRAD_RACE),
    *(
        fault(
            f"weight decay of {x:g} always on",
            step_of(SGD),
            gradient(lambda gradient, variable, x=x: gradient + x * variable),
            BY_SGD,
        )
        for x in (1e-2, 1e-4)
    ),
    fault("clipping ignored", CLIP, instead(lambda self, grads: grads), CLIPPED),
    fault("gradients clipped at 0.1, always", CLIP, result(each(lambda grad: ops.clip(grad, -0.1, 0.1))), BY_SGD),
    *(fault(f"gradients off by {x:g}, by turns", step_of(SGD), gradient(by_turns(x)), BY_SGD) for x in (0.1, 0.01)),
    fault("no step at each 10th", step_of(SGD), gradient(all_but_each(10)), BY_SGD, step=11),
    fault("no step at each 100th", step_of(SGD), gradient(all_but_each(100)), BY_SGD, step=101),
    fault(
        "SGD: biases frozen",
        step_of(SGD),
        gradient(lambda gradient, variable: gradient * (len(variable.shape) != 1)),
        BY_SGD,
    ),
    *(fault(f"small: learning rate × {x:g}", RATE, times(x), *EVERYWHERE) for x in (1.01, 0.99, 1.003, 0.997)),
    # Adam's first step does not depend on beta_2
    *(constant_times(ADAM, "beta_2", x, *ADAMS, step=3) for x in (0.9, 0.99)),
    *map(rest_times, (1.1, 1.01)),
    # an epsilon shows on weights with small gradients only, near the last bits; Adadelta's first steps have its root
    *(constant_times(ADAM, "epsilon", x, *ADAMS) for x in (1.1, 1.01)),
    *(constant_times(RMSPROP, "epsilon", x, RMSPROP_RACE) for x in (1.1, 1.01)),
    *(constant_times(ADADELTA, "epsilon", x, ADADELTA_RACE) for x in (1.1, 1.01)),
    fault(  # it is lost in the rounding of the sum that begins at 0.1
        "small: Adagrad: epsilon × 1.1",
        step_of(ADAGRAD),
        attribute("epsilon", lambda number: 1.1 * number),
        ADAGRAD_RACE,
        shows="result",
    ),
    # with Nesterov's steps the second loss shows it
    *(constant_times(SGD, "momentum", x, VALLEY, step=3) for x in (0.9, 0.99)),
    held_out("SGD: nesterov always", step_of(SGD), attribute("nesterov", True), NESTEROV),
    held_out("half the rate in the first two steps", RATE, result(half_for(2)), BY_SGD),
    held_out("learning rate × 1.0005", RATE, times(1.0005), BY_SGD),
    held_out("clipvalue clips upwards only", CLIP, upper_clip_only, BY_SGD),
    held_out(
        "Adam: output layer × 1.01",
        step_of(ADAM),
        gradient(lambda gradient, variable: gradient * (1.01 if variable.shape[-1] in (4, 10) else 1.0)),
        ADAM_RACE,
    ),
    held_out(
        "gradients below 1e-5 dropped",
        APPLY,
        argument("grads", each(lambda grad: ops.where(ops.abs(grad) < 1e-5, 0.0, grad))),
        MLP,
    ),
    held_out("one gradient in 20 doubled", APPLY, argument("grads", one_in_20_doubled), MLP, step=21),
    held_out("half the rate for ten steps", RATE, result(half_for(10)), MLP),
    held_out(
        "RMSprop: the mean of squares starts at 1",
        (RMSPROP, "add_optimizer_variables"),
        argument("initializer", lambda kind, name: "ones" if name == "velocity" else kind),
        RMSPROP_RACE,
    ),
    held_out("Adadelta: its steps are remembered times the rate", step_of(ADADELTA), remembers_scaled_steps),
    held_out(
        "clipnorm clips each row of a kernel by itself",
        (BASE, "_clip_by_norm"),
        argument("axes", lambda axes, values: -1 if len(values.shape) > 1 else axes),
        CLIPPED,
    ),
    held_out(
        "optimizers: variables of one shape share their slots",
        (BASE, "_get_variable_index"),
        result(first_of_its_shape),
        MLP,
    ),
    held_out(
        "Adagrad: the gradient is added behind the step",
        step_of(ADAGRAD),
        instead(divides_by_the_sum_before),
        ADAGRAD_RACE,
    ),
)
