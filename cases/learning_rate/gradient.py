"""1. Learning rate: the formula W(n+1) = W(n) − α ∇L(W(n)), and ∇L(W0) = lim Δ→0 (L(W0 + Δ) − L(W0)) / Δ."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.networks import dense_linear
from cases.references import ROUNDING, inputs
from harness.claim import Claim
from harness.rules import Comparison
from harness.training.gradients import value_and_gradient

SLIDE = "1. Learning rate, Gradient descent algorithm"

POINT = np.array([0.3, -0.7, 1.1])
INPUTS = np.array([[1.0, 0.5, -1.0], [0.2, -1.5, 0.4], [-0.8, 0.3, 2.0], [1.7, 1.0, 0.1]])
TARGETS = np.array([1.0, 0.0, 1.0, 0.0])


def squared_error_step(case: inputs.Regression) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias, shape (4,), after one step W − α ∇L(W) of Dense(1) with mean squared error.

    The second array (4,) is the sum of the absolute terms of each number; rounding errors are relative to it.
    """
    design = np.column_stack([case.x, np.ones(len(case.x))])
    weights = np.append(case.kernel, case.bias)
    error = design @ weights - case.y[:, 0]
    sizes = np.abs(design) @ np.abs(weights) + np.abs(case.y[:, 0])
    share = 2 * case.learning_rate / len(case.x)
    stepped = weights - share * design.T @ error
    return stepped, np.maximum(np.abs(weights) + share * np.abs(design).T @ sizes, np.finfo("float32").tiny)


def check_sgd() -> Iterator[Comparison]:
    """Checks one ``train_on_batch`` of Dense(1, input 3), 'mse', SGD, on each drawn data set."""
    import keras

    cases = inputs.regressions()
    model = dense_linear(3, 1)
    optimizer = keras.optimizers.SGD()
    model.compile(loss="mse", optimizer=optimizer)
    obtained, expected = [], []
    for case in cases:
        model.set_weights([case.kernel, case.bias])
        optimizer.learning_rate = case.learning_rate
        model.train_on_batch(case.x.astype("float32"), case.y.astype("float32"))
        stepped, scale = squared_error_step(case)
        obtained.append(np.concatenate([weights.ravel() for weights in model.get_weights()]) / scale)
        expected.append(stepped / scale)
    # sums of at most 8 examples and 4 inputs
    yield Comparison(f"kernel and bias, {len(cases)} drawn data sets", obtained, expected, 32 * ROUNDING)


def cross_entropy(weights: Any) -> Any:
    """Mean of log(1 + exp(z)) − y z, z = X w: not quadratic, so that a difference quotient is not the derivative."""
    from keras import ops

    z = ops.sum(ops.multiply(weights, INPUTS), axis=1)
    # not ops.mean, which on JAX computes in float32 whatever the input
    return ops.sum(ops.log(1.0 + ops.exp(z)) - ops.multiply(z, TARGETS)) / len(TARGETS)


def cross_entropy_gradient(weights: np.ndarray) -> np.ndarray:
    """The gradient by hand: Xᵀ (1 / (1 + exp(−z)) − y) / n."""
    z = INPUTS @ weights
    return np.asarray(INPUTS.T @ (1 / (1 + np.exp(-z)) - TARGETS) / len(TARGETS))


def quotients(step: float, *, both_sides: bool) -> np.ndarray:
    """(L(W + Δ) − L(W)) / Δ along each axis, as on the slide, or (L(W + Δ) − L(W − Δ)) / 2Δ; shape (3,)."""

    def loss(weights: np.ndarray) -> float:
        return value_and_gradient(cross_entropy, weights)[0]

    behind = step if both_sides else 0.0
    return np.array([(loss(POINT + step * axis) - loss(POINT - behind * axis)) / (step + behind) for axis in np.eye(3)])


def check_limit() -> Iterator[Comparison]:
    """Checks the limit in float64. Relative errors near √ε = 1.5e-8 (central quotient: ε^⅔ = 3.7e-11) are rounding."""
    gradient = value_and_gradient(cross_entropy, POINT)[1]
    by_hand = cross_entropy_gradient(POINT)
    yield Comparison("automatic differentiation, against the derivative by hand", gradient, by_hand, 1e-15)
    for name, both_sides, power, sizes, best, least in (
        ("the slide's quotient", False, 1, (1e-3, 1e-5), 1e-8, 1e-7),
        ("the central quotient", True, 2, (1e-2, 1e-3), 1e-5, 1e-10),
    ):
        large, small = (np.abs(quotients(size, both_sides=both_sides) - gradient) for size in sizes)
        order = np.log(large / small) / np.log(sizes[0] / sizes[1])
        yield Comparison(f"{name}: its error is O(Δ^{power}), the exponent", order, np.full(3, float(power)), 0.01)
        yield Comparison(f"{name} at Δ = {best:g}", quotients(best, both_sides=both_sides), gradient, least)
        nearer = np.abs(quotients(1e-14, both_sides=both_sides) - gradient)
        yield Comparison(f"{name} at Δ = 1e-14: rounding makes it worse", float(nearer.max() > least), 1.0)


CLAIMS = (
    Claim(
        id="sgd-update-rule",
        slide=SLIDE,
        statement="A step of gradient descent is W(n+1) = W(n) − α ∇L(W(n)).",
        check=check_sgd,
        quote=r"W_{n+1} = W_n - \alpha \Delta L(W_n)",
        deviations=("the slide's model, on data drawn at random, at its rates: 0.001, 0.01, 0.5 and 10",),
    ),
    Claim(
        id="gradient-is-limit",
        slide=SLIDE,
        statement="The gradient is the limit of (L(W + Δ) − L(W)) / Δ for Δ → 0.",
        check=check_limit,
        quote=r"\lim_{\Delta \rightarrow 0} \frac{L(W_0 + \Delta) - L(W_0)}{\Delta}",
        deviations=("the cross-entropy of a logistic unit with three weights on four examples: not quadratic",),
        notes=(
            "In floating point the limit is not reached: below Δ = 1e-8 the quotient gets worse again, even in "
            "float64.",
        ),
    ),
)
