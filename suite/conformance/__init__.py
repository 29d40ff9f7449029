"""Conformance: what every verdict rests on, against references of its own, in every run of the suite.

The lecture's claims ask what Keras does; these checks ask whether the machinery that answers does what it says: the
engines, layers and optimizers as trainings use them, the data they are given, what is drawn from a seed, and callbacks.
Rules, comparisons and files are held to references in ``tests/``.
"""

from __future__ import annotations

import functools

from suite.conformance import (
    callbacks,
    engine,
    functions,
    handed,
    late,
    observed,
    programs,
    randomness,
    side_by_side,
)
from suite.conformance.finding import Check

CHECKS: dict[str, Check] = {
    "failures": programs.check_failures,
    "errata": observed.check_errata,
    "functions": functions.check,
    "callbacks": callbacks.check,
    **{f"training {one.name}": functools.partial(engine.check, one) for one in engine.CASES},
    "training epoch by epoch": engine.check_epochs,
    "training by fit": engine.check_fit,
    "training side by side": side_by_side.check,
    "programs of a training": programs.check,
    "observations of a training": observed.check,
    "training with another rate": engine.check_rates,
    "training that diverges": engine.check_divergence,
    "late steps of the optimizers": late.check_steps,
    "late epochs of a training": late.check_epochs,
    "initial weights": randomness.check_initial,
    "dropout": randomness.check_dropout,
    "images of an epoch": handed.check_epoch,
    "images": handed.check_data,
}
"""By name, the quick ones first."""
ENGINE_OF = {"training side by side": "vectorized"}
"""Checks of an engine that not every backend has."""
