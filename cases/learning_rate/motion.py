"""1.4 Kinds of optimizers, in motion.

The slides: momentum keeps going in the direction in which it moved before, a kind of inertia.

Momentum matters in a long valley. The steep sides limit the rate of gradient descent to 2 / λ_max, so it takes about
λ_max / λ_min steps along the floor; momentum takes about √(λ_max / λ_min) (Polyak 1964).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cases.networks import sgd
from harness.domain.claim import Claim
from harness.domain.model import Dataset, Experiment, History, Metric, Size, Variant
from harness.rules import All, Exceeds

STEEP, FLAT = 1.0, 0.01  # eigenvalues of the Hessian: condition number 100
TOLERANCE = 1e-6  # share of the initial loss


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
    statement="Momentum can reach a minimum in fewer steps than gradient descent: that of a long valley.",
    rule=All(
        (
            Exceeds("sgd", "momentum 0.9", metric="steps"),
            Exceeds("sgd at its best rate", "momentum 0.9", metric="steps"),
        )
    ),
    experiment=VALLEY,
    source="ours",
    quote="이동하는 과정에 일종의 ‘관성’을 주는 것이다.",
    shown="Gradient descent takes {0} as many steps as momentum at the same rate, and {1} as many at its best rate.",
    deviations=(
        "a quadratic of condition number 100; steps to a millionth of the initial loss; the slide names neither",
        "momentum 0.9 at the rate 1 / λ_max, against gradient descent at the same rate and at its best one, "
        "2 / (λ_max + λ_min)",
    ),
)
