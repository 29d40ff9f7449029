"""What is observed of a training beside its losses, and errata: code that fails, warns or differs, as it is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.erratum import Differs, Erratum, Fails, Warns
from harness.experiment import Dataset, Size
from harness.snippet import When
from harness.training.engines import resolve_engine
from harness.training.train import train
from harness.training.weight_gradients import weight_gradients
from suite.conformance.engine import BATCH, CASE, COUNT, EPOCHS, TOLERANCE, orders
from suite.conformance.finding import Finding
from suite.conformance.network import Network

LOSS = "categorical_crossentropy"


def norms(model: Any, data: Dataset) -> dict[str, float]:
    """Of the loss's gradient by each weight, on the training examples."""
    gradients = weight_gradients(model, LOSS, data.x, data.y)
    return {f"norm_{number}": float(np.linalg.norm(gradient)) for number, gradient in enumerate(gradients)}


def check(engine: str) -> Iterator[Finding]:
    """Curves that an experiment follows, and gradients that it observes before and after."""
    from cases.overfitting.regularization import sum_of_squares
    from harness.training.backend import active_backend

    one, seed = CASE["relu-adam"], 2
    batch = COUNT if resolve_engine(engine, active_backend()) == "fit" else BATCH
    base = one.experiment(Size(epochs=EPOCHS, batch_size=batch))
    asked = dataclasses.replace(base, inference=False, halves=False, follow={"squares": sum_of_squares}, observe=norms)
    (trial,) = train(asked, one.name, (seed,), engine)
    after = {0: one.initial(seed)}
    for epochs in range(1, EPOCHS + 1):
        _, after[epochs] = one.reference(seed, orders(seed, epochs, COUNT), batch)
    squares = [sum(float((w**2).sum()) for w in after[n].weights if w.ndim == 2) for n in range(1, EPOCHS + 1)]
    yield Finding("squares of the kernels after each epoch", trial.history["squares"], squares, 10 * TOLERANCE)
    for prefix, network in (("initial_", after[0]), ("", after[EPOCHS])):
        for number, expected in enumerate(gradient_norms(network, one.data())):
            obtained = trial.history[f"{prefix}norm_{number}"][-1]
            of = f"norm of the gradient by weights {number}, {'initially' if prefix else 'trained'}"
            yield Finding(of, obtained, expected, 10 * TOLERANCE)


def gradient_norms(network: Network, data: Dataset) -> list[float]:
    return [float(np.linalg.norm(gradient)) for gradient in network.gradients(data.x, data.y)]


FAILS = Fails("ValueError", "no such", When.CONSTRUCTION)
RAISING = "raise ValueError('no such thing')"
ONE, TWO = "x = 1", "x = 2"
WARNING = "import warnings\nwarnings.warn('is old')\nx = 2"


def erratum(printed: str, outcome: Fails | Warns | Differs, modern: str = ONE, gives: int = 1) -> Erratum:
    return Erratum(
        id="conformance",
        slide="none",
        statement="None.",
        printed=printed,
        modern=modern,
        outcome=outcome,
        check="x",
        gives=gives,
    )


def check_errata(engine: str) -> Iterator[Finding]:
    """Errata of which it is known how they stand."""
    from harness.training.backend import active_backend

    backend = active_backend()
    differs = Differs(slide=1, today=2)
    for of, one, expected in (
        ("that fails as told", erratum(RAISING, FAILS), "holds"),
        ("that runs again", erratum(TWO, FAILS), "changed"),
        ("that fails otherwise", erratum("raise TypeError('no such thing')", FAILS), "changed"),
        ("that fails, saying something else", erratum("raise ValueError('none')", FAILS), "changed"),
        ("whose replacement fails", erratum(RAISING, FAILS, "raise ValueError('no')"), "broken"),
        ("whose replacement warns", erratum(RAISING, FAILS, WARNING, 2), "broken"),
        ("whose replacement gives something else", erratum(RAISING, FAILS, ONE, 2), "broken"),
        ("that warns as told", erratum(WARNING, Warns("is old"), TWO, 2), "holds"),
        ("that warns, saying something else", erratum(WARNING, Warns("is new"), TWO, 2), "changed"),
        ("that warns no more", erratum("x = 2.0", Warns("is old"), TWO, 2), "changed"),
        ("that differs as told", erratum(TWO, differs), "holds"),
        ("that differs otherwise", erratum("x = 3", differs), "changed"),
        ("that differs no more", erratum("x = 1.0", differs), "changed"),
        ("that differs under a warning", erratum(WARNING, differs), "changed"),
    ):
        yield Finding(f"an erratum {of}", str(one.examine(backend).state), expected)
