"""Measures what the active backend's optimizers do to weights, and its gradients in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.training.gradients import value_and_gradient
from harness.training.updates import trajectory

START = [np.array(1.0), np.array([[0.0, -2.0]])]
GRADIENTS = [np.array([1.0, 0.0, 3.0]), np.ones((3, 1, 2))]
WRONG: dict[str, tuple[list[Any], list[Any]]] = {
    "one variable more": (START, GRADIENTS[:1]),
    "another shape": (START[1:], [np.ones((3, 2))]),
    "unequal steps": (START, [np.ones(2), np.ones((3, 1, 2))]),
    "no step": (START[:1], [np.ones(0)]),
    "no steps at all": ([np.array(1.0)], [np.array(1.0)]),
    "no variable": ([], []),
}


def trajectories() -> dict[str, Any]:
    import keras

    sgd = [weights.tolist() for weights in trajectory(keras.optimizers.SGD(0.5), START, GRADIENTS)]
    heavy = trajectory(keras.optimizers.SGD(1.0, momentum=0.5), [np.zeros(1)], [np.array([[1.0], [0.0], [0.0]])])
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 10.0])
    decayed = trajectory(keras.optimizers.SGD(schedule), [np.array(0.0)], [np.ones(3)])
    said = {}
    for name, (start, gradients) in WRONG.items():
        try:
            trajectory(keras.optimizers.SGD(), start, gradients)
        except SuiteError as error:
            said[name] = str(error)
    return {
        "sgd": sgd,
        "momentum": heavy[0].tolist(),
        "schedule": decayed[0].tolist(),
        "types": [str(weights.dtype) for weights in trajectory(keras.optimizers.Adam(), START, GRADIENTS)],
        "said": said,
    }


def gradients() -> dict[str, Any]:
    """Of Σ exp(w) / 3; and whether float32 is what everything else still has."""
    import keras

    point = np.array([[0.1, 1 / 3], [-2.0, 1e-9]])
    value, gradient = value_and_gradient(lambda w: keras.ops.sum(keras.ops.exp(w)) / 3, point)

    return {
        "value": value - float(np.exp(point).sum() / 3),
        "gradient": (gradient - np.exp(point) / 3).tolist(),
        "type": str(gradient.dtype),
        "after": keras.backend.standardize_dtype(keras.ops.convert_to_tensor([1.0]).dtype),
    }
