"""``train`` returns trials; ``prepare`` returns an engine that the caller runs."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from harness.errors import invalid
from harness.model import Experiment, Seconds, Trial
from harness.record.trials import shortest
from harness.training.backend import Device, trained_on
from harness.training.backends import active_backend
from harness.training.divergence import classify
from harness.training.engine import Engine, Measurements, Notice, NotVectorizableError, OnEpoch
from harness.training.engines import ENGINES, engine_of, resolve_engine
from harness.training.programs import Programs
from harness.training.setup import TrainingSetup

T = TypeVar("T")
LARGE = 10_000_000
"""Bytes of data from which on memory is freed after a training, which takes 0.2 s; Python itself frees it later."""
_PROGRAMS = Programs()
"""The program that ``train`` keeps in this process."""


def check_seeds(seeds: Sequence[int]) -> None:
    """SuiteError unless the seeds are one or more different integers of at least 0."""
    whole = all(isinstance(seed, int) for seed in seeds)
    if not seeds or not whole or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise invalid("seeds", expected="one or more different integers of at least 0", received=list(seeds))


def train(
    experiment: Experiment,
    variant: str,
    seeds: Sequence[int],
    engine: str = "auto",
    on_epoch: OnEpoch = lambda seed, epoch: None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    perturbed: int = 0,
    notice: Notice = lambda text: None,
) -> tuple[Trial, ...]:
    """Trains one variant with each seed, and returns one trial per seed, in order.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0.
        engine: a name of ``engines.ENGINES``, or "auto" (``resolve_engine``).
        on_epoch: called with (seed, epochs finished) after every launch.
        on_trial: called with each trial as soon as it is finished, so an interrupt loses none.
        perturbed: 0, or the number of a perturbation of the initial weights (``seeding.initialise``). Perturbed trials
            show what rounding does.
        notice: called if fewer seeds are batched than intended.

    Raises:
        SuiteError: unknown variant or engine, an engine that the backend lacks, or impossible seeds.
    """
    check_seeds(seeds)
    setup = TrainingSetup.of(experiment, variant, perturbed)
    facts = setup.variant.facts() if setup.variant.facts else {}

    def trained(engine: Engine) -> list[Trial]:
        """Each trial gets an equal share of the seconds of its block."""
        trials, clock = [], time.perf_counter()
        for block in engine.blocks(seeds, on_epoch):
            seconds = (time.perf_counter() - clock) / len(block)
            where = trained_on(engine.weights)
            for seed, measured in block:
                trials.append(_trial(setup, seed, measured, seconds, engine.name, facts, where))
                on_trial(trials[-1])
            clock = time.perf_counter()
        return trials

    trials = with_engine(setup, engine, _PROGRAMS, trained, notice=notice)
    if setup.data.x.nbytes > LARGE:  # a program, its model and its data on the device refer to each other
        gc.collect()
    return tuple(trials)


def with_engine(
    setup: TrainingSetup,
    engine: str,
    programs: Programs,
    use: Callable[[Engine], T],
    of: TrainingSetup | None = None,
    notice: Notice = lambda text: None,
) -> T:
    """``use`` of the engine that trains a setup, or of another one where seeds of the setup cannot be batched.

    Args:
        setup: decides which engine is best.
        engine, programs, notice: as in ``prepare``.
        use: trains.
        of: what the engine trains, if it is not the setup.
    """
    try:
        return use(ENGINES[engine_of(setup, engine)](of or setup, programs, notice))
    except NotVectorizableError as error:
        other = resolve_engine("auto", active_backend())
        name = f"{setup.experiment.id}/{setup.variant.name}"
        notice(f"{name}: {error}; engine {other} trains it, one seed after another.")
        return use(ENGINES[other](of or setup, programs))


def prepare(experiment: Experiment, variant: str, engine: str = "auto", programs: Programs | None = None) -> Engine:
    """An engine with a variant's model and data in place, ready to train. Arguments and errors as in ``train``.

    ``programs`` keeps compiled programs. Engines with the same ``programs`` must not run in alternation, because two
    variants of one structure share a program.
    """
    setup = TrainingSetup.of(experiment, variant)
    return ENGINES[engine_of(setup, engine)](setup, Programs() if programs is None else programs)


def _trial(
    setup: TrainingSetup,
    seed: int,
    measured: Measurements,
    total: float,
    engine: str,
    facts: Mapping[str, float],
    where: Device,
) -> Trial:
    history = {name: shortest(curve) for name, curve in measured.history.items()}
    losses = np.concatenate(measured.losses or [np.empty(0)])
    metrics = {metric.name: metric.value(history) for metric in setup.experiment.metrics if metric.name not in facts}
    return Trial(
        variant=setup.variant.name,
        seed=seed,
        metrics={metric.name: {**facts, **metrics}[metric.name] for metric in setup.experiment.metrics},
        history={name: tuple(curve) for name, curve in history.items()},
        divergence=classify(history, setup.data, losses, setup.steps),
        seconds=_seconds(measured, setup.size.epochs, total),
        engine=engine,
        device=str(where),
        precision=where.precision,
    )


def _seconds(measured: Measurements, epochs: int, total: float) -> Seconds:
    """The seconds of a trial, from its launches.

    If compilation was not measured apart, it is the first launch − the median of the others. If all epochs were one
    launch, each epoch gets an equal share.
    """
    launches = measured.launches
    if not launches:
        return Seconds(total)
    if len(launches) < 2:
        epoch = launches[0] / epochs
        return Seconds(total, compile=measured.compile or 0.0, first_epoch=epoch, steady_epoch=epoch)
    steady = statistics.mean(launches[1:])
    if measured.compile is not None:
        return Seconds(total, compile=measured.compile, first_epoch=launches[0], steady_epoch=steady)
    extra = launches[0] - statistics.median(launches[1:])
    compile_seconds = extra if extra > 0.5 * steady else 0.0
    return Seconds(total, compile=compile_seconds, first_epoch=launches[0], steady_epoch=steady)
