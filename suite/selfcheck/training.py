"""Small networks in two forms: in Keras, for a training, and in NumPy, for its reference curves."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cases.references import updates
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.training.weight_gradients import weight_gradients
from suite.selfcheck import network
from suite.selfcheck.comparing import close
from suite.selfcheck.network import Layer, ReferenceNetwork

PARTIAL, FULL = 44, 40
"""Numbers of training examples: five batches of 8, with and without a partial batch of 4.

A program without the partial batch compiles in about half the time.
"""
VALIDATION, BATCH, EPOCHS = 20, 8, 2
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
TOLERANCE = 1e-5
"""Tolerance of a loss of about 1 after twelve steps in float32. Errors measured with these networks: at most 2e-6."""
SQUARES = 10 * TOLERANCE  # tolerance of a sum of squares or a norm of about 3
HITS = 1e-6  # tolerance of an accuracy; one example more is 1 / 44


def gradient_norms(model: Any, data: Dataset) -> Mapping[str, float]:
    """Norm of the loss's gradient by each weight, on the training examples."""
    gradients = weight_gradients(model, "categorical_crossentropy", data.x, data.y)
    return {f"norm_{place}": float(np.linalg.norm(gradient)) for place, gradient in enumerate(gradients)}


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and its optimizer in two forms: in Keras and in NumPy.

    Attributes:
        name: the case's name.
        model, optimizer: factories of the Keras forms.
        layers, rule: the NumPy forms.
        loss: name of the loss.
        inputs, outputs: shapes of one example and its target.
        epochs: number of epochs.
        scale: factor of the inputs.
        inference: record curves in inference mode, which take as long to compile as the training. So only the linear
            and the late network have them.
        recorded: record the squares of the kernels after each epoch, and the norms of the gradients before and after
            the training.
        count, validation: numbers of training and validation examples.
        epoch_by_epoch: one launch per epoch, as for larger networks; otherwise one launch.
    """

    name: str
    model: Callable[[], Any]
    layers: Sequence[Layer]
    optimizer: Callable[[], Any]
    rule: Callable[[np.ndarray], np.ndarray]
    loss: str = "categorical_crossentropy"
    inputs: tuple[int, ...] = (5,)
    outputs: tuple[int, ...] = (4,)
    epochs: int = EPOCHS
    scale: float = 1.0
    inference: bool = False
    recorded: bool = False
    count: int = PARTIAL
    validation: int = VALIDATION
    epoch_by_epoch: bool = False

    def data(self) -> Dataset:
        """Random inputs times ``scale``; targets are random classes or random numbers."""
        rng = np.random.default_rng(20)
        x = self.scale * rng.standard_normal((self.count + self.validation, *self.inputs))
        if self.loss == "categorical_crossentropy":
            y = np.eye(self.outputs[0])[rng.integers(self.outputs[0], size=len(x))]
        else:
            y = rng.standard_normal((len(x), *self.outputs))
        return Dataset(x[: self.count], y[: self.count], x[self.count :], y[self.count :])

    def experiment(self, size: Size) -> Experiment:
        from cases.overfitting.regularization import sum_of_squares

        classes = self.loss == "categorical_crossentropy"
        return Experiment(
            id=f"self-check-{self.name}",
            data=self.data,
            loss=self.loss,
            size=size,
            metrics=(LOSS,),
            variants=(Variant(self.name, model=self.model, optimizer=self.optimizer),),
            accuracy=classes,
            inference=self.inference,
            halves=self.inference,
            follow={"squares": sum_of_squares} if self.recorded else {},
            observe=gradient_norms if self.recorded else None,
        )

    def reference(self, seed: int, orders: Any, batch: int) -> tuple[dict[str, list[float]], ReferenceNetwork]:
        """The curves of the training in NumPy from the initial weights of ``seed``, and the trained network."""
        trained = self.initial(seed)
        data = self.data()
        assert data.x_val is not None
        assert data.y_val is not None
        training, validation = (data.x, data.y), (data.x_val, data.y_val)
        before = trained.gradient_norms(*training) if self.recorded else []
        curves = network.trained(trained, network.by_rule(self.rule), training, validation, orders, batch)
        after = trained.gradient_norms(*training) if self.recorded else []
        for prefix, norms in (("initial_", before), ("", after)):
            curves |= {f"{prefix}norm_{place}": [norm] for place, norm in enumerate(norms)}
        return curves, trained

    def initial(self, seed: int) -> ReferenceNetwork:
        from harness.training.seeding import initialise

        model = self.model()
        initialise(model, seed)
        held = [layer for layer in model.layers if layer.variables]
        weights, statistics = (
            [np.array(v.numpy(), "float64") for layer in held for v in of(layer) if v.dtype == "float32"]
            for of in (lambda layer: layer.trainable_variables, lambda layer: layer.non_trainable_variables)
        )
        return ReferenceNetwork(self.layers, self.loss, weights, statistics)


def sequential(inputs: tuple[int, ...], build: Callable[[Any, Any], list[Any]]) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input(inputs), *build(keras.layers, keras.regularizers)])


def optimizer(name: str, **how: Any) -> Any:
    import keras

    return getattr(keras.optimizers, name)(**how)


def of(name: str, rule: Callable[..., Any], more: dict[str, Any] | None = None, **how: Any) -> Any:
    """(factory of a Keras optimizer, rule) with the same arguments; ``more``: arguments for Keras alone."""
    return functools.partial(optimizer, name, **how, **(more or {})), functools.partial(rule, **how)


def case(name: str, build: Callable[[Any, Any], list[Any]], layers: Sequence[Layer], steps: Any, **how: Any) -> Case:
    inputs = how.get("inputs", (5,))
    return Case(name, functools.partial(sequential, inputs, build), layers, *steps, **how)


CASES = (
    case(
        "relu-adam",
        lambda k, r: [k.Dense(6, activation="relu"), k.Dense(4, activation="softmax")],
        (network.Dense("relu"), network.Dense("softmax")),
        of("Adam", updates.adam, learning_rate=0.02),
        recorded=True,
        count=FULL,
    ),
    case(
        "normalised-nesterov",
        lambda k, r: [
            k.Dense(6, activation="sigmoid", kernel_regularizer=r.L2(0.01), activity_regularizer=r.L1(0.01)),
            k.BatchNormalization(),
            k.Dense(4, activation="softmax", activity_regularizer=r.L1(0.01)),
        ],
        (
            network.Dense("sigmoid", l2=0.01, activity_l1=0.01),
            network.BatchNormalization(),
            network.Dense("softmax", activity_l1=0.01),
        ),
        of("SGD", updates.nesterov, {"nesterov": True}, learning_rate=0.05, momentum=0.9),
        epochs=3,
        epoch_by_epoch=True,
    ),
    case(
        "recurrent-adagrad",
        lambda k, r: [k.LSTM(2), k.Dense(1)],
        (network.LSTM(), network.Dense("linear")),
        of("Adagrad", updates.adagrad, learning_rate=0.05),
        loss="mean_squared_error",
        inputs=(3, 2),
        outputs=(1,),
        count=FULL,
    ),
    case(
        "convolutional-adadelta",
        lambda k, r: [
            k.Conv2D(2, (3, 3), activation="relu"),
            k.BatchNormalization(),
            k.MaxPooling2D(),
            k.Dense(1),
        ],
        (network.Conv2D(), network.BatchNormalization(), network.MaxPooling2D(), network.Dense("linear")),
        of("Adadelta", updates.adadelta, learning_rate=1.0, rho=0.95),
        loss="mean_squared_error",
        inputs=(6, 6, 1),
        outputs=(2, 2, 1),
        count=FULL,
    ),
    case(
        "linear-momentum",
        lambda k, r: [k.Dense(2)],
        (network.Dense("linear"),),
        of("SGD", updates.momentum, learning_rate=0.005, momentum=0.5),
        loss="mean_squared_error",
        outputs=(2,),
        inference=True,
        count=FULL,
        epochs=25,  # more than a hundred steps, so that what happens once in a hundred steps is seen
    ),
)
CASE = {one.name: one for one in CASES}


def orders(seed: int, epochs: int, count: int) -> list[np.ndarray]:
    """The data orders that ``harness.training.seeding`` promises: permutations by a generator of [seed, epoch]."""
    return [np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(epochs)]


def check_curves(of: str, trial: Trial, curves: Mapping[str, Sequence[float]]) -> None:
    """Compares every curve of a trial with the reference.

    Of a curve of gradient norms only the last value counts, because an engine may record them more often.
    """
    assert {"loss", "val_loss"} <= set(trial.history), f"{of}: its curves are {sorted(trial.history)}"
    for name, curve in trial.history.items():
        obtained, expected = (curve[-1:] if "norm_" in name else curve), curves[name]
        near = HITS if name.endswith("accuracy") else TOLERANCE * max(1.0, *map(abs, expected))
        if name == "squares" or "norm_" in name:
            near = SQUARES
        close(f"{of}, {name} of each epoch", obtained, expected, near)
    last = curves["loss"][-1]
    close(f"{of}, its metric", trial.metrics["loss"], last, TOLERANCE * max(1, last))
    close(f"{of}, its divergence", trial.divergence, None)


def divergence_of(trial: Trial) -> tuple[str, int, int | None] | None:
    """Kind, epoch and step of a trial's divergence; None if it did not diverge."""
    found = trial.divergence
    return None if found is None else (found.kind, found.epoch, found.step)
