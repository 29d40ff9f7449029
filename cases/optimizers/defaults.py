"""4. Optimizers (cont.): the default arguments that the slides list.

An argument agrees if its value has the same meaning today: epsilon=None meant ``keras.config.epsilon()``, and decay=0.0
a constant rate. An argument that is only renamed or new is reported as a difference. As calls the slide's lines fail
today, whatever the defaults: that is in the errata.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cases.networks import call, optimizer
from cases.references import ROUNDING, keras_2
from harness.claim import Claim
from harness.rules import Comparison, Difference
from harness.verdict import Verdict

PRINTED: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False},
    "RMSprop": {"lr": 0.001, "rho": 0.9, "epsilon": None, "decay": 0.0},
    "Adagrad": {"lr": 0.01, "epsilon": None, "decay": 0.0},
    "Adadelta": {"lr": 1.0, "rho": 0.95, "epsilon": None, "decay": 0.0},
    "Adam": {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": None, "decay": 0.0, "amsgrad": False},
}
"""As on the slide."""
SLIDE = "the slide"
PRINTED_RELEASE = "Keras 2.2.4"
RENAMED = {"lr": "learning_rate"}
NO_DECAY = "no such argument: the rate is constant unless it is a schedule"


def today(name: str) -> dict[str, Any]:
    """The printed arguments of an optimizer that today's Keras takes, by today's names."""
    named = {RENAMED.get(argument, argument): value for argument, value in PRINTED[name].items()}
    return {argument: value for argument, value in named.items() if argument != "decay" and value is not None}


def check_defaults(name: str) -> Iterator[Comparison | Difference]:
    """Compares each printed argument with today's; only a different effect can refute the claim."""
    import keras

    config = optimizer(name).get_config()
    for argument, printed in PRINTED[name].items():
        new, shown = RENAMED.get(argument, argument), f"{argument}={printed}"
        if argument == "decay":
            constant = isinstance(config["learning_rate"], float)  # a schedule would be a dict
            yield Comparison(f"{shown}: the rate is constant", float(constant), 1.0)
            yield Difference(f"{name}'s {argument}", NO_DECAY, str(printed), SLIDE)
            continue
        meant = keras.config.epsilon() if printed is None else float(printed)
        # Keras returns a rate rounded to float32
        rounding = ROUNDING * meant if argument == "lr" else 0.0
        yield Comparison(f"{shown}, today {config[new]:g}", float(config[new]), meant, rounding)
        if new != argument:
            yield Difference(f"the name of {name}'s {argument}", new, argument, SLIDE)
        if printed is None:
            yield Difference(f"{name}'s {argument}", float(config[new]), "None", SLIDE, "None meant the same number.")
    if name == "Adagrad":
        yield Difference(
            "Adagrad's initial_accumulator_value",
            float(config["initial_accumulator_value"]),
            "no such argument",
            SLIDE,
            "In Keras 2.2 the sum of squares started at 0; now the first steps are shorter.",
        )
    if name in ("RMSprop", "Adagrad"):
        why = "It matters where gradients are below the root of epsilon, 3e-4."
        yield Difference(f"{name}'s epsilon", "inside the root", "outside the root", PRINTED_RELEASE, why)


def check_then(name: str, first: float) -> Iterator[Comparison]:
    """The same of Keras 2.2.4, whose form has its defaults, and the first step on a gradient of 1."""
    form: Callable[..., np.ndarray] = getattr(keras_2, name.lower())
    defaults = {
        key: parameter.default for key, parameter in inspect.signature(form).parameters.items() if key != "gradients"
    }
    for argument, printed in PRINTED[name].items():
        shown = f"{PRINTED_RELEASE}, {argument}={defaults.get(argument)}"
        yield Comparison(shown, [defaults.get(argument)], [printed])
    yield Comparison(f"the arguments of {PRINTED_RELEASE}", sorted(defaults), sorted(PRINTED[name]))
    words = f"{PRINTED_RELEASE}, {name}(): its first step on a gradient of 1"
    yield Comparison(words, float(form(np.ones(1))[0]), first, 1e-15)


def as_printed(name: str, *, then: Callable[[], Iterator[Comparison]] | None = None, say: str = "") -> Claim:
    return Claim(
        id="defaults-as-printed",
        case=name.lower(),
        slide="4. Optimizers (cont.)",
        statement=f"The default arguments of {name} are {call('', PRINTED[name])}.",
        check=functools.partial(check_defaults, name),
        then=then,
        source="read",
        quote=f"keras.optimizers.{call(name, PRINTED[name])}",
        reading="the values of the line are the optimizer's defaults. As a call it fails today, see the errata",
        say={Verdict.OUTDATED: say} if say else {},
        notes=("epsilon=None is compared as keras.config.epsilon(), decay=0.0 as a constant rate.",),
    )


CLAIMS = (
    as_printed("SGD"),
    as_printed("RMSprop"),
    as_printed(
        "Adagrad",
        # α / (√1 + ε)
        then=functools.partial(check_then, "Adagrad", -0.01 / (1 + 1e-7)),
        say="Today Adagrad's default rate is 0.001, and the sum of squares begins at 0.1: write "
        "Adagrad(learning_rate=0.01, initial_accumulator_value=0.0). In Keras 2.2 and 2.3 the rate was 0.01, as "
        "printed, and the sum began at 0.",
    ),
    as_printed(
        "Adadelta",
        # √(0 + ε) / √((1 − ρ) + ε), times the rate
        then=functools.partial(check_then, "Adadelta", -((1e-7 / (0.05 + 1e-7)) ** 0.5)),
        say="Today Adadelta's default rate is 0.001: write Adadelta(learning_rate=1.0). In Keras 2.2 and 2.3 it was "
        "1.0, as printed and as in its paper.",
    ),
    as_printed("Adam"),
)
