"""The time of an epoch per seed with batched seeds: by number of seeds, and part by part."""

from __future__ import annotations

import contextlib
import functools
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

from benchmarks.gpu.work import MAIN, NETWORKS, Scale, experiment
from benchmarks.roofline import dense_shapes
from cases.networks import sgd
from harness.domain.experiment import Experiment
from harness.training import vectorized, vectorized_jax
from harness.training.setup import TrainingSetup

SECONDS = 330.0
"""After these seconds no further number of seeds is tried."""


def measure(scale: Scale, network: str, replicas: tuple[int, ...]) -> dict[str, Any]:
    """A row per number of batched seeds, as long as time is left: milliseconds per seed and epoch."""
    declared = experiment(scale)
    rows: list[dict[str, Any]] = []
    begin = time.perf_counter()
    for count in replicas:
        if rows and time.perf_counter() - begin > SECONDS:
            break
        rows.append(timed(declared, NETWORKS[network], count))
    setup = TrainingSetup.of(declared, NETWORKS[network])
    return {
        "network": network,
        "shapes": dense_shapes(setup.build()[0]),
        "train": len(setup.data.x),
        "validation": len(setup.data.x_val) if setup.data.x_val is not None else 0,
        "batch_size": setup.size.batch_size,
        "epochs": setup.size.epochs,
        "rows": rows,
    }


def parts(scale: Scale, replicas: int) -> dict[str, Any]:
    """The time of the network with five hidden layers, unchanged and with one part left out or replaced."""
    declared = experiment(scale)
    plain = declared.variant(NETWORKS[MAIN])
    assert plain.data is not None
    data = plain.data()

    def with_variant(**changes: Any) -> Experiment:
        return replace(declared, variants=(replace(plain, **changes),), anchors=())

    ways: dict[str, tuple[Experiment, Any]] = {
        "as it is": (declared, contextlib.nullcontext()),
        "SGD in the place of Adam": (with_variant(optimizer=functools.partial(sgd, 0.01)), contextlib.nullcontext()),
        "no validation": (
            with_variant(data=lambda: replace(data, x_val=None, y_val=None)),
            contextlib.nullcontext(),
        ),
        "images as floats": (declared, mock.patch.object(vectorized_jax, "waits_for_memory", return_value=False)),
        "one epoch a launch": (declared, mock.patch.object(vectorized, "EPOCHS", 1)),
    }
    rows = []
    for name, (changed, patch) in ways.items():
        with patch:
            rows.append({"part": name, **timed(changed, NETWORKS[MAIN], replicas)})
    return {"network": MAIN, "lanes": replicas, "rows": rows}


def timed(declared: Experiment, variant: str, replicas: int) -> dict[str, Any]:
    """The times of one block of ``replicas`` seeds: of the compilation, of the first epoch, and of later ones."""
    setup = TrainingSetup.of(declared, variant)
    notes: list[str] = []
    engine = vectorized.VectorizedEngine(setup, replicas=replicas, notice=notes.append)
    clock = time.perf_counter()
    block = next(engine.blocks(range(replicas), lambda seed, epoch: None))
    total = time.perf_counter() - clock
    measured = [one for _, one in block]
    compile_seconds = measured[0].compile or 0.0
    epochs = measured[0].launches
    steady = epochs[len(epochs) // 4 :] or epochs
    accuracies = [one.history["val_accuracy"][-1] for one in measured if "val_accuracy" in one.history]
    return {
        "lanes": len(block),
        "asked": replicas,
        "ms": statistics.median(steady) * 1e3,
        "first_ms": epochs[0] * 1e3,
        "compile": compile_seconds,
        "seconds_per_seed": (total - compile_seconds) / len(block),
        "val_accuracy": statistics.fmean(accuracies) if accuracies else None,
        "memory": _memory(engine),
        "notes": notes,
    }


def _memory(engine: vectorized.VectorizedEngine) -> int | None:
    """Bytes of memory that the block's program needs, as XLA counts them; None if it does not say."""
    return max(_needed(engine.program), default=None)


def _needed(program: vectorized_jax.VectorizedProgram) -> Iterator[int]:
    for executable in program.executables:
        needed = vectorized_jax.needed_bytes(executable, 0)
        if needed is not None:
            yield needed
