"""Compiled programs, which variants of one structure share; and what is told of trainings that failed."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.experiment import Dataset, Size
from harness.training.divergence import classify, first_bad
from harness.training.setup import TrainingSetup
from harness.trial import Divergence
from suite.conformance.engine import BATCH, CASE, EPOCHS, optimizer
from suite.conformance.finding import Finding


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
    size = Size(epochs=EPOCHS, batch_size=BATCH)
    base = CASE["relu-adam"].experiment(size)
    data = CASE["relu-adam"].data()
    declared = dataclasses.replace(
        base.variants[0], model=network, optimizer=functools.partial(optimizer, "SGD", **SGD)
    )
    first = TrainingSetup(base, declared, size, data)
    yield "nothing", first
    for name, other in LAYERS.items():
        model = functools.partial(network, **{name: other})
        yield f"a layer's {name}", dataclasses.replace(first, variant=dataclasses.replace(declared, model=model))
    for name, rule in OPTIMIZERS.items():
        yield name, dataclasses.replace(first, variant=dataclasses.replace(declared, optimizer=rule))
    yield "the size of a batch", dataclasses.replace(first, size=dataclasses.replace(size, batch_size=BATCH + 1))
    yield "the number of epochs", dataclasses.replace(first, size=dataclasses.replace(size, epochs=EPOCHS + 1))
    yield "the loss", dataclasses.replace(first, experiment=dataclasses.replace(base, loss="mean_squared_error"))
    yield "the number of examples", dataclasses.replace(first, data=data.first(30))


def check(engine: str) -> Iterator[Finding]:
    """Two variants share a program only where nothing but the learning rate, initializers and the data's numbers
    differ."""
    from harness.training.programs import structure

    texts = {name: structure(task) for name, task in tasks()}
    for name, text in texts.items():
        same = [other for other, its in texts.items() if its == text and other != name]
        yield Finding(f"variants that share the program of one that differs in {name}", tuple(same), ())


def data(counts: tuple[int, ...]) -> Dataset:
    """So many examples of each class, in validation; in training one more of the last."""
    y = np.repeat(np.eye(len(counts)), counts, axis=0)
    training = np.concatenate([y, y[-1:]])
    return Dataset(np.zeros((len(training), 1)), training, np.zeros((len(y), 1)), y)


def check_failures(engine: str) -> Iterator[Finding]:
    """Which histories are failures: what is stuck at chance, blown up, nan or inf."""
    ended: dict[str, Any] = {"broken": 0, "broken_is_nan": False, "high": 0, "initial": 1.0, "steps": 4}
    counts = (60, 80, 20, 40)
    chance = 80 / 200
    limit = chance + 3 * math.sqrt(chance * (1 - chance) / 200)
    low, high = math.floor(200 * limit) / 200, math.ceil(200 * limit) / 200
    few = (30, 40, 10, 19)
    for of, curves, given, how, expected in (
        ("at chance", {"val_accuracy": [0.9, low]}, counts, {}, Divergence("stuck at chance", epoch=2)),
        ("just above chance", {"val_accuracy": [low, high]}, counts, {}, None),
        (
            "above the rarest class only",
            {"val_accuracy": [0.3] * 3},
            counts,
            {},
            Divergence("stuck at chance", epoch=3),
        ),
        ("at chance in training only", {"val_accuracy": [0.9], "accuracy": [0.1]}, counts, {}, None),
        ("at chance, without validation", {"accuracy": [0.1]}, counts, {}, Divergence("stuck at chance", epoch=1)),
        ("at chance by 99 examples", {"val_accuracy": [0.1]}, few, {}, None),
        ("without an accuracy", {"loss": [1.0]}, counts, {}, None),
        ("inf at step 5", {"loss": [1.0]}, counts, {"broken": 5}, Divergence("inf", epoch=2, step=5)),
        (
            "nan at step 4",
            {"loss": [1.0]},
            counts,
            {"broken": 4, "broken_is_nan": True},
            Divergence("nan", epoch=1, step=4),
        ),
        ("1001 times", {"loss": [2.0, 2002.0]}, counts, {"high": 8, "initial": 2.0}, Divergence("blow-up", 2, 8)),
        ("999 times in the end", {"loss": [9000.0, 1998.0]}, counts, {"high": 1, "initial": 2.0}, None),
    ):
        found = classify(curves, data(given), **(ended | how))
        yield Finding(f"what is told of a training {of}", repr(found), repr(expected))
    nan, inf = math.nan, math.inf
    for losses, bad in (([1.0, 999.0], (0, 0)), ([1.0, 1001.0, nan], (3, 2)), ([2.0, inf, nan], (2, 2)), ([], (0, 0))):
        yield Finding(f"first steps of {losses} that are not finite, and above the limit", first_bad(losses), bad)
