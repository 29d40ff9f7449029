"""What an engine is given: one variant at one size, with its data; and what it gives back for one seed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.experiment import Dataset, Experiment, Size, Variant
from harness.training.seeding import initialise

OnEpoch = Callable[[int, int], None]
"""Called with (seed, epochs finished) while a trial trains."""


@dataclass(frozen=True)
class Task:
    """One variant of an experiment, ready to train; ``data`` is already cut to the size.

    ``perturbed`` and ``canonical`` say which initial weights its trainings begin with (``seeding.initialise``); where
    ``canonical``, no layer drops anything either.
    """

    experiment: Experiment
    variant: Variant
    size: Size
    data: Dataset
    perturbed: int = 0
    canonical: bool = False

    @classmethod
    def of(cls, experiment: Experiment, variant: str, perturbed: int = 0, canonical: bool = False) -> Task:
        """The task of a variant; builds its data. SuiteError if the variant is unknown."""
        size, declared = experiment.size, experiment.variant(variant)
        assert declared.data is not None
        return cls(experiment, declared, size, declared.data().first(size.train), perturbed, canonical)

    @property
    def steps(self) -> int:
        """Optimizer steps per epoch, the last partial batch included."""
        return -(-len(self.data.x) // self.size.batch_size)

    @functools.cached_property
    def built(self) -> tuple[Any, Any]:
        """One ``build`` for all that a program needs of it."""
        return self.build()

    def build(self) -> tuple[Any, Any]:
        """A new model and a new optimizer built for it."""
        assert self.variant.model is not None
        assert callable(self.variant.optimizer)
        model, optimizer = self.variant.model(), self.variant.optimizer()
        if self.canonical:
            model = type(model).from_config(_without_dropout(model.get_config()))
        if not model.built:
            model.build((None, *self.data.x.shape[1:]))
        optimizer.build(model.trainable_variables)
        return model, optimizer

    def initialise(self, model: Any, seed: int) -> None:
        """Sets every variable of a ``model`` that ``build`` made to its initial value of ``seed``."""
        initialise(model, seed, self.perturbed, self.canonical)


def _without_dropout(config: Any) -> Any:
    """A model's configuration with the rate of every dropout layer set to 0."""
    if isinstance(config, list | tuple):
        return [_without_dropout(value) for value in config]
    if not isinstance(config, dict):
        return config
    changed = {key: _without_dropout(value) for key, value in config.items()}
    if "Dropout" in str(config.get("class_name")):
        changed["config"]["rate"] = 0.0
    return changed


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
