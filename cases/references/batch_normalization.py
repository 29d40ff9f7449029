"""Batch normalization: Ioffe & Szegedy 2015, Algorithm 1 (a batch in training) and Algorithm 2 (inference)."""

from __future__ import annotations

import numpy as np


def normalised(batch: np.ndarray, epsilon: float = 1e-3) -> np.ndarray:
    """(x − mean) / √(variance + ε) of each feature of a batch (n, features); the variance divides by n, not n − 1."""
    return (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + epsilon)


def layer(batch: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float = 1e-3) -> np.ndarray:
    """γ x' + β, both (features,)."""
    return gamma * normalised(batch, epsilon) + beta


def inferred(batch: np.ndarray, mean: np.ndarray, variance: np.ndarray, epsilon: float = 1e-3) -> np.ndarray:
    """(x − mean) / √(variance + ε) with statistics that were collected in training."""
    return (batch - mean) / np.sqrt(variance + epsilon)


def moved(old: np.ndarray, new: np.ndarray, momentum: float = 0.99) -> np.ndarray:
    """momentum · old + (1 − momentum) · new: Keras' documentation of its moving mean and moving variance."""
    return momentum * old + (1 - momentum) * new


def unbiased(batch: np.ndarray) -> np.ndarray:
    """n / (n − 1) times the variance of a batch, which Algorithm 2 averages for inference."""
    return batch.var(axis=0, ddof=1)
