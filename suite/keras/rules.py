"""The steps of Keras' optimizers in NumPy and float64, from any state.

Keras' documentation gives the formulas of SGD, and refers to papers for the others. It does not say whether ε is inside
the root in RMSprop, Adagrad and Adadelta; TensorFlow's documentation of ApplyRMSProp and ApplyAdadelta has it inside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.training.late_state import SLOTS

Slots = dict[str, np.ndarray]
Step = tuple[np.ndarray, Slots]
"""The change of a weight, and its slots afterwards. A rule computes it from (gradient, slots, number of past steps)."""
EPSILON = 1e-7


def average(old: np.ndarray, new: np.ndarray, rate: float) -> np.ndarray:
    return rate * old + (1 - rate) * new


def sgd(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float) -> Step:
    return -learning_rate * gradient, {}


def momentum(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, momentum: float, nesterov: bool = False
) -> Step:
    velocity = momentum * slots["momentum"] - learning_rate * gradient
    return momentum * velocity - learning_rate * gradient if nesterov else velocity, {"momentum": velocity}


def rmsprop(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float) -> Step:
    velocity = average(slots["velocity"], gradient**2, rho)
    return -learning_rate * gradient / np.sqrt(velocity + EPSILON), {"velocity": velocity}


def adagrad(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float) -> Step:
    accumulator = slots["accumulator"] + gradient**2
    return -learning_rate * gradient / np.sqrt(accumulator + EPSILON), {"accumulator": accumulator}


def adadelta(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float) -> Step:
    squares = average(slots["accumulated_grad"], gradient**2, rho)
    change = -np.sqrt(slots["accumulated_delta_var"] + EPSILON) / np.sqrt(squares + EPSILON) * gradient
    changes = average(slots["accumulated_delta_var"], change**2, rho)
    return learning_rate * change, {"accumulated_grad": squares, "accumulated_delta_var": changes}


def adam(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999
) -> Step:
    """Betas are rounded as in Keras, which uses float32: 0.999 is off by 1.3e-8, its thousandth power by 1e-5."""
    first = average(slots["momentum"], gradient, beta_1)
    second = average(slots["velocity"], gradient**2, beta_2)
    past_1, past_2 = (float(np.float32(beta)) ** (steps + 1) for beta in (beta_1, beta_2))
    rate = learning_rate * np.sqrt(1 - past_2) / (1 - past_1)
    return -rate * first / (np.sqrt(second) + EPSILON), {"momentum": first, "velocity": second}


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optimizer in two forms: ``name`` in Keras and ``rule`` in NumPy, both with the arguments ``given``."""

    name: str
    rule: Callable[..., Step]
    given: Mapping[str, float]

    @property
    def slots(self) -> tuple[str, ...]:
        return () if self.rule is sgd else SLOTS[self.name]

    def initial(self, weights: np.ndarray) -> Slots:
        """The weights with the slots of a new optimizer: 0, and 0.1 in an accumulator of Adagrad; float32."""
        slots = {name: 0.1 if name == "accumulator" else 0.0 for name in self.slots}
        return {"weights": weights, **{name: np.full(weights.shape, x, "float32") for name, x in slots.items()}}

    def step(self, gradient: np.ndarray, values: Slots, steps: int) -> Slots:
        """The weights and slots ``values`` after a step."""
        change, slots = self.rule(gradient, values, steps, **self.given)
        return {"weights": values["weights"] + change, **slots}

    def keras(self) -> Any:
        import keras

        return getattr(keras.optimizers, self.name)(**self.given)


def optimizer(name: str, rule: Callable[..., Step], **given: float) -> Optimizer:
    return Optimizer(name, rule, given)
