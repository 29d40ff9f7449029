"""Trainings that continue from a late state: every step of an optimizer, and every epoch of a network."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.domain.experiment import Size
from harness.training.backend import active_backend
from harness.training.train import prepare
from suite.selfcheck import network
from suite.selfcheck.comparing import close
from suite.selfcheck.late import (
    ITERATIONS,
    OPTIMIZERS,
    ROUNDING,
    SLOTS,
    STEP,
    LateState,
    Reference,
    Watch,
    adam,
    check_begun,
    late_case,
    late_optimizer,
    masks,
    state_of,
)
from suite.selfcheck.training import HITS, orders

pytestmark = pytest.mark.exact

STEPS, PLACES, NUMBERS = 3, 2, 16
"""For an optimizer: steps, weights, and numbers in each weight."""
SEED, EPOCHS, BATCH = 11, 3, 11
"""For a network. An epoch has four full batches; a partial one would take half as long again to compile.

With this seed every accuracy changes between epochs, so that the accuracy of a wrong epoch is noticed.
"""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_of(name: str) -> None:
    """Steps from the initial and from two late states, with gradients from 1e-4 to 1.

    The first steps of Adam are compared by ``test_trainings.py``: there float32 rounds its bias correction coarsely.
    """
    import keras

    rng = np.random.default_rng(40)
    gradients = (10 ** rng.uniform(-4, 0, (STEPS, PLACES, NUMBERS)) * rng.choice([-1, 1], NUMBERS)).astype("float32")
    weights = (0.1 * rng.standard_normal((PLACES, NUMBERS))).astype("float32")
    make, rule = OPTIMIZERS[name]
    for iterations in ITERATIONS if rule.func is adam else (0, *ITERATIONS):
        variables = [keras.Variable(each) for each in weights]
        optimizer = late_optimizer(make, SLOTS[rule.func], iterations)
        optimizer.build(variables)
        read = functools.partial(applied, variables, optimizer, rule)
        states = [read(None), *(read(each) for each in gradients)]
        check_begun(name, states[0], rule, iterations)
        for step, (before, after) in enumerate(itertools.pairwise(states)):
            check_step(f"{name}, step {iterations + step + 1}", before, after, gradients[step], rule)


def applied(variables: Sequence[Any], optimizer: Any, rule: Any, gradients: np.ndarray | None) -> LateState:
    """The state after a step with these gradients, or without a step if they are None."""
    import keras

    if gradients is not None:
        optimizer.apply([keras.ops.convert_to_tensor(each) for each in gradients], variables)
    return state_of(variables, [], [(v.name, v) for v in optimizer.variables], rule)


def check_step(of: str, before: LateState, after: LateState, gradients: np.ndarray, rule: Any) -> None:
    """Compares one step with its rule.

    Rounding is relative to the step without cancellation: that of moments and gradients of equal signs.
    """
    close(f"{of}, number of steps", after.iterations, before.iterations + 1)
    close(f"{of}, learning rate", after.learning_rate, before.learning_rate)
    for place, gradient in enumerate(gradients.astype("float64")):
        own = before.slots[place]
        sizes = {slot: np.abs(value) for slot, value in own.items()}
        with np.errstate(invalid="ignore"):  # a wrong state may give nan
            change, slots = rule(gradient, own, before.iterations)
            alike = [rule(sign * np.abs(gradient), sizes, before.iterations) for sign in (1, -1)]
        start, largest = before.weights[place], np.max([np.abs(other) for other, _ in alike], axis=0)
        close(f"{of}, weights {place}", after.weights[place], start + change, STEP * (np.abs(start) + largest))
        for slot, value in slots.items():
            near = STEP * np.max([np.abs(others[slot]) for _, others in alike], axis=0)
            close(f"{of}, {slot} of weights {place}", after.slots[place][slot], value, near)


def test_epochs(engine: str) -> None:
    """Three epochs, one launch each, by the engine of the run's larger networks, after a training of another seed.

    ``fit`` draws its own data order, so with it all examples are one batch and there is no dropout. There is none on
    PyTorch either: Keras draws the masks from PyTorch's generator there, and not from the layer's random state.
    """
    import keras

    one = late_case(engine != "fit" and active_backend() != "torch")
    batch = BATCH if engine != "fit" else one.count
    watch = Watch(one.rule)
    base = one.experiment(Size(epochs=EPOCHS, batch_size=batch))
    late = functools.partial(late_optimizer, one.optimizer, SLOTS[watch.rule.func], ITERATIONS[-1])
    variants = (dataclasses.replace(base.variants[0], optimizer=late),)
    runner: Any = prepare(dataclasses.replace(base, variants=variants, observe=watch), one.name, engine)
    watch.runner, runner.epochs_per_launch = runner, 1
    reported: list[tuple[int, int]] = []
    for seed in (SEED + 1, SEED):
        watch.states.clear()
        reported.clear()
        raw = runner.run(seed, lambda *epoch: reported.append(epoch))
    assert reported == [(SEED, epoch + 1) for epoch in range(EPOCHS)]
    states, data = watch.states, one.data()
    assert len(states) == 1 + EPOCHS
    check_begun("late epochs", states[0], watch.rule, ITERATIONS[-1])
    assert data.x_val is not None
    assert data.y_val is not None
    training, validation = (data.x, data.y), (data.x_val, data.y_val)
    sizes = [min(batch, one.count - first) for first in range(0, one.count, batch)]
    drawn = masks(states[0].draws[0], sizes * EPOCHS) if states[0].draws else []
    for epoch, order in enumerate(orders(SEED, EPOCHS, one.count)):
        reference = Reference(one, states[epoch], drawn[epoch * len(sizes) : (epoch + 1) * len(sizes)])
        curves = network.trained(reference.network, reference.step, training, validation, [order], batch)
        reference.check(f"after epoch {epoch + 1}", states[epoch + 1])
        for curve, values in raw.history.items():
            (expected,) = curves[curve]
            near = HITS if curve.endswith("accuracy") else reference.steps * ROUNDING * max(1.0, abs(expected))
            close(f"{curve} of epoch {epoch + 1}", values[epoch], expected, near)
    for place, (left, weights) in enumerate(zip(runner.weights, states[-1].weights, strict=True)):
        close(f"weights {place} that the engine leaves", keras.ops.convert_to_numpy(left), weights)
