"""5. Batch Normalization: vanishing and exploding gradients.

The slides: batch normalization is one of the ideas against vanishing and exploding gradients; until then they were met
by other activations (ReLU), careful initialisation and small learning rates.

The derivative of a sigmoid is at most ¼, so going back through twenty layers of it the gradient shrinks: the ratio of
its norm in the first layer to that in the last shows it, before anything is trained. Through ReLU layers of too large
weights the gradient grows. The signal grows on its way forward by the same factor per layer, and ∂L/∂W is the product
of the two. So the ratio stays near 1, and the gradients of all layers are equally large. With batch normalization
behind each ReLU the signal does not grow, and the gradient grows by a factor of about √(π / (π − 1)) = 1.21 a layer
(Yang et al. 2019).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cases.data.mnist import mnist
from cases.networks import sgd
from harness.domain.claim import Claim
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.plots import Plots, Sweep
from harness.statistics import Exceeds
from harness.training.weight_gradients import weight_gradients

LAYERS, UNITS = 20, 100
DEPTHS = (1, 5, 10, LAYERS)
"""Numbers of hidden layers; those below LAYERS are for the figure only."""
EXAMPLES = 512


def batch() -> Dataset:
    """The first 512 training images."""
    return mnist().first(EXAMPLES)


def deep_network(
    activation: str, spread: float | None = None, batch_normalization: bool = False, depth: int = LAYERS
) -> Any:
    """``depth`` hidden layers of 100 units and ten linear outputs.

    ``spread``: standard deviation of the initial kernels times the square root of a layer's number of inputs; None for
    Keras' own initialisation (Glorot & Bengio 2010).
    """
    import keras
    from keras import initializers, layers

    def initializer() -> Any:
        if spread is None:
            return "glorot_uniform"
        return initializers.VarianceScaling(scale=spread**2, mode="fan_in", distribution="untruncated_normal")

    stack: list[Any] = [layers.Input((784,))]
    for _ in range(depth):
        stack.append(layers.Dense(UNITS, activation=activation, kernel_initializer=initializer()))
        if batch_normalization:
            stack.append(layers.BatchNormalization())
    return keras.Sequential([*stack, layers.Dense(10)])


def gradient_norms(model: Any, data: Dataset) -> dict[str, float]:
    """Norms of ∂L/∂W on the batch, in training mode: the first layer's over the last layer's, and the first layer's."""
    norms = [
        float(np.linalg.norm(gradient.astype("float64")))
        for gradient in weight_gradients(model, "mean_squared_error", data.x[:EXAMPLES], data.y[:EXAMPLES])
        if gradient.ndim == 2
    ]
    return {"gradient_ratio": norms[0] / norms[-1], "gradient_norm": norms[0]}


RATIO = Metric("initial_gradient_ratio", better="higher", unit="ratio", smallest_effect=0.5, scale="log")
NORM = Metric("initial_gradient_norm", better="lower", unit="of ∂L/∂W", smallest_effect=0.5, scale="log")
UNTRAINED = Size(epochs=0, batch_size=EXAMPLES)


def at_depths(name: str, activation: str, **given: Any) -> tuple[Variant, ...]:
    """A variant for each depth, which are a line of the figure; the deepest has the plain name."""
    return tuple(
        Variant(
            name if depth == LAYERS else f"{name}, depth {depth}",
            functools.partial(deep_network, activation, depth=depth, **given),
            at=float(depth),
            series=name,
        )
        for depth in DEPTHS
    )


GRADIENTS = Experiment(
    id="deep-gradients",
    data=batch,
    optimizer=functools.partial(sgd, 0.01),
    loss="mean_squared_error",
    size=UNTRAINED,
    metrics=(RATIO, NORM),
    accuracy=False,
    observe=gradient_norms,
    variants=(
        *at_depths("sigmoid", "sigmoid"),
        *at_depths("sigmoid, batch normalization", "sigmoid", batch_normalization=True),
        Variant("sigmoid, careful initialisation", functools.partial(deep_network, "sigmoid", spread=4.0)),
        Variant("relu", functools.partial(deep_network, "relu")),
        *at_depths("relu, badly scaled", "relu", spread=2.0),
        *at_depths("relu, badly scaled, batch normalization", "relu", spread=2.0, batch_normalization=True),
    ),
    plots=Plots(
        sweep=Sweep(
            over="hidden layers",
            metric="initial_gradient_ratio",
            title="Gradient of the first layer over that of the last, by depth.",
            x_scale="linear",
            y_scale="log",
        ),
    ),
)

DEPTH = 5
TRAINED_RATIO = Metric("gradient_ratio", better="higher", unit="ratio", smallest_effect=0.1, scale="log")

SMALL_RATE = Experiment(
    id="small-rate-gradients",
    data=mnist,
    model=functools.partial(deep_network, "sigmoid", depth=DEPTH),
    loss="mean_squared_error",
    size=Size(epochs=1, batch_size=32),
    metrics=(TRAINED_RATIO,),
    accuracy=False,
    observe=gradient_norms,
    variants=tuple(Variant(f"rate {rate}", optimizer=functools.partial(sgd, float(rate))) for rate in ("0.01", "1")),
    anchors=("rate 0.01",),
)

DEEP = f"{LAYERS} hidden layers of {UNITS} units with ten linear outputs, mean squared error on 512 images, untrained"
MEASURED = "‖∂L/∂W‖ of the first layer over that of the last"

BY_RATIO = (
    "Changed: both halves of the slide's sentence are decided by the ratio of the gradients of the first and the last "
    "layer, as the table of claims says; exploding was decided by the norm, which stands alongside."
)

BN_KEEPS_GRADIENTS = (
    Claim(
        id="bn-keeps-gradients",
        case="vanishing",
        slide="5. Batch Normalization (cont.)",
        statement="Batch normalization prevents vanishing gradients.",
        rule=Exceeds("sigmoid, batch normalization", "sigmoid", metric="initial_gradient_ratio"),
        experiment=GRADIENTS,
        deviations=(f"{DEEP}; {MEASURED}, in a sigmoid network",),
        notes=(BY_RATIO,),
    ),
    Claim(
        id="bn-keeps-gradients",
        case="exploding",
        slide="5. Batch Normalization (cont.)",
        statement="Batch normalization prevents exploding gradients.",
        rule=Exceeds("relu, badly scaled", "relu, badly scaled, batch normalization", metric="initial_gradient_ratio"),
        alongside=(
            Exceeds("relu, badly scaled", "relu, badly scaled, batch normalization", metric="initial_gradient_norm"),
        ),
        experiment=GRADIENTS,
        deviations=(
            f"{DEEP}; {MEASURED}, in a ReLU network whose initial weights are √2 times too large (Kaiming He 2015 "
            "takes √(2 / inputs))",
        ),
        notes=(
            BY_RATIO,
            "Without batch normalization all layers' gradients are too large alike, since the signal grows forward as "
            "the gradient does backward; their norm, alongside, shows it. With it the gradient grows from layer to "
            "layer, as Yang et al. 2019 predict: the figure shows the ratio by depth.",
        ),
    ),
)

RELU_INIT_KEEP_GRADIENTS = tuple(
    Claim(
        id="relu-init-keep-gradients",
        case=case,
        slide="5. Batch Normalization (cont.)",
        statement=f"Before batch normalization, {what} was a remedy for vanishing gradients.",
        rule=Exceeds(better, "sigmoid", metric="initial_gradient_ratio"),
        experiment=GRADIENTS,
        deviations=(f"{DEEP}; {MEASURED}", *more),
    )
    for case, what, better, more in (
        ("relu", "another activation (ReLU)", "relu", ()),
        (
            "initialisation",
            "careful initialisation",
            "sigmoid, careful initialisation",
            ("careful: standard deviation 4 / √inputs, which makes up for the sigmoid's slope of ¼",),
        ),
    )
)

SMALL_RATE_KEEPS_GRADIENTS = Claim(
    id="relu-init-keep-gradients",
    case="small rate",
    slide="5. Batch Normalization (cont.)",
    statement="Before batch normalization, a small learning rate was a remedy for vanishing gradients.",
    rule=Exceeds("rate 0.01", "rate 1", metric="gradient_ratio"),
    experiment=SMALL_RATE,
    deviations=(
        f"{DEPTH} sigmoid layers of {UNITS} units with ten linear outputs; after one epoch of batches of 32, with SGD "
        f"at 0.01 and at 1; {MEASURED}",
    ),
)

CLAIMS = (*BN_KEEPS_GRADIENTS, *RELU_INIT_KEEP_GRADIENTS, SMALL_RATE_KEEPS_GRADIENTS)
