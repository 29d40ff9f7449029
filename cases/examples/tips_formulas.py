"""Example 4: linear layers, Xavier initialisation and dropout, exactly.

Hidden linear layers add nothing to what a softmax layer can represent: their matrices can be multiplied out. The slides
name Xavier initialisation and dropout and give no formula. Xavier initialisation (Glorot & Bengio 2010, equation 16),
Keras' glorot_uniform, draws a layer's weights uniformly from ± √(6 / (inputs + outputs)). Dropout (Srivastava et al.
2014) leaves each unit out of a training step with a probability, the rate. At test time no unit is left out, and the
outputs are scaled to their mean in training.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.data.mnist import mnist
from cases.networks import applied, dense_softmax, mlp
from cases.references import ROUNDING
from harness.claim import Claim
from harness.rules import Comparison, Difference

LAYERS = ((784, 256), (256, 256), (256, 10))
"""Inputs and outputs of the layers of Example 4."""
RATES = (0.1, 0.2, 0.3)
UNITS = 250_000
SURE = 5  # tolerance in standard errors; the sample is seeded, so the result is the same every time


IMAGES = 512


def multiplied(weights: list[np.ndarray]) -> list[np.ndarray]:
    """The kernel and the bias (float64) of the one layer that equals several linear layers."""
    kernel, bias = np.eye(len(weights[0])), np.zeros(len(weights[0]))
    for matrix, shift in zip(weights[::2], weights[1::2], strict=True):
        kernel, bias = kernel @ matrix.astype("float64"), bias @ matrix.astype("float64") + shift
    return [kernel, bias]


def spread_out(kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    """The weights of two hidden linear layers of 256 units and an output layer that equal one softmax layer."""
    hidden = 256
    inputs, classes = kernel.shape
    first, last = np.zeros((inputs, hidden)), np.eye(hidden, classes)
    first[:, :classes] = kernel
    return [first, np.zeros(hidden), np.eye(hidden), np.zeros(hidden), last, bias]


def check_linear_layers() -> Iterator[Comparison]:
    """Compares predictions of two hidden linear layers with those of the equal single layer, in both directions."""

    images = mnist().x[:IMAGES]
    rng = np.random.default_rng(13)
    deep, shallow = mlp(2, "linear", "random_uniform"), dense_softmax(784, 10)

    def predictions(model: Any, weights: list[np.ndarray]) -> np.ndarray:
        model.set_weights(weights)
        return applied(model, images)

    # weights of about the size after training, which give logits of a few units
    drawn = [rng.standard_normal(weight.shape) / np.sqrt(len(weight)) for weight in deep.get_weights()]
    single = multiplied(drawn)
    # a logit is a sum of 784 products; its error changes a probability by at most half as much
    rounding = 784 * ROUNDING * float(np.abs(images @ single[0] + single[1]).max())
    of = f"{IMAGES} predictions, the three matrices multiplied to one of 784 × 10"
    yield Comparison(of, predictions(shallow, single), predictions(deep, drawn), rounding)
    kernel, bias = rng.standard_normal((784, 10)) / 28, rng.standard_normal(10)
    of = "predictions of a softmax layer, spread over two hidden linear layers"
    yield Comparison(of, predictions(deep, spread_out(kernel, bias)), predictions(shallow, [kernel, bias]), rounding)
    digits = np.unique(predictions(shallow, single).argmax(axis=1))
    yield Comparison("more than one digit is predicted", float(len(digits) > 1), 1.0)


def xavier_limit(inputs: int, outputs: int) -> float:
    """√(6 / (inputs + outputs)): Glorot & Bengio 2010, equation 16."""
    return float(np.sqrt(6 / (inputs + outputs)))


def check_xavier() -> Iterator[Comparison | Difference]:
    """Checks limits, variance and mean of the weights that glorot_uniform draws for each layer."""
    import keras

    for index, shape in enumerate(LAYERS):
        name, limit, count = f"{shape[0]} to {shape[1]}", xavier_limit(*shape), shape[0] * shape[1]
        drawn = keras.initializers.GlorotUniform(seed=index)(shape, dtype="float32")
        weights = np.asarray(keras.ops.convert_to_numpy(drawn), "float64") / limit
        # the largest of n uniform numbers in [0, 1] misses 1 by more than 20 / n once in e^20
        largest, variance = float(np.abs(weights).max()), float(3 * np.mean(weights**2))
        yield Comparison(f"{name}: largest weight, in units of the limit", largest, 1.0, 20 / count)
        # a uniform number in ± 1 has variance 1/3, its square a variance of 4/45
        error = SURE * 3 * np.sqrt(4 / 45 / count)
        yield Comparison(f"{name}: variance, in units of 2 / (inputs + outputs)", variance, 1.0, error)
        yield Comparison(f"{name}: mean, in units of the limit", float(weights.mean()), 0.0, SURE / np.sqrt(3 * count))
    uniform = keras.ops.convert_to_numpy(keras.initializers.RandomUniform(seed=0)(LAYERS[0], dtype="float32"))
    yield Difference(
        "the limit of Keras' random_uniform, whatever the layer",
        round(float(np.abs(uniform).max()), 4),
        ", ".join(f"{xavier_limit(*shape):.4f}" for shape in LAYERS),
        "Xavier initialisation of Example 4's layers",
    )


def check_dropout() -> Iterator[Comparison | Difference]:
    """Checks the output of Keras' Dropout for ones, in training and in inference."""
    import keras

    ones = np.ones((1, UNITS), "float32")
    for rate in RATES:
        layer = keras.layers.Dropout(rate, seed=1)
        trained = applied(layer, ones, training=True)
        kept = trained[trained != 0]
        scaled, of = 1 / (1 - rate), f"rate {rate}:"
        expected = np.full(kept.shape, scaled)
        yield Comparison(f"{of} kept units are scaled by 1 / (1 − rate)", kept, expected, 4 * ROUNDING * scaled)
        error = SURE * np.sqrt(rate * (1 - rate) / UNITS)
        yield Comparison(f"{of} share of units left out", 1 - kept.size / UNITS, rate, error)
        yield Comparison(f"{of} mean in training, that of inference", float(trained.mean()), 1.0, error * scaled)
        tested = applied(layer, ones, training=False)
        yield Comparison(f"{of} inference changes nothing", tested, ones)
    yield Difference(
        "kept units in training and all units at test time, rate 0.2",
        "1.25, 1",
        "1, 0.8",
        "the paper (Srivastava et al. 2014)",
        "It scales the weights by 1 − rate at test time; Keras scales in training, so that inference needs nothing.",
    )


LINEAR_LAYERS_ARE_SOFTMAX = Claim(
    id="tips-linear-layers-are-softmax",
    slide="Example 4, 2 hidden NN",
    source="ours",
    statement="Two hidden linear layers and a softmax are one softmax layer: multiplied out they predict the same.",
    check=check_linear_layers,
    deviations=("random weights and biases, the first 512 training images",),
    notes=(
        "It explains tips-linear-layers-help: the slides present hidden linear layers as a gain of 0.032. Only how "
        "training gets to the weights can differ, not what can be predicted.",
    ),
)

XAVIER_FORMULA = Claim(
    id="xavier-formula",
    slide="Example 4, 2 hidden NN with relu activation and Xavier initialization",
    source="read",
    quote="2 hidden NN with relu activation and Xavier initialization",
    reading="the slide names Xavier initialization and prints 'glorot_uniform'; the formula is the paper's",
    statement="Xavier initialisation is glorot_uniform: uniform in ± √(6 / (inputs + outputs)).",
    check=check_xavier,
    notes=("Weights are drawn, so the comparison is of their limits and moments, with a fixed seed.",),
)

DROPOUT_FORMULA = Claim(
    id="dropout-formula",
    slide="Example 4, 5 hidden (Deep) NN with relu activation, Xavier initialization and dropout",
    source="ours",
    statement="Dropout leaves out a share of the units in training, and none in inference.",
    check=check_dropout,
    notes=("The slide uses Dropout and gives no formula: the paper and Keras' documentation do.",),
)
