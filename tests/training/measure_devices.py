"""Measures the device of the weights after a training, by engine, in a process whose backend claims to have a GPU."""

from __future__ import annotations

from typing import Any
from unittest import mock

from harness.training import backend
from harness.training.devices import Device, device_of, peak_bytes
from harness.training.train import prepare, train
from tests.training.experiments import REGRESSION

PRETENDED = Device("gpu", "NVIDIA H100 80GB HBM3", "float32")


def devices() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"process": {"kind": backend.device().kind, "peak": peak_bytes()}}
    for engine in ("fit", "compiled"):
        runner = prepare(REGRESSION, "linear", engine)
        runner.run(0, lambda seed, epoch: None)
        with mock.patch.object(backend, "device", return_value=PRETENDED):
            (trial,) = train(REGRESSION, "linear", [0], engine=engine)
        found[engine] = {
            "weights": [str(device_of(array)) for array in runner.weights],
            "shapes": [list(array.shape) for array in runner.weights],
            "trial": trial.device,
            "precision": trial.precision,
        }
    return found
