"""Initial weights as a seed draws them, against their documented distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.self_check import Measured, self_check
from suite.keras import networks
from suite.keras.networks import numpy, sequential
from suite.keras.reference import Layer

SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time
SOURCE = "Keras' documentation of its initializers and layers"
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


def drawn(network: Declared, seed: int) -> Weights:
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
    f"{SOURCE}; Glorot & Bengio 2010",
    {name: name for name in NETWORKS},
)
def kernels_and_constants(engine: str, name: str) -> Iterator[Measured]:
    for (layer, variable), array in drawn(NETWORKS[name], 0).items():
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
    f"{SOURCE}; Saxe et al. 2014; Jozefowicz et al. 2015",
)
def lstm(engine: str) -> Iterator[Measured]:
    """Orthogonal matrices are uniformly distributed (Haar): each element has mean 0 and mean square 1 / columns.

    A QR decomposition alone would give all diagonal elements one sign (Mezzadri 2007).
    """
    weights = [drawn(RECURRENT, seed) for seed in range(ORTHOGONAL)]
    kernels = np.stack([each["LSTM-0", "recurrent_kernel"] for each in weights])
    units = kernels.shape[1]
    yield Measured("recurrent kernel, times its transpose", kernels[0] @ kernels[0].T, np.eye(units), 1e-5)
    yield Measured("bias", weights[0]["LSTM-0", "bias"], np.repeat([0.0, 1.0, 0.0, 0.0], units))
    scaled = np.sqrt(kernels.shape[2]) * kernels
    parts = {"diagonal": np.diagonal(scaled, axis1=1, axis2=2), "rest": scaled[:, :, units:]}
    for name, part in parts.items():
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

    plain, other, again = (drawn(PLAIN, seed) for seed in (0, 1, 0))
    dropout = dense("glorot_uniform", Layer("Dropout", rate=0.2))
    further = {name: drawn(network, 0) for name, network in (("dropout", dropout), ("normalised", NORMALISED))}
    for key, array in plain.items():
        of, near = f"{key[1]} of {key[0]}", SURE / math.sqrt(array.size)
        yield Measured(f"{of}, seed 0 again", again[key], array)
        for name, weights in further.items():
            yield Measured(f"{of}, seed 0, with {name} in the network", weights[key], array)
        if key[1] == "kernel":
            yield Measured(f"{of}, correlation of seeds 0 and 1", correlation(array, other[key]), 0.0, near)
    first, second = (plain[f"Dense-{n}", "kernel"] for n in (1, 2))
    yield Measured("correlation of the kernels of two layers", correlation(first, second), 0.0, SURE / UNITS)


CHECKS = (*kernels_and_constants, *lstm, *seeds_and_layers)
