"""Example 2: what the loss looks like to gradient descent, on raw and on scaled columns.

With one linear layer and the mean squared error the loss is a quadratic function of the weights. Two weights are varied
around their least-squares values; the other weights and the bias keep theirs. Gradient descent with rate α multiplies
the error along each eigenvector of the Hessian by 1 − α λ. The steepest direction limits α; the flattest then takes
about as many steps as the condition number λ_max / λ_min.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from harness.domain.model import Dataset
from harness.domain.plots import Landscape, Surface

PRICE, VOLUME = 0, 2
"""The columns whose weights are varied: the opening price, and the volume, which is a thousand times as large."""
REACH = 1.0


def landscape(name: str, data: Dataset) -> Landscape:
    """The loss within REACH of the least-squares optimum, to six digits.

    The condition number is that of the Hessian over all weights and the bias, computed from the singular values of the
    design matrix.
    """
    design = np.column_stack([data.x, np.ones(len(data.x))])
    optimum, *_ = np.linalg.lstsq(design, data.y[:, 0], rcond=None)
    residual = design @ optimum - data.y[:, 0]
    varied = design[:, [PRICE, VOLUME]]
    (a, b), (_, c) = varied.T @ varied / len(varied)
    singular = np.linalg.svd(design, compute_uv=False)
    least, a, b, c = (float(f"{value:.6g}") for value in (np.mean(residual**2), a, b, c))
    return Landscape(name, REACH, least, (a, b, c), float((singular[0] / singular[-1]) ** 2))


def side_by_side(data: Mapping[str, Callable[[], Dataset]]) -> Surface:
    """The surface of several forms of the data, given by name."""
    return Surface(
        title="The loss of Example 2 about its minimum, by two of the five parameters, the others at their optimum.",
        x="weight of the opening price, from its optimum",
        y="weight of the volume, from its optimum",
        landscapes=tuple(landscape(name, make()) for name, make in data.items()),
    )
