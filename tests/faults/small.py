"""Small faults of a training's parameters, and whether the first twenty steps can show each.

A rate or a momentum shows in the loss after the first step that uses it. Penalties, masks, initial weights, labels and
data order show in the first loss. Two remarks on the optimizers:

- Adam's first step is the sign of the gradient whatever its betas are, so that another beta shows one step later.
- Adagrad's epsilon stands alongside a sum that begins at 0.1. A change of 1e-8 or less is below the last bit of float32
  there, so that it never shows. Adam's and RMSprop's epsilon shows on weights with small gradients only. Adadelta's
  shows at once, because its first steps are proportional to the root of epsilon.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.data import wrong_labels
from tests.faults.fault import Breaks, Fault, Patch, wrapped
from tests.faults.late import (
    ADADELTA,
    ADADELTA_RACE,
    ADAGRAD,
    ADAM,
    ADAM_RACE,
    BASE,
    BY_SGD,
    DEEP,
    DROPOUT,
    DROPPED,
    FAR_ADAGRAD,
    L2,
    LONG_SOFTMAX,
    MNIST,
    PENALISED,
    RMSPROP,
    RMSPROP_RACE,
    SEEDING,
    SGD,
    SOFTMAX,
    VALLEY,
    Original,
    Trainings,
)

SCALING = "keras.src.initializers.random_initializers:VarianceScaling"
EVERYWHERE = (BY_SGD, SOFTMAX, VALLEY, RMSPROP_RACE, DEEP)


def fault(name: str, what: str, patch: Patch, only: Trainings, step: int | None, breaks: Breaks | None = None) -> Fault:
    shows = "result" if step is None else "training"
    return Fault(f"small: {name}", "small", (patch,), only[0], what, only, step, shows, breaks)


def rate_times(factor: float) -> Fault:
    """Every optimizer's learning rate."""
    change = wrapped(lambda original, self: original(self) * factor)
    what = f"Every optimizer takes {factor:g} times its learning rate, from the first step on."
    return fault(f"learning rate × {factor:g}", what, Patch(BASE, "_get_current_learning_rate", change), EVERYWHERE, 2)


def with_attribute(attribute: str, of: Callable[[float], float]) -> Callable[[Any], Any]:
    """A method in which an attribute of its object is ``of`` what it is."""

    def call(original: Original, self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self, attribute)
        setattr(self, attribute, of(kept))
        try:
            return original(self, *args, **kwargs)
        finally:
            setattr(self, attribute, kept)

    return wrapped(call)


def times(factor: float, number: float) -> float:
    return factor * number


def rest_times(factor: float, number: float) -> float:
    """1 − ``factor`` · (1 − ``number``)."""
    return 1 - factor * (1 - number)


def constant(optimizer: str, attribute: str, factor: float, only: Trainings, step: int | None, note: str) -> Fault:
    """A constant of an optimizer, in its steps only."""
    name = optimizer.partition(":")[2]
    patch = Patch(optimizer, "update_step", with_attribute(attribute, functools.partial(times, factor)))
    what = f"{name} takes {factor:g} times its {attribute}. {note}"
    return fault(f"{name}: {attribute} × {factor:g}", what, patch, only, step)


def rest(optimizer: str, attribute: str, factor: float, only: Trainings, step: int) -> Fault:
    """The distance of a decay rate from 1: the other reading of "off by 10 %", and the smaller fault."""
    name = optimizer.partition(":")[2]
    patch = Patch(optimizer, "update_step", with_attribute(attribute, functools.partial(rest_times, factor)))
    what = f"{name} takes {factor:g} times 1 − {attribute}."
    return fault(f"{name}: 1 − {attribute} × {factor:g}", what, patch, only, step)


def l2_times(factor: float) -> Fault:
    change = wrapped(lambda original, self, x: original(self, x) * factor)
    only = (PENALISED, ("regularization", "l2 1"), ("regularization", "batch normalization, l2 tuned"))
    what = f"L2 penalties are {factor:g} times as strong; the first loss has them. Layers with a kernel_regularizer."
    return fault(f"L2 strength × {factor:g}", what, Patch(L2, "__call__", change), only, 1)


def dropout_times(factor: float) -> Fault:
    patch = Patch(DROPOUT, "call", with_attribute("rate", functools.partial(times, factor)))
    only = (ADAM_RACE, DROPPED, ("regularization", "dropout 0.2"))
    what = (
        f"Dropout leaves out {factor:g} times its rate; the first loss has it. It cannot show where dropout is "
        "switched off, as in a canonical trace."
    )
    return fault(f"dropout rate × {factor:g}", what, patch, only, 1)


def glorot_times(factor: float) -> Fault:
    change = wrapped(lambda original, self, shape, dtype=None: original(self, shape, dtype) * factor)
    only = (BY_SGD, LONG_SOFTMAX, DEEP)
    what = (
        f"Glorot's initial weights are {factor:g} times as large; the first loss has them. It cannot show where the "
        "weights are drawn otherwise, as in a canonical trace."
    )
    return fault(f"glorot × {factor:g}", what, Patch(SCALING, "__call__", change), only, 1)


def labels(share: float) -> Fault:
    """Other wrong labels than those of ``data``, in name only."""
    (patch,) = wrong_labels(share).patches
    what = (
        f"{share:.2%} of the training labels are wrong. A step shows it if one of them is in its batch: of twenty "
        "steps with 512 images always some, with 100 images in six of seven trainings."
    )
    return fault(f"labels wrong: {share:.2%}", what, patch, MNIST, 1)


class _OtherRandom:
    """``np.random``, whose generators have another seed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np.random, name)

    @staticmethod
    def default_rng(seed: Any) -> Any:
        return np.random.default_rng([*np.atleast_1d(seed).tolist(), 1])


class _OtherNumpy:
    random = _OtherRandom()

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def other_generator(original: Any) -> Any:
    return _OtherNumpy()


ADAMS = (SOFTMAX, LONG_SOFTMAX, DEEP)
ON_SMALL_GRADIENTS = "It shows on weights with small gradients only, from the second loss on, near the last bits."
FAULTS = (
    *map(rate_times, (1.01, 0.99, 1.003, 0.997)),
    *(constant(ADAM, "beta_2", factor, ADAMS, 3, "Its first step does not depend on it.") for factor in (0.9, 0.99)),
    *(rest(ADAM, "beta_2", factor, ADAMS, 3) for factor in (1.1, 1.01)),
    *(constant(ADAM, "epsilon", factor, ADAMS, 2, ON_SMALL_GRADIENTS) for factor in (1.1, 1.01)),
    *(constant(RMSPROP, "epsilon", factor, (RMSPROP_RACE,), 2, ON_SMALL_GRADIENTS) for factor in (1.1, 1.01)),
    *(
        constant(ADADELTA, "epsilon", factor, (ADADELTA_RACE,), 2, "Its first steps are proportional to its root.")
        for factor in (1.1, 1.01)
    ),
    constant(
        ADAGRAD, "epsilon", 1.1, (FAR_ADAGRAD,), None, "It is lost in the rounding of the sum that begins at 0.1."
    ),
    *(
        constant(SGD, "momentum", factor, (VALLEY,), 3, "With Nesterov's steps the second loss shows it.")
        for factor in (0.9, 0.99)
    ),
    *map(l2_times, (1.1, 1.01)),
    *map(dropout_times, (1.1, 1.01)),
    glorot_times(0.9),
    labels(0.001),
    fault(
        "other data order",
        "NumPy's generator gives other permutations for the same seeds, from the first step on; a training of one "
        "batch an epoch changes in its rounding only.",
        Patch(SEEDING, "np", other_generator),
        (BY_SGD, SOFTMAX, ("more-data", "2,000 images"), ("batch-normalization-examples", "mlp")),
        1,
        "framework",
    ),
)
