"""1.3 Small learning rate, on the slides' own model.

The slide: α = 0.001 ends in a local minimum W_l*. Its picture is a curve with two valleys. The model that the slides
train, Dense(1) with mean squared error, has a loss with one valley. It is a quadratic with the Hessian H = (2 / n) DᵀD,
where D are the examples with a column of ones. H has no negative eigenvalue. So every point with a zero gradient is a
global minimum, whatever the rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.learning_rate.linear import curvature, design, least_squares, three_features
from cases.networks import dense_linear
from cases.references import ROUNDING
from harness.domain.claim import Claim
from harness.rules import Comparison, Exact
from harness.training.gradients import weight_gradients

POINTS = 20
FAR = 10.0  # distance of the points from the origin, in standard deviations


def loss_and_gradient(model: Any, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Keras' mean squared error and its gradient, shape (4,), at three weights and the bias."""
    import keras

    data = three_features()
    model.set_weights([weights[:3, None], weights[3:]])
    predicted = keras.ops.convert_to_numpy(model(data.x))
    loss = keras.ops.convert_to_numpy(keras.losses.MeanSquaredError()(data.y, predicted))
    kernel, bias = weight_gradients(model, "mean_squared_error", data.x, data.y)
    return float(loss), np.append(kernel, bias).astype("float64")


def check_convex() -> Iterator[Comparison]:
    """Checks the Hessian, which is fitted to Keras' gradients at random points."""
    model = dense_linear(3, 1)
    points = FAR * np.random.default_rng(4).standard_normal((POINTS, 4))
    found = [loss_and_gradient(model, point) for point in points]
    losses, gradients = np.array([loss for loss, _ in found]), np.array([gradient for _, gradient in found])
    # fits the affine map ∇L(W) = H W + c to all points by least squares
    fit, *_ = np.linalg.lstsq(np.column_stack([points, np.ones(POINTS)]), gradients, rcond=None)
    hessian = fit[:4].T
    matrix = design(three_features())
    size = float(np.abs(gradients).max())
    rounding = 32 * ROUNDING * size  # each gradient is a sum over 32 examples
    yield Comparison(
        f"∇L at {POINTS} random points: H W + c, one Hessian for all", points @ fit[:4] + fit[4], gradients, rounding
    )
    yield Comparison("H = (2 / n) DᵀD", hessian, 2 / len(matrix) * matrix.T @ matrix, rounding / FAR)
    eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    yield Comparison("its eigenvalues, against those of the data", eigenvalues, curvature()[0], rounding / FAR)
    yield Comparison(f"the smallest, {eigenvalues[0]:.2f}, is above 0", float(eigenvalues[0] > rounding / FAR), 1.0)
    stationary = np.linalg.solve(hessian, -fit[4])
    yield Comparison("the one point without a gradient is W*", stationary, least_squares(), rounding)
    least, gradient = loss_and_gradient(model, least_squares())
    yield Comparison("Keras' gradient there", gradient, np.zeros(4), 32 * ROUNDING * float(np.abs(matrix).max() ** 2))
    above = np.einsum("pi,ij,pj->p", points - least_squares(), hessian, points - least_squares()) / 2
    yield Comparison(
        "loss at the points: L(W*) + ½ (W − W*)ᵀ H (W − W*), never below L(W*)",
        losses,
        least + above,
        32 * ROUNDING * float(losses.max()) * 4,
    )


SMALL_RATE_LOCAL_MINIMUM = Claim(
    id="small-rate-local-minimum",
    case="convex",
    slide="1.3 Small learning rate: local minimum point",
    statement="The slides' own model has no local minimum for a small rate to end in: its loss is convex.",
    rule=Exact(),
    check=check_convex,
    source="ours",
    quote="1.3 Small learning rate : local minimum point",
    deviations=("the model and data of gd-reaches-minimum; the slide names no data",),
    notes=(
        "This is a counter-case: the slide's picture of two valleys needs another loss, see the case double well. "
        "What a small rate does here is to be slow.",
    ),
)

CLAIMS = (SMALL_RATE_LOCAL_MINIMUM,)
