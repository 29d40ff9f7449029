"""The experiments that the tests train: small networks, few images, and data whose training is predictable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cases.data.mnist import mnist
from cases.examples import normalization
from cases.networks import adam, dense_linear, sgd
from harness.model import Dataset, Experiment, Metric, Size, Variant
from harness.training.reference import Layer
from suite.keras.networks import sequential

COUNT, BATCH = 600, 128
"""Four full batches and one of 88 an epoch."""
LOSS_LIMIT = 1e-5
"""Largest difference of a loss accepted between engines. Losses are about 2, where float32 numbers are 2.4e-7 apart;
the engines sum in different orders, and after 15 steps differ by at most 6e-7 on the machines seen. A dropped batch
makes 0.04 to 0.6."""
HITS_LIMIT = 1e-6
"""Of an accuracy: the same count of hits, divided in different ways; one hit more is 1 / 600."""

ACCURACY = Metric("val_accuracy", better="higher", unit="fraction", smallest_effect=0.0005)
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.002)
SIZE = Size(epochs=3, batch_size=BATCH)
CROSS_ENTROPY, SQUARES = "categorical_crossentropy", "mean_squared_error"


def images() -> Dataset:
    full = mnist()
    assert full.x_val is not None
    assert full.y_val is not None
    return Dataset(full.x[:COUNT], full.y[:COUNT], full.x_val[:256], full.y_val[:256])


def whole_batches(count: int = 4) -> Dataset:
    """As many images as fill batches, without validation. A partial batch would double what is compiled."""
    return Dataset(images().x[: count * BATCH], images().y[: count * BATCH])


def reversed_images() -> Dataset:
    full = whole_batches()
    return Dataset(full.x[::-1].copy(), full.y[::-1].copy())


def declared(name: str, *variants: Variant, loss: str = CROSS_ENTROPY, size: Size = SIZE, **more: Any) -> Experiment:
    """An experiment; of images, SGD at a rate of 0.1 and the metric "loss", unless ``more`` says otherwise."""
    how = {"data": images, "optimizer": functools.partial(sgd, 0.1), "metrics": (LOSS,)} | more
    return Experiment(id=name, loss=loss, size=size, variants=variants or (Variant("only"),), **how)


def network(*layers: Layer) -> Callable[[], Any]:
    return functools.partial(sequential, (784,), layers)


SOFTMAX = Layer("Dense", units=10, activation="softmax")


def small(hidden: int = 2, dropout: float = 0.0, batch_norm: bool = False, l1: float = 0.0, units: int = 32) -> Any:
    """Hidden ReLU layers, each followed by what is asked for, and a softmax over the digits."""
    import keras
    from keras import layers

    stack: list[Any] = [layers.Input((784,))]
    for _ in range(hidden):
        penalty = keras.regularizers.L1(l1) if l1 else None
        stack.append(layers.Dense(units, activation="relu", activity_regularizer=penalty))
        stack += [layers.BatchNormalization()] if batch_norm else []
        stack += [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([*stack, layers.Dense(10, activation="softmax")])


AGREEMENT = declared(
    "agreement",
    Variant("two relu", small),
    Variant("batch norm", functools.partial(small, hidden=1, batch_norm=True)),
    optimizer=adam,
    metrics=(ACCURACY, LOSS),
)
# eight examples in batches of three: 3 + 3 + 2, no validation, no accuracy, no inference curves
REGRESSION = declared(
    "regression",
    Variant("linear"),
    data=normalization.min_max,
    model=functools.partial(dense_linear, 4, 1),
    optimizer=functools.partial(sgd, 0.05),
    loss=SQUARES,
    size=Size(epochs=10, batch_size=3),
    accuracy=False,
)
DROPOUT = declared(
    "dropout",
    Variant("with", network(Layer("Dropout", rate=0.5), SOFTMAX)),
    Variant("without", network(SOFTMAX)),
    data=whole_batches,
    size=Size(epochs=2, batch_size=BATCH),
    accuracy=False,
)


def ones(dropout: bool) -> Any:
    """y = x, with a Dropout alongside it, if asked for, that draws random numbers and changes nothing."""
    import keras
    from keras import layers

    inputs = layers.Input((1,))
    outputs = layers.Dense(1, kernel_initializer="ones")(inputs)
    if dropout:
        silent = layers.Rescaling(0.0)(layers.Dropout(0.5)(inputs))
        outputs = layers.Add()([outputs, silent])
    return keras.Model(inputs, outputs)


def roots() -> Dataset:
    """The squares of the examples are 0, 1, 2, …, so that the loss of a step of one example says which one it was."""
    x = np.sqrt(np.arange(16.0))[:, None]
    return Dataset(x, np.zeros_like(x))


ORDER = declared(
    "order",
    Variant("plain", functools.partial(ones, dropout=False)),
    Variant("dropout", functools.partial(ones, dropout=True)),
    data=roots,
    optimizer=functools.partial(sgd, 0.0),
    loss=SQUARES,
    size=Size(epochs=2, batch_size=1),
    accuracy=False,
)


def with_nan() -> Dataset:
    """Eight examples, of which number 5 is not a number."""
    x = np.linspace(0.1, 0.8, 8)[:, None]
    x[5] = np.nan
    return Dataset(x, np.zeros_like(x))


def one_number() -> Dataset:
    return Dataset(np.ones((1, 1)), np.zeros((1, 1)))


# On one example x = 1, y = 0 with weight and bias, SGD multiplies the error by 1 − 4 × rate: at rate 1 the loss grows
# by 9 a step, and 9⁴ is the first power above 1000.
FAILURES = declared(
    "failures",
    Variant("nan", data=with_nan, optimizer=functools.partial(sgd, 0.01)),
    Variant("blow-up", data=one_number, optimizer=functools.partial(sgd, 1.0)),
    Variant("finite", data=one_number, optimizer=functools.partial(sgd, 0.1)),
    model=functools.partial(dense_linear, 1, 1),
    loss=SQUARES,
    size=Size(epochs=8, batch_size=1),
    accuracy=False,
)
CHANCE = declared(
    "chance",
    Variant("rate 0", optimizer=functools.partial(sgd, 0.0)),
    model=network(SOFTMAX),
    size=Size(epochs=2, batch_size=BATCH),
    metrics=(ACCURACY,),
)

L2 = 0.01
PENALISED = Layer("Dense", units=10, activation="softmax", kernel_regularizer="l2")
"""Its penalty is L2 · Σ W²."""


def sum_of_squares(weights: Sequence[Any]) -> Any:
    from keras import ops

    return ops.sum(ops.square(weights[0]))


def look(model: Any, data: Dataset) -> Mapping[str, float]:
    """The same number from the model, by NumPy, and how many examples it trains on."""
    kernel = np.array(model.trainable_variables[0], dtype="float64")
    return {"observed": float(np.sum(kernel**2)), "examples": float(len(data.x))}


LOOKS = declared(
    "looks",
    Variant("penalised"),
    model=network(PENALISED),
    halves=True,
    follow={"followed": sum_of_squares},
    observe=look,
)
NO_EPOCH = replace(LOOKS, size=Size(epochs=0, batch_size=BATCH))
