"""Trainings by every engine against NumPy, curve by curve; and what is told of a training that diverges."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np

from harness.model import Dataset, Trial
from harness.self_check import Measured, SelfCheck, self_check
from harness.training import engine as sizes
from harness.training.train import train
from harness.training.vectorized import VectorizedEngine
from suite.keras.networks import BATCH, PARTIAL, Network, divergence_of, drawn
from suite.keras.reference import Layer
from suite.keras.rules import adadelta, adagrad, adam, momentum, optimizer, sgd

NETWORKS = (
    Network(
        "relu-adam",
        (Layer("Dense", units=6, activation="relu"), Layer("Dense", units=4, activation="softmax")),
        optimizer("Adam", adam, learning_rate=0.02),
        recorded=True,
    ),
    Network(
        "normalised-nesterov",
        (
            Layer("Dense", units=6, activation="sigmoid", kernel_regularizer="l2", activity_regularizer="l1"),
            Layer("BatchNormalization"),
            Layer("Dense", units=4, activation="softmax", activity_regularizer="l1"),
        ),
        optimizer("SGD", momentum, learning_rate=0.05, momentum=0.9, nesterov=True),
        epochs=3,
        count=PARTIAL,
        epoch_by_epoch=True,
    ),
    Network(
        "recurrent-adagrad",
        (Layer("LSTM", units=2), Layer("Dense", units=1)),
        optimizer("Adagrad", adagrad, learning_rate=0.05),
        loss="mean_squared_error",
        inputs=(3, 2),
        outputs=(1,),
    ),
    Network(
        "convolutional-adadelta",
        (
            Layer("Conv2D", filters=2, kernel_size=(3, 3), activation="relu"),
            Layer("BatchNormalization"),
            Layer("MaxPooling2D"),
            Layer("Dense", units=1),
        ),
        optimizer("Adadelta", adadelta, learning_rate=1.0, rho=0.95),
        loss="mean_squared_error",
        inputs=(6, 6, 1),
        outputs=(2, 2, 1),
    ),
    Network(
        "linear-momentum",
        (Layer("Dense", units=2),),
        optimizer("SGD", momentum, learning_rate=0.005, momentum=0.5),
        loss="mean_squared_error",
        outputs=(2,),
        inference=True,
        epochs=25,  # more than a hundred steps, so that what happens once in a hundred steps is seen
    ),
)
NAMED = {network.name: network for network in NETWORKS}


def trained(engine: str, network: Network, seeds: Sequence[int] = (0, 1)) -> Iterator[Measured]:
    """Two seeds of a network: one after the other, or in one block."""
    batch = network.batch(engine)
    with mock.patch.object(sizes, "TINY", 0 if network.epoch_by_epoch else sizes.TINY):
        trials = train(network.experiment(batch), network.name, seeds, engine)
    yield Measured("seeds and engine", tuple((t.seed, t.engine) for t in trials), tuple((s, engine) for s in seeds))
    for trial in trials:
        yield from network.compared(trial, batch)


def variants(engine: str, network: Network, **other: float) -> Iterator[Measured]:
    """Two variants share a program, with other initial weights, another rate (a tenth) and other data.

    A third one has ``other`` arguments of the optimizer, and needs a program of its own.
    """
    batch, rate = network.batch(engine), network.optimizer.given["learning_rate"]
    layers = [Layer(layer.kind, **layer.given, kernel_initializer="random_uniform") for layer in network.layers]
    slow = dataclasses.replace(network, layers=layers, scale=0.5).changed(learning_rate=rate / 10)
    declared = {"first": network, "slow": slow, "other": network.changed(**other)}
    experiment = network.experiment(batch, *(each.variant(name) for name, each in declared.items()))
    for name, each in declared.items():
        for trial in train(experiment, name, (5, 3), engine):
            yield from each.compared(trial, batch, f"variant {name}, seed {trial.seed}")


@self_check(
    "network/partial-batches-of-fit",
    "A partial batch counts by its examples in the loss of an epoch.",
    "Keras' documentation of Model.fit",
)
def partial_batches_of_fit(engine: str) -> Iterator[Measured]:
    """The rate is 0, because ``Model.fit`` draws its own data order."""
    still = dataclasses.replace(NAMED["relu-adam"], count=PARTIAL).changed(learning_rate=0.0)
    (trial,) = train(still.experiment(BATCH), still.name, (0,), "fit")
    yield from still.compared(trial, BATCH, "fit at a rate of 0")


EPOCHS, STEPS = 25, 5
"""Of a training of one weight w whose loss is w² on every example. At the rate (1 − q) / 2 a step multiplies w by q."""


class OneWeight(Network):
    def data(self) -> Dataset:
        return Dataset(np.full((STEPS, 1), self.scale), np.zeros((STEPS, 1)))


def one_weight(q: float, largest: float = 1.0, scale: float = 1.0) -> Network:
    """The weight begins between 0 and ``largest``."""
    start = drawn("RandomUniform", minval=0.0, maxval=largest)
    return OneWeight(
        "one-weight",
        (Layer("Dense", units=1, use_bias=False, kernel_initializer=start),),
        optimizer("SGD", sgd, learning_rate=(1 - q) / 2),
        loss="mean_squared_error",
        inputs=(1,),
        epochs=EPOCHS,
        scale=scale,
    )


def first_loss(network: Network, seed: int) -> float:
    return float(network.initial(seed).values[0]["weights"][0, 0]) ** 2


def grown(engine: str, q: float, scale: float = 1.0) -> tuple[Trial, np.ndarray, int]:
    """A training of one weight, the losses that it should have by epoch and step, and the examples of a step.

    With ``fit`` an epoch is one step, because it tells whole epochs.
    """
    examples, network = STEPS if engine == "fit" else 1, one_weight(q, scale=scale)
    (trial,) = train(network.experiment(examples), network.name, (0,), engine)
    shape = (EPOCHS, STEPS // examples)
    return trial, first_loss(network, 0) * q ** (2.0 * np.arange(np.prod(shape))).reshape(shape), examples


def told(kind: str, losses: np.ndarray, limit: float) -> tuple[str, int, int]:
    """What should be told of a loss that exceeds a limit: kind, and the first epoch and step."""
    step = int(np.argmax(losses > limit))
    return kind, step // losses.shape[1] + 1, step + 1


@self_check("divergence", "A training that diverges is told with its first such step.", "harness.training.divergence")
def divergences(engine: str) -> Iterator[Measured]:
    """A loss is inf where it exceeds float32; with ``fit``, where Keras' sum of the losses of all examples does.

    One that ends at 1,100 times the first loss is a blow-up; one that ends at 900 times is none.
    """
    from scipy.optimize import brentq

    trial, losses, examples = grown(engine, -10.0)
    kind, epoch, step = told("inf", losses, float(np.finfo("float32").max) / examples)
    yield Measured("inf: kind, epoch and step", divergence_of(trial), (kind, epoch, step))
    curve = trial.history["loss"]
    yield Measured("inf: epochs", len(curve), EPOCHS)
    yield Measured("inf: epochs with a finite loss", sum(loss is not None for loss in curve), epoch - 1)
    yield Measured("inf: its metric", trial.metrics["loss"], None)
    steps = np.arange(losses.size)[-losses.shape[1] :]
    for growth, above in ((1100, True), (900, False)):
        q = brentq(lambda q: np.mean(q ** (2.0 * steps)) - growth, 1.0, 2.0)  # noqa: B023
        trial, losses, _ = grown(engine, q)
        of, last = f"a loss that ends at {growth} times the first", losses[-1].mean()
        yield Measured(of, trial.history["loss"][-1], last, last * 1e-4)
        expected = told("blow-up", losses, 1000 * losses[0, 0]) if above else None
        yield Measured(f"{of}: kind, epoch and step", divergence_of(trial), expected)
    trial, _, _ = grown(engine, 0.5, scale=float("nan"))
    yield Measured("nan data: kind, epoch and step", divergence_of(trial), ("nan", 1, 1))


def failing_seeds(engine: str) -> Iterator[Measured]:
    """Seeds of a block whose loss is inf at once, alongside others. The rate is 0, so the loss stays."""
    enormous, many = one_weight(1.0, largest=1.6e19), range(12)
    limit = float(np.finfo("float32").max) / STEPS  # of the mean of one batch, whose sum is inf first
    inf = [first_loss(enormous, seed) > limit for seed in many]
    yield Measured("some diverge and some do not", len(set(inf)), 2)
    expected = tuple(("inf", 1, 1) if each else None for each in inf)
    yield Measured(
        "all seeds", tuple(map(divergence_of, train(enormous.experiment(STEPS), enormous.name, many, engine))), expected
    )


CURVES = "Every curve of a training is that of the documented layers, loss and optimizer."
SHARED = "Variants that share a program are trained with their own weights, rate and data."
ALONE = "Seeds that diverge leave the other seeds of a block alone."
DOCUMENTED = "Keras' documentation of its layers, losses and optimizers, and of Model.fit"
LINEAR, FIRST = NAMED["linear-momentum"], dataclasses.replace(NAMED["relu-adam"], recorded=False)
INFERENCE = dataclasses.replace(NAMED["normalised-nesterov"], inference=True)  # and a partial batch


def in_blocks(id: str, statement: str, check: Callable[..., Iterable[Measured]], **given: Any) -> SelfCheck:
    """A check of the engine "vectorized" in every run, because it is the default for tiny trainings."""
    (declared,) = self_check(f"vectorized/{id}", statement, DOCUMENTED)(
        lambda engine: check(VectorizedEngine.name, **given)
    )
    return dataclasses.replace(declared, backends=VectorizedEngine.backends)


CHECKS = (
    *self_check("network", CURVES, DOCUMENTED, NAMED)(trained),
    *self_check("network/variants", SHARED, DOCUMENTED)(functools.partial(variants, network=LINEAR, momentum=0.9)),
    *partial_batches_of_fit,
    *divergences,
    in_blocks("recurrent-adagrad", CURVES, trained, network=NAMED["recurrent-adagrad"], seeds=(5, 0)),
    in_blocks("normalised-nesterov", CURVES, trained, network=INFERENCE, seeds=(5, 0)),
    in_blocks("variants", SHARED, variants, network=FIRST, beta_1=0.8),
    in_blocks("failing-seeds", ALONE, failing_seeds),
)
