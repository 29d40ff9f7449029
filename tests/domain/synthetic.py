"""An experiment whose factories are never called, and claims about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.domain.claim import Claim
from harness.domain.model import Dataset, Experiment, Metric, Size, Variant
from harness.rules import Exact, Exceeds
from harness.rules.exact import Comparison

ACCURACY = Metric("val_accuracy", better="higher", unit="fraction", smallest_effect=0.0005)
LOSS = Metric("val_loss", better="lower", unit="nats", smallest_effect=0.002)
SIZE = Size(epochs=2, batch_size=8)


def data() -> Dataset:
    return Dataset(np.zeros((10, 1)), np.zeros((10, 1)), np.ones((4, 1)), np.ones((4, 1)))


def never() -> Any:
    raise AssertionError("nothing is built when a claim is declared")


def experiment(**changes: Any) -> Experiment:
    arguments: dict[str, Any] = {
        "id": "depth",
        "data": data,
        "model": never,
        "optimizer": never,
        "loss": "mean_squared_error",
        "size": SIZE,
        "variants": (Variant("shallow"), Variant("deep")),
        "metrics": (ACCURACY, LOSS),
    }
    return Experiment(**(arguments | changes))


DEPTH = experiment()


def claim(**changes: Any) -> Claim:
    arguments: dict[str, Any] = {
        "id": "deeper-is-better",
        "slide": "Slide 3",
        "statement": "Deeper is better.",
        "rule": Exceeds("deep", "shallow"),
        "experiment": DEPTH,
    }
    return Claim(**(arguments | changes))


def exact(**changes: Any) -> Claim:
    return claim(**({"rule": Exact(), "experiment": None, "check": check} | changes))


def check() -> list[Comparison]:
    return [Comparison("one", 1.0, 1.0)]
