"""Shortened trainings: the losses of the first steps, for a check.

The engines compile one step instead of an epoch, and give the program a new batch for each step. Such a program depends
only on the network, the optimizer, the loss and the shape of a batch. It is kept for all variants and experiments that
share these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.model import Dataset, Experiment
from harness.record.trials import Number, ShortTrial, Sizes, number, shortest
from harness.training.engine import Engine, Measurements, Parts
from harness.training.fit import validation_losses
from harness.training.late_state import Late, sizes
from harness.training.programs import Programs
from harness.training.seeding import data_order, derived
from harness.training.setup import TrainingSetup
from harness.training.train import check_seeds, with_engine

STEPS, TAIL, EARLY = 20, 4, 3
"""From a late state: at least so many steps, full batches of a short epoch, and the first epoch whose end is crossed.

Short epochs are as short as that because some networks can be followed for a few steps only, evaluation included."""
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

    def fields(seed: int, measured: Measurements, model: Callable[[], Any]) -> dict[str, Any]:
        losses = _float32(measured.history.get("loss", ()))
        return {"losses": losses} | (_of_model(setup, seed, steps, model()) if seed in validate else {})

    return _trained(setup, setup.one_step(), seeds, batches, engine, fields)


def late_steps(
    experiment: Experiment,
    variant: str,
    seeds: Sequence[int],
    late: Late,
    *,
    engine: str = "auto",
    perturbed: int = 0,
    canonical: bool = False,
) -> tuple[ShortTrial, ...]:
    """Trains on from a late state with each seed, over the end of an epoch. Returns one trial per seed.

    A trial has the loss of every step and, of each short epoch, all curves that the engine gives a whole one. A short
    epoch has up to ``TAIL`` full batches and the partial one: the last of its epoch, or the first of the next.

    Arguments and errors as in ``first_steps``.
    """
    setup = TrainingSetup.of(experiment, variant, perturbed, canonical, late)
    data, batch = setup.data, setup.full_batch
    full, partial = divmod(len(data.x), batch)
    tail = min(TAIL, full)
    first, step = divmod(late.steps, setup.steps)
    short, model = setup.short_epoch(tail * batch + partial), setup.built[0]

    def epochs(seed: int) -> Iterator[Dataset]:
        if late.own_labels:
            setup.initialise(model, seed)
        for epoch in range(-(-STEPS // (tail + bool(partial)))):
            order = data_order(seed, first + epoch, len(data.x))
            begin = batch * (min(step, full - tail) if epoch == 0 else 0)
            rows = np.concatenate([order[begin : begin + tail * batch], order[full * batch :]])
            y = _predicted(model, data.x[rows]) if late.own_labels else data.y[rows]
            yield replace(short.data, x=data.x[rows], y=y)

    def fields(seed: int, measured: Measurements, model: Callable[[], Any]) -> dict[str, Any]:
        return {
            "losses": _float32(np.concatenate(measured.losses)),
            "curves": {name: _float32(curve) for name, curve in measured.history.items()},
            "rounded": _rounded(model()),
            "start": late.steps,
        }

    return _trained(setup, short, seeds, epochs, engine, fields)


def late_states(setup: TrainingSetup, sizes: Sizes) -> tuple[Late, ...]:
    """The late states that a check begins in: before the end of the third and of the last epoch, and at a drawn step.

    In the drawn one the loss is small, where a network without batch normalization classifies: that would normalise
    otherwise in training than it predicted. The step is log-uniform, from a seed of the training's name.
    """
    full, partial = divmod(len(setup.data.x), setup.full_batch)
    epochs, before = setup.size.epochs, min(TAIL, full) + bool(partial)
    rng = np.random.default_rng(derived(0, f"{setup.experiment.id}/{setup.variant.name}/late"))
    drawn = int(np.exp(rng.uniform(*np.log([before, max(epochs * setup.steps, before + 1)]))))
    classes = setup.data.y.ndim == 2 and setup.data.y.shape[1] > 1 and not any("moving" in name for name in sizes)
    ends = {epoch * setup.steps - before: False for epoch in (min(EARLY, epochs), epochs)}
    return tuple(Late(steps, sizes, own) for steps, own in sorted(({drawn: classes} | ends).items()) if steps > 0)


def late_sizes(setup: TrainingSetup) -> Sizes | None:
    """The sizes of weights and moments after ``EARLY`` epochs of a training; None if they are not finite."""
    short = replace(setup, size=replace(setup.size, epochs=min(EARLY, setup.size.epochs)))

    def trained(engine: Any) -> Sizes | None:
        engine.run(0, lambda *_: None)
        return sizes(engine.program.model, engine.program.moments, short.built[1])

    return with_engine(setup, "auto", Programs(), trained, of=short)


def _trained(
    setup: TrainingSetup,
    of: TrainingSetup,
    seeds: Sequence[int],
    parts: Parts,
    engine: str,
    fields: Callable[[int, Measurements, Callable[[], Any]], dict[str, Any]],
) -> tuple[ShortTrial, ...]:
    """Trains these parts of each seed by the engine that would train the whole setup. ``of``: the setup of a part."""
    check_seeds(seeds)

    def trained(engine: Engine) -> tuple[ShortTrial, ...]:
        clock = time.perf_counter()
        results = [(seed, fields(seed, measured, model)) for seed, measured, model in engine.parts(seeds, parts)]
        seconds = (time.perf_counter() - clock) / len(seeds)
        how: dict[str, Any] = {"engine": engine.name, "perturbed": setup.perturbed, "canonical": setup.canonical}
        return tuple(ShortTrial(seed=seed, seconds=seconds, **how, **found) for seed, found in results)

    return with_engine(setup, engine, _PROGRAMS, trained, of=of)


def _float32(values: Any) -> tuple[Number, ...]:
    """float32 values as a short trial has them."""
    return tuple(map(number, shortest(values)))


def _predicted(model: Any, x: np.ndarray) -> np.ndarray:
    """What a classifier predicts, one-hot."""
    from keras.ops import convert_to_numpy

    outputs = np.concatenate(
        [convert_to_numpy(model(x[start : start + EVALUATED], training=False)) for start in range(0, len(x), EVALUATED)]
    )
    return np.eye(outputs.shape[1], dtype="float32")[outputs.argmax(1)]


def _rounded(model: Any) -> int:
    """The number of weights, of ten values and more, whose 16 low bits are all 0: as after a cast to bfloat16."""
    from keras.ops import convert_to_numpy

    bits = [np.asarray(convert_to_numpy(weight), "float32").view("uint32") for weight in model.trainable_variables]
    return sum(bool((values & 0xFFFF == 0).all()) for values in bits if values.size >= 10)


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
        setup.initialise(model, seed)
        recorded = setup.experiment.observe(model, setup.data)
        fields["observed"] = {name: number(float(value)) for name, value in recorded.items()}
    return fields
