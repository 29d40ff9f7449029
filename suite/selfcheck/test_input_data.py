"""The data that trainings get, against the file of MNIST, which is read and prepared here independently."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from cases.data.mnist import PATH, mnist
from cases.networks import dense_softmax
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.training.setup import TrainingSetup
from harness.training.train import train
from suite.catalogue import COURSE, EXPERIMENTS
from suite.selfcheck.comparing import close
from suite.selfcheck.network import categorical_crossentropy, softmax
from suite.selfcheck.training import divergence_of, optimizer

pytestmark = pytest.mark.exact

Pair = tuple[np.ndarray, np.ndarray]
EXACT = 2.0**-24
"""Rounding error of a number in [0, 1] in float32."""
PARTS = ("training images", "training labels", "test images", "test labels")
TRAINED = ("example-3", "example-4", "optimizers", "regularization") if COURSE.default else ()
"""The lecture's experiments on MNIST; the data of their first variants are compared."""
ROWS = 500
"""Images that are compared at once, so few that their difference stays in the processor's cache."""


@pytest.fixture(scope="module")
def images() -> tuple[Pair, Pair]:
    """Training and test data: images (n, 784) in [0, 1], and one-hot labels (n, 10)."""
    grey, one_hot = (np.arange(256) / 255).astype("float32"), np.eye(10, dtype="float32")
    with np.load(PATH, allow_pickle=False) as file:
        train, test = ((grey[file[f"x_{p}"].reshape(-1, 784)], one_hot[file[f"y_{p}"]]) for p in ("train", "test"))
    return train, test


def largest(obtained: np.ndarray | None, expected: np.ndarray) -> float:
    """The largest absolute difference; inf if the shapes differ."""
    if obtained is None or obtained.shape != expected.shape:
        return float("inf")
    starts = range(0, len(expected), ROWS)
    return max(float(np.abs(obtained[row : row + ROWS] - expected[row : row + ROWS]).max()) for row in starts)


def check(of: str, data: Dataset, training: Pair, test: Pair) -> None:
    obtained = (data.x, data.y, data.x_val, data.y_val)
    for name, array, expected in zip(PARTS, obtained, (*training, *test), strict=True):
        close(f"{of}, {name}, largest difference", largest(array, expected), 0.0, 2 * EXACT)


def test_mnist(images: tuple[Pair, Pair]) -> None:
    check("MNIST", mnist(), *images)


@pytest.mark.parametrize("name", TRAINED)
def test_data_of(name: str, images: tuple[Pair, Pair]) -> None:
    declared, ((x, y), test) = EXPERIMENTS[name], images
    count = declared.size.train
    check(name, TrainingSetup.of(declared, declared.variants[0].name).data, (x[:count], y[:count]), test)


def test_repeated_images(images: tuple[Pair, Pair]) -> None:
    from cases.overfitting.data_and_features import repeated

    (x, y), test = images
    rows = np.arange(10_000) % 500
    check("more-data, 500 images", repeated(500).first(None), (x[rows], y[rows]), test)


def test_pooled_images(images: tuple[Pair, Pair]) -> None:
    from cases.overfitting.data_and_features import pooled

    (x, y), test = images
    squares = [
        array.astype("float64").reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype("float32")
        for array in (x[:5000], test[0])
    ]
    check("fewer-features, 196 of them", pooled(14).first(5000), (squares[0], y[:5000]), (squares[1], test[1]))


RATE_0 = Experiment(
    id="self-check-images",
    data=mnist,
    loss="categorical_crossentropy",
    size=Size(epochs=1, batch_size=500),
    metrics=(Metric("loss", better="lower", unit="nats", smallest_effect=0.01),),
    variants=(
        Variant(
            "rate 0",
            model=functools.partial(dense_softmax, 784, 10),
            optimizer=functools.partial(optimizer, "SGD", learning_rate=0.0),
        ),
    ),
)


def test_epoch(images: tuple[Pair, Pair], engine: str) -> None:
    """One epoch over all images at a rate of 0, whose losses, accuracies and divergence NumPy can compute."""
    training, test = images
    seed, kernel, bias = guessing(*test)
    (trial,) = train(RATE_0, "rate 0", (seed,), engine)
    for prefix, (x, y) in (("", training), ("val_", test)):
        outputs = softmax((x @ kernel + bias).astype("float64"))
        losses, hits = categorical_crossentropy(y, outputs), int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))
        name, curves = prefix.rstrip("_") or "training", trial.history
        # float32 sums; of about two of 60,000 images rounding decides the class
        close(f"mean loss of the {name} images", curves[f"{prefix}loss"], [losses.mean()], 5e-6)
        close(f"accuracy on the {name} images", curves[f"{prefix}accuracy"], [hits / len(x)], 2.5 / len(x))
    close("kind, epoch and step of its divergence", divergence_of(trial), ("stuck at chance", 1, None))


def guessing(x: np.ndarray, y: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """The first seed with which the network of ``RATE_0`` is as accurate as guessing, with its kernel and bias.

    Its accuracy is at least 1 % (three standard errors) above the share of the rarest digit, and at most the share of
    the most frequent one.
    """
    from harness.training.seeding import initialise

    shares, digits = y.mean(axis=0), y.argmax(axis=-1)
    model: Any = dense_softmax(784, 10)
    for seed in range(100):
        initialise(model, seed)
        kernel, bias = model.get_weights()
        right = np.mean((x @ kernel + bias).argmax(axis=-1) == digits)
        if shares.min() + 0.01 < right <= shares.max():
            return seed, kernel, bias
    raise AssertionError("Expected: a network as accurate as guessing from one of 100 seeds. Received: none.")
