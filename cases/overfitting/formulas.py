"""4. Overfitting: the formula of regularization.

The slides: Loss(X, Y) = D(H(X | W, B), Y) + λ Σ W², with λ = 0, 1 or 0.001; and, in a listing, ``l1_l2(l1=0.01,
l2=0.01)``. The penalty that Keras adds to the data's loss is compared with the sums in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cases.references import ROUNDING
from harness.domain.claim import Claim
from harness.rules import Comparison, Exact

STRENGTHS = (0.0, 1.0, 0.001)  # the slide's
ELASTIC = 0.01


def two_layers(regularizer: Any) -> Any:
    """Dense(5) and Dense(1) on four inputs, with random weights and biases and the regularizer on both kernels."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(5, kernel_regularizer=regularizer),
            layers.Dense(1, kernel_regularizer=regularizer),
        ]
    )
    rng = np.random.default_rng(6)
    model.set_weights([rng.standard_normal(weights.shape) for weights in model.get_weights()])
    return model


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Shapes (16, 4) and (16, 1)."""
    rng = np.random.default_rng(7)
    return rng.standard_normal((16, 4)).astype("float32"), rng.standard_normal((16, 1)).astype("float32")


def data_loss(model: Any) -> float:
    """D: the mean squared error, in NumPy and float64."""
    first, b1, second, b2 = (weights.astype("float64") for weights in model.get_weights())
    x, y = examples()
    return float(np.mean(((x @ first + b1) @ second + b2 - y) ** 2))


def keras_loss(model: Any) -> float:
    """The loss of a model with 'mse' and its regularizers, by ``compile`` and ``evaluate``."""
    model.compile(loss="mse")
    return float(model.evaluate(*examples(), batch_size=16, verbose=0))


def added(model: Any, penalty: Callable[[np.ndarray], float], name: str) -> Comparison:
    """Compares Keras' loss minus the data's loss with the sum of ``penalty`` over the kernels."""
    kernels = [weights.astype("float64") for weights in model.get_weights() if weights.ndim == 2]
    of_data, expected = data_loss(model), sum(map(penalty, kernels))
    rounding = 64 * ROUNDING * (of_data + expected)  # sums of at most 16 examples and 25 weights
    return Comparison(f"{name}: the loss less that of the data", keras_loss(model) - of_data, expected, rounding)


def check_l2() -> Iterator[Comparison]:
    import keras

    for strength in STRENGTHS:

        def penalty(kernel: np.ndarray, strength: float = strength) -> float:
            return strength * float(np.sum(kernel**2))

        yield added(two_layers(keras.regularizers.L2(l2=strength)), penalty, f"λ = {strength:g}")


def check_l1_l2() -> Iterator[Comparison]:
    import keras

    def penalty(kernel: np.ndarray) -> float:
        return ELASTIC * float(np.sum(np.abs(kernel))) + ELASTIC * float(np.sum(kernel**2))

    regularizer = keras.regularizers.l1_l2(l1=ELASTIC, l2=ELASTIC)
    yield added(two_layers(regularizer), penalty, f"l1_l2(l1={ELASTIC}, l2={ELASTIC})")


NETWORK = "two linear layers of random weights on random data, mean squared error: the slide names no model"

L2_LOSS_FORMULA = Claim(
    id="l2-loss-formula",
    slide="4. Overfitting, Regularization",
    quote=r"Loss(X, Y) = D(H(X|W, B), Y) + \lambda \sum W^2",
    statement="With regularization the loss is D(H(X | W, B), Y) + λ Σ W².",
    rule=Exact(),
    check=check_l2,
    deviations=(NETWORK,),
    notes=("Only what a layer's kernel_regularizer is given for is summed: the biases are not.",),
)

L1_L2_FORMULA = Claim(
    id="l1-l2-formula",
    slide="4. Overfitting, Regularization",
    source="read",
    quote="reg = l1_l2(l1=0.01, l2=0.01)",
    reading="the listing stands under the formula of the penalty, and gives none for the absolute values",
    statement="l1_l2(l1=0.01, l2=0.01) adds 0.01 Σ abs(W) + 0.01 Σ W².",
    rule=Exact(),
    check=check_l1_l2,
    deviations=(NETWORK,),
)

CLAIMS = (L2_LOSS_FORMULA, L1_L2_FORMULA)
