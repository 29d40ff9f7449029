"""The gradient of a loss by a Keras model's weights, on whichever backend is active."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.training.backend import active_backend


def weight_gradients(model: Any, loss: str, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """∂L/∂W of the mean ``loss`` (a Keras loss by name) on ``x`` and ``y``, one array per trainable weight, in order.

    In training mode; what batch normalization keeps of the batch is put back, so that looking changes nothing.
    """
    import keras

    function = keras.losses.get(loss)
    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
    gradients = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[active_backend()](model, function, x, y)
    for variable, value in zip(model.non_trainable_variables, kept, strict=True):
        variable.assign(value)
    return [np.asarray(gradient) for gradient in gradients]


def _tensorflow(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(y, model(x, training=True)))
    return list(tape.gradient(value, model.trainable_variables))


def _jax(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import jax
    import jax.numpy as jnp

    others = [variable.value for variable in model.non_trainable_variables]

    def value(weights: Any) -> Any:
        outputs, _ = model.stateless_call(weights, others, x, training=True)
        return jnp.mean(loss(y, outputs))

    return list(jax.grad(value)([variable.value for variable in model.trainable_variables]))


def _torch(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import torch

    weights = [variable.value for variable in model.trainable_variables]
    value = loss(torch.as_tensor(y), model(x, training=True)).mean()
    return [gradient.detach().cpu().numpy() for gradient in torch.autograd.grad(value, weights)]
