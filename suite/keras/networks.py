"""Small networks, trained by every engine and by ``Reference``, curve by curve; and what is told of a divergence."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np

from harness.model import Dataset, Experiment, Metric, Size, Trial, Variant
from harness.self_check import Measured, SelfCheck, self_check
from harness.training import engine as sizes
from harness.training.gradients import weight_gradients
from harness.training.reference import Layer, Optimizer, Reference, State, numpy
from harness.training.train import train
from harness.training.vectorized import VectorizedEngine

BATCH, VALIDATION = 8, 20
PARTIAL, FULL = 44, 40
"""Numbers of training examples: five batches of 8, with and without a partial batch of 4.

A program without the partial batch compiles in about half the time.
"""
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
TOLERANCE = 1e-5
"""Tolerance of a loss of about 1 after twelve steps in float32. Errors measured with these networks: at most 2e-6."""
HITS = 1e-6  # tolerance of an accuracy; one example more is 1 / 44
DOCUMENTED = "Keras' documentation of its layers, losses and optimizers, and of Model.fit"


def drawn(kind: str, **config: float) -> dict[str, Any]:
    """An initializer as Keras writes it."""
    return {"class_name": kind, "config": config}


def sequential(inputs: tuple[int, ...], layers: Sequence[Layer]) -> Any:
    """A Keras model of these layers."""
    import keras

    return keras.Sequential([keras.layers.Input(inputs), *(layer.keras() for layer in layers)])


def sum_of_squares(weights: Sequence[Any]) -> Any:
    """Σ W² over the kernels of all layers."""
    from keras import ops

    return sum(ops.sum(ops.square(weight)) for weight in weights if len(weight.shape) == 2)


def norms(gradients: Sequence[np.ndarray]) -> dict[str, float]:
    return {f"norm_{place}": float(np.linalg.norm(gradient)) for place, gradient in enumerate(gradients)}


def gradient_norms(model: Any, data: Dataset) -> Mapping[str, float]:
    """Norm of the loss's gradient by each weight, on the training examples."""
    return norms(weight_gradients(model, "categorical_crossentropy", data.x, data.y))


def orders(seed: int, epochs: int, count: int) -> list[np.ndarray]:
    """The data orders that ``harness.training.seeding`` promises: permutations by a generator of [seed, epoch]."""
    return [np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(epochs)]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network, its optimizer and its data.

    Attributes:
        layers, optimizer, loss: of the network.
        inputs, outputs: shapes of one example and its target.
        epochs: number of epochs.
        scale: factor of the inputs.
        inference: record curves in inference mode, which take as long to compile as the training.
        recorded: record the squares of the kernels after each epoch, and the norms of the gradients before and after
            the training.
        count, validation: numbers of training and validation examples.
        epoch_by_epoch: one launch per epoch, as for larger networks; otherwise one launch.
        make_data: makes other data than ``data`` draws.
    """

    name: str
    layers: Sequence[Layer]
    optimizer: Optimizer
    loss: str = "categorical_crossentropy"
    inputs: tuple[int, ...] = (5,)
    outputs: tuple[int, ...] = (4,)
    epochs: int = 2
    scale: float = 1.0
    inference: bool = False
    recorded: bool = False
    count: int = FULL
    validation: int = VALIDATION
    epoch_by_epoch: bool = False
    make_data: Callable[[], Dataset] | None = None

    def changed(self, **given: float) -> Network:
        """With other arguments of the optimizer."""
        return replace(self, optimizer=self.optimizer.changed(**given))

    def model(self) -> Any:
        return sequential(self.inputs, self.layers)

    def data(self) -> Dataset:
        """Random inputs times ``scale``; targets are random classes or random numbers."""
        if self.make_data:
            return self.make_data()
        rng = np.random.default_rng(20)
        x = self.scale * rng.standard_normal((self.count + self.validation, *self.inputs))
        if self.loss == "categorical_crossentropy":
            y = np.eye(self.outputs[0])[rng.integers(self.outputs[0], size=len(x))]
        else:
            y = rng.standard_normal((len(x), *self.outputs))
        return Dataset(x[: self.count], y[: self.count], x[self.count :], y[self.count :])

    def batch(self, engine: str, size: int = BATCH) -> int:
        """All examples with ``fit``, which draws its own data order."""
        return self.count if engine == "fit" else size

    def variant(self, name: str = "", make: Callable[[], Any] | None = None) -> Variant:
        """``make`` makes the optimizer, in place of the network's own."""
        return Variant(name or self.name, self.model, self.data, make or self.optimizer.keras)

    def experiment(self, batch: int, *variants: Variant, **how: Any) -> Experiment:
        """An experiment of these variants, or of the network's own."""
        recorded = {"follow": {"squares": sum_of_squares}, "observe": gradient_norms} if self.recorded else {}
        return Experiment(
            id=f"self-check-{self.name}",
            loss=self.loss,
            size=Size(epochs=self.epochs, batch_size=batch),
            metrics=(LOSS,),
            variants=variants or (self.variant(),),
            accuracy=self.loss == "categorical_crossentropy",
            inference=self.inference,
            halves=self.inference,
            **{**recorded, **how},
        )

    def trained(self, engine: str, batch: int, seeds: Sequence[int]) -> tuple[Trial, ...]:
        return train(self.experiment(batch), self.name, seeds, engine)

    def initial(self, seed: int) -> State:
        from harness.training.seeding import initialise

        model = self.model()
        initialise(model, seed)
        values = [self.optimizer.initial(numpy(variable)) for variable in model.trainable_variables]
        return State(values, [numpy(other) for other in model.non_trainable_variables if other.dtype == "float32"])

    def compared(self, trial: Trial, batch: int, of: str = "") -> Iterator[Measured]:
        """Every curve of a trial, beside the reference's.

        Of a curve of gradient norms only the last value counts, because an engine may record them more often.
        """
        of, data = of or f"{self.name}, seed {trial.seed}", self.data()
        reference = Reference(self.layers, self.loss, self.optimizer, self.initial(trial.seed))

        def recorded(prefix: str = "") -> dict[str, list[float]]:
            known = norms(reference.gradients(data.x, data.y)) if self.recorded else {}
            return {f"{prefix}{name}": [norm] for name, norm in known.items()}

        curves = recorded("initial_")
        rows = [reference.epoch(data, order, batch) for order in orders(trial.seed, self.epochs, self.count)]
        curves |= {name: [row[name] for row in rows] for name in rows[0]} | recorded()
        yield Measured(f"{of}, curves of the loss", {"loss", "val_loss"} <= set(trial.history), True)
        for name, curve in trial.history.items():
            expected = curves[name]
            near = HITS if name.endswith("accuracy") else TOLERANCE * max(1.0, *map(abs, expected))
            if name == "squares" or "norm_" in name:
                near, curve = 10 * TOLERANCE, curve[-len(expected) :]
            yield Measured(f"{of}, {name} of each epoch", curve, expected, near)
        last = curves["loss"][-1]
        yield Measured(f"{of}, its metric", trial.metrics["loss"], last, TOLERANCE * max(1, last))
        yield Measured(f"{of}, its divergence", divergence_of(trial), None)


def divergence_of(trial: Trial) -> tuple[str, int, int | None] | None:
    """Kind, epoch and step of a trial's divergence; None if it did not diverge."""
    divergence = trial.divergence
    return None if divergence is None else (divergence.kind, divergence.epoch, divergence.step)


NUMBERS: dict[str, Any] = {"loss": "mean_squared_error"}
NETWORKS = (
    Network(
        name="relu-adam",
        layers=(Layer("Dense", units=6, activation="relu"), Layer("Dense", units=4, activation="softmax")),
        optimizer=Optimizer("Adam", 0.02),
        recorded=True,
    ),
    Network(
        name="normalised-nesterov",
        layers=(
            Layer("Dense", units=6, activation="sigmoid", kernel_regularizer="l2", activity_regularizer="l1"),
            Layer("BatchNormalization"),
            Layer("Dense", units=4, activation="softmax", activity_regularizer="l1"),
        ),
        optimizer=Optimizer("SGD", 0.05, momentum=0.9, nesterov=True),
        epochs=3,
        count=PARTIAL,
        epoch_by_epoch=True,
    ),
    Network(
        name="recurrent-adagrad",
        layers=(Layer("LSTM", units=2), Layer("Dense", units=1)),
        optimizer=Optimizer("Adagrad", 0.05),
        inputs=(3, 2),
        outputs=(1,),
        **NUMBERS,
    ),
    Network(
        name="convolutional-adadelta",
        layers=(
            Layer("Conv2D", filters=2, kernel_size=(3, 3), activation="relu"),
            Layer("BatchNormalization"),
            Layer("MaxPooling2D"),
            Layer("Dense", units=1),
        ),
        optimizer=Optimizer("Adadelta", 1.0, rho=0.95),
        inputs=(6, 6, 1),
        outputs=(2, 2, 1),
        **NUMBERS,
    ),
    Network(
        name="linear-momentum",
        layers=(Layer("Dense", units=2),),
        optimizer=Optimizer("SGD", 0.005, momentum=0.5),
        outputs=(2,),
        inference=True,
        epochs=25,  # more than a hundred steps, so that what happens once in a hundred steps is seen
        **NUMBERS,
    ),
)
NAMED = {network.name: network for network in NETWORKS}


def trained(engine: str, network: Network, seeds: Sequence[int] = (0, 1)) -> Iterator[Measured]:
    """Two seeds of a network: one after the other, or in one block."""
    batch = network.batch(engine)
    with mock.patch.object(sizes, "TINY", 0 if network.epoch_by_epoch else sizes.TINY):
        trials = network.trained(engine, batch, seeds)
    yield Measured("seeds and engine", tuple((t.seed, t.engine) for t in trials), tuple((s, engine) for s in seeds))
    for trial in trials:
        yield from network.compared(trial, batch)


def variants(engine: str, network: Network, **other: float) -> Iterator[Measured]:
    """Two variants share a program, with other initial weights, another rate (a tenth) and other data.

    A third one has ``other`` arguments of the optimizer, and needs a program of its own.
    """
    batch = network.batch(engine)
    layers = [Layer(layer.kind, **layer.given, kernel_initializer="random_uniform") for layer in network.layers]
    slow = replace(network, layers=layers, scale=0.5).changed(learning_rate=network.optimizer.rate / 10)
    declared = {"first": network, "slow": slow, "other": network.changed(**other)}
    experiment = network.experiment(batch, *(each.variant(name) for name, each in declared.items()))
    for name, each in declared.items():
        for trial in train(experiment, name, (5, 3), engine):
            yield from each.compared(trial, batch, f"variant {name}, seed {trial.seed}")


def partial_batches(engine: str) -> Iterator[Measured]:
    """The rate is 0, because ``Model.fit`` draws its own data order."""
    still = replace(NAMED["relu-adam"], count=PARTIAL).changed(learning_rate=0.0)
    for trial in still.trained("fit", BATCH, (0,)):
        yield from still.compared(trial, BATCH, "fit at a rate of 0")


EPOCHS, STEPS = 25, 5
"""Of a training of one weight w whose loss is w² on every example. At the rate (1 − q) / 2 a step multiplies w by q."""


def one_weight(q: float, largest: float = 1.0, scale: float = 1.0) -> Network:
    """The weight begins between 0 and ``largest``."""
    start = drawn("RandomUniform", minval=0.0, maxval=largest)
    return Network(
        name="one-weight",
        layers=(Layer("Dense", units=1, use_bias=False, kernel_initializer=start),),
        optimizer=Optimizer("SGD", (1 - q) / 2),
        inputs=(1,),
        epochs=EPOCHS,
        make_data=lambda: Dataset(np.full((STEPS, 1), scale), np.zeros((STEPS, 1))),
        **NUMBERS,
    )


def first_loss(network: Network, seed: int) -> float:
    return float(network.initial(seed).values[0]["weights"][0, 0]) ** 2


def grown(engine: str, q: float, scale: float = 1.0) -> tuple[Trial, np.ndarray, int]:
    """A training of one weight, the losses that it should have by epoch and step, and the examples of a step.

    With ``fit`` an epoch is one step, because it tells whole epochs.
    """
    examples, network = STEPS if engine == "fit" else 1, one_weight(q, scale=scale)
    (trial,) = network.trained(engine, examples, (0,))
    shape = (EPOCHS, STEPS // examples)
    return trial, first_loss(network, 0) * q ** (2.0 * np.arange(np.prod(shape))).reshape(shape), examples


def told(kind: str, losses: np.ndarray, limit: float) -> tuple[str, int, int]:
    """What should be told of a loss that exceeds a limit: kind, and the first epoch and step."""
    step = int(np.argmax(losses > limit))
    return kind, step // losses.shape[1] + 1, step + 1


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
    yield Measured("all seeds", tuple(map(divergence_of, enormous.trained(engine, STEPS, many))), expected)


CURVES = "Every curve of a training is that of the documented layers, loss and optimizer."
SHARED = "Variants that share a program are trained with their own weights, rate and data."
LINEAR, FIRST = NAMED["linear-momentum"], replace(NAMED["relu-adam"], recorded=False)
INFERENCE = replace(NAMED["normalised-nesterov"], inference=True)  # and a partial batch


def in_blocks(id: str, statement: str, check: Callable[..., Iterable[Measured]], **given: Any) -> SelfCheck:
    """A check of the engine "vectorized" in every run, because it is the default for tiny trainings."""
    (declared,) = self_check(f"vectorized/{id}", statement, DOCUMENTED)(
        lambda engine: check(VectorizedEngine.name, **given)
    )
    return replace(declared, backends=VectorizedEngine.backends)


CHECKS = (
    *self_check("network", CURVES, DOCUMENTED, NAMED)(trained),
    *self_check("network/variants", SHARED, DOCUMENTED)(functools.partial(variants, network=LINEAR, momentum=0.9)),
    *self_check(
        "network/partial-batches-of-fit",
        "A partial batch counts by its examples in the loss of an epoch.",
        "Keras' documentation of Model.fit",
    )(partial_batches),
    *self_check(
        "divergence", "A training that diverges is told with its first such step.", "harness.training.divergence"
    )(divergences),
    in_blocks("recurrent-adagrad", CURVES, trained, network=NAMED["recurrent-adagrad"], seeds=(5, 0)),
    in_blocks("normalised-nesterov", CURVES, trained, network=INFERENCE, seeds=(5, 0)),
    in_blocks("variants", SHARED, variants, network=FIRST, beta_1=0.8),
    in_blocks("failing-seeds", "Seeds that diverge leave the other seeds of a block alone.", failing_seeds),
)
