"""Shortened trainings: the losses of the first steps, for a check that trains no epoch.

A step is compiled, not an epoch: the engine's own program, of a training whose only batch is fed to it anew for every
step. Such a program depends on the network, the optimizer, the loss and the shape of a batch alone, so it is kept for
every variant of any experiment that has the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.experiment import Dataset, Experiment, Size
from harness.plots import Plots
from harness.record.numbers import number, shortest
from harness.record.trials import ShortTrial
from harness.training.backend import active_backend
from harness.training.compiled import load_program, structure
from harness.training.engines import NotVectorizableError
from harness.training.fit import FitEngine
from harness.training.seeding import data_order, order_type
from harness.training.task import Task
from harness.training.train import check_seeds, engine_of

EVALUATED = 1000
"""Validation examples of one call of the network: bounded memory, and batches of one shape for MNIST."""

Trained = Iterator[tuple[int, Sequence[float], Any]]
"""Of each seed: itself, the losses of its steps, and its Keras model after them; None where nothing is validated."""

_PROGRAMS: dict[str, Any] = {}
"""Every program of this process, by engine and structure."""


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
    """Trains the first full batches of epoch 0 with each of the seeds, at the lecture's size; one trial each, in order.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0.
        steps: how many; none for an experiment that only observes its network as initialised.
        engine: as ``train``; "auto" chooses the one that trains all of it.
        perturbed, canonical: which initial weights (``seeding.initialise``); canonical ones go without dropout.
        validate: seeds that give a validation loss, and what the experiment observes.

    Raises:
        SuiteError: unknown variant or engine, an engine that the backend lacks, impossible seeds, or more steps than
            the first epoch has full batches.
    """
    check_seeds(seeds)
    task = Task.of(experiment, variant, perturbed, canonical)
    batch, most = _batch(task), full_batches(task)
    if not 0 <= steps <= most:
        raise invalid(
            f"number of steps of {experiment.id}/{variant}",
            expected=f"0 to {most}, the full batches of its first epoch",
            received=steps,
        )
    name = engine_of(task, engine)
    try:
        return _trials(task, name, seeds, steps, batch, validate)
    except NotVectorizableError:
        return _trials(task, "compiled", seeds, steps, batch, validate)


def full_batches(task: Task) -> int:
    """The full batches of the first epoch; 0 of an experiment that only observes its network as initialised."""
    return len(task.data.x) // _batch(task) if task.size.epochs else 0


def _batch(task: Task) -> int:
    return min(task.size.batch_size, len(task.data.x))


def _trials(
    task: Task, engine: str, seeds: Sequence[int], steps: int, batch: int, validate: Sequence[int]
) -> tuple[ShortTrial, ...]:
    clock = time.perf_counter()
    train = {"fit": _fit, "compiled": _compiled, "vectorized": _vectorized}[engine]
    found = [
        (seed, losses, {} if model is None else _look(task, seed, model))
        for seed, losses, model in train(task, seeds, steps, batch, validate)
    ]
    seconds = (time.perf_counter() - clock) / len(seeds)
    return tuple(
        ShortTrial(
            experiment=task.experiment.id,
            variant=task.variant.name,
            seed=seed,
            engine=engine,
            losses=tuple(map(number, shortest(losses))),
            perturbed=task.perturbed,
            canonical=task.canonical,
            seconds=seconds,
            **look,
        )
        for seed, losses, look in found
    )


def _compiled(task: Task, seeds: Sequence[int], steps: int, batch: int, validate: Sequence[int]) -> Trained:
    program = _program(task, batch, "compiled")
    order = np.arange(batch, dtype="int32")[None]
    for seed in seeds:
        program.reset(seed)
        losses = []
        for data in _batches(task, seed, steps, batch):
            program.feed(data)
            losses.append(program.launch(order, float("nan"))[0]["loss"][0])
        yield seed, losses, program.model if seed in validate else None


def _vectorized(task: Task, seeds: Sequence[int], steps: int, batch: int, validate: Sequence[int]) -> Trained:
    """All seeds side by side: each takes its own part of the data that is fed."""
    program = _program(task, batch, "vectorized")
    lanes = len(seeds)
    orders = np.arange(lanes * batch, dtype=order_type(lanes * batch)).reshape(lanes, 1, batch)
    program.begin(program.drawn(seeds), lanes)
    losses = np.empty((lanes, steps))
    for step, parts in enumerate(zip(*(_batches(task, seed, steps, batch) for seed in seeds), strict=True)):
        program.feed(Dataset(np.concatenate([data.x for data in parts]), np.concatenate([data.y for data in parts])))
        program.compile(lanes, 1)
        losses[:, step] = np.asarray(program.launch_all(orders, np.full(lanes, np.nan))[0]["loss"])[:, 0]
    for lane, seed in enumerate(seeds):
        yield seed, losses[lane].tolist(), program.lane(lane) if seed in validate else None


def _fit(task: Task, seeds: Sequence[int], steps: int, batch: int, validate: Sequence[int]) -> Trained:
    """``keras.Model.fit``, one step an epoch: the loss that it reports is then the step's own, not a running mean."""
    runner = FitEngine(_one_step(task, batch), active_backend())
    for seed in seeds:
        model, losses = runner.model(seed), []
        if steps:
            rows = data_order(seed, 0, len(task.data.x))[: steps * batch]
            arrays = task.data.x[rows], task.data.y[rows]
            how = {"batch_size": batch, "epochs": steps, "steps_per_epoch": 1, "shuffle": False, "verbose": 0}
            losses = model.fit(*arrays, **how).history["loss"]
        yield seed, losses, model if seed in validate else None


def _batches(task: Task, seed: int, steps: int, batch: int) -> Iterator[Dataset]:
    """The first full batches of epoch 0."""
    for rows in data_order(seed, 0, len(task.data.x))[: steps * batch].reshape(steps, batch):
        yield Dataset(task.data.x[rows], task.data.y[rows])


def _one_step(task: Task, batch: int) -> Task:
    """A training whose epoch is one step, and which records nothing but its loss."""
    experiment = replace(
        task.experiment, accuracy=False, inference=False, halves=False, follow={}, observe=None, plots=Plots()
    )
    data = Dataset(task.data.x[:batch], task.data.y[:batch])
    return replace(task, experiment=experiment, size=Size(epochs=1, batch_size=batch), data=data)


def _program(task: Task, batch: int, engine: str) -> Any:
    """The engine's program of one step, for this task."""
    short = _one_step(task, batch)
    key = f"{engine} {structure(short)}"
    if key in _PROGRAMS:
        _PROGRAMS[key].rebind(short)
    elif engine == "vectorized":
        from harness.training.vectorized_jax import VectorizedProgram

        _PROGRAMS[key] = VectorizedProgram(short)
    else:
        _PROGRAMS[key] = load_program(short, active_backend())
    return _PROGRAMS[key]


def _look(task: Task, seed: int, model: Any) -> dict[str, Any]:
    """The validation loss of a trained model, and what the experiment observes of it as it was initialised."""
    found: dict[str, Any] = {}
    if task.data.x_val is not None:
        found["val_loss"] = number(shortest([_validation_loss(task, model)])[0])
    if task.experiment.observe is not None:
        task.initialise(model, seed)
        observed = task.experiment.observe(model, task.data)
        found["observed"] = {name: number(float(value)) for name, value in observed.items()}
    return found


def _validation_loss(task: Task, model: Any) -> float:
    """The mean loss over the validation data, in inference mode, without penalties."""
    import keras

    loss, x, y = keras.losses.get(task.experiment.loss), task.data.x_val, task.data.y_val
    assert x is not None
    assert y is not None
    losses = []
    for start in range(0, len(x), EVALUATED):
        inputs, targets = (keras.ops.convert_to_tensor(array[start : start + EVALUATED], "float32") for array in (x, y))
        losses.append(keras.ops.convert_to_numpy(loss(targets, model(inputs, training=False))))
    return float(np.mean(np.concatenate(losses), dtype="float64"))
