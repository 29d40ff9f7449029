"""Wines of three growers, told apart by 13 chemical measurements: a whole course in one module."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.claim import Claim
from harness.course import Course
from harness.model import Dataset, Experiment, History, Metric, Size, Variant
from harness.rules import Comparison, Diverges, Exceeds

FIRST, SECOND, THIRD = "1. The data", "2. Training", "3. Networks"
TARGET = 0.9
"""The validation accuracy that "faster" is about."""


@functools.cache
def table() -> np.ndarray:
    """178 wines: 13 measurements and the grower, 0 to 2. In a fixed order without meaning."""
    rows = np.loadtxt(Path(__file__).with_name("wine.csv"), delimiter=",")
    return np.random.default_rng(0).permutation(rows)


def standardise(columns: np.ndarray) -> np.ndarray:
    """X' = (X − mean) / std, per column."""
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def wines(standardised: bool) -> Dataset:
    """118 wines to train on, and 60 to validate on."""
    x, y = table()[:, :-1], np.eye(3)[table()[:, -1].astype(int)]
    x = standardise(x) if standardised else x
    return Dataset(x[:118], y[:118], x[118:], y[118:])


def network(hidden: int) -> Any:
    """A softmax over the three growers, behind ``hidden`` layers of 16 units with ReLU."""
    import keras
    from keras import layers

    inner = [layers.Dense(16, activation="relu") for _ in range(hidden)]
    return keras.Sequential([layers.Input((13,)), *inner, layers.Dense(3, activation="softmax")])


def sgd(rate: float) -> Any:
    import keras

    return keras.optimizers.SGD(learning_rate=rate)


def epochs_to_target(history: History) -> float | None:
    """The first epoch, from 1, with a validation accuracy of TARGET; None if there is none."""
    return next((float(epoch) for epoch, value in enumerate(history["val_accuracy"], 1) if value >= TARGET), None)


ACCURACY = Metric("val_accuracy", better="higher", unit="fraction", smallest_effect=1 / 60, examples=60)
EPOCHS = Metric(
    "epochs_to_target", better="lower", unit="epochs", smallest_effect=0.05, scale="log", of=epochs_to_target
)

TRAINING = Experiment(
    id="wine-training",
    data=functools.partial(wines, standardised=True),
    model=functools.partial(network, 0),
    loss="categorical_crossentropy",
    size=Size(epochs=30, batch_size=16),
    metrics=(ACCURACY, EPOCHS),
    variants=(
        Variant("raw", data=functools.partial(wines, standardised=False), optimizer=functools.partial(sgd, 0.01)),
        Variant("standardised", optimizer=functools.partial(sgd, 0.01)),
        Variant("rate 0.1", optimizer=functools.partial(sgd, 0.1)),
        Variant("hidden layer", model=functools.partial(network, 1), optimizer=functools.partial(sgd, 0.1)),
    ),
    anchors=("standardised",),  # a check trains seed 0 of these to the end
)


def check_standardised() -> Iterator[Comparison]:
    columns = standardise(table()[:, :-1])
    yield Comparison("means of the columns", columns.mean(axis=0), np.zeros(13), tolerance=1e-12)
    yield Comparison("variances of the columns", (columns**2).mean(axis=0), np.ones(13), tolerance=1e-12)


CLAIMS = (
    Claim(
        id="standardised-columns",
        slide=FIRST,
        statement="After standardisation every column has mean 0 and variance 1.",
        check=check_standardised,
    ),
    Claim(
        id="standardise-first",
        slide=FIRST,
        statement="Standardised columns give a higher accuracy after 30 epochs than the raw ones.",
        rule=Exceeds("standardised", "raw", margin=0.1),
        experiment=TRAINING,
    ),
    Claim(
        id="raw-diverges",
        slide=FIRST,
        statement="On the raw columns gradient descent diverges.",
        rule=Diverges("raw"),
        experiment=TRAINING,
    ),
    Claim(
        id="larger-rate-is-faster",
        slide=SECOND,
        statement="A learning rate of 0.1 needs fewer epochs than one of 0.01.",
        rule=Exceeds("standardised", "rate 0.1", metric="epochs_to_target"),
        experiment=TRAINING,
    ),
    Claim(
        id="hidden-layer-helps",
        slide=THIRD,
        statement="A hidden layer gives a higher accuracy than none.",
        rule=Exceeds("hidden layer", "rate 0.1"),
        experiment=TRAINING,
    ),
)

COURSE = Course(
    title="Three growers of wine",
    author="An example of lecture-claims",
    slides=(FIRST, SECOND, THIRD),
    claims=CLAIMS,
)
