"""Small networks that are trained by ``harness.training`` and by ``Reference``, and the comparison of their curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.model import Dataset, Experiment, Metric, Size, Trial, Variant
from harness.self_check import Measured
from harness.training.gradients import weight_gradients
from suite.keras.reference import Layer, Reference, State
from suite.keras.rules import Optimizer

BATCH, VALIDATION = 8, 20
PARTIAL, FULL = 44, 40
"""Numbers of training examples: five batches of 8, with and without a partial batch of 4.

A program without the partial batch compiles in about half the time.
"""
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
TOLERANCE = 1e-5
"""Tolerance of a loss of about 1 after twelve steps in float32. Errors measured with these networks: at most 2e-6."""
HITS = 1e-6  # tolerance of an accuracy; one example more is 1 / 44


def numpy(value: Any) -> np.ndarray:
    """A tensor or variable as an array of float64."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value)).astype("float64")


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


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, its optimizer and its data.

    Attributes:
        name, layers, optimizer: of the network.
        loss: name of the loss.
        inputs, outputs: shapes of one example and its target.
        epochs: number of epochs.
        scale: factor of the inputs.
        inference: record curves in inference mode, which take as long to compile as the training.
        recorded: record the squares of the kernels after each epoch, and the norms of the gradients before and after
            the training.
        count, validation: numbers of training and validation examples.
        epoch_by_epoch: one launch per epoch, as for larger networks; otherwise one launch.
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

    def changed(self, **given: float) -> Network:
        """With other arguments of the optimizer."""
        own = self.optimizer
        return dataclasses.replace(self, optimizer=dataclasses.replace(own, given={**own.given, **given}))

    def model(self) -> Any:
        return sequential(self.inputs, self.layers)

    def data(self) -> Dataset:
        """Random inputs times ``scale``; targets are random classes or random numbers."""
        rng = np.random.default_rng(20)
        x = self.scale * rng.standard_normal((self.count + self.validation, *self.inputs))
        if self.loss == "categorical_crossentropy":
            y = np.eye(self.outputs[0])[rng.integers(self.outputs[0], size=len(x))]
        else:
            y = rng.standard_normal((len(x), *self.outputs))
        return Dataset(x[: self.count], y[: self.count], x[self.count :], y[self.count :])

    def batch(self, engine: str) -> int:
        """All examples with ``fit``, which draws its own data order."""
        return self.count if engine == "fit" else BATCH

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
        before = norms(reference.gradients(data.x, data.y)) if self.recorded else {}
        rows = [reference.epoch(data, order, batch) for order in orders(trial.seed, self.epochs, self.count)]
        after = norms(reference.gradients(data.x, data.y)) if self.recorded else {}
        curves = {name: [row[name] for row in rows] for name in rows[0]}
        curves |= {name: [norm] for name, norm in after.items()}
        curves |= {f"initial_{name}": [norm] for name, norm in before.items()}
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
