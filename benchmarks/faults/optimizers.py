"""Faults of the optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import Change, Wrapper, argument, attribute, combinator, each, instead, ops, result, times
from benchmarks.faults.fault import fault, held_out

EVERYWHERE = (on.BY_SGD, on.SOFTMAX, on.VALLEY, on.RMSPROP_RACE, on.DEEP)


def times_its(name: str, factor: float) -> Change:
    """A constant of an optimizer is another one in its steps, whatever its configuration says."""
    return attribute(name, lambda number: factor * number)


def rest_times(factor: float) -> Change:
    """The distance of a decay rate from 1: the other reading of "off by 10 %", and the smaller fault."""
    return attribute("beta_2", lambda number: 1 - factor * (1 - number))


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


FAULTS = {
    **{f"learning rate × {x:g}": fault(at.RATE, times(x), on.BY_SGD) for x in (2.0, 0.5, 0.9, 0.97, 0.99, 0.999)},
    **{
        f"learning rate decays by {x:g} a step": fault(at.RATE, result(decays(x)), on.BY_SGD, step=3)
        for x in (1e-2, 1e-3, 1e-5)
    },
    "Adam: beta_1 is 0.8": fault(at.ADAM_STEP, attribute("beta_1", 0.8), on.ADAM_RACE, step=3),
    "Adam: beta_1 is 0.89": fault(at.ADAM_STEP, attribute("beta_1", 0.89), on.ADAM_RACE, step=3),
    "Adam: beta_2 is 0.99": fault(at.ADAM_STEP, attribute("beta_2", 0.99), on.ADAM_RACE, step=3),
    "Adam: epsilon is 0.001": fault(at.ADAM_STEP, attribute("epsilon", 1e-3), on.ADAM_RACE),
    "Adam: epsilon is 1e-08": fault(at.ADAM_STEP, attribute("epsilon", 1e-8), on.ADAM_RACE),
    "Adam: no bias correction": fault(at.ADAM_STEP, adam_step(corrected=False), on.ADAM_RACE),
    "Adam: bias correction a step late": fault(at.ADAM_STEP, adam_step(late=2), on.ADAM_RACE),
    "Adam: ε inside the root": fault(at.ADAM_STEP, adam_step(inside=True), on.ADAM_RACE),
    "SGD: momentum is 0.89": fault(at.SGD_STEP, attribute("momentum", 0.89), on.NESTEROV),
    "SGD: momentum ignored": fault(at.SGD_STEP, instead(without_momentum), on.NESTEROV),
    "SGD: nesterov ignored": fault(at.SGD_STEP, attribute("nesterov", False), on.NESTEROV),
    # no training uses it
    "Adam: amsgrad ignored": fault(at.ADAM_STEP, attribute("amsgrad", False), on.ADAM_RACE, shows="result"),
    "RMSprop: rho is 0.95": fault(at.RMSPROP_STEP, attribute("rho", 0.95), on.RMSPROP_RACE),
    "Adadelta: rho is 0.9": fault(at.ADADELTA_STEP, attribute("rho", 0.9), on.ADADELTA_RACE),
    "Adagrad: epsilon is 0.01": fault(at.ADAGRAD_STEP, attribute("epsilon", 1e-2), on.ADAGRAD_RACE),
    **{
        f"weight decay of {x:g} always on": fault(
            at.SGD_STEP, gradient(lambda gradient, variable, x=x: gradient + x * variable), on.BY_SGD
        )
        for x in (1e-2, 1e-4)
    },
    "clipping ignored": fault(at.CLIP, instead(lambda self, grads: grads), on.CLIPPED),
    "gradients clipped at 0.1, always": fault(at.CLIP, result(each(lambda grad: ops.clip(grad, -0.1, 0.1))), on.BY_SGD),
    **{f"gradients off by {x:g}, by turns": fault(at.SGD_STEP, gradient(by_turns(x)), on.BY_SGD) for x in (0.1, 0.01)},
    "no step at each 10th": fault(at.SGD_STEP, gradient(all_but_each(10)), on.BY_SGD, step=11),
    "no step at each 100th": fault(at.SGD_STEP, gradient(all_but_each(100)), on.BY_SGD, step=101),
    "SGD: biases frozen": fault(
        at.SGD_STEP, gradient(lambda gradient, variable: gradient * (len(variable.shape) != 1)), on.BY_SGD
    ),
    **{f"small: learning rate × {x:g}": fault(at.RATE, times(x), *EVERYWHERE) for x in (1.01, 0.99, 1.003, 0.997)},
    # Adam's first step does not depend on beta_2
    **{
        f"small: Adam: beta_2 × {x:g}": fault(at.ADAM_STEP, times_its("beta_2", x), *on.ADAMS, step=3)
        for x in (0.9, 0.99)
    },
    **{f"small: Adam: 1 − beta_2 × {x:g}": fault(at.ADAM_STEP, rest_times(x), *on.ADAMS, step=3) for x in (1.1, 1.01)},
    # an epsilon shows on weights with small gradients only, near the last bits; Adadelta's first steps have its root
    **{f"small: Adam: epsilon × {x:g}": fault(at.ADAM_STEP, times_its("epsilon", x), *on.ADAMS) for x in (1.1, 1.01)},
    **{
        f"small: RMSprop: epsilon × {x:g}": fault(at.RMSPROP_STEP, times_its("epsilon", x), on.RMSPROP_RACE)
        for x in (1.1, 1.01)
    },
    **{
        f"small: Adadelta: epsilon × {x:g}": fault(at.ADADELTA_STEP, times_its("epsilon", x), on.ADADELTA_RACE)
        for x in (1.1, 1.01)
    },
    # it is lost in the rounding of the sum that begins at 0.1
    "small: Adagrad: epsilon × 1.1": fault(at.ADAGRAD_STEP, times_its("epsilon", 1.1), on.ADAGRAD_RACE, shows="result"),
    # with Nesterov's steps the second loss shows it
    **{
        f"small: SGD: momentum × {x:g}": fault(at.SGD_STEP, times_its("momentum", x), on.VALLEY, step=3)
        for x in (0.9, 0.99)
    },
    "SGD: nesterov always": held_out(at.SGD_STEP, attribute("nesterov", True), on.NESTEROV),
    "half the rate in the first two steps": held_out(at.RATE, result(half_for(2)), on.BY_SGD),
    "learning rate × 1.0005": held_out(at.RATE, times(1.0005), on.BY_SGD),
    "clipvalue clips upwards only": held_out(at.CLIP, upper_clip_only, on.BY_SGD),
    "Adam: output layer × 1.01": held_out(
        at.ADAM_STEP,
        gradient(lambda gradient, variable: gradient * (1.01 if variable.shape[-1] in (4, 10) else 1.0)),
        on.ADAM_RACE,
    ),
    "gradients below 1e-5 dropped": held_out(
        at.APPLY, argument("grads", each(lambda grad: ops.where(ops.abs(grad) < 1e-5, 0.0, grad))), on.MLP
    ),
    "one gradient in 20 doubled": held_out(at.APPLY, argument("grads", one_in_20_doubled), on.MLP, step=21),
    "half the rate for ten steps": held_out(at.RATE, result(half_for(10)), on.MLP),
    "RMSprop: the mean of squares starts at 1": held_out(
        (at.RMSPROP, "add_optimizer_variables"),
        argument("initializer", lambda kind, name: "ones" if name == "velocity" else kind),
        on.RMSPROP_RACE,
    ),
    "Adadelta: its steps are remembered times the rate": held_out(at.ADADELTA_STEP, remembers_scaled_steps),
    "clipnorm clips each row of a kernel by itself": held_out(
        (at.BASE, "_clip_by_norm"),
        argument("axes", lambda axes, values: -1 if len(values.shape) > 1 else axes),
        on.CLIPPED,
    ),
    "optimizers: variables of one shape share their slots": held_out(
        (at.BASE, "_get_variable_index"), result(first_of_its_shape), on.MLP
    ),
    "Adagrad: the gradient is added behind the step": held_out(
        at.ADAGRAD_STEP, instead(divides_by_the_sum_before), on.ADAGRAD_RACE
    ),
}
