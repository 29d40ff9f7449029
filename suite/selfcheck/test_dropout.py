"""Dropout: which units are dropped in training, with which probability; in inference none is."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.training.train import train
from harness.training.weight_gradients import weight_gradients
from suite.selfcheck.comparing import close
from suite.selfcheck.training import optimizer

pytestmark = pytest.mark.exact

SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time
RATES = {"two dropouts": (0.2, 0.3), "two others": (0.4, 0.1)}
EXAMPLES, EPOCHS = 20_000, 3


def ones() -> Dataset:
    x, y = np.ones((EXAMPLES, 1), "float32"), np.zeros((EXAMPLES, 1), "float32")
    return Dataset(x, y, x[:10], y[:10])


def thinned(rates: tuple[float, float]) -> Any:
    """A network that passes a one through two dropouts with rates a and b.

    The mean square of its output is 1 / ((1 − a) (1 − b)) in training, and 1 in inference.
    """
    import keras
    from keras import layers

    last = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Sequential([layers.Input((1,)), *map(layers.Dropout, rates), last])


MASKED = Experiment(
    id="self-check-dropout",
    data=ones,
    loss="mean_squared_error",
    size=Size(epochs=EPOCHS, batch_size=2000),
    metrics=(Metric("loss", better="lower", unit="1", smallest_effect=0.01),),
    optimizer=functools.partial(optimizer, "SGD", learning_rate=0.0),
    variants=tuple(Variant(name, model=functools.partial(thinned, rates)) for name, rates in RATES.items()),
    accuracy=False,
)


def expected(variant: str) -> tuple[float, float]:
    """Mean and standard deviation, over examples, of the squared output in training."""
    kept = math.prod(1 - rate for rate in RATES[variant])
    return 1 / kept, math.sqrt(1 / kept**3 - 1 / kept**2)


def losses(trial: Trial) -> list[float]:
    found = [loss for loss in trial.history["loss"] if loss is not None]
    close("epochs with dropout", len(found), EPOCHS)
    return found


def test_masks(engine: str) -> None:
    """In training outputs are scaled to keep their mean, and each layer, example, step and seed has its own mask."""
    first, second, again = (train(MASKED, "two dropouts", (seed,), engine)[0] for seed in (0, 1, 0))
    mean, deviation = expected("two dropouts")
    found = losses(first) + losses(second)
    near = SURE * deviation / math.sqrt(EXAMPLES)
    for loss in found:
        close("mean square of a one behind dropouts of 0.2 and 0.3, training", loss, mean, near)
    close("its mean over epochs and seeds", float(np.mean(found)), mean, near / math.sqrt(len(found)))
    close("epochs and seeds that draw other masks", len(set(found)), len(found))
    spread = float(np.std(found)) / (deviation / math.sqrt(EXAMPLES))
    # a mask shared by a batch of 2000 would make the spread 45 times as large
    close("its spread over epochs, in units of independent masks", spread, 1.0, 0.999)
    close("losses of the same seed, trained again", again.history["loss"], first.history["loss"])
    close("the same in inference", first.history["val_loss"], [1.0] * EPOCHS, 1e-6)


def test_rates_of_another_variant(engine: str) -> None:
    """Rates are compiled into a program, so a variant with other rates must not use the program of the first one."""
    train(MASKED, "two dropouts", (0,), engine)
    (trial,) = train(MASKED, "two others", (0,), engine)
    mean, deviation = expected("two others")
    near = SURE * deviation / math.sqrt(EXAMPLES)
    for loss in losses(trial):
        close("mean square of a one behind dropouts of 0.4 and 0.1, training", loss, mean, near)


def test_one_mask_forward_and_backward() -> None:
    """The loss is the square of the sum of ones behind a dropout.

    The k units that are kept have the gradient 2 k / (1 − rate)² before and behind the dropout, the others 0.
    """
    import keras
    from keras import layers

    units, rate = 400, 0.25
    ones = {"use_bias": False, "kernel_initializer": "ones"}
    model = keras.Sequential(
        [layers.Input((1,)), layers.Dense(units, **ones), layers.Dropout(rate, seed=1), layers.Dense(1, **ones)]
    )
    one, nothing = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    before, behind = map(np.ravel, weight_gradients(model, "mean_squared_error", one, nothing))
    kept = behind != 0
    near = SURE * math.sqrt(rate * (1 - rate) / units)
    close("units that a dropout of 0.25 keeps", kept.mean(), 1 - rate, near)
    slopes = kept * 2 * kept.sum() / (1 - rate) ** 2
    for of, gradient in (("before", before), ("behind", behind)):
        close(f"gradients of the weights {of} a dropout", gradient, slopes, 1e-5 * slopes.max())
