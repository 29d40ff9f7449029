"""Trainings against NumPy: small networks, trained by ``train`` as every variant is, compared curve by curve."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from unittest import mock

import numpy as np
import pytest

from cases.references import updates
from harness.domain.experiment import Size, Variant
from harness.domain.trial import Trial
from harness.training import engines
from harness.training.train import train
from suite.selfcheck.comparing import close
from suite.selfcheck.training import BATCH, CASE, EPOCHS, Case, check_curves, divergence_of, optimizer, orders

pytestmark = pytest.mark.exact

SEEDS = (0, 1)
LINEAR = CASE["linear-momentum"]
STEPS = 12
"""Epochs, of one step each, of the trainings below. They differ in rate and data only, so they share a program."""


@pytest.mark.parametrize("name", CASE)
def test_network(name: str, engine: str) -> None:
    """Two seeds of a network, one after the other; in one batch with ``fit``, which draws its own data order."""
    one = CASE[name]
    batch = one.count if engine == "fit" else BATCH
    with mock.patch.object(engines, "TINY", 0 if one.epoch_by_epoch else engines.TINY):
        trials = train(one.experiment(Size(epochs=one.epochs, batch_size=batch)), name, SEEDS, engine)
    assert tuple(trial.seed for trial in trials) == SEEDS
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, one.epochs, one.count), batch)
        check_curves(f"{name}, seed {trial.seed}", trial, curves)


def test_partial_batches_of_fit(engine: str) -> None:
    """The rate is 0, because ``Model.fit`` draws its own data order."""
    if engine != "fit":
        pytest.skip(f"engine {engine!r} trains in this run, not fit")
    one = CASE["relu-adam"]
    still = dataclasses.replace(
        one,
        optimizer=functools.partial(optimizer, "Adam", learning_rate=0.0),
        rule=functools.partial(updates.adam, learning_rate=0.0),
    )
    (trial,) = train(still.experiment(Size(epochs=EPOCHS, batch_size=BATCH)), one.name, (0,), engine)
    curves, _ = still.reference(0, orders(0, EPOCHS, one.count), BATCH)
    check_curves("fit at a rate of 0", trial, curves)


def test_another_momentum_rate_and_data(engine: str) -> None:
    """Variants of one experiment: one with another momentum, which needs its own program, and two that share one."""
    other = dataclasses.replace(LINEAR, scale=0.5)
    base = LINEAR.experiment(Size(epochs=STEPS, batch_size=LINEAR.count))
    asked = (
        ("heavy", LINEAR, 0.005, 0.9),
        ("first", LINEAR, 0.005, 0.5),
        ("slow", other, 0.0005, 0.5),
    )
    variants = (
        Variant(
            name,
            model=LINEAR.model,
            data=like.data,
            optimizer=functools.partial(optimizer, "SGD", learning_rate=rate, momentum=momentum),
        )
        for name, like, rate, momentum in asked
    )
    experiment = dataclasses.replace(base, variants=tuple(variants))
    for name, like, rate, momentum in asked:
        (trial,) = train(experiment, name, (3,), engine)
        rule = functools.partial(updates.momentum, learning_rate=rate, momentum=momentum)
        curves, _ = dataclasses.replace(like, rule=rule).reference(3, orders(3, STEPS, LINEAR.count), LINEAR.count)
        check_curves(f"variant {name} at the rate {rate}", trial, curves)


def test_loss_that_becomes_inf(engine: str) -> None:
    """The loss grows a millionfold at each step; the reported step is the first at which it exceeds float32."""
    trial, losses = growing(2000.0, engine)
    limit = float(np.finfo("float32").max)
    first = next(step for step, loss in enumerate(losses, 1) if not loss <= limit)
    close("kind, epoch and step", divergence_of(trial), ("inf", first, first))
    close("epochs", len(trial.history["loss"]), STEPS)
    close("epochs with a finite loss", sum(loss is not None for loss in trial.history["loss"]), first - 1)
    close("its metric", trial.metrics["loss"], None)


def test_finite_blow_up(engine: str) -> None:
    """A loss that ends at 1,100 times the first one is a blow-up; one that ends at 900 times is none."""
    for growth, above in ((1100, True), (900, False)):
        trial, losses = growing(rate_of(growth), engine)
        of = f"a loss that ends at {growth} times the first"
        close(of, trial.history["loss"][-1], losses[-1], losses[-1] * 1e-4)
        high = next((step for step, loss in enumerate(losses, 1) if loss > 1000 * losses[0]), 0)
        close(f"{of}: kind, epoch and step", divergence_of(trial), ("blow-up", high, high) if above else None)


def test_data_that_are_nan(engine: str) -> None:
    lost = dataclasses.replace(LINEAR, scale=float("nan"))
    (trial,) = train(lost.experiment(Size(epochs=STEPS, batch_size=LINEAR.count)), LINEAR.name, (0,), engine)
    close("kind, epoch and step", divergence_of(trial), ("nan", 1, 1))


def blowing(rate: float) -> Case:
    return dataclasses.replace(
        LINEAR,
        optimizer=functools.partial(optimizer, "SGD", learning_rate=rate, momentum=0.5),
        rule=functools.partial(updates.momentum, learning_rate=rate, momentum=0.5),
    )


def growing(rate: float, engine: str) -> tuple[Trial, Sequence[float]]:
    """A trial of the linear network at a rate that is far too large, one step per epoch, and its reference losses."""
    one = blowing(rate)
    (trial,) = train(one.experiment(Size(epochs=STEPS, batch_size=LINEAR.count)), one.name, (0,), engine)
    return trial, losses_of(one)


def losses_of(one: Case) -> Sequence[float]:
    """The reference losses of seed 0, one step per epoch."""
    with np.errstate(over="ignore", invalid="ignore"):
        return one.reference(0, orders(0, STEPS, one.count), one.count)[0]["loss"]


def rate_of(growth: float) -> float:
    """The rate with which the last loss is ``growth`` times the first, to 3 %, found by bisection."""
    low, high = 1.5, 2.5
    for _ in range(11):
        rate = (low + high) / 2
        losses = losses_of(blowing(rate))
        low, high = (rate, high) if losses[-1] < growth * losses[0] else (low, rate)
    assert abs(losses[-1] / losses[0] / growth - 1) < 0.03, losses
    return rate
