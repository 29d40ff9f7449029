"""The engines: what one is, the registry, and the choice among them.

To add an engine, write a subclass of ``Engine`` and its entry in ``ENGINES``. Its module is imported when it is chosen.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from harness.domain.model import Dataset
from harness.errors import SuiteError, invalid, nearest
from harness.training.backends import NAMES
from harness.training.programs import Programs
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup

OnEpoch = Callable[[int, int], None]
"""Called with (seed, epochs finished) while a trial trains."""
Notice = Callable[[str], None]
"""Called with one sentence for the user."""
FirstSteps = tuple[int, Sequence[float], Any]
"""(seed, the loss of each step, the Keras model after them or None if it is not needed)"""

TINY = 1e8
"""A training is tiny up to this product of examples, epochs and parameters. A tiny training is one launch. In other
trainings each epoch is a launch, so a launch takes at most seconds, and Ctrl-C works."""
FEWEST = 1000
"""A smaller network counts as one with this many parameters, because any step takes some time."""


@dataclass
class Measurements:
    """The measurements of an engine on one seed.

    Attributes:
        history: one list per curve, with one number per epoch; nan and inf are kept.
        broken: the first step, from 1, whose loss was not finite; 0 for none.
        broken_is_nan: whether that loss was nan (else inf).
        high: the first step, from 1, whose loss was above BLOW_UP × ``initial``; 0 for none.
        initial: the loss of the first step.
        launches: the seconds of each launch.
        compile: the seconds of compilation, if they were measured apart; None if the first launch includes them.
    """

    history: dict[str, list[float]]
    broken: int = 0
    broken_is_nan: bool = False
    high: int = 0
    initial: float = float("nan")
    launches: list[float] = field(default_factory=list)
    compile: float | None = None

    def add(self, curves: Mapping[str, Any], flags: Any, steps_before: int) -> None:
        """Adds the curves and divergence flags of a launch (``Program.launch``) that began after these steps."""
        for name, curve in curves.items():
            self.history.setdefault(name, []).extend(map(float, curve))
        broken, is_nan, high, self.initial = int(flags[0]), bool(flags[1]), int(flags[2]), float(flags[3])
        if broken and not self.broken:
            self.broken, self.broken_is_nan = broken + steps_before, is_nan
        if high and not self.high:
            self.high = high + steps_before

    def record(self, setup: TrainingSetup, model: Callable[[], Any], prefix: str = "") -> None:
        """Adds the metrics that the experiment records of its model (``observe``), if it records any."""
        if setup.experiment.observe is not None:
            for name, value in setup.experiment.observe(model(), setup.data).items():
                self.history.setdefault(prefix + name, []).append(float(value))


Block = list[tuple[int, Measurements]]
"""Seeds that are finished at the same time, with their measurements."""


@dataclass(frozen=True)
class ShortTraining:
    """The first full batches of epoch 0, for each of the seeds.

    Attributes:
        setup: the whole training.
        seeds: one trial each.
        steps: number of batches. Each is one step of the optimizer.
        validate: the seeds whose model is needed after the last step.
        programs: where the compiled programs of one step are kept.
    """

    setup: TrainingSetup
    seeds: Sequence[int]
    steps: int
    validate: Sequence[int]
    programs: Programs

    def batches(self, seed: int) -> Iterator[Dataset]:
        """The data of each step."""
        data, batch = self.setup.data, self.setup.full_batch
        order = data_order(seed, 0, len(data.x))
        for rows in order[: self.steps * batch].reshape(self.steps, batch):
            yield Dataset(data.x[rows], data.y[rows])


class Engine:
    """Trains one variant, one seed after another or with batched seeds. The model and the data are in place.

    Args:
        setup: the training.
        programs: where it keeps compiled programs. Engines with the same ``programs`` must not run in alternation,
            because two variants of one structure share a program.
        notice: called if it trains fewer seeds at once than intended.
    """

    name: str
    """Its name in ``ENGINES``."""

    def __init__(
        self, setup: TrainingSetup, programs: Programs | None = None, notice: Notice = lambda text: None
    ) -> None:
        self.setup, self.notice = setup, notice

    @staticmethod
    def first_steps(short: ShortTraining) -> Iterator[FirstSteps]:
        """Trains the first steps of each seed."""
        raise NotImplementedError

    @property
    def weights(self) -> Sequence[Any]:
        """The weights after the last training: Keras variables, or arrays of the backend."""
        raise NotImplementedError

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        """Trains one seed."""
        raise NotImplementedError

    def blocks(self, seeds: Sequence[int], on_epoch: OnEpoch) -> Iterator[Block]:
        """Trains the seeds, and yields each block as soon as it is finished. By default a block is one seed."""
        for seed in seeds:
            yield [(seed, self.run(seed, on_epoch))]


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """The facts of an engine that are known before its module is imported.

    Attributes:
        path: its class, "module:name".
        backends: the backends that have it.
        batched: whether it trains batched seeds.
        compiles_each_seed: whether it builds and compiles a new model for every seed. Other engines keep their program.
    """

    path: str
    backends: tuple[str, ...]
    batched: bool = False
    compiles_each_seed: bool = False

    def load(self) -> type[Engine]:
        """Imports it."""
        return cast(type[Engine], pkgutil.resolve_name(self.path))


ENGINES: Mapping[str, EngineEntry] = {
    "fit": EngineEntry(path="harness.training.fit:FitEngine", backends=NAMES, compiles_each_seed=True),
    "compiled": EngineEntry(path="harness.training.compiled:CompiledEngine", backends=NAMES),
    "vectorized": EngineEntry(path="harness.training.vectorized:VectorizedEngine", backends=("jax",), batched=True),
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
