"""1.4 Kinds of optimizers, in motion.

The slides: momentum keeps going in the direction in which it moved before, a kind of inertia; RMSProp replaces the
growing sum of squared gradients G_t of Adagrad by an exponential mean.

Momentum matters in a long valley. The steep sides limit the rate of gradient descent to 2 / λ_max, so it takes about
λ_max / λ_min steps along the floor; momentum takes about √(λ_max / λ_min) (Polyak 1964). After t equal gradients
Adagrad's step is α / √t, and RMSProp's is still α.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from cases.networks import sgd
from harness.domain.claim import Claim
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import History, Metric
from harness.statistics import All, Exceeds

STEEP, FLAT = 1.0, 0.01  # eigenvalues of the Hessian: condition number 100
TOLERANCE = 1e-6  # share of the initial loss
FAR = -1e4


def valley() -> Dataset:
    """Two examples along the axes; the Hessian of the mean squared error is diag(STEEP, FLAT), the minimum (1, 1)."""
    x = np.diag([STEEP**0.5, FLAT**0.5])
    return Dataset(x.astype("float32"), x.sum(axis=1, keepdims=True).astype("float32"))


def weights_only(inputs: int) -> Any:
    """One linear unit without bias."""
    import keras
    from keras import layers

    return keras.Sequential([layers.Input((inputs,)), layers.Dense(1, use_bias=False)])


def momentum(learning_rate: float, beta: float = 0.9) -> Any:
    import keras

    return keras.optimizers.SGD(learning_rate=learning_rate, momentum=beta)


def steps_to_tolerance(history: History) -> float | None:
    """The first step, from 1, that begins with at most TOLERANCE of the initial loss; None if there is none."""
    limit = TOLERANCE * history["loss"][0]
    return next((float(step) for step, loss in enumerate(history["loss"], 1) if loss <= limit), None)


STEPS = Metric("steps", better="lower", unit="steps", smallest_effect=0.05, scale="log", of=steps_to_tolerance)
VALLEY_SIZE = Size(epochs=1500, batch_size=32)

VALLEY = Experiment(
    id="long-valley",
    data=valley,
    model=functools.partial(weights_only, 2),
    loss="mean_squared_error",
    size=VALLEY_SIZE,
    metrics=(STEPS,),
    accuracy=False,
    variants=(
        Variant("sgd", optimizer=functools.partial(sgd, 1 / STEEP)),
        Variant("sgd at its best rate", optimizer=functools.partial(sgd, 2 / (STEEP + FLAT))),
        Variant("momentum 0.9", optimizer=functools.partial(momentum, 1 / STEEP)),
    ),
)

MOMENTUM_IS_FASTER = Claim(
    id="momentum-is-faster",
    slide="1.4 Optimizers, Momentum",
    statement="Momentum reaches the minimum of a long valley in fewer steps than gradient descent.",
    rule=All(
        (
            Exceeds("sgd", "momentum 0.9", metric="steps"),
            Exceeds("sgd at its best rate", "momentum 0.9", metric="steps"),
        )
    ),
    experiment=VALLEY,
    deviations=(
        "a quadratic of condition number 100; steps to a millionth of the initial loss; the slide names neither",
        "momentum 0.9 at the rate 1 / λ_max, against gradient descent at the same rate and at its best one, "
        "2 / (λ_max + λ_min)",
    ),
)


def far_target() -> Dataset:
    """One example with a target that no optimizer reaches, so that the absolute error's gradient is 1 at every step."""
    return Dataset(np.ones((1, 1), "float32"), np.full((1, 1), FAR, "float32"))


def position(weights: Sequence[Any]) -> Any:
    """The one weight."""
    from keras import ops

    return ops.sum(weights[0])


def adagrad(learning_rate: float) -> Any:
    import keras

    return keras.optimizers.Adagrad(learning_rate=learning_rate)


def rmsprop(learning_rate: float) -> Any:
    import keras

    return keras.optimizers.RMSprop(learning_rate=learning_rate, rho=0.9)


def progress(history: History) -> float:
    """How far the weight has moved since the first step."""
    return abs(history["position"][-1] - history["position"][0])


def last_hundred(history: History) -> float:
    """Mean size of the last hundred steps."""
    return abs(history["position"][-1] - history["position"][-101]) / 100


PROGRESS = Metric("progress", better="higher", unit="of w", smallest_effect=0.05, scale="log", of=progress)
LAST_STEPS = Metric("last_steps", better="higher", unit="of w", smallest_effect=0.05, scale="log", of=last_hundred)
FAR_SIZE = Size(epochs=2000, batch_size=32)

FAR_TARGET = Experiment(
    id="far-target",
    data=far_target,
    model=functools.partial(weights_only, 1),
    loss="mean_absolute_error",
    size=FAR_SIZE,
    metrics=(PROGRESS, LAST_STEPS),
    accuracy=False,
    follow={"position": position},
    variants=(
        Variant("adagrad", optimizer=functools.partial(adagrad, 0.01)),
        Variant("rmsprop", optimizer=functools.partial(rmsprop, 0.001)),
    ),
)

RMSPROP_FIXES_ADAGRAD = Claim(
    id="rmsprop-fixes-adagrad",
    case="receding target",
    slide="1.4 Optimizers, RMSProp",
    statement="RMSProp's step does not vanish as Adagrad's does: it goes on following a target that stays ahead.",
    rule=All((Exceeds("rmsprop", "adagrad", metric="last_steps"), Exceeds("rmsprop", "adagrad", metric="progress"))),
    experiment=FAR_TARGET,
    deviations=(
        "a target that drifts faster than either can follow gives the same unit gradients as one out of reach: a fixed "
        "one at −10,000 stands for it",
        "each at the rate the slide prints: Adagrad 0.01, RMSprop 0.001; 2000 steps",
    ),
)

CLAIMS = (MOMENTUM_IS_FASTER, RMSPROP_FIXES_ADAGRAD)
