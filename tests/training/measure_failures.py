"""Measures trainings that fail in different ways, and one that is interrupted."""

from __future__ import annotations

from typing import Any
from unittest import mock

import msgspec

from cases.examples.normalization import SHARES
from harness.domain.trial import Trial
from harness.training import engines, fit
from harness.training.train import train
from tests.training.experiments import CHANCE, FAILURES
from tests.training.ordered import OrderedFit

ENGINES = ("fit", "compiled")


def failures() -> dict[str, dict[str, Any]]:
    """Divergences by training and engine; ``fit`` in the order of ``compiled``, and that epoch by epoch."""
    found: dict[str, dict[str, Any]] = {}
    trainings = [(SHARES, "raw"), (CHANCE, "rate 0"), *((FAILURES, variant.name) for variant in FAILURES.variants)]
    with mock.patch.object(fit, "FitEngine", OrderedFit), mock.patch.object(engines, "TINY", 0):
        for experiment, variant in trainings:
            trained = {engine: train(experiment, variant, [0], engine=engine)[0] for engine in ENGINES}
            found[variant] = {engine: msgspec.to_builtins(trial) for engine, trial in trained.items()}
    found["raw"]["one launch"] = msgspec.to_builtins(train(SHARES, "raw", [0], engine="compiled")[0])
    return found


def interrupted() -> dict[str, dict[str, Any]]:
    """Ctrl-C in the second trial, after epoch 3: what on_epoch and on_trial had been told by then."""
    found: dict[str, dict[str, Any]] = {}
    for name, engine, whole in (("fit", "fit", 0), ("compiled", "compiled", 0), ("one launch", "compiled", 1e8)):
        epochs: list[list[int]] = []
        trials: list[Any] = []

        def on_epoch(seed: int, epoch: int, epochs: list[list[int]] = epochs) -> None:
            epochs.append([seed, epoch])
            if seed == 9 and epoch >= 3:
                raise KeyboardInterrupt

        def on_trial(trial: Trial, trials: list[Any] = trials) -> None:
            trials.append(msgspec.to_builtins(trial))

        raised = False
        with mock.patch.object(engines, "TINY", whole):
            try:
                train(FAILURES, "finite", [4, 9, 2], engine=engine, on_epoch=on_epoch, on_trial=on_trial)
            except KeyboardInterrupt:
                raised = True
        found[name] = {"epochs": epochs, "trials": trials, "raised": raised}
    return found
