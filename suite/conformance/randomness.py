"""What is drawn, initial weights and dropout's masks, against what their distributions promise."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cases.networks import mlp
from cases.regularized import regularized_mlp
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.metric import Metric
from harness.training.train import train
from harness.training.weight_gradients import weight_gradients
from suite.conformance.engine import optimizer
from suite.conformance.finding import Finding

SURE = 5  # standard errors of a sample that a seed makes the same every time
SPREAD = 2.0
"""Standard deviation of the normal weights of ``deep_network`` times the square root of a layer's inputs."""
ORTHOGONAL = 8
"""Seeds with which an orthogonal kernel is drawn."""
AS_BUILT = {
    "bias": 0.0,
    "gamma": 1.0,
    "beta": 0.0,
    "moving_mean": 0.0,
    "moving_variance": 1.0,
}
"""Variables that start at a constant; of an LSTM's bias see ``check_constants``."""

Weights = dict[tuple[str, str], np.ndarray]


def drawn(network: Callable[[], Any], seed: int) -> Weights:
    """The initial variables of ``seed`` by (layer's place among its class, variable), as every training gets them."""
    from harness.training.seeding import initialise

    model = network()
    initialise(model, seed)
    found: Weights = {}
    for layer in model.layers:
        kind = type(layer).__name__
        number = len({name for name, _ in found if name.startswith(f"{kind}-")})
        for variable in layer.variables:
            if str(variable.dtype).startswith("float"):
                found[f"{kind}-{number}", variable.path.rpartition("/")[2]] = np.asarray(variable.numpy(), "float64")
    return found


def limit(name: str, shape: tuple[int, ...]) -> float:
    """Of ``random_uniform`` 0.05, of ``glorot_uniform`` √(6 / (inputs + outputs)); a kernel's field counts in both."""
    if name == "random_uniform":
        return 0.05
    field = math.prod(shape[:-2])
    return math.sqrt(6 / (field * shape[-2] + field * shape[-1]))


def check_initial(engine: str) -> Iterator[Finding]:
    """Limits, mean, variance and shape of the distribution of every kernel; constants; layers and seeds that differ."""
    from cases.batch_normalization import examples
    from cases.batch_normalization.gradients import deep_network

    plain = drawn(functools.partial(mlp, 3), 0)
    networks: dict[str, Callable[[], Any]] = {
        "random_uniform": functools.partial(mlp, 2, "linear", "random_uniform"),
        "normalised": functools.partial(regularized_mlp, 2, 64, batch_normalization=True),
        "recurrent": examples.rnn,
        "convolutional": examples.cnn,
    }
    found = {"glorot": plain, **{name: drawn(network, 0) for name, network in networks.items()}}
    for name, weights in found.items():
        for (layer, variable), array in weights.items():
            of = f"{name}, {variable} of {layer}"
            if variable == "kernel":
                yield from uniform(of, array / limit(name, array.shape))
            elif variable in AS_BUILT and not layer.startswith("LSTM"):
                yield Finding(f"{of}, from the start", array, np.full(array.shape, AS_BUILT[variable]))
    for (layer, variable), array in drawn(functools.partial(deep_network, "relu", SPREAD, depth=3), 0).items():
        if variable == "kernel" and layer != "Dense-3":
            yield from normal(f"{variable} of {layer}, normal", array * math.sqrt(len(array)) / SPREAD)
    yield from check_lstm(found["recurrent"])
    yield from check_seeds(plain)


def uniform(of: str, scaled: np.ndarray) -> Iterator[Finding]:
    """Numbers that are to be uniform in ± 1: the largest, and the first four moments."""
    count = scaled.size
    # the largest of n misses 1 by more than 20 / n once in e^20; a last bit may be up
    yield Finding(f"{of}, its largest in units of the limit", np.abs(scaled).max(), 1 - 10 / count, 10 / count + 1e-6)
    for power, mean, variance in ((1, 0, 1 / 3), (2, 1 / 3, 4 / 45), (3, 0, 1 / 7), (4, 1 / 5, 16 / 225)):
        near = SURE * math.sqrt(variance / count)
        yield Finding(f"{of}, mean of its power {power}, in units of the limit", np.mean(scaled**power), mean, near)
    near = 0.001 * count + 2
    yield Finding(f"{of}, zeros", float(np.sum(scaled == 0)), 0.0, near)


def normal(of: str, scaled: np.ndarray) -> Iterator[Finding]:
    """Numbers that are to be standard normal: the first four moments, and how many are beyond two and three."""
    count = scaled.size
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        near = SURE * math.sqrt(variance / count)
        yield Finding(f"{of}, mean of its power {power}, in standard deviations", np.mean(scaled**power), mean, near)
    for beyond in (2.0, 3.0):
        share = math.erfc(beyond / math.sqrt(2))
        near = SURE * math.sqrt(share * (1 - share) / count)
        yield Finding(f"{of}, share beyond {beyond:g}", np.mean(np.abs(scaled) > beyond), share, near)


def check_lstm(weights: Weights) -> Iterator[Finding]:
    """An orthogonal recurrent kernel (Saxe et al. 2014), a bias of 1 at the forget gate (Jozefowicz et al. 2015).

    Orthogonal matrices are drawn evenly (Haar): the mean of each element is 0, of its square 1 / columns. A QR
    decomposition alone has all its diagonal on one side (Mezzadri 2007).
    """
    recurrent, bias = weights["LSTM-0", "recurrent_kernel"], weights["LSTM-0", "bias"]
    units = len(recurrent)
    yield Finding("recurrent kernel of the LSTM, times its transpose", recurrent @ recurrent.T, np.eye(units), 1e-5)
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], units)
    yield Finding("bias of the LSTM, from the start", bias, expected)
    kernels = [recurrent, *(_recurrent(seed) for seed in range(1, ORTHOGONAL))]
    diagonals = np.sqrt(recurrent.shape[1]) * np.array([np.diagonal(kernel) for kernel in kernels])
    near = SURE / math.sqrt(diagonals.size)
    yield Finding("recurrent kernel of the LSTM, mean of its diagonal over seeds", diagonals.mean(), 0.0, near)
    kernels = [np.sqrt(recurrent.shape[1]) * kernel[:, units:] for kernel in kernels]
    near = SURE * math.sqrt(1 / np.size(kernels))
    yield Finding("recurrent kernel of the LSTM, mean of the rest over seeds", np.mean(kernels), 0.0, near)


def _recurrent(seed: int) -> np.ndarray:
    from cases.batch_normalization import examples

    return drawn(examples.rnn, seed)["LSTM-0", "recurrent_kernel"]


def check_seeds(plain: Weights) -> Iterator[Finding]:
    """One seed gives the same weights again, another one others; so do layers; further layers change nothing."""
    again, other = (drawn(functools.partial(mlp, 3), seed) for seed in (0, 1))
    more = drawn(functools.partial(mlp, 3, dropout=0.2), 0)
    normalised = drawn(functools.partial(regularized_mlp, 3, 256, batch_normalization=True), 0)
    for key, array in plain.items():
        of = f"{key[1]} of {key[0]}"
        yield Finding(f"{of}, seed 0 once more", again[key], array)
        yield Finding(f"{of}, seed 0, with dropout in the network", more[key], array)
        yield Finding(f"{of}, seed 0, with batch normalization in it", normalised[key], array)
        if key[1] == "kernel":
            yield from apart(f"{of}, seeds 0 and 1", array, other[key])
    yield from apart("kernels of Dense-1 and Dense-2, seed 0", *(plain[f"Dense-{n}", "kernel"] for n in (1, 2)))


def apart(of: str, one: np.ndarray, other: np.ndarray) -> Iterator[Finding]:
    near = SURE / math.sqrt(one.size)
    yield Finding(f"{of}: their correlation", np.corrcoef(one.ravel(), other.ravel())[0, 1], 0.0, near)


RATES, EXAMPLES, EPOCHS = (0.2, 0.3), 20_000, 3


def ones() -> Dataset:
    x, y = np.ones((EXAMPLES, 1), "float32"), np.zeros((EXAMPLES, 1), "float32")
    return Dataset(x, y, x[:10], y[:10])


def thinned() -> Any:
    """A one behind two dropouts: its square is 1 / ((1 − 0.2) (1 − 0.3)) on average in training, and 1 in inference."""
    import keras
    from keras import layers

    last = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Sequential([layers.Input((1,)), *map(layers.Dropout, RATES), last])


MASKED = Experiment(
    id="conformance-dropout",
    data=ones,
    loss="mean_squared_error",
    size=Size(epochs=EPOCHS, batch_size=2000),
    metrics=(Metric("loss", better="lower", unit="1", smallest_effect=0.01),),
    variants=(
        Variant("two dropouts", model=thinned, optimizer=functools.partial(optimizer, "SGD", learning_rate=0.0)),
    ),
    accuracy=False,
    inference=True,
)


def check_dropout(engine: str) -> Iterator[Finding]:
    """In training: scaled so that the mean stays, a mask of its own for each layer, example, step and seed."""
    first, second, again = (train(MASKED, "two dropouts", (seed,), engine)[0] for seed in (0, 1, 0))
    kept = math.prod(1 - rate for rate in RATES)
    mean, deviation = 1 / kept, math.sqrt(1 / kept**3 - 1 / kept**2)
    losses = [loss for trial in (first, second) for loss in trial.history["loss"] if loss is not None]
    yield Finding("epochs with dropout", len(losses), 2 * EPOCHS)
    near = SURE * deviation / math.sqrt(EXAMPLES)
    for loss in losses:
        yield Finding("mean square of a one behind dropouts of 0.2 and 0.3, training", loss, mean, near)
    near /= math.sqrt(len(losses))
    yield Finding("its mean over epochs and seeds", float(np.mean(losses)), mean, near)
    yield Finding("epochs and seeds that draw other masks", len(set(losses)), len(losses))
    spread = float(np.std(losses)) / (deviation / math.sqrt(EXAMPLES))
    # one mask for a batch of 2000 makes it 45 times as large
    yield Finding("its spread over epochs, in units of independent masks", spread, 1.0, 0.999)
    yield Finding("the same seed's masks once more", again.history["loss"], first.history["loss"])
    yield from check_mask()
    for curve in ("val_loss", "train_loss"):
        yield Finding(f"the same in inference, {curve}", list(first.history[curve]), [1.0] * EPOCHS, 1e-6)


def check_mask() -> Iterator[Finding]:
    """Of ones behind a dropout, added up and squared: the k units that are kept have the gradient 2 k / (1 − rate)²,
    before and behind it, and the others none."""
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
    yield Finding("units that a dropout of 0.25 keeps", kept.mean(), 1 - rate, near)
    expected = kept * 2 * kept.sum() / (1 - rate) ** 2
    for of, gradient in (("before", before), ("behind", behind)):
        yield Finding(f"gradients of the weights {of} a dropout", gradient, expected, 1e-5 * expected.max())
