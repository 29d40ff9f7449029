"""Shortened trainings: the losses of the first steps, for a check.

The engines compile one step instead of an epoch, and give the program a new batch for each step. Such a program depends
only on the network, the optimizer, the loss and the shape of a batch. It is kept for all variants and experiments that
share these.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.model import Dataset, Experiment
from harness.record.trials import ShortTrial, number, shortest
from harness.training.engine import Engine
from harness.training.fit import validation_losses
from harness.training.programs import Programs
from harness.training.seeding import data_order, initialise
from harness.training.setup import TrainingSetup
from harness.training.train import check_seeds, with_engine

EVALUATED = 1000
"""Number of validation examples per call of the network. It bounds the memory, and divides MNIST's validation set."""

_PROGRAMS = Programs(keep_all=True)
"""This process's programs of one step."""


def first_steps(
    experiment: Experiment,
    variant: str,
    seeds: Sequence[int],
    steps: int,
    *,
    engine: str = "auto",
    perturbed: int = 0,
    canonical: bool = False,
    validate: Sequence[int] = (0,),
) -> tuple[ShortTrial, ...]:
    """Trains the first full batches of epoch 0 with each seed, at the lecture's size. Returns one trial per seed.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0.
        steps: number of batches; 0 for an experiment that only records metrics of its initial network.
        engine: as in ``train``. "auto" is the engine that would train the whole variant.
        perturbed, canonical: the kind of initial weights (``seeding.initialise``). A canonical training has no dropout.
        validate: the seeds whose validation loss and recorded metrics are needed.

    Raises:
        SuiteError: unknown variant or engine, an engine that the backend lacks, impossible seeds, or more steps than
            the first epoch has full batches.
    """
    check_seeds(seeds)
    setup = TrainingSetup.of(experiment, variant, perturbed, canonical)
    most = full_batches(setup)
    if not 0 <= steps <= most:
        raise invalid(
            f"number of steps of {experiment.id}/{variant}",
            expected=f"0 to {most}, the full batches of its first epoch",
            received=steps,
        )

    def batches(seed: int) -> Iterator[Dataset]:
        data, batch = setup.data, setup.full_batch
        for rows in data_order(seed, 0, len(data.x))[: steps * batch].reshape(steps, batch):
            yield Dataset(data.x[rows], data.y[rows])

    def trained(engine: Engine) -> tuple[ShortTrial, ...]:
        clock = time.perf_counter()
        results = [
            (seed, losses, _of_model(setup, seed, steps, model()) if seed in validate else {})
            for seed, losses, model in engine.first_steps(seeds, batches)
        ]
        seconds = (time.perf_counter() - clock) / len(seeds)
        return tuple(
            ShortTrial(
                seed=seed,
                engine=engine.name,
                losses=tuple(map(number, shortest(losses))),
                perturbed=perturbed,
                canonical=canonical,
                seconds=seconds,
                **of_model,
            )
            for seed, losses, of_model in results
        )

    return with_engine(setup, engine, _PROGRAMS, trained, of=setup.one_step())


def full_batches(setup: TrainingSetup) -> int:
    """Number of full batches of the first epoch; 0 for an experiment that trains no epoch."""
    return len(setup.data.x) // setup.full_batch if setup.size.epochs else 0


def _of_model(setup: TrainingSetup, seed: int, steps: int, model: Any) -> dict[str, Any]:
    """The fields of a short trial that need its model: the validation loss, and metrics of the initial model."""
    fields: dict[str, Any] = {}
    if setup.data.x_val is not None and steps:
        (loss,) = shortest([float(np.mean(validation_losses(setup, model, EVALUATED), dtype="float64"))])
        fields["val_losses"] = (*[None] * (steps - 1), number(loss))
    if setup.experiment.observe is not None:
        initialise(model, seed, setup.perturbed, setup.canonical)
        recorded = setup.experiment.observe(model, setup.data)
        fields["observed"] = {name: number(float(value)) for name, value in recorded.items()}
    return fields
