"""Faults of the optimizers."""

from __future__ import annotations

import functools
from typing import Any

from tests.faults.fault import Fault, Patch, instead, wrapped

BASE = "keras.src.optimizers.base_optimizer:BaseOptimizer"
ADAM, SGD = "keras.src.optimizers.adam:Adam", "keras.src.optimizers.sgd:SGD"
RMSPROP, ADAGRAD = "keras.src.optimizers.rmsprop:RMSprop", "keras.src.optimizers.adagrad:Adagrad"
ADADELTA = "keras.src.optimizers.adadelta:Adadelta"
ON_SGD = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON_SGD) -> Fault:
    return Fault(name, "optimizer", patches, on)


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
)
