"""Measures a trial, its perturbed trials, and how their initial weights differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.networks import mlp
from harness.training.seeding import initialise
from harness.training.train import prepare, train
from tests.training.experiments import AGREEMENT

SEEDS = (0,)


def perturbed() -> dict[str, Any]:
    variant = "batch norm"  # in the others rounding need not show in the mean loss of so few examples
    found: dict[str, Any] = {"weights": _weights()}
    for name, number in {"trial": 0, "perturbed": 1, "trial again": 0}.items():
        (done,) = train(AGREEMENT, variant, SEEDS, engine="compiled", perturbed=number)
        found[name] = {curve: list(values) for curve, values in done.history.items()}
    plain, other = (prepare(AGREEMENT, variant, "fit", perturbed=number) for number in (0, 1))
    starts = (np.array(runner.model(0).trainable_variables[0]) for runner in (plain, other))  # type: ignore[attr-defined]
    found["fit starts elsewhere"] = not np.array_equal(*starts)
    return found


def _weights() -> dict[str, float]:
    model = mlp(2)
    values = []
    for number in (0, 1, 1, 2):
        initialise(model, 0, number)
        values.append(np.concatenate([np.ravel(np.array(variable)) for variable in model.trainable_variables]))
    plain, one, again, two = values
    moved = plain != 0
    return {
        "repeats": bool(np.array_equal(one, again)),
        "zeros stay": bool(np.array_equal(one[~moved], plain[~moved])),
        "all others move": bool((one[moved] != plain[moved]).all()),
        "share that grows": float((np.abs(one[moved]) > np.abs(plain[moved])).mean()),
        "share alike in the second": float((one[moved] == two[moved]).mean()),
        "furthest, relative": float(np.abs(one[moved] / plain[moved] - 1).max()),
    }
