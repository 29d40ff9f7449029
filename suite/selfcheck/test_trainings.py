"""Trainings against NumPy: small networks, trained by ``train`` as every variant is, compared curve by curve."""

from __future__ import annotations

import dataclasses
import functools
from unittest import mock

import numpy as np
import pytest

from cases.references import updates
from harness.domain.experiment import Size, Variant
from harness.domain.trial import Trial
from harness.training import engines
from harness.training.train import train
from suite.selfcheck.comparing import close
from suite.selfcheck.training import (
    BATCH,
    CASE,
    EPOCHS,
    PARTIAL,
    Case,
    check_curves,
    divergence_of,
    optimizer,
    orders,
    sequential,
)

pytestmark = pytest.mark.exact

SEEDS = (0, 1)
LINEAR = CASE["linear-momentum"]
HEAVY = 0.9
"""The momentum of the trainings that diverge. They differ in rate and data only, so they share a program."""


@pytest.mark.parametrize("name", CASE)
def test_network(name: str, engine: str) -> None:
    """Two seeds of a network, one after the other; in one batch with ``fit``, which draws its own data order."""
    one = CASE[name]
    with mock.patch.object(engines, "TINY", 0 if one.epoch_by_epoch else engines.TINY):
        trials = train(one.experiment(size_of(one, engine)), name, SEEDS, engine)
    assert tuple(trial.seed for trial in trials) == SEEDS
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, one.epochs, one.count), batch_of(one, engine))
        check_curves(f"{name}, seed {trial.seed}", trial, curves)


def test_partial_batches_of_fit(engine: str) -> None:
    """The rate is 0, because ``Model.fit`` draws its own data order."""
    if engine != "fit":
        pytest.skip(f"engine {engine!r} trains in this run, not fit")
    one = CASE["relu-adam"]
    still = dataclasses.replace(
        one,
        count=PARTIAL,
        optimizer=functools.partial(optimizer, "Adam", learning_rate=0.0),
        rule=functools.partial(updates.adam, learning_rate=0.0),
    )
    (trial,) = train(still.experiment(Size(epochs=EPOCHS, batch_size=BATCH)), one.name, (0,), engine)
    curves, _ = still.reference(0, orders(0, EPOCHS, still.count), BATCH)
    check_curves("fit at a rate of 0", trial, curves)


def test_variants_of_one_experiment(engine: str) -> None:
    """Two variants share a program, with other initial weights, another rate and other data.

    A third one has another momentum, and needs a program of its own.
    """
    model = functools.partial(sequential, LINEAR.inputs, lambda k, r: [k.Dense(2, kernel_initializer="random_uniform")])
    other = dataclasses.replace(LINEAR, model=model, scale=0.5)
    asked = (
        ("first", LINEAR, 0.005, 0.5),
        ("slow", other, 0.0005, 0.5),
        ("heavy", LINEAR, 0.005, HEAVY),
    )
    variants = (
        Variant(
            name,
            model=like.model,
            data=like.data,
            optimizer=functools.partial(optimizer, "SGD", learning_rate=rate, momentum=momentum),
        )
        for name, like, rate, momentum in asked
    )
    batch = batch_of(LINEAR, engine)
    experiment = dataclasses.replace(LINEAR.experiment(size_of(LINEAR, engine)), variants=tuple(variants))
    for name, like, rate, momentum in asked:
        (trial,) = train(experiment, name, (3,), engine)
        rule = functools.partial(updates.momentum, learning_rate=rate, momentum=momentum)
        curves, _ = dataclasses.replace(like, rule=rule).reference(3, orders(3, LINEAR.epochs, LINEAR.count), batch)
        check_curves(f"variant {name} at the rate {rate}", trial, curves)


def test_loss_that_becomes_inf(engine: str) -> None:
    """The loss grows a hundredfold or more at each step; the reported step is the first at which it exceeds float32.

    With ``fit`` it is Keras' sum of the losses of all examples that exceeds it.
    """
    trial, losses = growing(20.0, engine), losses_of(20.0, engine)
    limit = float(np.finfo("float32").max) / (LINEAR.count if engine == "fit" else 1)
    first = next(step for step, loss in enumerate(losses.flat, 1) if not loss <= limit)
    close("kind, epoch and step", divergence_of(trial), ("inf", epoch_of(first, losses), first))
    close("epochs", len(trial.history["loss"]), LINEAR.epochs)
    finite = sum(loss is not None for loss in trial.history["loss"])
    close("epochs with a finite loss", finite, epoch_of(first, losses) - 1)
    close("its metric", trial.metrics["loss"], None)


def test_finite_blow_up(engine: str) -> None:
    """A loss that ends at 1,100 times the first one is a blow-up; one that ends at 900 times is none."""
    for growth, above in ((1100, True), (900, False)):
        rate = rate_of(growth, engine)
        trial, losses = growing(rate, engine), losses_of(rate, engine)
        of, last = f"a loss that ends at {growth} times the first", losses[-1].mean()
        close(of, trial.history["loss"][-1], last, last * 1e-4)
        high = int(np.argmax(losses > 1000 * losses[0, 0])) + 1
        expected = ("blow-up", epoch_of(high, losses), high) if above else None
        close(f"{of}: kind, epoch and step", divergence_of(trial), expected)


def test_data_that_are_nan(engine: str) -> None:
    trial = growing(0.005, engine, scale=float("nan"))
    close("kind, epoch and step", divergence_of(trial), ("nan", 1, 1))


def batch_of(one: Case, engine: str) -> int:
    """All examples with ``fit``, which draws its own data order."""
    return one.count if engine == "fit" else BATCH


def size_of(one: Case, engine: str) -> Size:
    return Size(epochs=one.epochs, batch_size=batch_of(one, engine))


def growing(rate: float, engine: str, scale: float = 1.0) -> Trial:
    """Trains the linear network at a rate that may be far too large, in the program of the variant "heavy" above."""
    heavy = functools.partial(optimizer, "SGD", learning_rate=rate, momentum=HEAVY)
    one = dataclasses.replace(LINEAR, optimizer=heavy, scale=scale)
    (trial,) = train(one.experiment(size_of(one, engine)), one.name, (0,), engine)
    return trial


def losses_of(rate: float, engine: str) -> np.ndarray:
    """The reference losses of ``growing``, of shape (epochs, steps), from the gradient 2 xᵀ (x w − y) / outputs."""
    data, weights, velocity = LINEAR.data(), np.vstack(initial_weights()), np.zeros(())
    x, losses = np.column_stack([data.x, np.ones(LINEAR.count)]), []
    with np.errstate(over="ignore", invalid="ignore"):
        for order in orders(0, LINEAR.epochs, LINEAR.count):
            for rows in order.reshape(-1, batch_of(LINEAR, engine)):
                error = x[rows] @ weights - data.y[rows]
                losses.append(np.mean(error**2))
                velocity = HEAVY * velocity - rate * 2 * x[rows].T @ error / error.size
                weights = weights + velocity
    return np.reshape(losses, (LINEAR.epochs, -1))


@functools.cache
def initial_weights() -> list[np.ndarray]:
    """Kernel and bias of the linear network with seed 0."""
    return LINEAR.initial(0).weights


def epoch_of(step: int, losses: np.ndarray) -> int:
    """The epoch of a step; both count from 1."""
    return (step - 1) // losses.shape[1] + 1


def rate_of(growth: float, engine: str) -> float:
    """The rate with which the loss of the last epoch is ``growth`` times that of the first step, found by bisection."""
    low, high, ratio = 0.1, 10.0, 0.0
    for _ in range(30):
        rate = (low + high) / 2
        losses = losses_of(rate, engine)
        ratio = losses[-1].mean() / losses[0, 0]
        low, high = (rate, high) if ratio < growth else (low, rate)
    assert abs(ratio / growth - 1) < 0.03, ratio
    return rate
