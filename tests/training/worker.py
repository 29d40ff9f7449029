"""Measures everything that needs a backend, in one process: ``python -m tests.training.worker BACKEND FILE``.

A process has one backend, and importing it takes seconds. So each backend has one process, which writes its
measurements as JSON. The tests in test_*.py only read them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.training.backend import choose_backend, start_backend
from tests.training import (
    measure_configuration,
    measure_control,
    measure_devices,
    measure_engines,
    measure_failures,
    measure_looks,
    measure_pairing,
    measure_perturbed,
    measure_steps,
    measure_structures,
    measure_updates,
    measure_vectorized,
)

MEASUREMENTS: dict[str, Callable[[], Any]] = {
    "environment": measure_pairing.environment,
    "weights": measure_pairing.weights,
    "engine weights": measure_pairing.engine_weights,
    "orders": measure_pairing.orders,
    "agreement": measure_engines.agreement,
    "interrupted": measure_failures.interrupted,
    "structures": measure_structures.structures,
    "weight gradients": measure_looks.gradients,
    "devices": measure_devices.devices,
    "steps": measure_steps.measured,
    "configuration": measure_configuration.measured,
    "updates": measure_updates.trajectories,
    "gradients": measure_updates.gradients,
}
OF_SLOW_TESTS: dict[str, Callable[[], Any]] = {
    "looks": measure_looks.looks,
    "failures": measure_failures.failures,
    "dropout": measure_engines.dropout,
    "masks": measure_engines.masks,
    "sharing": measure_looks.sharing,
    "sharing of steps": measure_steps.sharing,
    "control": measure_control.control,
    "perturbed": measure_perturbed.perturbed,
}
"""Measured if a slow test runs on the backend."""
BY_NAME: dict[str, Callable[[], Any]] = {
    "vectorized": measure_vectorized.measured,
    "vectorized, others": measure_vectorized.others,
}
"""Measured by name only."""


def main(backend: str, path: Path, names: list[str]) -> None:
    """Measures what is named, or MEASUREMENTS without names."""
    choose_backend(backend)
    start_backend()
    measured: dict[str, Any] = {"seconds": {}}
    for name in names or MEASUREMENTS:
        clock = time.perf_counter()
        measured[name] = {**MEASUREMENTS, **OF_SLOW_TESTS, **BY_NAME}[name]()
        measured["seconds"][name] = time.perf_counter() - clock
    path.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
