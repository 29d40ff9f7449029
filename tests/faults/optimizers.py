"""Faults of the optimizers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, held_out, instead, small, times, with_attribute, wrapped
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
    KERAS,
    LONG_SOFTMAX,
    MLP,
    RMSPROP,
    RMSPROP_RACE,
    SGD,
    SOFTMAX,
    VALLEY,
    Original,
    Trainings,
)

GROUP = "optimizer"
ON_SGD = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON_SGD) -> Fault:
    return Fault(name, patches, on)


def rate_times(factor: float) -> Fault:
    """Every optimizer takes steps of ``factor`` times its learning rate."""
    change = wrapped(lambda original, self: original(self) * factor)
    return fault(f"learning rate × {factor:g}", Patch(BASE, "_get_current_learning_rate", change))


def rate_decays(decay: float) -> Fault:
    """α / (1 + decay · t), as in Keras 2, though nobody asked for it."""

    def decayed(original: Any, self: Any) -> Any:
        import keras

        return original(self) / (1.0 + decay * keras.ops.cast(self.iterations, "float32"))

    return fault(
        f"learning rate decays by {decay:g} a step", Patch(BASE, "_get_current_learning_rate", wrapped(decayed))
    )


def step_with(optimizer: str, attribute: str, number: float, on: tuple[str, str]) -> Fault:
    """A constant of an optimizer is another one in its steps, whatever its configuration says."""

    def step(original: Any, self: Any, *args: Any) -> Any:
        kept = getattr(self, attribute)
        setattr(self, attribute, number)
        try:
            return original(self, *args)
        finally:
            setattr(self, attribute, kept)

    name = optimizer.partition(":")[2]
    return fault(f"{name}: {attribute} is {number:g}", Patch(optimizer, "update_step", wrapped(step)), on=on)


def adam_step(
    self: Any, gradient: Any, variable: Any, rate: Any, corrected: bool = True, late: int = 1, inside: bool = False
) -> None:
    """Adam's step, with its bias correction left out or off by a step, or ε inside the root."""
    from keras import ops

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


def adam(name: str, **how: Any) -> Fault:
    step = functools.partial(adam_step, **how)
    return fault(
        f"Adam: {name}", Patch(ADAM, "update_step", functools.partial(_instead, step)), on=("optimizers", "adam")
    )


def _instead(step: Any, original: Any) -> Any:
    return instead(step)(original)


def plain_step(self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """SGD's step without its momentum."""
    self.assign_sub(variable, gradient * rate)


def not_nesterov(original: Any, self: Any, *args: Any) -> Any:
    kept, self.nesterov = self.nesterov, False
    try:
        return original(self, *args)
    finally:
        self.nesterov = kept


def not_amsgrad(original: Any, self: Any, *args: Any) -> Any:
    kept, self.amsgrad = self.amsgrad, False
    try:
        return original(self, *args)
    finally:
        self.amsgrad = kept


def decayed_weights(strength: float) -> Fault:
    """Each step takes away a share of the weights."""

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
        return original(self, gradient + strength * variable, variable, rate)

    return fault(f"weight decay of {strength:g} always on", Patch(SGD, "update_step", wrapped(step)))


def clipped(original: Any, self: Any, gradients: Any) -> Any:
    import keras

    return [keras.ops.clip(gradient, -0.1, 0.1) for gradient in original(self, gradients)]


def noisy(size: float) -> Fault:
    """Every gradient a little too long or too short, by turns: as of a sum that loses a part."""

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
        import keras

        sign = keras.ops.cast(keras.ops.mod(self.iterations, 2), "float32") * 2 - 1
        return original(self, gradient * (1 + size * sign), variable, rate)

    return fault(f"gradients off by {size:g}, by turns", Patch(SGD, "update_step", wrapped(step)))


def every(count: int) -> Fault:
    """One step in ``count`` is not made."""

    def step(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
        import keras

        made = keras.ops.cast(keras.ops.mod(self.iterations + 1, count) != 0, "float32")
        return original(self, gradient * made, variable, rate)

    return fault(f"no step at each {count}th", Patch(SGD, "update_step", wrapped(step)))


def biases_frozen(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> Any:
    return original(self, gradient * (len(variable.shape) != 1), variable, rate)


ON_ADAM, ON_NESTEROV = ("optimizers", "adam"), ("optimizers", "sgd nesterov")


EVERYWHERE = (BY_SGD, SOFTMAX, VALLEY, RMSPROP_RACE, DEEP)


def slightly_other_rate(factor: float) -> Fault:
    """Every optimizer's learning rate."""
    change = wrapped(lambda original, self: original(self) * factor)
    what = f"Every optimizer takes {factor:g} times its learning rate, from the first step on."
    return small(f"learning rate × {factor:g}", what, Patch(BASE, "_get_current_learning_rate", change), EVERYWHERE, 2)


def rest_times(factor: float, number: float) -> float:
    """1 − ``factor`` · (1 − ``number``)."""
    return 1 - factor * (1 - number)


def constant(optimizer: str, attribute: str, factor: float, only: Trainings, step: int | None, note: str) -> Fault:
    """A constant of an optimizer, in its steps only."""
    name = optimizer.partition(":")[2]
    patch = Patch(optimizer, "update_step", with_attribute(attribute, functools.partial(times, factor)))
    what = f"{name} takes {factor:g} times its {attribute}. {note}"
    return small(f"{name}: {attribute} × {factor:g}", what, patch, only, step)


def rest(optimizer: str, attribute: str, factor: float, only: Trainings, step: int) -> Fault:
    """The distance of a decay rate from 1: the other reading of "off by 10 %", and the smaller fault."""
    name = optimizer.partition(":")[2]
    patch = Patch(optimizer, "update_step", with_attribute(attribute, functools.partial(rest_times, factor)))
    what = f"{name} takes {factor:g} times 1 − {attribute}."
    return small(f"{name}: 1 − {attribute} × {factor:g}", what, patch, only, step)


ADAMS = (SOFTMAX, LONG_SOFTMAX, DEEP)
ON_SMALL_GRADIENTS = "It shows on weights with small gradients only, from the second loss on, near the last bits."


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


def slow_for_ten_steps(original: Any, self: Any) -> Any:
    from keras import ops

    return original(self) * ops.where(self.iterations < 10, 0.5, 1.0)


def ones_for_velocities(original: Original, self: Any, variables: Any, name: Any, initializer: Any = "zeros") -> Any:
    return original(self, variables, name, "ones" if name == "velocity" else initializer)


def remembers_scaled_steps(original: Original, self: Any, grad: Any, variable: Any, learning_rate: Any) -> None:
    """d ← ρ d + (1 − ρ) (α Δ)², where it should be Δ²."""
    from keras import ops

    mean = self._accumulated_delta_vars[self._get_variable_index(variable)]
    kept = ops.multiply(self.rho, mean.value)
    original(self, grad, variable, learning_rate)
    added = ops.subtract(mean.value, kept)
    self.assign(mean, ops.add(kept, ops.multiply(added, ops.square(ops.cast(learning_rate, mean.dtype)))))


def clips_rows(original: Original, self: Any, values: Any, axes: Any = None) -> Any:
    return original(self, values, -1 if len(values.shape) > 1 else axes)


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


FAULTS = (
    *map(rate_times, (2.0, 0.5, 0.9, 0.97, 0.99, 0.999)),
    *map(rate_decays, (1e-2, 1e-3, 1e-5)),
    step_with(ADAM, "beta_1", 0.8, ON_ADAM),
    step_with(ADAM, "beta_1", 0.89, ON_ADAM),
    step_with(ADAM, "beta_2", 0.99, ON_ADAM),
    step_with(ADAM, "epsilon", 1e-3, ON_ADAM),
    step_with(ADAM, "epsilon", 1e-8, ON_ADAM),
    adam("no bias correction", corrected=False),
    adam("bias correction a step late", late=2),
    adam("ε inside the root", inside=True),
    step_with(SGD, "momentum", 0.89, ON_NESTEROV),
    fault("SGD: momentum ignored", Patch(SGD, "update_step", instead(plain_step)), on=ON_NESTEROV),
    fault("SGD: nesterov ignored", Patch(SGD, "update_step", wrapped(not_nesterov)), on=ON_NESTEROV),
    fault("Adam: amsgrad ignored", Patch(ADAM, "update_step", wrapped(not_amsgrad)), on=ON_ADAM),
    step_with(RMSPROP, "rho", 0.95, ("optimizers", "rmsprop")),
    step_with(ADADELTA, "rho", 0.9, ("optimizers", "adadelta")),
    step_with(ADAGRAD, "epsilon", 1e-2, ("optimizers", "adagrad")),
    *map(decayed_weights, (1e-2, 1e-4)),
    fault(
        "clipping ignored",
        Patch(BASE, "_clip_gradients", instead(lambda self, gradients: gradients)),
        on=("example-2-clipped", "clipnorm 1"),
    ),
    fault("gradients clipped at 0.1, always", Patch(BASE, "_clip_gradients", wrapped(clipped))),
    *map(noisy, (0.1, 0.01)),
    *map(every, (10, 100)),
    fault("SGD: biases frozen", Patch(SGD, "update_step", wrapped(biases_frozen))),
    *map(slightly_other_rate, (1.01, 0.99, 1.003, 0.997)),
    *(constant(ADAM, "beta_2", factor, ADAMS, 3, "Its first step does not depend on it.") for factor in (0.9, 0.99)),
    *(rest(ADAM, "beta_2", factor, ADAMS, 3) for factor in (1.1, 1.01)),
    *(constant(ADAM, "epsilon", factor, ADAMS, 2, ON_SMALL_GRADIENTS) for factor in (1.1, 1.01)),
    *(constant(RMSPROP, "epsilon", factor, (RMSPROP_RACE,), 2, ON_SMALL_GRADIENTS) for factor in (1.1, 1.01)),
    *(
        constant(ADADELTA, "epsilon", factor, (ADADELTA_RACE,), 2, "Its first steps are proportional to its root.")
        for factor in (1.1, 1.01)
    ),
    constant(
        ADAGRAD, "epsilon", 1.1, (ADAGRAD_RACE,), None, "It is lost in the rounding of the sum that begins at 0.1."
    ),
    *(
        constant(SGD, "momentum", factor, (VALLEY,), 3, "With Nesterov's steps the second loss shows it.")
        for factor in (0.9, 0.99)
    ),
    held_out("SGD: nesterov always", SGD, "update_step", wrapped(always_nesterov), ("optimizers", "sgd nesterov")),
    held_out("half the rate in the first two steps", BASE, "_get_current_learning_rate", wrapped(warmed_up), BY_SGD),
    held_out("learning rate × 1.0005", BASE, "_get_current_learning_rate", wrapped(longer_by_a_little), BY_SGD),
    held_out("clipvalue clips upwards only", BASE, "_clip_gradients", wrapped(upper_clip_only), BY_SGD),
    held_out("Adam: output layer × 1.01", ADAM, "update_step", wrapped(last_layer_faster), ADAM_RACE),
    held_out("gradients below 1e-5 dropped", BASE, "apply", wrapped(gradients(small_ones_dropped)), MLP),
    held_out("one gradient in 20 doubled", BASE, "apply", wrapped(gradients(one_in_twenty_doubled)), MLP),
    held_out("half the rate for ten steps", BASE, "_get_current_learning_rate", wrapped(slow_for_ten_steps), MLP),
    held_out(
        "RMSprop: the mean of squares starts at 1",
        f"{KERAS}.optimizers.rmsprop:RMSprop",
        "add_optimizer_variables",
        wrapped(ones_for_velocities),
        RMSPROP_RACE,
    ),
    held_out(
        "Adadelta: its steps are remembered times the rate",
        f"{KERAS}.optimizers.adadelta:Adadelta",
        "update_step",
        wrapped(remembers_scaled_steps),
        None,
    ),
    held_out(
        "clipnorm clips each row of a kernel by itself",
        f"{KERAS}.optimizers.base_optimizer:BaseOptimizer",
        "_clip_by_norm",
        wrapped(clips_rows),
        ("example-2-clipped", "clipnorm 1"),
    ),
    held_out(
        "optimizers: variables of one shape share their slots",
        f"{KERAS}.optimizers.base_optimizer:BaseOptimizer",
        "_get_variable_index",
        wrapped(index_of_shape),
        MLP,
    ),
    held_out(
        "Adagrad: the gradient is added behind the step",
        f"{KERAS}.optimizers.adagrad:Adagrad",
        "update_step",
        instead(divides_by_the_sum_before),
        ("optimizers", "adagrad"),
    ),
)
