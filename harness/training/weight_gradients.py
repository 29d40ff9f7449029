"""The gradient of a loss by a Keras model's weights, on the active backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.training.backend import active


def weight_gradients(model: Any, loss: str, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """∂L/∂W of the mean ``loss`` (a Keras loss by name) on ``x`` and ``y``, one array per trainable weight, in order.

    The model is called in training mode. Its other variables (moving averages of batch normalization) are restored.
    """
    import keras

    function = keras.losses.get(loss)
    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
    gradients = active().weight_gradients(model, function, x, y)
    for variable, value in zip(model.non_trainable_variables, kept, strict=True):
        variable.assign(value)
    return [np.asarray(gradient) for gradient in gradients]
