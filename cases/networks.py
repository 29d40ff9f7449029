"""The lecture's networks and optimizers, as factories without a seed; Keras is imported when one is called."""

from __future__ import annotations

from typing import Any


def dense_softmax(inputs: int, classes: int, initializer: str = "glorot_uniform") -> Any:
    """One softmax layer: Examples 1, 3 and the first listing of Example 4."""
    import keras
    from keras import layers

    output = layers.Dense(classes, activation="softmax", kernel_initializer=initializer)
    return keras.Sequential([layers.Input((inputs,)), output])


def dense_linear(inputs: int, outputs: int) -> Any:
    """One linear layer: Example 2."""
    import keras
    from keras import layers

    return keras.Sequential([layers.Input((inputs,)), layers.Dense(outputs, activation="linear")])


def mlp(
    hidden: int,
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    dropout: float = 0.0,
    activity_l1: float = 0.0,
) -> Any:
    """Example 4: ``hidden`` layers of 256 units and a softmax over the ten digits.

    Args:
        hidden: number of hidden layers.
        activation: of the hidden layers.
        initializer: of the kernels.
        dropout: rate behind each hidden layer; 0 for none.
        activity_l1: strength of the penalty on the outputs of every layer, the softmax included, as on the slide.
    """
    import keras
    from keras import layers, regularizers

    def dense(units: int, kind: str) -> Any:
        penalty = regularizers.L1(activity_l1) if activity_l1 else None
        return layers.Dense(units, activation=kind, kernel_initializer=initializer, activity_regularizer=penalty)

    stack: list[Any] = [layers.Input((784,))]
    for _ in range(hidden):
        stack.append(dense(256, activation))
        if dropout:
            stack.append(layers.Dropout(dropout))
    return keras.Sequential([*stack, dense(10, "softmax")])


def sgd(learning_rate: float = 0.01) -> Any:
    import keras

    return keras.optimizers.SGD(learning_rate=learning_rate)


def adam(learning_rate: float = 0.001) -> Any:
    import keras

    return keras.optimizers.Adam(learning_rate=learning_rate)
