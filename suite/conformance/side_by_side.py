"""The vectorized engine against NumPy: every seed of a block, whatever its neighbours are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from cases.references import updates
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.training import engines
from harness.training.seeding import initialise
from harness.training.train import train
from suite.conformance.engine import (
    BATCH,
    CASE,
    COUNT,
    EPOCHS,
    LOSS,
    Case,
    optimizer,
    orders,
    same_curves,
    sequential,
    told,
)
from suite.conformance.finding import Finding

SEEDS = (5, 0, 8)
MANY = tuple(range(12))
NETWORKS = ("relu-adam", "normalised-nesterov", "recurrent-adagrad")


def check(engine: str) -> Iterator[Finding]:
    """Whatever ``engine`` is asked for: it is the default one of tiny trainings, where a backend has it.

    In one launch, and epoch by epoch with everything carried from launch to launch.
    """
    for name in NETWORKS:
        yield from _block(CASE[name], "side by side")
        if name == "relu-adam":
            yield from _block(other(), "side by side, in the same program")
    with mock.patch.object(engines, "TINY", 0):
        yield from _block(CASE["normalised-nesterov"], "side by side, epoch by epoch")
    yield from _failing()


def other() -> Case:
    """What may use the program of "relu-adam": other initial weights, another rate, other numbers in the data."""

    def build(layers: Any, regularizers: Any) -> list[Any]:
        wide = {"kernel_initializer": "random_normal"}
        return [layers.Dense(6, activation="relu", **wide), layers.Dense(4, activation="softmax", **wide)]

    return dataclasses.replace(
        CASE["relu-adam"],
        model=functools.partial(sequential, (5,), build),
        optimizer=functools.partial(optimizer, "Adam", learning_rate=0.05),
        rule=functools.partial(updates.adam, learning_rate=0.05),
        scale=0.5,
    )


def _block(one: Case, how: str) -> Iterator[Finding]:
    name = one.name
    experiment = one.experiment(Size(epochs=EPOCHS, batch_size=BATCH))
    trials = train(experiment, one.name, SEEDS, "vectorized")
    trained = tuple((trial.seed, trial.engine) for trial in trials)
    yield Finding(f"{name} {how}, seeds and engine", trained, tuple((seed, "vectorized") for seed in SEEDS))
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, EPOCHS, COUNT), BATCH)
        yield from same_curves(f"{name} {how}, seed {trial.seed}", trial, curves)


def enormous() -> Any:
    """y = w · x, with a weight so large that its square is inf for about half of the seeds."""
    import keras

    weight = keras.initializers.RandomUniform(0, 4e19)
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=weight)
    return keras.Sequential([keras.layers.Input((1,)), layer])


def _failing() -> Iterator[Finding]:
    """Seeds whose loss is inf at once, beside seeds whose is not: at a rate of 0 it is the weight's square."""
    experiment = Experiment(
        id="conformance-enormous",
        data=lambda: Dataset(np.ones((1, 1)), np.zeros((1, 1))),
        model=enormous,
        optimizer=functools.partial(optimizer, "SGD", learning_rate=0.0),
        loss="mean_squared_error",
        size=Size(epochs=2, batch_size=1),
        metrics=(LOSS,),
        variants=(Variant("enormous"),),
        accuracy=False,
    )
    model, expected = enormous(), []
    for seed in MANY:
        initialise(model, seed)
        weight = float(model.trainable_variables[0].numpy()[0, 0])
        expected.append(("inf", 1, 1) if weight**2 > float(np.finfo("float32").max) else None)
    trials = train(experiment, "enormous", MANY, "vectorized")
    yield Finding("seeds that fail and seeds that do not", tuple(map(told, trials)), tuple(expected))
    yield Finding("kinds of seeds that were to be told apart", len(set(expected)), 2)
