"""What an engine is given: one variant at one size, with its data; and what it gives back for one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.experiment import Dataset, Experiment, Size, Variant

OnEpoch = Callable[[int, int], None]
"""Called with (seed, epochs finished) while a trial trains."""


@dataclass(frozen=True)
class Task:
    """One variant of an experiment, ready to train; ``data`` is already cut to the size.

    ``twin``: its trainings begin with other last bits (``seeding.initialise``).
    """

    experiment: Experiment
    variant: Variant
    size: Size
    data: Dataset
    twin: bool = False

    @property
    def steps(self) -> int:
        """Optimizer steps per epoch, the last partial batch included."""
        return -(-len(self.data.x) // self.size.batch_size)

    def build(self) -> tuple[Any, Any]:
        """A new model and a new optimizer built for it."""
        assert self.variant.model is not None
        assert callable(self.variant.optimizer)
        model, optimizer = self.variant.model(), self.variant.optimizer()
        if not model.built:
            model.build((None, *self.data.x.shape[1:]))
        optimizer.build(model.trainable_variables)
        return model, optimizer


@dataclass
class Raw:
    """What an engine measured on one seed: curves with nan and inf, first bad steps, seconds of each launch.

    ``compile`` is the seconds of compilation where they were measured by themselves; None where the first launch holds
    them.
    """

    history: dict[str, list[float]]
    broken: int = 0
    broken_is_nan: bool = False
    high: int = 0
    initial: float = 0.0
    launches: list[float] = field(default_factory=list)
    compile: float | None = None
