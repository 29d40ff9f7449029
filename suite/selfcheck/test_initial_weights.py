"""Initial weights as a seed draws them, against their documented distributions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from cases.batch_normalization import examples
from cases.batch_normalization.gradients import deep_network
from cases.networks import mlp
from cases.regularized import regularized_mlp
from suite.selfcheck.comparing import close

pytestmark = pytest.mark.exact

SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time
SPREAD = 2.0
"""Standard deviation of the normal weights of ``deep_network`` times the square root of a layer's inputs."""
ORTHOGONAL = 8
"""Number of seeds with which an orthogonal kernel is drawn."""
AS_BUILT = {
    "bias": 0.0,
    "gamma": 1.0,
    "beta": 0.0,
    "moving_mean": 0.0,
    "moving_variance": 1.0,
}
"""Initial values of the variables that start constant; for an LSTM see ``test_lstm``."""

Weights = Mapping[tuple[str, str], np.ndarray]
NETWORKS: Mapping[str, Callable[[], Any]] = {
    "glorot": functools.partial(mlp, 3),
    "random_uniform": functools.partial(mlp, 2, "linear", "random_uniform"),
    "normalised": functools.partial(regularized_mlp, 2, batch_normalization=True),
    "recurrent": examples.rnn,
    "convolutional": examples.cnn,
}


def drawn(network: Callable[[], Any], seed: int) -> Weights:
    """The initial variables of a training with ``seed``, by (class and number of the layer, variable)."""
    from harness.training.seeding import initialise

    model = network()
    initialise(model, seed)
    found: dict[tuple[str, str], np.ndarray] = {}
    for layer in model.layers:
        kind = type(layer).__name__
        number = len({name for name, _ in found if name.startswith(f"{kind}-")})
        for variable in layer.variables:
            if str(variable.dtype).startswith("float"):
                found[f"{kind}-{number}", variable.path.rpartition("/")[2]] = np.asarray(variable.numpy(), "float64")
    return found


def limit(name: str, shape: tuple[int, ...]) -> float:
    """The largest possible weight: 0.05 for ``random_uniform``, √(6 / (inputs + outputs)) for ``glorot_uniform``.

    Inputs and outputs of a convolution are multiplied by the size of its kernel.
    """
    if name == "random_uniform":
        return 0.05
    field = math.prod(shape[:-2])
    return math.sqrt(6 / (field * shape[-2] + field * shape[-1]))


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_and_constants(name: str) -> None:
    """Every kernel is uniform within its limit; biases and batch normalization's variables start constant."""
    weights = drawn(NETWORKS[name], 0)
    assert "kernel" in {variable for _, variable in weights}
    for (layer, variable), array in weights.items():
        if variable == "kernel":
            check_uniform(f"kernel of {layer}", array / limit(name, array.shape))
        elif variable in AS_BUILT and not layer.startswith("LSTM"):
            close(f"{variable} of {layer}", array, np.full(array.shape, AS_BUILT[variable]))


def test_normal_kernels() -> None:
    for (layer, variable), array in drawn(functools.partial(deep_network, "relu", SPREAD, depth=3), 0).items():
        if variable == "kernel" and layer != "Dense-3":
            check_normal(f"kernel of {layer}", array * math.sqrt(len(array)) / SPREAD)


def check_uniform(of: str, scaled: np.ndarray) -> None:
    """Checks that numbers are uniform in ± 1, by the largest and the first four moments."""
    count = scaled.size
    # the largest of n misses 1 by more than 20 / n once in e^20; rounding may put it above 1
    close(f"{of}, its largest in units of the limit", np.abs(scaled).max(), 1 - 10 / count, 10 / count + 1e-6)
    for power, mean, variance in ((1, 0, 1 / 3), (2, 1 / 3, 4 / 45), (3, 0, 1 / 7), (4, 1 / 5, 16 / 225)):
        near = SURE * math.sqrt(variance / count)
        close(f"{of}, mean of its power {power}, in units of the limit", np.mean(scaled**power), mean, near)
    near = 0.001 * count + 2
    close(f"{of}, zeros", float(np.sum(scaled == 0)), 0.0, near)


def check_normal(of: str, scaled: np.ndarray) -> None:
    """Checks that numbers are standard normal, by the first four moments and the shares beyond 2 and 3."""
    count = scaled.size
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        near = SURE * math.sqrt(variance / count)
        close(f"{of}, mean of its power {power}, in standard deviations", np.mean(scaled**power), mean, near)
    for beyond in (2.0, 3.0):
        share = math.erfc(beyond / math.sqrt(2))
        near = SURE * math.sqrt(share * (1 - share) / count)
        close(f"{of}, share beyond {beyond:g}", np.mean(np.abs(scaled) > beyond), share, near)


def test_lstm() -> None:
    """The recurrent kernel is orthogonal (Saxe et al. 2014); the forget gate's bias is 1 (Jozefowicz et al. 2015).

    Orthogonal matrices are uniformly distributed (Haar): each element has mean 0 and mean square 1 / columns. A QR
    decomposition alone would give all diagonal elements one sign (Mezzadri 2007).
    """
    weights = drawn(examples.rnn, 0)
    recurrent, bias = weights["LSTM-0", "recurrent_kernel"], weights["LSTM-0", "bias"]
    units = len(recurrent)
    close("recurrent kernel of the LSTM, times its transpose", recurrent @ recurrent.T, np.eye(units), 1e-5)
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], units)
    close("bias of the LSTM, from the start", bias, expected)
    kernels = [recurrent, *(drawn(examples.rnn, seed)["LSTM-0", "recurrent_kernel"] for seed in range(1, ORTHOGONAL))]
    diagonals = np.sqrt(recurrent.shape[1]) * np.array([np.diagonal(kernel) for kernel in kernels])
    near = SURE / math.sqrt(diagonals.size)
    close("recurrent kernel of the LSTM, mean of its diagonal over seeds", diagonals.mean(), 0.0, near)
    kernels = [np.sqrt(recurrent.shape[1]) * kernel[:, units:] for kernel in kernels]
    near = SURE * math.sqrt(1 / np.size(kernels))
    close("recurrent kernel of the LSTM, mean of the rest over seeds", np.mean(kernels), 0.0, near)


def test_seeds_and_layers() -> None:
    """The same seed gives the same weights, also in a network with further layers; seeds and layers are independent."""
    plain, other = (drawn(NETWORKS["glorot"], seed) for seed in (0, 1))
    again = drawn(NETWORKS["glorot"], 0)
    more = drawn(functools.partial(mlp, 3, dropout=0.2), 0)
    normalised = drawn(functools.partial(regularized_mlp, 3, batch_normalization=True), 0)
    for key, array in plain.items():
        of = f"{key[1]} of {key[0]}"
        close(f"{of}, seed 0 again", again[key], array)
        close(f"{of}, seed 0, with dropout in the network", more[key], array)
        close(f"{of}, seed 0, with batch normalization in it", normalised[key], array)
        if key[1] == "kernel":
            check_apart(f"{of}, seeds 0 and 1", array, other[key])
    check_apart("kernels of Dense-1 and Dense-2, seed 0", *(plain[f"Dense-{n}", "kernel"] for n in (1, 2)))


def check_apart(of: str, one: np.ndarray, other: np.ndarray) -> None:
    near = SURE / math.sqrt(one.size)
    close(f"{of}: their correlation", np.corrcoef(one.ravel(), other.ravel())[0, 1], 0.0, near)
