"""The vectorized engine against NumPy: every seed of a block, whatever the other seeds do."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any
from unittest import mock

import numpy as np
import pytest

from cases.references import updates
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.training import engines
from harness.training.backend import active_backend
from harness.training.seeding import initialise
from harness.training.train import train
from suite.selfcheck.comparing import close
from suite.selfcheck.training import (
    BATCH,
    CASE,
    LOSS,
    Case,
    check_curves,
    divergence_of,
    optimizer,
    orders,
    sequential,
)

pytestmark = pytest.mark.exact

SEEDS = (5, 0)
FIRST = dataclasses.replace(CASE["relu-adam"], recorded=False)
MANY = tuple(range(12))


@pytest.fixture(autouse=True)
def vectorized() -> None:
    """Skips the backends that lack the engine. Every run checks it, because it is the default for tiny trainings."""
    backend, having = active_backend(), engines.ENGINES["vectorized"].backends
    if backend not in having:
        pytest.skip(f"engine 'vectorized' runs on {' and '.join(having)}, not on {backend}")


def test_variants_of_one_program() -> None:
    """Two variants with other initial weights, another rate and other data."""
    check_block(FIRST)
    check_block(other())


def test_recurrent_network() -> None:
    check_block(CASE["recurrent-adagrad"])


def test_epoch_by_epoch() -> None:
    """The state is carried from launch to launch. There are curves in inference mode, and a partial batch."""
    one = dataclasses.replace(CASE["normalised-nesterov"], inference=True)
    assert one.epoch_by_epoch
    check_block(one)


def other() -> Case:
    """A case that may use the program of ``FIRST``, with other initial weights, another rate and other data."""

    def build(layers: Any, regularizers: Any) -> list[Any]:
        narrow = {"kernel_initializer": "random_uniform"}
        return [layers.Dense(6, activation="relu", **narrow), layers.Dense(4, activation="softmax", **narrow)]

    return dataclasses.replace(
        FIRST,
        model=functools.partial(sequential, (5,), build),
        optimizer=functools.partial(optimizer, "Adam", learning_rate=0.05),
        rule=functools.partial(updates.adam, learning_rate=0.05),
        scale=0.5,
    )


def check_block(one: Case) -> None:
    size = Size(epochs=one.epochs, batch_size=BATCH)
    with mock.patch.object(engines, "TINY", 0 if one.epoch_by_epoch else engines.TINY):
        trials = train(one.experiment(size), one.name, SEEDS, "vectorized")
    assert tuple((trial.seed, trial.engine) for trial in trials) == tuple((seed, "vectorized") for seed in SEEDS)
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, one.epochs, one.count), BATCH)
        check_curves(f"{one.name}, seed {trial.seed}", trial, curves)


def enormous() -> Any:
    """y = w · x, with a weight so large that its square is inf for about half of the seeds."""
    import keras

    weight = keras.initializers.RandomUniform(0, 4e19)
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=weight)
    return keras.Sequential([keras.layers.Input((1,)), layer])


def test_failing_seeds() -> None:
    """Seeds whose loss is inf at once, alongside others. The rate is 0, so the loss is the weight's square."""
    experiment = Experiment(
        id="self-check-enormous",
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
    close("divergences of all seeds", tuple(map(divergence_of, trials)), tuple(expected))
    assert len(set(expected)) == 2, "Expected: some seeds that diverge and some that do not."
