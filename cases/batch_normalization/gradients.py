"""5. Batch Normalization: vanishing and exploding gradients.

The slides: batch normalization is one of the ideas against vanishing and exploding gradients; until then they were met
by other activations (ReLU), careful initialisation and small learning rates.

The derivative of a sigmoid is at most ¼, so going back through twenty layers of it the gradient shrinks: its norm in
the first layer shows it, before anything is trained. Through ReLU layers of too large weights the gradient grows. The
signal grows on its way forward by the same factor per layer, and ∂L/∂W is the product of the two. So the ratio of the
first to the last layer's gradient stays near 1, and the norm of each is too large. With batch normalization
behind each ReLU the signal does not grow, and the gradient grows by a factor of about √(π / (π − 1)) = 1.21 a layer
(Yang et al. 2019).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cases.batch_normalization.rates import FAILS_AND_TRAINS, NETWORK, RATES_WITH_AND_WITHOUT
from cases.data.mnist import mnist
from cases.networks import sgd
from cases.overfitting.regularization import LEARNT
from cases.rules import GrowsMore
from harness.domain.claim import Claim
from harness.domain.model import Dataset, Experiment, Metric, Size, Variant
from harness.domain.plots import Plots, Sweep
from harness.rules import All, Exceeds
from harness.training.gradients import weight_gradients

LAYERS, UNITS = 20, 100
DEPTHS = (1, 5, 10, LAYERS)
"""Numbers of hidden layers; 1 and LAYERS decide, the others are for the figure only."""
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

DEEP = f"{LAYERS} hidden layers of {UNITS} units with ten linear outputs, mean squared error on 512 images, untrained"
GROWTH = f"its growth from 1 to {LAYERS} hidden layers"
SLIDE = "5. Batch Normalization (cont.)"

QUOTE = (
    "Batch Normalization은 기본적으로 Gradient Vanishing / Gradient Exploding 이 일어나지 않도록 하는 "
    "아이디어 중의 하나이다."
)
BEFORE = (
    "지금까지는 이 문제를 Activation 함수의 변화 (ReLU 등), Careful Initialization, small learning rate 등으로 "
    "해결하였지만"
)

BY_NORM = (
    "Changed after verdicts were seen: the norm of the first layer's gradient decides, and how it grows with depth. "
    "Before, the ratio of the first to the last layer did, which cannot see an explosion, since signal and gradient "
    "grow alike. The ratio stands alongside."
)


def norms(*names: str) -> str:
    """A place for the mean norm of each of two networks, with one and with LAYERS hidden layers."""
    return " and ".join(f"{{{name}, depth 1}} → {{{name}}}" for name in names)


def keeps(large: str, small: str) -> All:
    """The rule that the norm is larger in the first network of LAYERS layers, and grows more with depth."""
    norm, growth = NORM.name, GrowsMore((large, f"{large}, depth 1"), (small, f"{small}, depth 1"), metric=NORM.name)
    return All((Exceeds(large, small, metric=norm), growth))


BN_KEEPS_GRADIENTS = (
    Claim(
        id="bn-keeps-gradients",
        case="vanishing",
        slide=SLIDE,
        quote=QUOTE,
        statement="Batch normalization prevents vanishing gradients.",
        rule=keeps("sigmoid, batch normalization", "sigmoid"),
        alongside=(Exceeds("sigmoid, batch normalization", "sigmoid", metric=RATIO.name),),
        experiment=GRADIENTS,
        shown=f"Norm of the first layer's gradient in sigmoid networks of 1 → {LAYERS} layers: "
        f"{norms('sigmoid')} without batch normalization, {norms('sigmoid, batch normalization')} with it.",
        deviations=(f"{DEEP}; the norm of ∂L/∂W of the first layer, and {GROWTH}, in a sigmoid network",),
        notes=(BY_NORM,),
    ),
    Claim(
        id="bn-keeps-gradients",
        case="exploding",
        slide=SLIDE,
        quote=QUOTE,
        statement="Batch normalization prevents exploding gradients.",
        rule=keeps("relu, badly scaled", "relu, badly scaled, batch normalization"),
        alongside=(Exceeds("relu, badly scaled, batch normalization", "relu, badly scaled", metric=RATIO.name),),
        experiment=GRADIENTS,
        shown=f"Norm of the first layer's gradient in ReLU networks with too large weights, of 1 → {LAYERS} layers: "
        f"{norms('relu, badly scaled')} without batch normalization, "
        f"{norms('relu, badly scaled, batch normalization')} with it.",
        deviations=(
            f"{DEEP}; the norm of ∂L/∂W of the first layer, and {GROWTH}, in a ReLU network whose initial weights are "
            "√2 times too large (Kaiming He 2015 takes √(2 / inputs))",
        ),
        notes=(
            BY_NORM,
            "With batch normalization the gradient is far smaller, but not even: the first layer's is about 30 times "
            "the last's (alongside), as Yang et al. 2019 predict. Without it all layers' are too large alike.",
        ),
    ),
)

RELU_INIT_KEEP_GRADIENTS = tuple(
    Claim(
        id="relu-init-keep-gradients",
        case=case,
        slide=SLIDE,
        quote=BEFORE,
        statement=f"Before batch normalization, {what} was a remedy for vanishing gradients.",
        rule=Exceeds(better, "sigmoid", metric=NORM.name),
        alongside=(Exceeds(better, "sigmoid", metric=RATIO.name),),
        experiment=GRADIENTS,
        shown=f"Norm of the first layer's gradient in networks of {LAYERS} layers: {{sigmoid}} with sigmoids and "
        "Keras' "
        f"own initialisation, {{{better}}} with {what}.",
        deviations=(f"{DEEP}; the norm of ∂L/∂W of the first layer", *more),
        notes=("Changed after verdicts were seen: the norm decides, before the ratio of the first to the last layer.",),
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

SMALL_RATE_IS_A_REMEDY = Claim(
    id="relu-init-keep-gradients",
    case="small rate",
    slide=SLIDE,
    source="read",
    quote=BEFORE,
    reading="'this problem' is vanishing and exploding gradients; a small rate is read as a remedy for the second: a "
    "network that fails at a large rate trains at a small one. It would be no remedy for the first",
    statement="Before batch normalization, a small learning rate was a remedy for a deep network that fails at a large "
    "one.",
    rule=FAILS_AND_TRAINS,
    experiment=RATES_WITH_AND_WITHOUT,
    shown="Without batch normalization the network fails at the rate 2 in {0}, and trains at 0.1 in {1}.",
    deviations=(NETWORK, f"'trains' is an accuracy of {LEARNT}, the slides' figure for a softmax layer"),
    notes=(
        "Changed after verdicts were seen: the slide was read as vanishing gradients only, and the ratio of the first "
        "to the last layer's gradient after one epoch at 0.01 and at 1 was compared.",
    ),
)

CLAIMS = (*BN_KEEPS_GRADIENTS, *RELU_INIT_KEEP_GRADIENTS, SMALL_RATE_IS_A_REMEDY)
