"""A trial, its twin, and what tells their initial weights apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.networks import mlp
from harness.training.seeding import initialise
from harness.training.train import prepare, train
from tests.training.experiments import AGREEMENT

SEEDS = (0,)


def twins() -> dict[str, Any]:
    variant = AGREEMENT.variants[0].name
    found: dict[str, Any] = {"weights": _weights()}
    for name, twin in {"trial": False, "twin": True, "trial again": False}.items():
        (done,) = train(AGREEMENT, variant, SEEDS, engine="compiled", twin=twin)
        found[name] = {curve: list(values) for curve, values in done.history.items()}
    plain, other = (prepare(AGREEMENT, variant, "quick", "fit", twin=twin) for twin in (False, True))
    starts = (np.array(runner.model(0).trainable_variables[0]) for runner in (plain, other))  # type: ignore[attr-defined]
    found["fit starts elsewhere"] = not np.array_equal(*starts)
    return found


def _weights() -> dict[str, float]:
    model = mlp(2)
    values = []
    for twin in (False, True, True):
        initialise(model, 0, twin)
        values.append(np.concatenate([np.ravel(np.array(variable)) for variable in model.trainable_variables]))
    plain, one, again = values
    moved = plain != 0
    return {
        "repeats": bool(np.array_equal(one, again)),
        "zeros stay": bool(np.array_equal(one[~moved], plain[~moved])),
        "all others move": bool((one[moved] != plain[moved]).all()),
        "share that grows": float((np.abs(one[moved]) > np.abs(plain[moved])).mean()),
        "furthest, relative": float(np.abs(one[moved] / plain[moved] - 1).max()),
    }
