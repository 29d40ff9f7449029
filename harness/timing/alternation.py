"""Times several engines on one training, in alternation.

A turn has the reference engine (the first one) in the middle, and every other engine before and after it: compiled,
fit, compiled. A drift during a turn (a clock that throttles, a neighbour that wakes) then affects all engines alike. An
engine whose training takes milliseconds runs several times at each visit.

Before the first turn, each engine trains briefly, and this engine is discarded. The process has then loaded and
initialised everything, whichever engine comes first. Then a new engine is prepared, and its first training is timed,
compilation included.

There are as many turns as fit into SECONDS, but at least MIN_TURNS and at most MAX_TURNS. In each turn, the reference
has at least one round and every other engine at least two. Six rounds are enough for a rank test.
"""

from __future__ import annotations

import functools
import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from harness.domain.experiment import Experiment
from harness.timing.contention import accounts, contention
from harness.timing.flops import dense_shapes, operations
from harness.timing.memory import memory_peak, reset_memory_peak
from harness.timing.products import seconds_of_products
from harness.timing.reference import fastest, reference_work
from harness.timing.synchronise import synchronise
from harness.training.devices import Device, trained_on
from harness.training.engine import Engine, Measurements
from harness.training.engines import ENGINES
from harness.training.train import prepare

SECONDS = 40.0
MIN_TURNS, MAX_TURNS = 3, 24
VISIT = 0.25
"""An engine runs again, up to RUNS_PER_VISIT times, until a visit lasts this many seconds."""
RUNS_PER_VISIT = 3
FIRSTS, SHORT = 3, 4.0
"""An engine that keeps its program has up to FIRSTS first trainings, until they have taken SHORT seconds."""
BRIEF = 2
"""Epochs of the training that is discarded."""
COMPILES_EACH_TIME = frozenset(name for name, entry in ENGINES.items() if entry.compiles_each_seed)

Prepare = Callable[[Experiment, str, str], Engine]


class EngineTimes(msgspec.Struct):
    """The times of one engine on one training.

    Attributes:
        engine: its name.
        steady: seconds per epoch, one value per round: the median over the epochs without compilation. For ``fit`` an
            epoch lasts from Keras' on_epoch_begin to on_epoch_end; for the others it is a launch, or its share of one.
        trainings: seconds of the whole training of each round, with initialisation; for ``fit`` with compilation.
        first_trainings: seconds of first trainings: copying the data, building, compiling and training.
        compile: seconds of compilation. For ``fit``: the median over rounds of first epoch − steady epoch.
        first_epoch: seconds of the first epoch, with any compilation in it; None if all epochs are one launch, whose
            epochs cannot be timed.
        memory_peak: bytes (``harness.timing.memory``); None if unknown.
        device: the device of the trained weights, "cpu: AMD EPYC".
    """

    engine: str
    steady: list[float] = msgspec.field(default_factory=list)
    trainings: list[float] = msgspec.field(default_factory=list)
    first_trainings: list[float] = msgspec.field(default_factory=list)
    compile: float | None = None
    first_epoch: float | None = None
    memory_peak: int | None = None
    device: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.steady)


class WorkTimes(msgspec.Struct, frozen=True):
    """The times of all engines on one training.

    Attributes:
        epochs: of the training.
        images, flops: of one epoch; ``flops`` is None if unknown.
        engines: the reference engine first.
        turns: number of turns.
        load: the system's load average over one minute, before and after; None if unknown.
        contention: the share of the time that other programs may have cost; None if unknown.
        reference: seconds of the reference works that ran between the engines.
        products: seconds of an epoch's matrix products alone; None if they cannot be timed.
    """

    epochs: int
    images: int
    flops: float | None
    engines: tuple[EngineTimes, ...]
    turns: int
    load: tuple[float | None, float | None] = (None, None)
    contention: float | None = None
    reference: dict[str, float] = msgspec.field(default_factory=dict)
    products: float | None = None


def sized(experiment: Experiment, epochs: int) -> Experiment:
    """The experiment with another number of epochs."""
    return replace(experiment, size=replace(experiment.size, epochs=epochs))


def alternate(
    experiment: Experiment,
    variant: str,
    engines: Sequence[str],
    device: Device,
    *,
    seconds: float = SECONDS,
    min_turns: int = MIN_TURNS,
    max_turns: int = MAX_TURNS,
    prepared: Prepare = prepare,
) -> WorkTimes:
    """Times the engines on a variant, at the experiment's size, with seed 0.

    Args:
        experiment, variant: what to train.
        engines: names, the reference engine first.
        device: the device in use.
        seconds, min_turns, max_turns: decide the number of turns.
        prepared: prepares an engine.
    """
    load_before = _load()
    runners: dict[str, Engine] = {}
    times = {engine: EngineTimes(engine) for engine in engines}
    for engine in engines:
        brief = sized(experiment, min(BRIEF, experiment.size.epochs))
        _run(prepared(brief, variant, engine))
        runners[engine] = _first(times[engine], functools.partial(prepared, experiment, variant, engine))
    setup = runners[engines[0]].setup
    before = accounts()
    alongside: list[dict[str, float]] = []
    turns = _turns(list(times.values()), runners, device, seconds, min_turns, max_turns, alongside)
    held_up = contention(before, accounts())
    validation = 0 if setup.data.x_val is None else len(setup.data.x_val)
    loads = load_before, _load()
    shapes, images = dense_shapes(setup.build()[0]), len(setup.data.x)
    flops = None if shapes is None else operations(shapes, images, validation)
    products = None if shapes is None else seconds_of_products(shapes, images, validation, setup.size.batch_size)
    return WorkTimes(
        setup.size.epochs, images, flops, tuple(times.values()), turns, loads, held_up, fastest(alongside), products
    )


def _first(one: EngineTimes, prepared: Callable[[], Engine]) -> Engine:
    """A new engine. If it keeps its program, its first training is timed, several times if it is short."""
    if one.engine in COMPILES_EACH_TIME:
        return prepared()
    begin = time.perf_counter()
    compiled: list[tuple[float, float | None]] = []
    while len(compiled) < FIRSTS and (not compiled or time.perf_counter() - begin < SHORT):
        clock = time.perf_counter()
        runner = prepared()
        raw, _ = _run(runner)
        one.first_trainings.append(time.perf_counter() - clock)
        compiled.append(_compilation(raw))
    _compiled(one, compiled)
    return runner


def _compiled(one: EngineTimes, compilations: Sequence[tuple[float, float | None]]) -> None:
    one.compile = statistics.median(seconds for seconds, _ in compilations)
    epochs = [epoch for _, epoch in compilations if epoch is not None]
    one.first_epoch = statistics.median(epochs) if epochs else None


def _turns(
    times: list[EngineTimes],
    runners: dict[str, Engine],
    device: Device,
    seconds: float,
    least: int,
    most: int,
    alongside: list[dict[str, float]],
) -> int:
    """Adds the rounds to ``times`` and the seconds of the reference works to ``alongside``; returns the turns."""
    run_reference_work = reference_work()
    begin = time.perf_counter()
    reference, others = times[0], times[1:]
    firsts: dict[str, list[tuple[float, float | None]]] = {one.engine: [] for one in times}
    turns, last = 0, 0.0
    while turns < least or (turns < most and time.perf_counter() - begin + last <= seconds):
        clock = time.perf_counter()
        alongside.append(run_reference_work())
        for one in [*others, reference, *reversed(others)]:
            _visit(one, runners[one.engine], device, firsts[one.engine])
        turns, last = turns + 1, time.perf_counter() - clock
    for one in times:
        if one.engine in COMPILES_EACH_TIME:
            one.first_trainings = one.trainings
            _compiled(one, firsts[one.engine])
    return turns


def _visit(one: EngineTimes, runner: Engine, device: Device, firsts: list[tuple[float, float | None]]) -> None:
    """Runs one round, or several if they are short."""
    begin = time.perf_counter()
    anew = one.engine in COMPILES_EACH_TIME
    for _ in range(RUNS_PER_VISIT):
        since_reset = reset_memory_peak(device)
        raw, taken = _run(runner)
        firsts.append(_compilation(raw))
        epochs_per_launch = runner.setup.size.epochs / len(raw.launches)
        one.steady.append(statistics.median(raw.launches[1:] if anew else raw.launches) / epochs_per_launch)
        one.trainings.append(taken)
        if runner.weights:
            one.device = str(trained_on(runner.weights))
        used = memory_peak(device)
        one.memory_peak = max(one.memory_peak or 0, used) if used is not None and since_reset else used
        if time.perf_counter() - begin >= VISIT:
            break


def _run(runner: Engine) -> tuple[Measurements, float]:
    """Trains with seed 0, and returns the measurements and the seconds. The device is idle before and after."""
    gc.collect()
    synchronise()
    clock = time.perf_counter()
    raw = runner.run(0, lambda seed, epoch: None)
    synchronise()
    return raw, time.perf_counter() - clock


def _compilation(raw: Measurements) -> tuple[float, float | None]:
    """(seconds of compilation, seconds of the first epoch) of a training that compiled."""
    if len(raw.launches) == 1:
        return raw.compile or 0.0, None
    return max(raw.launches[0] - statistics.median(raw.launches[1:]), 0.0), raw.launches[0]


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):  # Windows
        return None
