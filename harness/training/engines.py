"""The registry of engines, and which of them trains what.

To add an engine, write its module (``EngineModule``) and add its entry to ``ENGINES``. Its module is imported when the
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
"""Examples × epochs × parameters up to which a training is tiny. A launch of a tiny training has all of its epochs. In
other trainings each epoch is a launch, so that a launch lasts at most seconds and Ctrl-C is heard."""
FEWEST = 1000
"""Parameters as which a smaller network counts: a step takes some time, whatever is in it."""


class EngineModule(Protocol):
    """What the module of an engine has."""

    def prepare(self, setup: TrainingSetup, programs: Programs, notice: Notice) -> Engine:
        """The engine with the model and the data in place, ready to train.

        Args:
            setup: what it will train.
            programs: where it keeps compiled programs.
            notice: where it reports that it trains fewer seeds at once than intended.
        """

    def first_steps(self, short: ShortTraining) -> Iterator[FirstSteps]:
        """Trains the first steps of each seed."""


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """What is known of an engine before its module is imported.

    Attributes:
        module: where it is (``EngineModule``).
        backends: the backends that have it.
        batched: whether it trains several seeds at once.
        compiles_each_seed: whether it builds and compiles a new model for every seed; the others keep their program.
    """

    module: str
    backends: tuple[str, ...]
    batched: bool = False
    compiles_each_seed: bool = False

    def load(self) -> EngineModule:
        """Its module."""
        return cast(EngineModule, importlib.import_module(self.module))


ENGINES: Mapping[str, EngineEntry] = {
    "fit": EngineEntry(module="harness.training.fit", backends=NAMES, compiles_each_seed=True),
    "compiled": EngineEntry(module="harness.training.compiled", backends=("tensorflow", "jax")),
    "vectorized": EngineEntry(module="harness.training.vectorized", backends=("jax",), batched=True),
}
"""The slowest first: "auto" takes the last one that the backend has and that pays."""


class NotVectorizableError(SuiteError):
    """Seeds of this training cannot be batched; the text names what in it cannot."""


def resolve_engine(engine: str, backend: str, device: str = "cpu", tiny: bool = False) -> str:
    """The name of the engine to use; SuiteError where it is unknown or the backend does not have it.

    "auto" is the fastest engine of the backend; a batched one on a GPU and for tiny trainings on a CPU only.

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
    """Examples × parameters of an epoch, to which the time of its matrix products is proportional."""
    return float(len(setup.data.x) * max(parameters, FEWEST))


def is_tiny(setup: TrainingSetup, parameters: int) -> bool:
    """Whether a training of a network with that many parameters is tiny (TINY)."""
    return work_of_epoch(setup, parameters) * setup.size.epochs <= TINY


def epochs_of_launch(setup: TrainingSetup, parameters: int) -> int:
    """How many epochs an engine that compiles gives to the device at once; at least one."""
    return max(setup.size.epochs if is_tiny(setup, parameters) else 1, 1)


def pays_on_cpu(setup: TrainingSetup, model: Any) -> bool:
    """Whether a CPU is faster with many seeds at once than with one after another.

    A larger network keeps it busy alone. A convolution of batched seeds is a convolution in groups, for which XLA has
    no fast code on a CPU: it took 22 s where one seed after another took 7.
    """
    return is_tiny(setup, model.count_params()) and not any(hasattr(layer, "kernel_size") for layer in model.layers)
