"""Measures what a compiled program depends on: variants of a training that differ from it in one property each."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.training.programs import structure
from harness.training.setup import TrainingSetup
from tests.training.experiments import LOSS


def optimizer(name: str, **how: Any) -> Any:
    import keras

    return getattr(keras.optimizers, name)(**how)


def network(
    units: int = 6,
    activation: str = "relu",
    rate: float = 0.2,
    l1: float = 0.01,
    l2: float = 0.01,
    momentum: float = 0.99,
    epsilon: float = 0.001,
    bias: bool = True,
) -> Any:
    """A layer of each kind, with all that a case of the lecture changes from one variant to the next."""
    import keras
    from keras import layers, regularizers

    first = layers.Dense(
        units,
        activation=activation,
        use_bias=bias,
        kernel_regularizer=regularizers.L2(l2),
        activity_regularizer=regularizers.L1(l1),
    )
    normalised = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    last = layers.Dense(4, activation="softmax")
    return keras.Sequential([layers.Input((5,)), first, normalised, layers.Dropout(rate), last])


LAYERS: dict[str, Any] = {
    "units": 7,
    "activation": "tanh",
    "rate": 0.3,
    "l1": 0.02,
    "l2": 0.02,
    "momentum": 0.9,
    "epsilon": 0.01,
    "bias": False,
}
SGD: dict[str, Any] = {"learning_rate": 0.05, "momentum": 0.5, "nesterov": False, "clipnorm": 1.0}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "momentum": functools.partial(optimizer, "SGD", **(SGD | {"momentum": 0.6})),
    "nesterov": functools.partial(optimizer, "SGD", **(SGD | {"nesterov": True})),
    "clipnorm": functools.partial(optimizer, "SGD", **(SGD | {"clipnorm": 2.0})),
    "weight decay": functools.partial(optimizer, "SGD", **SGD, weight_decay=0.1),
    "the optimizer": functools.partial(optimizer, "Adam", learning_rate=0.05),
    "beta_1": functools.partial(optimizer, "Adam", learning_rate=0.05, beta_1=0.8),
    "beta_2": functools.partial(optimizer, "Adam", learning_rate=0.05, beta_2=0.9),
    "the optimizer's epsilon": functools.partial(optimizer, "Adam", learning_rate=0.05, epsilon=0.01),
}


def tasks() -> Iterator[tuple[str, TrainingSetup]]:
    """Variants of one training, each otherwise in one thing than the first."""
    data = Dataset(np.zeros((44, 5)), np.eye(4)[np.arange(44) % 4])
    declared = Variant("first", model=network, optimizer=functools.partial(optimizer, "SGD", **SGD))
    base = Experiment(
        id="structures",
        data=lambda: data,
        loss="categorical_crossentropy",
        size=Size(epochs=2, batch_size=8),
        metrics=(LOSS,),
        variants=(declared,),
    )
    first, size = TrainingSetup.of(base, "first"), base.size
    yield "nothing", first
    for name, other in LAYERS.items():
        model = functools.partial(network, **{name: other})
        yield f"a layer's {name}", dataclasses.replace(first, variant=dataclasses.replace(declared, model=model))
    for name, rule in OPTIMIZERS.items():
        yield name, dataclasses.replace(first, variant=dataclasses.replace(declared, optimizer=rule))
    yield "the size of a batch", dataclasses.replace(first, size=dataclasses.replace(size, batch_size=9))
    yield "the number of epochs", dataclasses.replace(first, size=dataclasses.replace(size, epochs=3))
    yield "the loss", dataclasses.replace(first, experiment=dataclasses.replace(base, loss="mean_squared_error"))
    yield "the number of examples", dataclasses.replace(first, data=data.first(30))


def structures() -> dict[str, str]:
    """What decides which program each of them uses."""
    return {name: structure(task) for name, task in tasks()}
