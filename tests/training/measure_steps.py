"""Measures shortened trainings by every engine of the backend, and the same trainings in whole epochs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from cases.networks import adam, sgd
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.errors import SuiteError
from harness.training import steps
from harness.training.backend import active_backend
from harness.training.engines import ENGINES
from harness.training.steps import first_steps
from harness.training.train import train
from tests.training.experiments import BATCH, LOSS, full_batches, images, small

SEEDS, COUNT = (0, 3), 4
STEPS = COUNT
"""All the full batches that ``images`` and ``full_batches`` have."""


def first_weight(model: Any, data: Dataset) -> Mapping[str, float]:
    return {"first weight": float(np.array(model.trainable_variables[0])[0, 0]), "examples": float(len(data.x))}


def experiment(name: str, *variants: Variant, data: Any = images, epochs: int = 1) -> Experiment:
    return Experiment(
        id=name,
        data=data,
        model=functools.partial(small, hidden=1),
        optimizer=functools.partial(sgd, 0.1),
        loss="categorical_crossentropy",
        size=Size(epochs=epochs, batch_size=BATCH),
        metrics=(LOSS,),
        observe=first_weight,
        variants=variants,
    )


FIRST = experiment(
    "first-steps",
    Variant("dropout", functools.partial(small, dropout=0.2), optimizer=adam),
    Variant("batch norm and penalty", functools.partial(small, hidden=1, batch_norm=True, l1=1e-3)),
)
WHOLE = experiment(
    "whole-epoch",
    Variant("dropout", functools.partial(small, hidden=1, dropout=0.2)),
    Variant("penalty", functools.partial(small, hidden=1, l1=1e-3)),
    data=full_batches,
)
PENALTY = experiment(
    "penalty",
    Variant("with", functools.partial(small, hidden=1, l1=0.1), optimizer=functools.partial(sgd, 0.0)),
    Variant("without", optimizer=functools.partial(sgd, 0.0)),
)
NO_EPOCH = experiment("no-epoch", Variant("observed"), epochs=0)


def few(rate: float, units: int = 8, initializer: str = "glorot_uniform") -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(units, kernel_initializer=initializer),
            layers.Dropout(rate),
            layers.Dense(10, activation="softmax"),
        ]
    )


SHARING = experiment(
    "sharing",
    Variant("first", functools.partial(few, 0.1)),
    Variant("other rate of learning", functools.partial(few, 0.1), optimizer=functools.partial(sgd, 0.2)),
    Variant("other initializer", functools.partial(few, 0.1, initializer="random_normal")),
    Variant("more data", functools.partial(few, 0.1), data=lambda: images().first(BATCH * 3)),
    Variant("other rate of dropout", functools.partial(few, 0.2)),
)
ELSEWHERE = experiment("sharing-elsewhere", Variant("as the first", functools.partial(few, 0.1)), data=full_batches)
PROGRAMS = {"first": 1, "other rate of learning": 1, "other initializer": 1, "more data": 1, "as the first": 1}
PROGRAMS |= {"other rate of dropout": 2}


def record(trials: Any) -> list[dict[str, Any]]:
    return [
        {name: getattr(trial, name) for name in trial.__struct_fields__ if name != "seconds"}
        | {"took time": trial.seconds > 0}
        for trial in trials
    ]


def measured() -> dict[str, Any]:
    engines = [name for name, entry in ENGINES.items() if active_backend() in entry.backends]
    found: dict[str, Any] = {"engines": {}, "canonical": {}, "perturbed": {}, "no epoch": {}}
    for name in engines:
        found["engines"][name] = {
            variant.name: record(first_steps(FIRST, variant.name, SEEDS, STEPS, engine=name))
            for variant in FIRST.variants
        }
        found["no epoch"][name] = record(first_steps(NO_EPOCH, "observed", SEEDS, 0, engine=name))
    for name in {"compiled", engines[-1]}:
        (short,) = first_steps(FIRST, "dropout", [3], 2, engine=name, validate=())
        found.setdefault("shorter", {})[name] = record([short])
    found["whole"] = {}
    for variant in WHOLE.variants:
        (short,) = first_steps(WHOLE, variant.name, [3], STEPS, engine="compiled", validate=[3])
        (whole,) = train(WHOLE, variant.name, [3], "compiled")
        found["whole"][variant.name] = [short.losses, dict(whole.history), short.val_loss]
    for variant in PENALTY.variants:
        (trial,) = first_steps(PENALTY, variant.name, [3], 1, engine="compiled", validate=[3])
        found.setdefault("penalty", {})[variant.name] = record([trial])[0]
    for number in (0, 1, 2, 0):
        trials = first_steps(FIRST, "batch norm and penalty", SEEDS, STEPS, engine="compiled", perturbed=number)
        found["perturbed"].setdefault(number, []).append(record(trials))
    for variant in FIRST.variants:
        trials = first_steps(FIRST, variant.name, SEEDS, STEPS, canonical=True)
        found["canonical"][variant.name] = record(trials)
    found["errors"] = errors()
    return found


def sharing() -> dict[str, Any]:
    """How many programs there are after each variant; and the same trial by a program of its own."""
    found: dict[str, Any] = {"programs": {}, "shared": {}, "alone": {}}
    steps._PROGRAMS.clear()
    arms = [*((SHARING, v.name) for v in SHARING.variants[:-1]), (ELSEWHERE, "as the first")]
    arms.append((SHARING, SHARING.variants[-1].name))
    for one, name in arms:
        found["shared"][name] = record(first_steps(one, name, [3], 3, engine="compiled", validate=[3]))
        found["programs"][name] = steps._PROGRAMS.count
    for one, name in arms[1:-1]:  # those that a program of another variant has trained
        steps._PROGRAMS.clear()
        found["alone"][name] = record(first_steps(one, name, [3], 3, engine="compiled", validate=[3]))
    return found


def errors() -> dict[str, str]:
    found = {}
    for name, arguments in {
        "too many": (FIRST, "dropout", [0], STEPS + 1),
        "negative": (FIRST, "dropout", [0], -1),
        "no epoch": (NO_EPOCH, "observed", [0], 1),
        "variant": (FIRST, "droput", [0], 1),
        "seeds": (FIRST, "dropout", [], 1),
    }.items():
        try:
            first_steps(*arguments)
        except SuiteError as error:
            found[name] = str(error)
    return found
