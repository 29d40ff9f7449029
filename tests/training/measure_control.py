"""Measures the negative control: forty trainings that differ only in their seeds, and twenty of another network."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from cases.networks import sgd
from harness.domain.experiment import Experiment, Size, Variant
from harness.training.train import train
from tests.training.experiments import ACCURACY, BATCH, LOSS, images, small

SEEDS = range(40)

CONTROL = Experiment(
    id="control",
    data=images,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=Size(epochs=4, batch_size=BATCH),
    metrics=(ACCURACY, LOSS),
    variants=(Variant("two layers", small), Variant("narrow", functools.partial(small, units=8))),
)


def control() -> dict[str, Any]:
    return {
        variant.name: [msgspec.to_builtins(trial) for trial in train(CONTROL, variant.name, SEEDS)]
        for variant in CONTROL.variants
    }
