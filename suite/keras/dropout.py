"""Dropout: which units are dropped in training, with which probability; in inference none is."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np

from harness.model import Dataset, Experiment, Size, Variant
from harness.self_check import Measured, self_check
from harness.training.gradients import weight_gradients
from harness.training.train import train
from suite.keras.networks import LOSS, sequential
from suite.keras.reference import Layer
from suite.keras.rules import optimizer, sgd

SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time
RATES = {"two dropouts": (0.2, 0.3), "two others": (0.4, 0.1)}
EXAMPLES, EPOCHS = 20_000, 3
SOURCE = "Keras' documentation of Dropout; Srivastava et al. 2014"


def ones() -> Dataset:
    x, y = np.ones((EXAMPLES, 1), "float32"), np.zeros((EXAMPLES, 1), "float32")
    return Dataset(x, y, x[:10], y[:10])


LAST = Layer("Dense", units=1, use_bias=False, kernel_initializer="ones")
MASKED = Experiment(
    id="self-check-dropout",
    data=ones,
    loss="mean_squared_error",
    size=Size(epochs=EPOCHS, batch_size=2000),
    metrics=(LOSS,),
    optimizer=optimizer("SGD", sgd, learning_rate=0.0).keras,
    variants=tuple(
        Variant(name, functools.partial(sequential, (1,), [*(Layer("Dropout", rate=rate) for rate in rates), LAST]))
        for name, rates in RATES.items()
    ),
    accuracy=False,
)


@self_check(
    "dropout/masks",
    "In training a unit is 0 with the given rate, and else divided by 1 − rate; in inference it stays.",
    SOURCE,
)
def masks(engine: str) -> Iterator[Measured]:
    """Each layer, example, step and seed has its own mask.

    Behind dropouts with rates a and b the mean square of a one is 1 / k in training, k = (1 − a) (1 − b), its standard
    deviation √(1 / k³ − 1 / k²). Rates are compiled into a program, so another variant must not use the first one's.
    """
    trials = [train(MASKED, name, (seed,), engine)[0] for name, seed in
              (("two dropouts", 0), ("two dropouts", 1), ("two dropouts", 0), ("two others", 0))]  # fmt: skip
    first, second, again, others = ([loss for loss in trial.history["loss"] if loss is not None] for trial in trials)
    yield Measured("epochs with dropout", tuple(map(len, (first, second, others))), (EPOCHS,) * 3)
    for name, losses in (("two dropouts", first + second), ("two others", others)):
        kept = math.prod(1 - rate for rate in RATES[name])
        error = math.sqrt((1 / kept**3 - 1 / kept**2) / EXAMPLES)
        for loss in losses:
            yield Measured(f"mean square of a one, {name}, training", loss, 1 / kept, SURE * error)
        near = SURE * error / math.sqrt(len(losses))
        yield Measured(f"its mean over epochs and seeds, {name}", float(np.mean(losses)), 1 / kept, near)
        yield Measured(f"epochs and seeds that draw other masks, {name}", len(set(losses)), len(losses))
        if name == "two dropouts":
            # a mask shared by a batch of 2000 would make the spread 45 times as large
            spread = float(np.std(losses)) / error
            yield Measured("its spread over epochs, in units of independent masks", spread, 1.0, 0.999)
    yield Measured("losses of the same seed, trained again", again, first)
    yield Measured("the same in inference", trials[0].history["val_loss"], [1.0] * EPOCHS, 1e-6)


@self_check("dropout/forward-and-backward", "A gradient passes the units that the forward pass kept.", SOURCE)
def forward_and_backward(engine: str) -> Iterator[Measured]:
    """The loss is the square of the sum of ones behind a dropout.

    The k units that are kept have the gradient 2 k / (1 − rate)² before and behind the dropout, the others 0.
    """
    units, rate = 400, 0.25
    wide = Layer("Dense", units=units, use_bias=False, kernel_initializer="ones")
    model = sequential((1,), [wide, Layer("Dropout", rate=rate, seed=1), LAST])
    x, y = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    before, behind = map(np.ravel, weight_gradients(model, "mean_squared_error", x, y))
    kept = behind != 0
    near = SURE * math.sqrt(rate * (1 - rate) / units)
    yield Measured("units that a dropout of 0.25 keeps", kept.mean(), 1 - rate, near)
    slopes = kept * 2 * kept.sum() / (1 - rate) ** 2
    for of, gradient in (("before", before), ("behind", behind)):
        yield Measured(f"gradients of the weights {of} a dropout", gradient, slopes, 1e-5 * slopes.max())


CHECKS = (*masks, *forward_and_backward)
