"""Which engine trains what: by name, by backend, by device, and by how large a training is."""

from __future__ import annotations

from typing import Any

from harness.errors import SuiteError, invalid, nearest
from harness.training.backends import NAMES, named
from harness.training.task import Task

ENGINES = {
    engine: tuple(name for name in NAMES if engine in named(name).facts.engines)
    for engine in ("fit", "compiled", "vectorized")
}
"""Engines and the backends that have them."""
TINY = 1e8
"""Examples × epochs × parameters up to which a training is tiny. It is one launch then, of all its epochs; beyond, a
launch is one epoch, so that a launch lasts at most seconds and Ctrl-C is heard."""
FEWEST = 1000
"""Parameters as which a smaller network counts: a step takes some time, whatever is in it."""


class NotVectorizableError(SuiteError):
    """A training that cannot be laid side by side; the text names what in it cannot."""


def resolve_engine(engine: str, backend: str, device: str = "cpu", tiny: bool = False) -> str:
    """The engine to use; SuiteError where the backend does not have it.

    "auto" is ``vectorized`` on JAX where that pays, on a GPU and for tiny trainings on a CPU; else ``compiled`` where
    the backend has it, else ``fit``.

    Args:
        engine: a name of ENGINES, or "auto".
        backend: a Keras backend.
        device: "cpu" or "gpu".
        tiny: whether seeds of this training pay side by side on a CPU (``pays_on_cpu``).
    """
    if engine == "auto":
        if backend in ENGINES["vectorized"] and (tiny or device == "gpu"):
            return "vectorized"
        return "compiled" if backend in ENGINES["compiled"] else "fit"
    if engine not in ENGINES:
        names = ("auto", *ENGINES)
        raise invalid(
            "engine", expected=f"one of {', '.join(names)}", received=repr(engine), fix=nearest(engine, names)
        )
    if backend not in ENGINES[engine]:
        raise invalid(
            "engine for this backend",
            expected=f"a backend with {engine!r}: {' or '.join(ENGINES[engine])}",
            received=f"backend {backend!r}",
            fix="Choose another with --backend, or --engine fit.",
        )
    return engine


def work_of_epoch(task: Task, parameters: int) -> float:
    """Examples × parameters of an epoch, to which the time of its matrix products is proportional."""
    return float(len(task.data.x) * max(parameters, FEWEST))


def is_tiny(task: Task, parameters: int) -> bool:
    """Whether a training of a network of that many parameters is one launch (TINY)."""
    return work_of_epoch(task, parameters) * task.size.epochs <= TINY


def epochs_of_launch(task: Task, parameters: int) -> int:
    """How many epochs an engine that compiles gives to the device at once; at least one."""
    return max(task.size.epochs if is_tiny(task, parameters) else 1, 1)


def pays_on_cpu(task: Task, model: Any) -> bool:
    """Whether a CPU is faster with many seeds of a training side by side than with one after another.

    Larger networks keep it busy alone. A convolution of many seeds is a convolution in groups, for which XLA has no
    fast code on a CPU: 22 s where one after another took 7.
    """
    return is_tiny(task, model.count_params()) and not any(hasattr(layer, "kernel_size") for layer in model.layers)
