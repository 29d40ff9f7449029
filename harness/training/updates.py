"""What a Keras optimizer does to weights, given the gradients: no model, no loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.training.backend import active_backend


def trajectory(optimizer: Any, start: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights after each step of a fresh ``optimizer``, by its public ``apply`` or ``stateless_apply``.

    Args:
        optimizer: a Keras optimizer that has not been used.
        start: the variables' initial values, each of its own shape.
        gradients: for each variable an array (steps, *shape): the gradient of every step, whatever the weights.

    Returns:
        For each variable an array (steps, *shape), float32: Keras' variables are.
    """
    import keras

    received = [np.shape(each) for each in gradients]
    count = received[0][:1] if received else ()
    expected = [(*count, *np.shape(value)) for value in start]
    if count in ((), (0,)) or received != expected:
        raise invalid(
            "gradients of a trajectory",
            expected="at least one step for each variable, all of (steps, *shape) with one number of steps, where the "
            f"shapes are {[np.shape(value) for value in start]}",
            received=f"shapes {received}",
        )
    variables = [keras.Variable(np.asarray(value, "float32")) for value in start]
    steps = [np.asarray(each, "float32") for each in gradients]
    run = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[active_backend()]
    return [np.asarray(weights) for weights in run(optimizer, variables, steps)]


def _tensorflow(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    import tensorflow as tf

    optimizer.build(variables)

    @tf.function
    def run(gradients: list[Any]) -> list[Any]:
        count = len(gradients[0])
        history = [tf.TensorArray("float32", count, element_shape=variable.shape) for variable in variables]
        for step in tf.range(count):
            optimizer.apply([each[step] for each in gradients], variables)
            history = [
                each.write(step, tf.convert_to_tensor(v.value)) for each, v in zip(history, variables, strict=True)
            ]
        return [each.stack() for each in history]

    constants = [tf.constant(each) for each in gradients]
    # a concrete function: TensorFlow warns of many calls that trace, and each of these has to
    return [weights.numpy() for weights in run.get_concrete_function(constants)(constants)]


def _jax(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    import jax

    optimizer.build(variables)

    def step(state: Any, gradients: list[Any]) -> Any:
        weights, slots = optimizer.stateless_apply(state[1], gradients, state[0])
        return (weights, slots), weights

    state = [variable.value for variable in variables], [slot.value for slot in optimizer.variables]
    return list(jax.jit(lambda state, gradients: jax.lax.scan(step, state, gradients))(state, gradients)[1])


def _torch(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    import torch

    history: list[list[np.ndarray]] = [[] for _ in variables]
    for step in range(len(gradients[0])):
        optimizer.apply([torch.as_tensor(each[step]) for each in gradients], variables)
        for weights, variable in zip(history, variables, strict=True):
            weights.append(variable.value.detach().cpu().numpy().copy())
    return [np.stack(weights) for weights in history]
