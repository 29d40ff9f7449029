"""What an engine is, what it measures, and which trainings are tiny.

To add an engine, write a subclass of ``Engine`` and add it to ``harness.training.engines.ENGINES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from harness.errors import SuiteError
from harness.model import Dataset
from harness.training.backends import NAMES
from harness.training.programs import Programs
from harness.training.setup import TrainingSetup

OnEpoch = Callable[[int, int], None]
"""Called with (seed, epochs finished) while a trial trains."""
Notice = Callable[[str], None]
"""Called with one sentence for the user."""

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
        losses: of the steps of each launch; empty if an engine sees from the history that nothing diverged.
        launches: the seconds of each launch.
        compile: the seconds of compilation, if they were measured apart; None if the first launch includes them.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    losses: list[np.ndarray] = field(default_factory=list)
    launches: list[float] = field(default_factory=list)
    compile: float | None = None

    def add(self, curves: Mapping[str, Any], losses: np.ndarray) -> None:
        """Adds the results of a launch (``Program.launch``)."""
        for name, curve in curves.items():
            self.history.setdefault(name, []).extend(map(float, curve))
        self.losses.append(losses.ravel())

    def observe(self, setup: TrainingSetup, model: Callable[[], Any], prefix: str = "") -> None:
        """Adds the metrics that the experiment records of its model (``observe``), if it records any."""
        if setup.experiment.observe is not None:
            for name, value in setup.experiment.observe(model(), setup.data).items():
                self.history.setdefault(prefix + name, []).append(float(value))


Block = list[tuple[int, Measurements]]
"""Seeds that are finished at the same time, with their measurements."""
Parts = Callable[[int], Iterable[Dataset]]
"""The data of each short epoch of a seed, in the order in which they are trained."""
Trained = tuple[int, Measurements, Callable[[], Any]]
"""(seed, what was measured, what gives the Keras model after it: before the next seed is asked for)"""


class NotVectorizableError(SuiteError):
    """The seeds of this training cannot be batched; the text names the cause."""


@dataclass(eq=False)
class Engine:
    """Trains one variant, one seed after another or with batched seeds. The model and the data are in place.

    Attributes:
        setup: the training.
        programs: where it keeps compiled programs. Engines with the same ``programs`` must not run in alternation,
            because two variants of one structure share a program.
        notice: called if it trains fewer seeds at once than intended.
        name: its name in reports and options.
        backends: those that have it.
        batched: whether it trains batched seeds.
        compiles_each_seed: whether it builds and compiles a new model for every seed. Others keep their program.
    """

    setup: TrainingSetup
    programs: Programs = field(default_factory=Programs)
    notice: Notice = lambda text: None

    name: ClassVar[str]
    backends: ClassVar[tuple[str, ...]] = NAMES
    batched: ClassVar[bool] = False
    compiles_each_seed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Puts the model and the data in place."""

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

    def parts(self, seeds: Sequence[int], parts: Parts) -> Iterator[Trained]:
        """Trains short epochs of each seed, each on its own data. The engine's setup is that of one of them."""
        raise NotImplementedError


def work_of_epoch(setup: TrainingSetup, parameters: int) -> float:
    """Examples × parameters. The time of an epoch's matrix products is proportional to it."""
    return float(len(setup.data.x) * max(parameters, FEWEST))


def is_tiny(setup: TrainingSetup, parameters: int) -> bool:
    """Whether the training of a network with this many parameters is tiny (TINY)."""
    return work_of_epoch(setup, parameters) * setup.size.epochs <= TINY


def epochs_of_launch(setup: TrainingSetup, parameters: int) -> int:
    """The number of epochs in one launch of an engine that compiles; at least one."""
    return max(setup.size.epochs if is_tiny(setup, parameters) else 1, 1)
