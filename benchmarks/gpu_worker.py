"""What is measured: at full scale on a GPU, or small, to try the script itself on a CPU.

``python -m benchmarks.gpu_worker NAME FILE BACKEND SCALE [NETWORK]`` is the process of one measurement. It writes a
JSON file with the result and the environment: device, versions, precision.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from benchmarks.roofline import dense_shapes, peaks
from cases import CLAIMS
from harness.claim import experiments
from harness.environment import gpu
from harness.environment.fingerprint import fingerprint
from harness.model import Experiment
from harness.training.backend import choose_backend, start_backend
from harness.training.setup import TrainingSetup
from reports.folders import write_atomic

NETWORKS: Mapping[str, str] = {
    "softmax": "softmax",
    "two hidden layers": "2 relu xavier",
    "five hidden layers": "5 relu xavier",
    "five hidden layers, dropout 0.2": "dropout 0.2",
}
"""Variants of Example 4 by their names in tables."""
TARGETS: Mapping[str, float] = dict(zip(NETWORKS, (0.27, 1.05, 1.9, 2.2), strict=True))
"""The vectorized engine's targets on an H100: milliseconds per seed and epoch, validation included."""
PEERS = ("jax", "tensorflow", "torch")
"""The backends of ``fit``, the usual alternative: one seed after another."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        epochs, peer_epochs: epochs of each training, with batched seeds (the lecture has 20) and with ``fit``.
        train: number of training images; None for all.
        replicas: numbers of batched seeds to try.
        seeds, select: ``--seeds`` and ``-k`` of the suite's run to the end; all that train if ``select`` is "".
        sizes, megabytes: rows of the square matrices, and the array, with which the peaks are measured.
    """

    epochs: int
    peer_epochs: int
    train: int | None
    replicas: tuple[int, ...]
    seeds: str
    select: str
    sizes: tuple[int, ...]
    megabytes: int


MANY = "256,example-3=1024,example-4=1024,example-4-softmax=1024"
SCALES = {
    "full": Scale(20, 6, None, (32, 48, 64, 96, 128, 256), MANY, "", (4096, 8192, 16384), 1000),
    "small": Scale(3, 2, 600, (2, 4), "5", "minmax-fixes-divergence", (256,), 8),
}


def experiment(scale: Scale, epochs: int) -> Experiment:
    """Example 4 at the lecture's batch size, with the scale's images."""
    example = next(each for each in experiments(CLAIMS) if each.id == "example-4")
    return replace(example, size=replace(example.size, epochs=epochs, train=scale.train))


SECONDS = 330.0
"""After these seconds no further number of seeds is tried."""


def machine(scale: Scale) -> dict[str, Any]:
    """The peak of products in operations/s at each precision, and the memory bandwidth in bytes/s."""
    import jax

    flops = {}
    for precision in ("default", "highest"):
        with jax.default_matmul_precision(precision):
            flops[precision], bandwidth = peaks(scale.sizes, scale.megabytes)
    return {"flops": flops, "bandwidth": bandwidth}


def speed(scale: Scale, network: str) -> dict[str, Any]:
    """A row per number of batched seeds, as long as time is left: milliseconds per seed and epoch."""
    declared = experiment(scale, scale.epochs)
    setup = TrainingSetup.of(declared, NETWORKS[network])
    rows: list[dict[str, Any]] = []
    begin = time.perf_counter()
    for count in scale.replicas:
        if not rows or time.perf_counter() - begin <= SECONDS:
            rows.append(batched(setup, count))
    return {
        "shapes": dense_shapes(setup.build()[0]),
        "train": len(setup.data.x),
        "validation": len(setup.data.x_val) if setup.data.x_val is not None else 0,
        "batch_size": setup.size.batch_size,
        "rows": rows,
    }


def batched(setup: TrainingSetup, replicas: int) -> dict[str, Any]:
    """The times of one block of ``replicas`` seeds: of the compilation, and of the later epochs."""
    from harness.training.vectorized import VectorizedEngine

    engine = VectorizedEngine(setup)
    clock = time.perf_counter()
    with mock.patch.object(engine, "_width", return_value=replicas):
        block = next(engine.blocks(range(replicas), lambda seed, epoch: None))
    total = time.perf_counter() - clock
    first = block[0][1]
    return {
        "seeds": len(block),
        "ms": statistics.median(first.launches[len(first.launches) // 4 :]) * 1e3,
        "compile": first.compile or 0.0,
        "seconds_per_seed": (total - (first.compile or 0.0)) / len(block),
        "memory": (engine.program.device.memory_stats() or {}).get("peak_bytes_in_use"),
    }


def fit(scale: Scale) -> dict[str, Any]:
    """Milliseconds per epoch of ``keras.Model.fit`` by network, one seed after another."""
    from harness.training.fit import FitEngine

    epochs = {}
    for network, variant in NETWORKS.items():
        engine = FitEngine(TrainingSetup.of(experiment(scale, scale.peer_epochs), variant))
        epochs[network] = statistics.median(engine.run(0, lambda seed, epoch: None).launches[1:]) * 1e3
    return epochs


def main(name: str, path: Path, backend: str, scale: Scale, *network: str) -> None:
    if importlib.util.find_spec(backend) is None:
        write_atomic(path, json.dumps({"absent": f"{backend} is not installed"}).encode())
        return
    choose_backend(backend)
    where = start_backend()
    measurements: dict[str, Callable[..., dict[str, Any]]] = {"machine": machine, "speed": speed, "fit": fit}
    measured = measurements[name](scale, *network)
    record = {
        "device": {"kind": where.kind, "model": where.model, "precision": where.precision},
        "fingerprint": fingerprint(backend, where.kind, where.model, where.precision),
        "gpu": msgspec.to_builtins(gpu.facts(where.kind, where.model)),
        "measured": measured,
    }
    write_atomic(path, json.dumps(record, indent=1, allow_nan=False).encode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], SCALES[sys.argv[4]], *sys.argv[5:])
