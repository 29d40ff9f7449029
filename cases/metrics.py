"""Metrics that several sections of the lecture use; accuracies are fractions in [0, 1]."""

from __future__ import annotations

import itertools
import math

from harness.domain.model import History, Metric

MNIST_TEST = 10_000
"""The number of test images of MNIST, on which every validation accuracy of it is measured."""
MNIST_SMALLEST = 0.0005
"""The smallest effect of interest on MNIST: five of the 10,000 test images."""


def best_loss(history: History) -> float:
    """Lowest validation loss."""
    return min(history["val_loss"])


def best_epoch(history: History) -> float:
    """The epoch, from 1, with the lowest validation loss."""
    return 1.0 + min(range(len(history["val_loss"])), key=lambda epoch: history["val_loss"][epoch])


def first_loss(history: History) -> float:
    """Training loss of the first epoch."""
    return history["loss"][0]


def second_loss(history: History) -> float:
    """Training loss of the second epoch."""
    return history["loss"][1]


def loss_ratio(history: History) -> float:
    """The last training loss divided by the first."""
    return history["loss"][-1] / history["loss"][0]


def rising_epochs(history: History) -> float:
    """The number of epochs with a higher training loss than the epoch before."""
    losses = history["loss"]
    return float(sum(later > earlier for earlier, later in itertools.pairwise(losses)))


def first_inf_epoch(history: History) -> float | None:
    """The first epoch, from 1, whose loss is infinite; None if there is none."""
    return next((float(epoch) for epoch, loss in enumerate(history["loss"], 1) if math.isinf(loss)), None)


def first_nan_epoch(history: History) -> float | None:
    """The first epoch, from 1, whose loss is nan; None if there is none."""
    return next((float(epoch) for epoch, loss in enumerate(history["loss"], 1) if math.isnan(loss)), None)


ACCURACY = Metric("accuracy", better="higher", unit="fraction", smallest_effect=MNIST_SMALLEST)
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.002)
"""The training loss as Keras logs it: the mean over an epoch's batches, penalties and dropout included."""
VAL_ACCURACY = Metric(
    "val_accuracy", better="higher", unit="fraction", smallest_effect=MNIST_SMALLEST, examples=MNIST_TEST
)
VAL_LOSS = Metric("val_loss", better="lower", unit="nats", smallest_effect=0.002)
BEST_LOSS = Metric("best_val_loss", better="lower", unit="nats", smallest_effect=0.002, of=best_loss)
BEST_EPOCH = Metric("best_epoch", better="lower", unit="epochs", smallest_effect=1.0, of=best_epoch)
RISING_EPOCHS = Metric("rising_epochs", better="lower", unit="epochs", smallest_effect=1.0, of=rising_epochs)
INF_EPOCH = Metric("first_inf_epoch", better="higher", unit="epochs", smallest_effect=1.0, of=first_inf_epoch)
NAN_EPOCH = Metric("first_nan_epoch", better="higher", unit="epochs", smallest_effect=1.0, of=first_nan_epoch)
LOSS_RATIO = Metric("loss_ratio", better="lower", unit="ratio", smallest_effect=0.01, of=loss_ratio)
