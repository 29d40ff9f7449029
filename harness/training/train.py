"""``train``: the one entry to the engines."""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from harness.errors import invalid, nearest
from harness.experiment import Experiment
from harness.training.backend import active_backend
from harness.training.divergence import classify
from harness.training.placement import Device, trained_on
from harness.training.task import OnEpoch, Raw, Task
from harness.trial import Seconds, Trial

if TYPE_CHECKING:
    from harness.experiment import Dataset
    from harness.training.compiled import Programs

ENGINES = {"fit": ("tensorflow", "jax", "torch"), "compiled": ("tensorflow", "jax")}
"""Engines and the backends that have them."""


@functools.cache
def _programs() -> Programs:
    """Those of ``train``, which uses one engine after the other."""
    from harness.training.compiled import Programs

    return Programs()


class Engine(Protocol):
    """Trains one task, seed after seed. ``weights`` are those of the last training, where it left them."""

    task: Task

    @property
    def weights(self) -> Sequence[Any]: ...

    def run(self, seed: int, on_epoch: OnEpoch) -> Raw:
        """One trial's raw measurements."""


def resolve_engine(engine: str, backend: str) -> str:
    """The engine to use: "auto" is ``compiled`` where the backend has it, else ``fit``; SuiteError if impossible."""
    if engine == "auto":
        return "compiled" if backend in ENGINES["compiled"] else "fit"
    if engine not in ENGINES:
        names = ("auto", *ENGINES)
        raise invalid(
            "engine", expected=f"one of {', '.join(names)}", received=repr(engine), fix=nearest(engine, names)
        )
    if backend not in ENGINES[engine]:
        raise invalid(
            "engine for this backend",
            expected=f"a backend with {engine!r}: {' or '.join(ENGINES[engine])}",
            received=f"backend {backend!r}",
            fix="Choose another with --backend, or --engine fit.",
        )
    return engine


def check_seeds(seeds: Sequence[int]) -> None:
    """SuiteError unless the seeds are at least one, different integers, and not negative."""
    whole = all(isinstance(seed, int) for seed in seeds)
    if not seeds or not whole or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise invalid("seeds", expected="one or more different integers of at least 0", received=list(seeds))


def train(
    experiment: Experiment,
    variant: str,
    seeds: Sequence[int],
    setting: str = "quick",
    engine: str = "auto",
    on_epoch: OnEpoch = lambda seed, epoch: None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    twin: bool = False,
) -> tuple[Trial, ...]:
    """Trains one variant with each of the seeds and returns a trial for each, in order.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0; one trial each.
        setting: "quick" or "lecture".
        engine: "fit", "compiled", or "auto".
        on_epoch: told (seed, epochs finished) after every launch.
        on_trial: given each trial the moment it is finished, so that an interrupt loses none.
        twin: trains the twin of each seed, whose initial weights have other last bits: what rounding does to a trial.

    Raises:
        SuiteError: unknown variant, setting or engine, an engine that the backend lacks, or impossible seeds.
    """
    check_seeds(seeds)
    runner = prepare(experiment, variant, setting, engine, _programs(), twin)
    name = resolve_engine(engine, active_backend())
    task = runner.task
    facts = task.variant.facts() if task.variant.facts else {}
    trials: list[Trial] = []
    for seed in seeds:
        clock = time.perf_counter()
        raw = runner.run(seed, on_epoch)
        total = time.perf_counter() - clock
        trials.append(_trial(task, seed, raw, total, name, facts, trained_on(runner.weights)))
        on_trial(trials[-1])
    # A program, its model and its data on the device refer to each other; without this they pile up over variants.
    del runner, task
    gc.collect()
    return tuple(trials)


def prepare(
    experiment: Experiment,
    variant: str,
    setting: str,
    engine: str = "auto",
    programs: Programs | None = None,
    twin: bool = False,
) -> Engine:
    """An engine with a variant's model and data in place, ready to train seed after seed; errors as ``train``.

    ``programs``: where compiled programs are kept for the variants that follow; then only one engine is in use at once.
    """
    size, declared = experiment.size(setting), experiment.variant(variant, setting)
    backend = active_backend()
    name = resolve_engine(engine, backend)
    assert declared.data is not None
    task = Task(experiment, declared, size, declared.data().first(size.train), twin)
    if name == "fit":
        from harness.training.fit import FitEngine

        return FitEngine(task, backend)
    from harness.training.compiled import CompiledEngine

    return CompiledEngine(task, backend, programs)


def _trial(
    task: Task, seed: int, raw: Raw, total: float, engine: str, facts: Mapping[str, float], where: Device
) -> Trial:
    data: Dataset = task.data
    # Keras computes in float32: the shortest decimal that names the value is it, and keeps files readable.
    history = {name: [float(str(np.float32(value))) for value in curve] for name, curve in raw.history.items()}
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
    extra = launches[0] - statistics.median(launches[1:])
    compile_seconds = extra if extra > 0.5 * steady else 0.0
    return Seconds(total, compile=compile_seconds, first_epoch=launches[0], steady_epoch=steady)
