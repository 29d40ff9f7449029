"""Metrics that several sections of the lecture use; accuracies are fractions in [0, 1]."""

import itertools
import math
from collections.abc import Callable, Sequence

from harness.model import History, Metric

MNIST_TEST = 10_000
"""The number of test images of MNIST, on which every validation accuracy of it is measured."""
MNIST_SMALLEST = 0.0005
"""The smallest effect of interest on MNIST: five of the 10,000 test images."""
CHANCE = 0.1
"""The validation accuracy before the first epoch."""


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


def rises(curve: Sequence[float]) -> float:
    """How often a value of the curve is above the one before."""
    return float(sum(later > earlier for earlier, later in itertools.pairwise(curve)))


def rising_epochs(history: History) -> float:
    """The number of epochs with a higher training loss than the epoch before."""
    return rises(history["loss"])


def first_epoch(curve: Sequence[float], holds: Callable[[float], bool]) -> float | None:
    """The first epoch, from 1, whose value holds; None if there is none."""
    return next((float(epoch) for epoch, value in enumerate(curve, 1) if holds(value)), None)


def epochs_to(curve: Sequence[float], target: float, *, falls: bool) -> float | None:
    """The interpolated number of epochs until a curve reaches its target; None if it never does.

    A loss falls and has no value before the first epoch, so 1 is the least. An accuracy rises, and begins at chance.
    """
    values = curve if falls else [CHANCE, *curve]
    place = first_epoch(values, lambda value: value <= target if falls else value >= target)
    if place is None or place == 1:
        return place
    before, after = values[int(place) - 2 : int(place)]
    return place - (1 if falls else 2) + (target - before) / (after - before)


def first_inf_epoch(history: History) -> float | None:
    return first_epoch(history["loss"], math.isinf)


def first_nan_epoch(history: History) -> float | None:
    return first_epoch(history["loss"], math.isnan)


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
