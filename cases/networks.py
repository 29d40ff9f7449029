"""The lecture's networks and optimizers, as factories without a seed; Keras is imported when one is called."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.model import Variant


def dense(inputs: int, units: int, **options: Any) -> Any:
    """One layer. ``options`` are those of Keras' Dense."""
    import keras
    from keras import layers

    return keras.Sequential([layers.Input((inputs,)), layers.Dense(units, **options)])


def dense_softmax(inputs: int, classes: int, initializer: str = "glorot_uniform") -> Any:
    """One softmax layer: Examples 1, 3 and the first listing of Example 4."""
    return dense(inputs, classes, activation="softmax", kernel_initializer=initializer)


def dense_linear(inputs: int, outputs: int) -> Any:
    """One linear layer: Example 2."""
    return dense(inputs, outputs, activation="linear")


def mlp(
    hidden: int,
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    *,
    inputs: int = 784,
    units: int = 256,
    batch_normalization: bool = False,
    dropout: float = 0.0,
    l2: float = 0.0,
    activity_l1: float = 0.0,
) -> Any:
    """``hidden`` layers and a softmax over the ten digits: Example 4's network, with the lecture's regularization.

    Args:
        hidden: number of hidden layers.
        activation: of the hidden layers.
        initializer: of the kernels.
        inputs: number of features.
        units: of each hidden layer.
        batch_normalization: behind each hidden layer, as in the slides' listings; Ioffe & Szegedy 2015 normalise before
            the ReLU.
        dropout: rate behind each hidden layer, and behind its batch normalization; 0 for none.
        l2: strength of the penalty on every layer's kernel.
        activity_l1: strength of the penalty on the outputs of every layer, the softmax included, as on the slide.
    """
    import keras
    from keras import layers, regularizers

    def layer(width: int, kind: str) -> Any:
        return layers.Dense(
            width,
            activation=kind,
            kernel_initializer=initializer,
            kernel_regularizer=regularizers.L2(l2) if l2 else None,
            activity_regularizer=regularizers.L1(activity_l1) if activity_l1 else None,
        )

    stack: list[Any] = [layers.Input((inputs,))]
    for _ in range(hidden):
        stack.append(layer(units, activation))
        if batch_normalization:
            stack.append(layers.BatchNormalization())
        if dropout:
            stack.append(layers.Dropout(dropout))
    return keras.Sequential([*stack, layer(10, "softmax")])


def applied(layer: Any, batch: np.ndarray, **options: Any) -> np.ndarray:
    """The output of a layer or model for a batch, which it gets as float32, in float64."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(layer(batch.astype("float32"), **options)), "float64")


def optimizer(name: str, **arguments: Any) -> Any:
    """A new Keras optimizer by name."""
    import keras

    return getattr(keras.optimizers, name)(**arguments)


def sgd(learning_rate: float = 0.01, **more: Any) -> Any:
    return optimizer("SGD", learning_rate=learning_rate, **more)


def adam(learning_rate: float = 0.001) -> Any:
    return optimizer("Adam", learning_rate=learning_rate)


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """A call, such as that which makes an optimizer, as code."""
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"


def at_rates(*rates: str, **more: Any) -> tuple[Variant, ...]:
    """A variant with SGD for each learning rate: "rate 1e-4"; ``more``: further arguments of SGD."""
    return tuple(
        Variant(f"rate {rate}", optimizer=functools.partial(sgd, float(rate), **more), at=float(rate)) for rate in rates
    )
