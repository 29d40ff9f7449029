"""The engines, and the choice among them."""

from __future__ import annotations

from typing import Any

from harness.errors import invalid, nearest
from harness.training.backend import device
from harness.training.backends import active_backend
from harness.training.compiled import CompiledEngine
from harness.training.engine import Engine, is_tiny
from harness.training.fit import FitEngine
from harness.training.setup import TrainingSetup
from harness.training.vectorized import VectorizedEngine

ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FitEngine, CompiledEngine, VectorizedEngine)}
"""From the slowest to the fastest. "auto" takes the last one that the backend has and that pays."""


def resolve_engine(engine: str, backend: str, device: str = "cpu", tiny: bool = False) -> str:
    """The name of the engine to use. SuiteError if it is unknown, or the backend does not have it.

    "auto" is the fastest engine of the backend. It is a batched engine only on a GPU, and for tiny trainings on a CPU.

    Args:
        engine: a name of ENGINES, or "auto".
        backend: a Keras backend.
        device: "cpu" or "gpu".
        tiny: whether batched seeds of this training pay on a CPU (``pays_on_cpu``).
    """
    names = ("auto", *ENGINES)
    if engine == "auto":
        pays = tiny or device == "gpu"
        return [e.name for e in ENGINES.values() if backend in e.backends and (pays or not e.batched)][-1]
    if engine not in ENGINES:
        raise invalid(
            "engine", expected=f"one of {', '.join(names)}", received=repr(engine), fix=nearest(engine, names)
        )
    if backend not in ENGINES[engine].backends:
        raise invalid(
            "engine for this backend",
            expected=f"a backend with {engine!r}: {' or '.join(ENGINES[engine].backends)}",
            received=f"backend {backend!r}",
            fix="Choose another with --backend, or --engine fit.",
        )
    return engine


def engine_of(setup: TrainingSetup, engine: str) -> str:
    """The name of the engine that trains a setup on the active backend. It resolves "auto"."""
    backend = active_backend()
    name = resolve_engine(engine, backend)
    if engine == "auto" and resolve_engine(engine, backend, "gpu") != name:  # a batched one, if it pays
        name = resolve_engine(engine, backend, device().kind, pays_on_cpu(setup, setup.built[0]))
    return name


def pays_on_cpu(setup: TrainingSetup, model: Any) -> bool:
    """Whether batched seeds are faster on a CPU than one seed after another.

    They are not for a larger network, which keeps the CPU busy alone, nor for convolutions. A convolution of batched
    seeds is a grouped convolution, for which XLA has no fast code on a CPU: it took 22 s instead of 7.
    """
    return is_tiny(setup, model.count_params()) and not any(hasattr(layer, "kernel_size") for layer in model.layers)
