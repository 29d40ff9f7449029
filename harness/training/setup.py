"""The setup of a training: one variant of an experiment, with its size and data."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import SuiteError
from harness.model import Dataset, Experiment, Size, Variant
from harness.plots import Plots
from harness.training.late_state import Late
from harness.training.seeding import initialise

VALIDATION = 2000
"""Validation examples of a short epoch."""


@dataclass(frozen=True)
class TrainingSetup:
    """One variant of an experiment, ready to train.

    Attributes:
        experiment, variant, size: what is trained, and how long.
        data: the training and validation data, already cut to the size.
        perturbed, canonical: the kind of initial weights (``seeding.initialise``). A canonical training has no dropout.
        late: the late state that it begins in; None for the initial one.
    """

    experiment: Experiment
    variant: Variant
    size: Size
    data: Dataset
    perturbed: int = 0
    canonical: bool = False
    late: Late | None = None

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        variant: str,
        perturbed: int = 0,
        canonical: bool = False,
        late: Late | None = None,
    ) -> TrainingSetup:
        """Sets up a variant and builds its data; SuiteError if the variant is unknown."""
        declared = experiment.variant(variant)
        size = experiment.size_of(declared)
        assert declared.data is not None
        return cls(experiment, declared, size, declared.data().first(size.train), perturbed, canonical, late)

    @property
    def steps(self) -> int:
        """Number of optimizer steps per epoch, the last partial batch included."""
        return -(-len(self.data.x) // self.size.batch_size)

    @property
    def full_batch(self) -> int:
        """Number of examples of a full batch."""
        return min(self.size.batch_size, len(self.data.x))

    def initialise(self, model: Any, seed: int) -> None:
        """Sets every variable of a model of this training, as at its beginning with ``seed``."""
        late = self.late.draw_weights if self.late else None
        initialise(model, seed, self.perturbed, self.canonical, late)

    def short_epoch(self, count: int) -> TrainingSetup:
        """The same training with one epoch of ``count`` examples, and ``VALIDATION`` for validation.

        Beside its own curves it has both halves' losses.
        """
        x_val, y_val = (None if a is None else a[:VALIDATION] for a in (self.data.x_val, self.data.y_val))
        experiment = replace(self.experiment, halves=x_val is not None, plots=Plots())
        data = Dataset(self.data.x[:count], self.data.y[:count], x_val, y_val)
        return self.cut(experiment=experiment, size=replace(self.size, epochs=1), data=data)

    def cut(self, **changes: Any) -> TrainingSetup:
        """The same training with another size, data or record of it. It shares the model and the optimizer."""
        other = replace(self, **changes)
        other.__dict__["built"] = self.built
        return other

    @functools.cached_property
    def built(self) -> tuple[Any, Any]:
        """The model and the optimizer, built once and shared."""
        return self.build()

    def build(self) -> tuple[Any, Any]:
        """A new model, and a new optimizer built for it. SuiteError if this Keras cannot describe the model."""
        assert self.variant.model is not None
        assert callable(self.variant.optimizer)
        make = self.variant.optimizer
        model, optimizer = self.variant.model(), self.late.optimizer(make) if self.late else make()
        _check_configuration(model)
        if self.canonical and "Dropout" in str(model.get_config()):  # of a layer of one's own Keras may make another
            model = type(model).from_config(_without_dropout(model.get_config()))
        if not model.built:
            model.build((None, *self.data.x.shape[1:]))
        optimizer.build(model.trainable_variables)
        return model, optimizer


def _check_configuration(model: Any) -> None:
    """SuiteError if a layer's ``get_config`` leaves out its activity regularizer, as in Keras before 3.4.

    Programs and canonical trainings rest on configurations. They would train without the penalty.
    """
    import keras

    for layer in getattr(model, "layers", ()):
        if getattr(layer, "activity_regularizer", None) and not layer.get_config().get("activity_regularizer"):
            raise SuiteError(
                f"Keras {keras.__version__} is too old for this training: get_config of {type(layer).__name__} leaves "
                "out activity_regularizer. Install Keras 3.4 or later."
            )


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
