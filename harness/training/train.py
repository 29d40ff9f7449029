"""``train`` returns trials; ``prepare`` returns an engine that the caller runs."""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from harness.domain.model import Experiment, Seconds, Trial
from harness.errors import invalid
from harness.record.numbers import shortest
from harness.training.backend import Device, device, trained_on
from harness.training.backends import active_backend
from harness.training.divergence import classify
from harness.training.engines import (
    ENGINES,
    Engine,
    Measurements,
    Notice,
    NotVectorizableError,
    OnEpoch,
    pays_on_cpu,
    resolve_engine,
)
from harness.training.programs import Programs
from harness.training.setup import TrainingSetup


@functools.cache
def _programs() -> Programs:
    """The programs that ``train`` keeps in this process."""
    return Programs()


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
    trials: list[Trial] = []

    def keep(trial: Trial) -> None:
        trials.append(trial)
        on_trial(trial)

    try:
        _train(prepare(experiment, variant, engine, _programs(), perturbed, notice), seeds, on_epoch, keep)
    except NotVectorizableError as error:
        other = resolve_engine("auto", active_backend())
        notice(f"{experiment.id}/{variant}: {error}; engine {other} trains it, one seed after another.")
        _train(prepare(experiment, variant, other, _programs(), perturbed), seeds, on_epoch, keep)
    gc.collect()  # a program, its model and its data on the device refer to each other, so nothing else frees them
    return tuple(trials)


def _train(engine: Engine, seeds: Sequence[int], on_epoch: OnEpoch, on_trial: Callable[[Trial], None]) -> None:
    """Trains the seeds. Each trial gets an equal share of the seconds of its block."""
    facts = engine.setup.variant.facts() if engine.setup.variant.facts else {}
    clock = time.perf_counter()
    for block in engine.blocks(seeds, on_epoch):
        seconds = (time.perf_counter() - clock) / len(block)
        where = trained_on(engine.weights)
        for seed, measured in block:
            on_trial(_trial(engine.setup, seed, measured, seconds, engine.name, facts, where))
        clock = time.perf_counter()


def prepare(
    experiment: Experiment,
    variant: str,
    engine: str = "auto",
    programs: Programs | None = None,
    perturbed: int = 0,
    notice: Notice = lambda text: None,
) -> Engine:
    """An engine with a variant's model and data in place, ready to train. Arguments and errors as in ``train``.

    ``programs`` keeps compiled programs. Engines with the same ``programs`` must not run in alternation, because two
    variants of one structure share a program.
    """
    setup = TrainingSetup.of(experiment, variant, perturbed)
    return ENGINES[engine_of(setup, engine)].load()(setup, programs, notice)


def engine_of(setup: TrainingSetup, engine: str) -> str:
    """The name of the engine that trains a setup on the active backend. It resolves "auto"."""
    backend = active_backend()
    name = resolve_engine(engine, backend)
    if engine == "auto" and resolve_engine(engine, backend, "gpu") != name:  # a batched one, if it pays
        name = resolve_engine(engine, backend, device().kind, pays_on_cpu(setup, setup.built[0]))
    return name


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
    divergence = classify(
        history,
        setup.data,
        broken=measured.broken,
        broken_is_nan=measured.broken_is_nan,
        high=measured.high,
        initial=measured.initial,
        steps=setup.steps,
    )
    metrics = {metric.name: metric.value(history) for metric in setup.experiment.metrics if metric.name not in facts}
    return Trial(
        variant=setup.variant.name,
        seed=seed,
        metrics={metric.name: {**facts, **metrics}[metric.name] for metric in setup.experiment.metrics},
        history={name: tuple(curve) for name, curve in history.items()},
        divergence=divergence,
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
