"""The data that trainings get, against the file of MNIST, which is read and prepared here independently."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.data.mnist import PATH, mnist
from cases.examples.mnist_softmax import MNIST_SOFTMAX
from cases.examples.mnist_tips import TIPS
from cases.networks import dense_softmax, sgd
from cases.optimizers.race import RACE
from cases.overfitting.data_and_features import pooled, repeated
from cases.overfitting.regularization import REGULARIZATION
from harness.model import Dataset, Experiment, Metric, Size, Variant
from harness.self_check import Measured, self_check
from harness.training.setup import TrainingSetup
from harness.training.train import train

Pair = tuple[np.ndarray, np.ndarray]
EXACT = 2.0**-24
"""Rounding error of a number in [0, 1] in float32."""
ROWS = 500
"""Images that are compared at once, so few that their difference stays in the processor's cache."""
SOURCE = "the file mnist.npz"


@functools.cache
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


def compared(data: Dataset, training: Pair, test: Pair) -> Iterator[Measured]:
    names = ("training images", "training labels", "test images", "test labels")
    obtained = (data.x, data.y, data.x_val, data.y_val)
    for name, array, expected in zip(names, obtained, (*training, *test), strict=True):
        yield Measured(f"{name}, largest difference", largest(array, expected), 0.0, 2 * EXACT)


@self_check(
    "data",
    "The first variant of {0} trains on the first images, in [0, 1], with one-hot labels.",
    SOURCE,
    {experiment.id: experiment for experiment in (MNIST_SOFTMAX, TIPS, RACE, REGULARIZATION)},
)
def of_experiment(engine: str, experiment: Experiment) -> Iterator[Measured]:
    (x, y), test = images()
    count = experiment.size.train
    yield from compared(TrainingSetup.of(experiment, experiment.variants[0].name).data, (x[:count], y[:count]), test)


@self_check("data/mnist", "MNIST, repeated images and pooled images are those of the file.", SOURCE)
def changed(engine: str) -> Iterator[Measured]:
    (x, y), test = images()
    yield from compared(mnist(), (x, y), test)
    rows = np.arange(10_000) % 500
    yield from compared(repeated(500).first(None), (x[rows], y[rows]), test)
    squares = [
        array.astype("float64").reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype("float32")
        for array in (x[:5000], test[0])
    ]
    yield from compared(pooled(14).first(5000), (squares[0], y[:5000]), (squares[1], test[1]))


RATE_0 = Experiment(
    id="self-check-images",
    data=mnist,
    loss="categorical_crossentropy",
    size=Size(epochs=1, batch_size=500),
    metrics=(Metric("loss", better="lower", unit="nats", smallest_effect=0.01),),
    variants=(Variant("rate 0", functools.partial(dense_softmax, 784, 10), optimizer=functools.partial(sgd, 0.0)),),
)


@self_check("data/epoch", "One epoch at a rate of 0 has the mean losses and accuracies of all images.", SOURCE)
def epoch(engine: str) -> Iterator[Measured]:
    training, test = images()
    seed, kernel, bias = guessing(*test)
    (trial,) = train(RATE_0, "rate 0", (seed,), engine)
    for prefix, (x, y) in (("", training), ("val_", test)):
        outputs = (x @ kernel + bias).astype("float64")
        hits = int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))
        # −log p of the right class; p is never as small as 1e-7 here
        losses = np.log(np.exp(outputs).sum(axis=-1)) - np.sum(y * outputs, axis=-1)
        name, curves = prefix.rstrip("_") or "training", trial.history
        # float32 sums; of about two of 60,000 images rounding decides the class
        yield Measured(f"mean loss of the {name} images", curves[f"{prefix}loss"], [losses.mean()], 5e-6)
        yield Measured(f"accuracy on the {name} images", curves[f"{prefix}accuracy"], [hits / len(x)], 2.5 / len(x))
    divergence = trial.divergence
    told = divergence and (divergence.kind, divergence.epoch, divergence.step)
    yield Measured("kind, epoch and step of its divergence", told, ("stuck at chance", 1, None))


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


CHECKS = (*of_experiment, *changed, *epoch)
