"""Measures the configurations of tasks that differ in one property each, and what a seed draws."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from msgspec.structs import asdict

from cases.networks import adam, sgd
from harness.domain.experiment import Dataset, Size
from harness.training.configuration import configuration, differences, digest, hashes, variant_digest
from harness.training.setup import TrainingSetup
from tests.training.experiments import AGREEMENT, images, small
from tests.training.measure_looks import LOOKS, look


def branches(units: int = 4, crossed: bool = False) -> Any:
    """Two branches that are concatenated, in either order: only the graph says which."""
    import keras
    from keras import layers

    inputs = layers.Input((784,))
    one, other = (layers.Dense(units, activation=name)(inputs) for name in ("relu", "tanh"))
    joined = layers.Concatenate()([other, one] if crossed else [one, other])
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(joined))


def seven_and_a_bit() -> dict[str, float]:
    return {"fact": 7 + 1e-12}


def changed_images() -> Dataset:
    data = images()
    x = data.x.copy()
    x[3, 300] += 0.5
    return Dataset(x, data.y, data.x_val, data.y_val)


def base() -> TrainingSetup:
    return TrainingSetup.of(AGREEMENT, "two relu")


def otherwise(**parts: Any) -> TrainingSetup:
    setup = base()
    return dataclasses.replace(setup, variant=dataclasses.replace(setup.variant, **parts))


def experiment(**parts: Any) -> TrainingSetup:
    return dataclasses.replace(base(), experiment=dataclasses.replace(AGREEMENT, **parts))


CHANGES: dict[str, Callable[[], TrainingSetup]] = {
    "the same again": base,
    "other names": lambda: dataclasses.replace(otherwise(name="another"), experiment=experiment(id="b").experiment),
    "dropout": lambda: otherwise(model=functools.partial(small, dropout=0.1)),
    "penalty": lambda: otherwise(model=functools.partial(small, l1=0.1)),
    "rate": lambda: otherwise(optimizer=functools.partial(adam, 0.002)),
    "optimizer": lambda: otherwise(optimizer=functools.partial(sgd, 0.001)),
    "loss": lambda: experiment(loss="mean_squared_error"),
    "accuracy": lambda: experiment(accuracy=False),
    "halves": lambda: experiment(halves=True),
    "observe": lambda: experiment(observe=look),
    "follow": lambda: experiment(follow=LOOKS.follow),
    "facts": lambda: otherwise(facts=seven_and_a_bit),
    "epochs": lambda: dataclasses.replace(base(), size=Size(epochs=4, batch_size=128)),
    "batch": lambda: dataclasses.replace(base(), size=Size(epochs=3, batch_size=64)),
    "examples": lambda: dataclasses.replace(base(), data=images().first(599)),
    "one pixel": lambda: dataclasses.replace(base(), data=changed_images()),
    "branches": lambda: otherwise(model=branches),
    "branches again": lambda: otherwise(model=branches),
    "branches crossed": lambda: otherwise(model=functools.partial(branches, crossed=True)),
}


def measured() -> dict[str, Any]:
    then = configuration(base())
    made = {name: configuration(change()) for name, change in CHANGES.items()}
    dropout = TrainingSetup.of(AGREEMENT, "two relu")
    dropout = dataclasses.replace(dropout, variant=CHANGES["dropout"]().variant)
    return {
        "keys": list(then),
        "differences": {name: differences(then, now) for name, now in made.items()},
        "digests": {name: digest(now) for name, now in made.items()},
        "of a variant": [variant_digest(AGREEMENT, "two relu") for _ in range(2)],
        "hashes": [asdict(hashes(setup)) for setup in (base(), base(), dropout, dropout)],
        "hashes of others": [
            asdict(hashes(setup))
            for setup in (
                dataclasses.replace(dropout, variant=otherwise(model=functools.partial(small, dropout=0.5)).variant),
                dataclasses.replace(base(), perturbed=1),
                CHANGES["examples"](),
            )
        ],
    }
