"""The protocol of engines, their measurements, and shortened trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.domain.experiment import Dataset
from harness.training.programs import Programs
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup

OnEpoch = Callable[[int, int], None]
"""Called with (seed, epochs finished) while a trial trains."""
Notice = Callable[[str], None]
"""Called with one sentence for the user."""


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
    initial: float = 0.0
    launches: list[float] = field(default_factory=list)
    compile: float | None = None

    def add_flags(self, flags: Any, steps_before: int) -> None:
        """Adds the divergence flags of a launch (``Program.launch``) that began after ``steps_before`` steps."""
        broken, is_nan, high, self.initial = int(flags[0]), bool(flags[1]), int(flags[2]), float(flags[3])
        if broken and not self.broken:
            self.broken, self.broken_is_nan = broken + steps_before, is_nan
        if high and not self.high:
            self.high = high + steps_before


Block = list[tuple[int, Measurements]]
"""Seeds that are finished at the same time, with their measurements."""


class Engine(Protocol):
    """Trains one variant, one seed after another or with batched seeds.

    Attributes:
        name: its name in ``engines.ENGINES``.
        setup: the training.
    """

    name: str
    setup: TrainingSetup

    @property
    def weights(self) -> Sequence[Any]:
        """The weights after the last training: Keras variables, or arrays of the backend."""

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        """Trains one seed."""

    def blocks(self, seeds: Sequence[int], on_epoch: OnEpoch) -> Iterator[Block]:
        """Trains the seeds, and yields each block as soon as it is finished. By default a block is one seed."""
        for seed in seeds:
            yield [(seed, self.run(seed, on_epoch))]


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


FirstSteps = tuple[int, Sequence[float], Any]
"""(seed, the loss of each step, the Keras model after them or None if it is not needed)"""
