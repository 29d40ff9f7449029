"""``train``: the one entry to the engines."""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import invalid
from harness.experiment import Experiment
from harness.record.numbers import shortest
from harness.training.backend import active_backend, device
from harness.training.divergence import classify
from harness.training.engines import ENGINES, NotVectorizableError, pays_on_cpu, resolve_engine
from harness.training.placement import Device, trained_on
from harness.training.task import OnEpoch, Raw, Task
from harness.trial import Seconds, Trial

if TYPE_CHECKING:
    from harness.experiment import Dataset
    from harness.training.compiled import Programs as CompiledPrograms
    from harness.training.vectorized import VectorizedPrograms


class Programs:
    """Where compiled programs are kept for the tasks that follow: the last of each engine."""

    @functools.cached_property
    def compiled(self) -> CompiledPrograms:
        from harness.training.compiled import Programs as CompiledPrograms

        return CompiledPrograms()

    @functools.cached_property
    def vectorized(self) -> VectorizedPrograms:
        from harness.training.vectorized import VectorizedPrograms

        return VectorizedPrograms()


@functools.cache
def _programs() -> Programs:
    """Those of ``train``, which uses one engine after the other."""
    return Programs()


class Engine(Protocol):
    """Trains one task, seed after seed. ``weights`` are those of the last training, where it left them.

    One that trains several at once has ``blocks`` too (``VectorizedEngine``).
    """

    name: str
    task: Task

    @property
    def weights(self) -> Sequence[Any]: ...

    def run(self, seed: int, on_epoch: OnEpoch) -> Raw:
        """One trial's raw measurements."""


def check_seeds(seeds: Sequence[int]) -> None:
    """SuiteError unless the seeds are at least one, different integers, and not negative."""
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
    notice: Callable[[str], None] = lambda text: None,
) -> tuple[Trial, ...]:
    """Trains one variant with each of the seeds and returns a trial for each, in order.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0; one trial each.
        engine: "fit", "compiled", "vectorized" or "auto" (``resolve_engine``).
        on_epoch: told (seed, epochs finished) after every launch.
        on_trial: given each trial the moment it is finished, so that an interrupt loses none.
        perturbed: 0, or the number of a perturbation of the initial weights' last bits: what rounding does to a trial.
        notice: told, in a sentence, where seeds were not trained side by side as asked.

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
        notice(f"{experiment.id}/{variant}: {error}; engine compiled trains it, one seed after another.")
        _train(prepare(experiment, variant, "compiled", _programs(), perturbed), seeds, on_epoch, keep)
    # A program, its model and its data on the device refer to each other; without this they pile up over variants.
    gc.collect()
    return tuple(trials)


def _train(runner: Engine, seeds: Sequence[int], on_epoch: OnEpoch, on_trial: Callable[[Trial], None]) -> None:
    facts = runner.task.variant.facts() if runner.task.variant.facts else {}
    for raws, seconds in _measured(runner, seeds, on_epoch):
        where = trained_on(runner.weights)
        for seed, raw in raws:
            on_trial(_trial(runner.task, seed, raw, seconds / len(raws), runner.name, facts, where))


def _measured(
    runner: Engine, seeds: Sequence[int], on_epoch: OnEpoch
) -> Iterator[tuple[Sequence[tuple[int, Raw]], float]]:
    """What is finished at once, with its seconds: one seed, or a block of them."""
    blocks = runner.blocks(seeds, on_epoch) if hasattr(runner, "blocks") else _one_by_one(runner, seeds, on_epoch)
    clock = time.perf_counter()
    for raws in blocks:
        yield raws, time.perf_counter() - clock
        clock = time.perf_counter()


def _one_by_one(runner: Engine, seeds: Sequence[int], on_epoch: OnEpoch) -> Iterator[list[tuple[int, Raw]]]:
    for seed in seeds:
        yield [(seed, runner.run(seed, on_epoch))]


def prepare(
    experiment: Experiment,
    variant: str,
    engine: str = "auto",
    programs: Programs | None = None,
    perturbed: int = 0,
    notice: Callable[[str], None] = lambda text: None,
) -> Engine:
    """An engine with a variant's model and data in place, ready to train seed after seed; errors as ``train``.

    ``programs``: where compiled programs are kept for the variants that follow; then only one engine is in use at once.
    ``notice``: as ``train``; of an engine that trains several seeds at once.
    """
    backend, programs = active_backend(), programs or Programs()
    task = Task.of(experiment, variant, perturbed)
    name = engine_of(task, engine)
    if name == "fit":
        from harness.training.fit import FitEngine

        return FitEngine(task, backend)
    if name == "vectorized":
        from harness.training.vectorized import VectorizedEngine

        return VectorizedEngine(task, programs.vectorized, notice=notice)
    from harness.training.compiled import CompiledEngine

    return CompiledEngine(task, backend, programs.compiled)


def engine_of(task: Task, engine: str) -> str:
    """The name of the engine that trains a task on the active backend: ``engine``, or what "auto" means for it."""
    backend = active_backend()
    name = resolve_engine(engine, backend)
    if engine == "auto" and backend in ENGINES["vectorized"]:
        name = resolve_engine(engine, backend, device().kind, pays_on_cpu(task, task.built[0]))
    return name


def _trial(
    task: Task, seed: int, raw: Raw, total: float, engine: str, facts: Mapping[str, float], where: Device
) -> Trial:
    data: Dataset = task.data
    history = {name: shortest(curve) for name, curve in raw.history.items()}
    divergence = classify(
        history,
        data,
        broken=raw.broken,
        broken_is_nan=raw.broken_is_nan,
        high=raw.high,
        initial=raw.initial,
        steps=task.steps,
    )
    measured = {metric.name: metric.value(history) for metric in task.experiment.metrics if metric.name not in facts}
    return Trial(
        variant=task.variant.name,
        seed=seed,
        metrics={metric.name: {**facts, **measured}[metric.name] for metric in task.experiment.metrics},
        history={name: tuple(curve) for name, curve in history.items()},
        divergence=divergence,
        seconds=_seconds(raw, task.size.epochs, total),
        engine=engine,
        device=str(where),
        precision=where.precision,
    )


def _seconds(raw: Raw, epochs: int, total: float) -> Seconds:
    """A first launch that took longer than the later ones compiled; of one launch for all epochs, each is the mean."""
    launches = raw.launches
    if not launches:
        return Seconds(total)
    if len(launches) < 2:
        epoch = launches[0] / epochs
        return Seconds(total, compile=raw.compile or 0.0, first_epoch=epoch, steady_epoch=epoch)
    steady = statistics.mean(launches[1:])
    if raw.compile is not None:
        return Seconds(total, compile=raw.compile, first_epoch=launches[0], steady_epoch=steady)
    extra = launches[0] - statistics.median(launches[1:])
    compile_seconds = extra if extra > 0.5 * steady else 0.0
    return Seconds(total, compile=compile_seconds, first_epoch=launches[0], steady_epoch=steady)
