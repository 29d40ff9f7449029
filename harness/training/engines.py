"""The registry of engines, and the choice among them.

To add an engine, write its module (``EngineModule``) and add its entry to ``ENGINES``. The module is imported when the
engine is chosen.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from harness.errors import SuiteError, invalid, nearest
from harness.training.backends import NAMES
from harness.training.engine import Engine, FirstSteps, Notice, ShortTraining
from harness.training.programs import Programs
from harness.training.setup import TrainingSetup

TINY = 1e8
"""A training is tiny up to this product of examples, epochs and parameters. A tiny training is one launch. In other
trainings each epoch is a launch, so a launch takes at most seconds, and Ctrl-C works."""
FEWEST = 1000
"""A smaller network counts as one with this many parameters, because any step takes some time."""


class EngineModule(Protocol):
    """The functions of an engine's module."""

    def prepare(self, setup: TrainingSetup, programs: Programs, notice: Notice) -> Engine:
        """The engine with the model and the data in place, ready to train.

        Args:
            setup: the training.
            programs: where it keeps compiled programs.
            notice: called if it trains fewer seeds at once than intended.
        """

    def first_steps(self, short: ShortTraining) -> Iterator[FirstSteps]:
        """Trains the first steps of each seed."""


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """The facts of an engine that are known before its module is imported.

    Attributes:
        module: the name of its module (``EngineModule``).
        backends: the backends that have it.
        batched: whether it trains batched seeds.
        compiles_each_seed: whether it builds and compiles a new model for every seed. Other engines keep their program.
    """

    module: str
    backends: tuple[str, ...]
    batched: bool = False
    compiles_each_seed: bool = False

    def load(self) -> EngineModule:
        """Imports its module."""
        return cast(EngineModule, importlib.import_module(self.module))


ENGINES: Mapping[str, EngineEntry] = {
    "fit": EngineEntry(module="harness.training.fit", backends=NAMES, compiles_each_seed=True),
    "compiled": EngineEntry(module="harness.training.compiled", backends=NAMES),
    "vectorized": EngineEntry(module="harness.training.vectorized", backends=("jax",), batched=True),
}
"""From the slowest to the fastest. "auto" takes the last one that the backend has and that pays."""


class NotVectorizableError(SuiteError):
    """The seeds of this training cannot be batched; the text names the cause."""


def resolve_engine(engine: str, backend: str, device: str = "cpu", tiny: bool = False) -> str:
    """The name of the engine to use. SuiteError if it is unknown, or the backend does not have it.

    "auto" is the fastest engine of the backend. It is a batched engine only on a GPU, and for tiny trainings on a CPU.

    Args:
        engine: a name of ENGINES, or "auto".
        backend: a Keras backend.
        device: "cpu" or "gpu".
        tiny: whether batched seeds of this training pay on a CPU (``pays_on_cpu``).
    """
    if engine == "auto":
        pays = tiny or device == "gpu"
        return [name for name, entry in ENGINES.items() if backend in entry.backends and (pays or not entry.batched)][
            -1
        ]
    if engine not in ENGINES:
        names = ("auto", *ENGINES)
        raise invalid(
            "engine", expected=f"one of {', '.join(names)}", received=repr(engine), fix=nearest(engine, names)
        )
    backends = ENGINES[engine].backends
    if backend not in backends:
        raise invalid(
            "engine for this backend",
            expected=f"a backend with {engine!r}: {' or '.join(backends)}",
            received=f"backend {backend!r}",
            fix="Choose another with --backend, or --engine fit.",
        )
    return engine


def work_of_epoch(setup: TrainingSetup, parameters: int) -> float:
    """Examples × parameters. The time of an epoch's matrix products is proportional to it."""
    return float(len(setup.data.x) * max(parameters, FEWEST))


def is_tiny(setup: TrainingSetup, parameters: int) -> bool:
    """Whether the training of a network with this many parameters is tiny (TINY)."""
    return work_of_epoch(setup, parameters) * setup.size.epochs <= TINY


def epochs_of_launch(setup: TrainingSetup, parameters: int) -> int:
    """The number of epochs in one launch of an engine that compiles; at least one."""
    return max(setup.size.epochs if is_tiny(setup, parameters) else 1, 1)


def pays_on_cpu(setup: TrainingSetup, model: Any) -> bool:
    """Whether batched seeds are faster on a CPU than one seed after another.

    They are not for a larger network, which keeps the CPU busy alone, nor for convolutions. A convolution of batched
    seeds is a grouped convolution, for which XLA has no fast code on a CPU: it took 22 s instead of 7.
    """
    return is_tiny(setup, model.count_params()) and not any(hasattr(layer, "kernel_size") for layer in model.layers)
