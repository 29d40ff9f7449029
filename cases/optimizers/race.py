"""4. Optimizers: the figure of Kingma & Ba 2015.

The slide shows the paper's training cost of a multilayer network on MNIST with dropout, over epochs: Adam's curve is
the lowest, below SGD with Nesterov momentum, RMSProp, AdaGrad and AdaDelta. The paper tuned each rate over one grid;
the lecture prints the arguments of its own. Both are run: with the slide's arguments, and with each rate tuned.
"""

from __future__ import annotations

import functools
from typing import Any

from cases.data.mnist import mnist
from cases.metrics import VAL_ACCURACY
from cases.regularized import regularized_mlp
from harness.claim import Claim
from harness.experiment import Experiment, Size, Variant
from harness.metric import Metric
from harness.rules import Best

LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01, scale="log")
ORDER = ("sgd nesterov", "rmsprop", "adagrad", "adadelta", "adam")
PRINTED = {"sgd nesterov": 0.01, "rmsprop": 0.001, "adagrad": 0.01, "adadelta": 1.0, "adam": 0.001}
GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)
TUNED = {
    "quick": {"sgd nesterov": 0.1, "rmsprop": 0.003, "adagrad": 0.1, "adadelta": 3.0, "adam": 0.003},
    "lecture": {"sgd nesterov": 0.1, "rmsprop": 0.001, "adagrad": 0.1, "adadelta": 3.0, "adam": 0.001},
}
"""The rate of GRID with the least training loss at that setting's size, on other seeds; see cases/POWER.md."""


def optimizer(name: str, learning_rate: float) -> Any:
    """One of the slide's five, with the slide's other arguments; its decay of 1e-6 changes a rate by 0.2 % at most."""
    import keras

    make = keras.optimizers
    return {
        "sgd nesterov": functools.partial(make.SGD, momentum=0.9, nesterov=True),
        "rmsprop": functools.partial(make.RMSprop, rho=0.9),
        "adagrad": make.Adagrad,
        "adadelta": functools.partial(make.Adadelta, rho=0.95),
        "adam": functools.partial(make.Adam, beta_1=0.9, beta_2=0.999),
    }[name](learning_rate=learning_rate)


def at_rate(name: str, learning_rate: float) -> Any:
    return functools.partial(optimizer, name, learning_rate)


# Fixed once, see cases/POWER.md.
RACE = Experiment(
    id="optimizers",
    data=mnist,
    model=functools.partial(regularized_mlp, 5, dropout=0.2),
    loss="categorical_crossentropy",
    sizes={
        "quick": Size(epochs=4, batch_size=128, train=5000, seeds=8),
        "lecture": Size(epochs=5, batch_size=128),
    },
    metrics=(LOSS, VAL_ACCURACY),
    # an optimizer's two rates one after the other: they share a compiled program
    variants=(
        *(
            variant
            for name in ORDER
            for variant in (
                Variant(name, optimizer=at_rate(name, PRINTED[name]), series="printed rates"),
                Variant(
                    f"{name}, tuned",
                    optimizer={setting: at_rate(name, TUNED[setting][name]) for setting in TUNED},
                    series="tuned rates",
                ),
            )
        ),
        Variant("adam 0.01", optimizer=at_rate("adam", 0.01), series="as listed"),
    ),
)


def fastest(case: str, how: str, among: tuple[str, ...], *more: str) -> Claim:
    return Claim(
        id="adam-converges-fastest",
        case=case,
        slide="4. Optimizers (cont.), ADAM: a method for stochastic optimization",
        statement=f"Adam reaches a lower training cost than SGD-Nesterov, RMSProp, AdaGrad and AdaDelta, {how}.",
        rule=Best(among[-1], among=among[:-1], metric="loss"),
        experiment=RACE,
        deviations=(
            "two hidden ReLU layers of 256 units, the paper has 1000, each with dropout 0.2; batches of 128; the cost "
            "is the mean training loss of the last epoch, dropout on, as the paper's figure; quick: 5,000 images and 4 "
            "epochs, lecture: 60,000 and 5",
            *more,
        ),
    )


ADAM_CONVERGES_FASTEST = (
    fastest(
        "printed rates",
        "each with the arguments the slides print",
        ORDER,
        "without decay=1e-6, which today's Keras does not take",
    ),
    fastest(
        "tuned rates",
        "each with its rate tuned",
        tuple(f"{name}, tuned" for name in ORDER),
        f"each rate is the best of {', '.join(f'{rate:g}' for rate in GRID)} for that optimizer and that setting's "
        "size, on other seeds: "
        + "; ".join(
            f"{setting}: {', '.join(f'{name} {rate:g}' for name, rate in rates.items())}"
            for setting, rates in TUNED.items()
        ),
    ),
)

CLAIMS = ADAM_CONVERGES_FASTEST
