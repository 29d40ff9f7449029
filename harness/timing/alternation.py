"""Times several engines on one training, in alternation.

A turn has the first engine, the reference, in its middle, and every other before and behind it: compiled, fit,
compiled. What drifts during a turn (a clock that throttles, a neighbour that wakes) then falls on all of them alike.
An engine whose training takes milliseconds runs several times at each visit.

Before the first turn each engine trains briefly and is thrown away: the process has then loaded and initialised what it
needs, whichever engine comes first. A new one is then prepared and its first training timed, compilation included.

How many turns: as many as fit into SECONDS, but at least MIN_TURNS and at most MAX_TURNS. The reference has a
round or more in each turn, every other engine two or more: at least six, enough for a test of ranks.
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
"""Seconds of a visit below which an engine runs again, three times at most."""
RUNS_PER_VISIT = 3
FIRSTS, SHORT = 3, 4.0
"""First trainings of an engine that keeps its program, another one only while they took less than SHORT seconds."""
BRIEF = 2
"""Epochs of the training that is thrown away."""
COMPILES_EACH_TIME = frozenset(name for name, entry in ENGINES.items() if entry.compiles_each_seed)

Prepare = Callable[[Experiment, str, str], Engine]


class EngineTimes(msgspec.Struct):
    """One engine on one training.

    Attributes:
        engine: its name.
        steady: seconds per epoch, one value per round: the median over its epochs that compiled nothing. Of ``fit`` an
            epoch lasts from Keras' on_epoch_begin to its on_epoch_end, of ``compiled`` it is a launch or its share.
        trainings: seconds of each round's whole training, initialisation included; of ``fit`` compilation too.
        first_trainings: seconds of trainings from nothing: the data handed over, building, compilation, training.
        compile: seconds of compilation; for ``fit`` the median over rounds of what the first epoch takes longer.
        first_epoch: seconds of the first epoch, with the compilation it may hold; None where the device is given the
            training as a whole, so that no epoch of it can be timed.
        memory_peak: bytes, as ``harness.timing.memory`` says; None if unknown.
        device: where the trained weights lay, "cpu: AMD EPYC".
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
    """All engines on one training.

    Attributes:
        epochs: of the training.
        images, flops: of one epoch; flops are None where they are unknown.
        engines: the reference first.
        turns: how often the engines took turns.
        load: the system's load average over a minute before and after; None where there is none.
        contention: the share of the turns' time that others may have cost; None if unknown.
        reference: seconds of the fixed pieces of work between the engines.
        products: seconds of an epoch's matrix products alone; None where they were not or cannot be timed.
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
    """The experiment with that many epochs, otherwise as it is."""
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
    """Times the engines, the reference first, on a variant, at the experiment's size, with seed 0.

    ``seconds``, ``min_turns`` and ``max_turns`` decide how often; ``prepared`` prepares an engine.
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
    """A new engine; of one that keeps its program the first training is timed, several times where it is short."""
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
    """Fills in the rounds, and ``alongside`` them those of the reference work, and returns the number of turns."""
    reference_pieces = reference_work()
    begin = time.perf_counter()
    reference, others = times[0], times[1:]
    firsts: dict[str, list[tuple[float, float | None]]] = {one.engine: [] for one in times}
    turns, last = 0, 0.0
    while turns < least or (turns < most and time.perf_counter() - begin + last <= seconds):
        clock = time.perf_counter()
        alongside.append(reference_pieces())
        for one in [*others, reference, *reversed(others)]:
            _visit(one, runners[one.engine], device, firsts[one.engine])
        turns, last = turns + 1, time.perf_counter() - clock
    for one in times:
        if one.engine in COMPILES_EACH_TIME:
            one.first_trainings = one.trainings
            _compiled(one, firsts[one.engine])
    return turns


def _visit(one: EngineTimes, runner: Engine, device: Device, firsts: list[tuple[float, float | None]]) -> None:
    """One round, or several where they are short."""
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
    """A training with seed 0 and its seconds, the device idle before and done after."""
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
