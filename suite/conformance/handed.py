"""The data as trainings are given them, against the file they come from, read here once more."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.data.mnist import PATH, mnist
from cases.networks import dense_softmax
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.metric import Metric
from harness.training.train import prepare, train
from suite.catalogue import EXPERIMENTS
from suite.conformance.engine import optimizer
from suite.conformance.finding import Finding
from suite.conformance.network import categorical_crossentropy, softmax

Pair = tuple[np.ndarray, np.ndarray]
EXACT = 2.0**-24
"""Of a number in [0, 1], rounded to float32."""
PARTS = ("training images", "training labels", "test images", "test labels")
TRAINED = ("example-3", "example-4", "optimizers", "regularization")
"""Experiments on MNIST, of which the first variant's data are looked at."""


def images() -> tuple[Pair, Pair]:
    """Training and test images (n, 784), k / 255, and one-hot labels."""
    grey, one_hot = (np.arange(256) / 255).astype("float32"), np.eye(10, dtype="float32")
    with np.load(PATH, allow_pickle=False) as file:
        train, test = ((grey[file[f"x_{p}"].reshape(-1, 784)], one_hot[file[f"y_{p}"]]) for p in ("train", "test"))
    return train, test


def largest(obtained: np.ndarray | None, expected: np.ndarray) -> float:
    """The largest difference; inf where the shapes differ."""
    if obtained is None or obtained.shape != expected.shape:
        return float("inf")
    return float(np.abs(np.asarray(obtained) - expected).max())


def beside(of: str, data: Dataset, training: Pair, test: Pair) -> Iterator[Finding]:
    obtained = (data.x, data.y, data.x_val, data.y_val)
    for name, array, expected in zip(PARTS, obtained, (*training, *test), strict=True):
        yield Finding(f"{of}, {name}, largest difference", largest(array, expected), 0.0, 2 * EXACT)


def check_data(engine: str) -> Iterator[Finding]:
    """Every image and label of the experiments on MNIST, and the sets that are made of it."""
    from cases.overfitting.data_and_features import pooled, repeated

    (x, y), test = images()
    yield from beside("MNIST", mnist(), (x, y), test)
    for name in TRAINED:
        declared = EXPERIMENTS[name]
        count = declared.size.train
        given = prepare(declared, declared.variants[0].name, engine).setup.data
        yield from beside(name, given, (x[:count], y[:count]), test)
    rows = np.arange(10_000) % 500
    yield from beside("more-data, 500 images", repeated(500).first(None), (x[rows], y[rows]), test)
    squares = [
        array.astype("float64").reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype("float32")
        for array in (x[:5000], test[0])
    ]
    halves = pooled(14).first(5000)
    yield from beside("fewer-features, 196 of them", halves, (squares[0], y[:5000]), (squares[1], test[1]))


RATE_0 = Experiment(
    id="conformance-images",
    data=mnist,
    loss="categorical_crossentropy",
    size=Size(epochs=1, batch_size=512),
    metrics=(Metric("loss", better="lower", unit="nats", smallest_effect=0.01),),
    variants=(
        Variant(
            "rate 0",
            model=functools.partial(dense_softmax, 784, 10),
            optimizer=functools.partial(optimizer, "SGD", learning_rate=0.0),
        ),
    ),
)


def check_epoch(engine: str) -> Iterator[Finding]:
    """One epoch over all images at a rate of 0, whose losses and accuracies NumPy can tell, partial batch and all."""
    from harness.training.seeding import initialise

    training, test = images()
    (trial,) = train(RATE_0, "rate 0", (0,), engine)
    model: Any = dense_softmax(784, 10)
    initialise(model, 0)
    kernel, bias = model.get_weights()
    for prefix, (x, y) in (("", training), ("val_", test)):
        outputs = softmax((x @ kernel + bias).astype("float64"))
        losses, hits = categorical_crossentropy(y, outputs), int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))
        name, curves = prefix.rstrip("_") or "training", trial.history
        # float32 sums; two or so of 60,000 images have probabilities so near that rounding decides
        yield Finding(f"mean loss of the {name} images", curves[f"{prefix}loss"], [losses.mean()], 5e-6)
        yield Finding(f"accuracy on the {name} images", curves[f"{prefix}accuracy"], [hits / len(x)], 2.5 / len(x))
