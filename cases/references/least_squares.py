"""The mean squared error of one linear layer with bias: a quadratic of the weights, whose Hessian is (2 / n) DᵀD."""

import numpy as np

from harness.model import Dataset


def design(data: Dataset) -> np.ndarray:
    """D: the features and a column of ones for the bias, float64, shape (n, features + 1)."""
    return np.column_stack([data.x.astype("float64"), np.ones(len(data.x))])


def optimum(data: Dataset) -> np.ndarray:
    """The weights and, last, the bias with the least loss, shape (features + 1, outputs)."""
    return np.linalg.lstsq(design(data), data.y.astype("float64"), rcond=None)[0]


def least_loss(data: Dataset) -> float:
    return float(np.mean((design(data) @ optimum(data) - data.y) ** 2))


def hessian(data: Dataset) -> np.ndarray:
    """With respect to the weights and the bias of one output."""
    return np.asarray(2 / data.y.size * design(data).T @ design(data))


def curvatures(data: Dataset) -> np.ndarray:
    """Eigenvalues of the Hessian, ascending."""
    return np.linalg.eigvalsh(hessian(data))
