"""5. Batch Normalization: the formula, and what it makes of the scale of the weights.

The slides: each layer's input is normalised to mean 0 and standard deviation 1; propagation no longer depends on the
scale of the parameters. The second follows from the first. In training, where mean and variance are those of the batch,
a factor a > 0 cancels in (a W x − mean) / √(variance), and so does a bias. In inference neither cancels, because mean
and variance were collected before. A factor a < 0 changes the sign. Behind a ReLU, where the printed listings have the
layer, a bias does not cancel.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.networks import applied, dense
from cases.references import ROUNDING, inputs
from harness.claim import Claim
from harness.rules import Comparison, Difference
from harness.training.gradients import weight_gradients

SUM = 64 * ROUNDING  # for the mean and the variance over a batch of 16 or 32, and the output computed from them
NO_EPSILON = 1e-12  # has no effect in float32 next to a variance of 1
EPSILON = 1e-3  # Keras' default
SMALL = 0.01  # standard deviation of a feature with so small a variance that epsilon matters


def normalised(batch: np.ndarray, epsilon: float = EPSILON) -> np.ndarray:
    """(x − mean) / √(variance + ε) of each feature of a batch (n, features), the variance divided by n, not by n − 1.

    Ioffe & Szegedy 2015, Algorithm 1.
    """
    return (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + epsilon)


def features() -> np.ndarray:
    """All drawn batches as columns of one batch (16, features), rounded to float32. Features are independent."""
    return np.concatenate(inputs.batches(), axis=1).astype("float32").astype("float64")


def check_normalises() -> Iterator[Comparison | Difference]:
    """Errors are in units of 1 plus the effect of rounding x on the output, max |x| / √(variance + ε)."""
    import keras
    from keras.layers import BatchNormalization

    batch = features()
    variance = batch.var(axis=0)
    scale = 1 + np.abs(batch).max(axis=0) / np.sqrt(variance + EPSILON)
    words = f"{batch.shape[1]} drawn features"
    layer = BatchNormalization()
    output = applied(layer, batch, training=True)
    yield Comparison(f"(x − mean) / √(variance + ε), {words}", output / scale, normalised(batch) / scale, SUM)
    yield Comparison("their means: 0", output.mean(axis=0) / scale, np.zeros(len(scale)), SUM)
    shrunk = variance / (variance + EPSILON)
    yield Comparison("their variances: variance / (variance + ε)", output.var(axis=0) / scale, shrunk / scale, SUM)
    wide = variance > 1
    words = f"standard deviation of the {wide.sum()} whose variance is above 1: 1, up to ε / 2"
    yield Comparison(words, output[:, wide].std(axis=0), np.ones(wide.sum()), EPSILON / 2)
    for name, obtained, start, new in (
        ("mean", layer.moving_mean, 0.0, batch.mean(axis=0)),
        ("variance", layer.moving_variance, 1.0, variance),
    ):
        expected = 0.99 * start + (1 - 0.99) * new
        size = 1 + np.abs(batch).max(axis=0) ** (1 if name == "mean" else 2)
        moved = keras.ops.convert_to_numpy(obtained)
        yield Comparison(f"moving {name}: 0.99 old + 0.01 new", moved / size, expected / size, SUM)
    rng = np.random.default_rng(9)
    gamma, beta = rng.standard_normal((2, batch.shape[1]))
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    output = applied(layer, batch, training=True)
    yield Comparison("γ x' + β", output / scale, (gamma * normalised(batch) + beta) / scale, 4 * SUM)
    yield from _besides()


def _besides() -> Iterator[Difference]:
    import keras
    from keras.layers import BatchNormalization

    batch = np.random.default_rng(10).standard_normal((16, 1))
    batch = SMALL * normalised(batch, 0.0)
    yield Difference(
        f"standard deviation of a feature of standard deviation {SMALL}",
        float(applied(BatchNormalization(), batch, training=True).std()),
        1.0,
        "the slide",
        "Keras adds ε = 1e-3 to the variance.",
    )
    layer = BatchNormalization(momentum=0.0)
    applied(layer, batch / SMALL, training=True)
    yield Difference(
        "variance for inference, after one batch of 16 of variance 1",
        float(keras.ops.convert_to_numpy(layer.moving_variance)[0]),
        float((batch / SMALL).var(ddof=1)),
        "the paper (Ioffe & Szegedy 2015, Algorithm 2)",
        "The paper averages n / (n − 1) times the variance of each batch, Keras the variance itself.",
    )


def examples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (32, 4), weights (4, 3) and a bias (3,)."""
    rng = np.random.default_rng(11)
    return rng.standard_normal((32, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)


def network(activation: str, epsilon: float, a: float, bias: np.ndarray | None = None) -> Any:
    """Dense(3) with weights a W and batch normalization behind it."""
    from keras import layers

    model = dense(4, 3, activation=activation)
    model.add(layers.BatchNormalization(epsilon=epsilon))
    model.layers[0].set_weights([a * examples()[1], np.zeros(3) if bias is None else bias])
    return model


def output(activation: str, a: float, bias: np.ndarray | None = None, epsilon: float = NO_EPSILON) -> np.ndarray:
    return applied(network(activation, epsilon, a, bias), examples()[0], training=True)


def check_scale() -> Iterator[Comparison]:
    x, weights, bias = examples()
    rounding = 8 * SUM
    once = output("linear", 1)
    for a in (0.1, 10.0, 1000.0):
        yield Comparison(f"BN({a:g} W x) = BN(W x), ε = 1e-12", output("linear", a), once, rounding)
        with_epsilon = normalised(x @ weights, EPSILON / a**2)
        obtained = output("linear", a, epsilon=EPSILON)
        yield Comparison(f"ε = 1e-3: BN({a:g} W x) is BN(W x) with ε / {a:g}²", obtained, with_epsilon, rounding)
        yield gradients(a)
    yield Comparison("with a bias: BN(10 W x + b) = BN(W x)", output("linear", 10, bias), once, rounding)
    yield Comparison("a < 0: BN(−2 W x) = −BN(W x)", output("linear", -2), -once, rounding)

    frozen = [applied(network("linear", EPSILON, a), x, training=False) for a in (1.0, 10.0)]
    at_start = 10 * x @ weights / np.sqrt(1 + EPSILON)
    yield Comparison("inference: BN(10 W x) by the moving statistics, 0 and 1", frozen[1], at_start, 10 * rounding)
    yield differs("inference: BN(10 W x) is not BN(W x)", *frozen)

    rectified = output("relu", 1)
    yield Comparison("behind a ReLU: BN(relu(10 W x)) = BN(relu(W x))", output("relu", 10), rectified, rounding)
    for name, a, b in (("BN(relu(10 W x + b))", 10.0, bias), ("BN(relu(−W x))", -1.0, np.zeros(3))):
        expected = normalised(np.maximum(a * x @ weights + b, 0), NO_EPSILON)
        yield Comparison(f"behind a ReLU: {name}", output("relu", a, b), expected, rounding)
    yield differs("it depends on the scale of W with a bias", output("relu", 10, bias), output("relu", 1, bias))
    yield differs("it depends on the sign of W by more than a sign", np.abs(output("relu", -1)), np.abs(rectified))


def gradients(a: float) -> Comparison:
    """Compares a · ∂L/∂(a W) with ∂L/∂W, where L is the mean squared error to random targets."""
    x = examples()[0].astype("float32")
    y = np.random.default_rng(12).standard_normal((32, 3)).astype("float32")
    scaled, once = (
        weight_gradients(network("linear", NO_EPSILON, factor), "mean_squared_error", x, y)[0] for factor in (a, 1)
    )
    return Comparison(f"∂L/∂({a:g} W) = ∂L/∂W / {a:g}", a * scaled, once, 8 * SUM)


def differs(of: str, one: np.ndarray, other: np.ndarray) -> Comparison:
    """Compares 1 with whether the two differ by more than 0.1 somewhere."""
    return Comparison(of, float(np.abs(one - other).max() > 0.1), 1.0)


CLAIMS = (
    Claim(
        id="bn-normalises",
        slide="5. Batch Normalization (cont.)",
        quote="각 층의 input의 distribution을 평균 0, 표준편차 1인 input으로 normalize 시키는 방법",
        statement="Batch normalization gives each feature of a layer's input mean 0 and standard deviation 1.",
        check=check_normalises,
        deviations=("batches of 16 drawn at random, spreads from 1e-4 to 1e4",),
        notes=(
            "In training mode, before γ and β, and up to ε: the variance is variance / (variance + 1e-3), so that a "
            "feature of small variance stays small.",
        ),
    ),
    Claim(
        id="bn-scale-invariant",
        slide="5. Batch Normalization, advantages",
        quote="Batch Normalization을 사용할 경우 propagation 할 때 parameter의 scale에 영향을 받지 않게 된다.",
        statement="With batch normalization propagation does not depend on the scale of the parameters.",
        check=check_scale,
        deviations=("random W, x and b; 'scale' is a factor a > 0 on W, in training mode",),
        notes=(
            "A gradient by a W is 1 / a of that by W: larger weights take smaller steps.",
            "Not so in inference, where mean and variance are fixed, nor for a < 0, which turns the sign.",
            "Behind a ReLU, where the slides' listings have it, it still holds for a > 0 without a bias; with one, or "
            "for a < 0, it does not.",
        ),
    ),
)
