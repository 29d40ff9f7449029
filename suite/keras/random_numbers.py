"""What a seed draws: initial weights by their documented distributions, and the units that a dropout drops."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.model import Dataset, Experiment, Size, Variant
from harness.self_check import Measured, self_check
from harness.training.gradients import weight_gradients
from harness.training.reference import Layer, Optimizer, numpy
from harness.training.train import train
from suite.keras import networks
from suite.keras.networks import LOSS, sequential

SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time
INITIALIZERS = "Keras' documentation of its initializers and layers"
ORTHOGONAL = 8
"""Number of seeds with which an orthogonal kernel is drawn."""
CONSTANT = {"bias": 0.0, "gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
UNIFORM = ((1, 0, 1 / 3), (2, 1 / 3, 4 / 45), (3, 0, 1 / 7), (4, 1 / 5, 16 / 225))
NORMAL = ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96))
"""(power, mean and variance of that power) of numbers that are uniform in ± 1, or standard normal."""
UNITS = 256

Declared = tuple[tuple[int, ...], Sequence[Layer]]
"""The shape of an input, and the layers."""
Weights = Mapping[tuple[str, str], np.ndarray]


def dense(initializer: Any = "glorot_uniform", *more: Layer) -> Declared:
    """Three hidden layers, each followed by ``more``."""
    hidden = [Layer("Dense", units=UNITS, kernel_initializer=initializer), *more]
    return (784,), [*hidden * 3, Layer("Dense", units=10, kernel_initializer=initializer)]


PLAIN, NORMALISED = dense(), dense("glorot_uniform", Layer("BatchNormalization"))
RECURRENT: Declared = ((28, 28), [Layer("LSTM", units=64), Layer("Dense", units=10)])
FILTERS = [Layer("Conv2D", filters=count, kernel_size=3) for count in (32, 64)]
NETWORKS = {
    "glorot-uniform": PLAIN,
    "random-uniform": dense("random_uniform"),
    "normalised": NORMALISED,
    "normal": dense(networks.drawn("RandomNormal", stddev=0.07)),
    "recurrent": RECURRENT,
    "convolutional": ((8, 8, 3), [*FILTERS, Layer("Flatten"), Layer("Dense", units=10)]),
}


def initial(network: Declared, seed: int) -> Weights:
    """The initial variables of a training with ``seed``, by (class and number of the layer, variable)."""
    from harness.training.seeding import initialise, roles

    model = sequential(*network)
    initialise(model, seed)
    return {
        (role, variable.path.rpartition("/")[2]): numpy(variable)
        for role, layer in roles(model)
        for variable in layer.variables
        if str(variable.dtype).startswith("float")
    }


def scale(name: str, shape: tuple[int, ...]) -> float:
    """The standard deviation of normal weights, the largest possible weight of uniform ones.

    That is √(6 / (inputs + outputs)) for ``glorot_uniform``, times the size of a convolution's kernel.
    """
    documented = {"normal": 0.07, "random-uniform": 0.05}
    return documented.get(name) or math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))


@self_check(
    "initial-weights",
    "Every kernel has its documented distribution ({0}); biases and statistics start constant.",
    f"{INITIALIZERS}; Glorot & Bengio 2010",
    {name: name for name in NETWORKS},
)
def kernels_and_constants(engine: str, name: str) -> Iterator[Measured]:
    for (layer, variable), array in initial(NETWORKS[name], 0).items():
        of, count = f"{variable} of {layer}", array.size
        if variable in CONSTANT and not layer.startswith("LSTM"):
            yield Measured(of, array, np.full(array.shape, CONSTANT[variable]))
        if variable != "kernel":
            continue
        scaled = array / scale(name, array.shape)
        for power, mean, variance in NORMAL if name == "normal" else UNIFORM:
            near = SURE * math.sqrt(variance / count)
            yield Measured(f"{of}, mean of its power {power}, scaled", np.mean(scaled**power), mean, near)
        if name == "normal":
            for beyond in (2.0, 3.0):
                share = math.erfc(beyond / math.sqrt(2))
                near = SURE * math.sqrt(share * (1 - share) / count)
                yield Measured(f"{of}, share beyond {beyond:g}", np.mean(np.abs(scaled) > beyond), share, near)
        else:
            # the largest of n misses 1 by more than 20 / n once in e^20; rounding may put it above 1
            yield Measured(f"{of}, its largest", np.abs(scaled).max(), 1 - 10 / count, 10 / count + 1e-6)
            yield Measured(f"{of}, zeros", float(np.sum(scaled == 0)), 0.0, 0.001 * count + 2)


@self_check(
    "initial-weights/lstm",
    "The recurrent kernel of an LSTM is orthogonal; the bias of its forget gate is 1.",
    f"{INITIALIZERS}; Saxe et al. 2014; Jozefowicz et al. 2015",
)
def lstm(engine: str) -> Iterator[Measured]:
    """Orthogonal matrices are uniformly distributed (Haar): each element has mean 0 and mean square 1 / columns.

    A QR decomposition alone would give all diagonal elements one sign (Mezzadri 2007).
    """
    weights = [initial(RECURRENT, seed) for seed in range(ORTHOGONAL)]
    kernels = np.stack([each["LSTM-0", "recurrent_kernel"] for each in weights])
    units = kernels.shape[1]
    yield Measured("recurrent kernel, times its transpose", kernels[0] @ kernels[0].T, np.eye(units), 1e-5)
    yield Measured("bias", weights[0]["LSTM-0", "bias"], np.repeat([0.0, 1.0, 0.0, 0.0], units))
    scaled = np.sqrt(kernels.shape[2]) * kernels
    for name, part in (("diagonal", np.diagonal(scaled, axis1=1, axis2=2)), ("rest", scaled[:, :, units:])):
        near = SURE / math.sqrt(part.size)
        yield Measured(f"recurrent kernel, mean of its {name} over seeds", part.mean(), 0.0, near)


@self_check(
    "initial-weights/seeds-and-layers",
    "A seed decides the weights of every layer, whatever other layers there are.",
    "harness.training.seeding",
)
def seeds_and_layers(engine: str) -> Iterator[Measured]:
    """The same seed gives the same weights, also in a network with further layers; seeds and layers are independent."""

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    plain, other = initial(PLAIN, 0), initial(PLAIN, 1)
    same = {
        "again": initial(PLAIN, 0),
        "with dropout in the network": initial(dense("glorot_uniform", Layer("Dropout", rate=0.2)), 0),
        "with normalised in the network": initial(NORMALISED, 0),
    }
    for key, array in plain.items():
        of = f"{key[1]} of {key[0]}"
        for name, weights in same.items():
            yield Measured(f"{of}, seed 0, {name}", weights[key], array)
        if key[1] == "kernel":
            near = SURE / math.sqrt(array.size)
            yield Measured(f"{of}, correlation of seeds 0 and 1", correlation(array, other[key]), 0.0, near)
    first, second = (plain[f"Dense-{n}", "kernel"] for n in (1, 2))
    yield Measured("correlation of the kernels of two layers", correlation(first, second), 0.0, SURE / UNITS)


DROPOUT = "Keras' documentation of Dropout; Srivastava et al. 2014"
RATES = {"two dropouts": (0.2, 0.3), "two others": (0.4, 0.1)}
EXAMPLES, EPOCHS = 20_000, 3


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
    optimizer=Optimizer("SGD", 0.0).keras,
    variants=tuple(
        Variant(name, functools.partial(sequential, (1,), [*(Layer("Dropout", rate=rate) for rate in rates), LAST]))
        for name, rates in RATES.items()
    ),
    accuracy=False,
)


@self_check(
    "dropout/masks",
    "In training a unit is 0 with the given rate, and else divided by 1 − rate; in inference it stays.",
    DROPOUT,
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


@self_check("dropout/forward-and-backward", "A gradient passes the units that the forward pass kept.", DROPOUT)
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


CHECKS = (*kernels_and_constants, *lstm, *seeds_and_layers, *masks, *forward_and_backward)
