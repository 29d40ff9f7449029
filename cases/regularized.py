"""Sections 3 and 5: Example 4's network with the lecture's regularization. Keras is imported when one is built."""

from __future__ import annotations

from typing import Any


def regularized_mlp(
    hidden: int,
    units: int = 256,
    *,
    inputs: int = 784,
    dropout: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool = False,
) -> Any:
    """``hidden`` ReLU layers of ``units`` units and a softmax over the ten digits.

    Each hidden layer is followed by BatchNormalization, if requested, then by Dropout. This is the order of the slides'
    listings; Ioffe & Szegedy 2015 normalise before the ReLU. ``l2`` penalises every layer's kernel.
    """
    import keras
    from keras import layers, regularizers

    def dense(width: int, activation: str) -> Any:
        return layers.Dense(width, activation=activation, kernel_regularizer=regularizers.L2(l2) if l2 else None)

    stack: list[Any] = [layers.Input((inputs,))]
    for _ in range(hidden):
        stack.append(dense(units, "relu"))
        if batch_normalization:
            stack.append(layers.BatchNormalization())
        if dropout:
            stack.append(layers.Dropout(dropout))
    return keras.Sequential([*stack, dense(10, "softmax")])
