"""The usual alternative: ``keras.Model.fit``, one seed after another, on the backend of this process."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.gpu.work import NETWORKS, Scale, experiment
from harness.training.devices import trained_on
from harness.training.fit import FitEngine
from harness.training.setup import TrainingSetup


def measure(scale: Scale, backend: str) -> dict[str, Any]:
    """A row per network: seconds of the first epoch, of a later one, and of the training with compilation."""
    rows = []
    for network, variant in NETWORKS.items():
        engine = FitEngine(TrainingSetup.of(experiment(scale, scale.peer_epochs), variant))
        clock = time.perf_counter()
        raw = engine.run(0, lambda seed, epoch: None)
        total = time.perf_counter() - clock
        rows.append(
            {
                "network": network,
                "epoch": statistics.median(raw.launches[1:]),
                "first_epoch": raw.launches[0],
                "training": total,
                "epochs": scale.peer_epochs,
                "val_accuracy": raw.history["val_accuracy"][-1],
                "device": str(trained_on(engine.weights)),
            }
        )
    return {"rows": rows}
