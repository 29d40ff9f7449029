"""4. Optimizers (cont.): the default arguments that the slides list.

An argument agrees if it has the same effect today: epsilon=None meant ``keras.config.epsilon()``, and decay=0.0 a
constant rate. An argument that is only renamed or new is reported as a difference.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from cases.learning_rate.ten_steps import call, optimizer
from cases.references import ROUNDING
from harness.domain.claim import Claim
from harness.statistics import Comparison, Difference, Exact

PRINTED: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False},
    "RMSprop": {"lr": 0.001, "rho": 0.9, "epsilon": None, "decay": 0.0},
    "Adagrad": {"lr": 0.01, "epsilon": None, "decay": 0.0},
    "Adadelta": {"lr": 1.0, "rho": 0.95, "epsilon": None, "decay": 0.0},
    "Adam": {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": None, "decay": 0.0, "amsgrad": False},
}
"""As on the slide."""
SLIDE = "the slide"
RENAMED = {"lr": "learning_rate"}
NO_DECAY = "no such argument: the rate is constant unless it is a schedule"


def check_defaults(name: str) -> Iterator[Comparison | Difference]:
    """Compares each printed argument with today's; only a different effect can refute the claim."""
    import keras

    config = optimizer(name).get_config()
    for argument, printed in PRINTED[name].items():
        today, shown = RENAMED.get(argument, argument), f"{argument}={printed}"
        if argument == "decay":
            constant = isinstance(config["learning_rate"], float)  # a schedule would be a dict
            yield Comparison(f"{shown}: the rate is constant", float(constant), 1.0)
            yield Difference(f"{name}'s {argument}", NO_DECAY, str(printed), SLIDE)
            continue
        meant = keras.config.epsilon() if printed is None else float(printed)
        # Keras returns a rate rounded to float32
        rounding = ROUNDING * meant if argument == "lr" else 0.0
        yield Comparison(f"{shown}, today {config[today]:g}", float(config[today]), meant, rounding)
        if today != argument:
            yield Difference(f"the name of {name}'s {argument}", today, argument, SLIDE)
        if printed is None:
            yield Difference(f"{name}'s {argument}", float(config[today]), "None", SLIDE, "None meant the same number.")
    if name == "Adagrad":
        yield Difference(
            "Adagrad's initial_accumulator_value",
            float(config["initial_accumulator_value"]),
            "no such argument",
            SLIDE,
            "In Keras 2.2 the sum of squares started at 0; now the first steps are shorter.",
        )


def as_printed(name: str) -> Claim:
    return Claim(
        id="defaults-as-printed",
        case=name.lower(),
        slide="4. Optimizers (cont.)",
        statement=f"The default arguments of {name} are {call('', PRINTED[name])}.",
        rule=Exact(),
        check=functools.partial(check_defaults, name),
        notes=("epsilon=None is compared as keras.config.epsilon(), decay=0.0 as a constant rate.",),
    )


DEFAULTS_AS_PRINTED = tuple(map(as_printed, PRINTED))
CLAIMS = DEFAULTS_AS_PRINTED
