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

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.model import Experiment
from harness.record.timings import Measurement, Provenance
from harness.timing.contention import accounts, contention
from harness.training.backend import trained_on
from harness.training.backends import active
from harness.training.configuration import variant_digest
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


@dataclass
class _Readings:
    """What was read of an engine so far, in seconds. ``compilations``: (compilation, first epoch) of a training."""

    name: str
    engine: Engine
    rounds: list[float] = field(default_factory=list)
    trainings: list[float] = field(default_factory=list)
    first_trainings: list[float] = field(default_factory=list)
    compilations: list[tuple[float, float | None]] = field(default_factory=list)
    trained_on: str = ""

    @property
    def compiles_each_time(self) -> bool:
        return ENGINES[self.name].compiles_each_seed


def sized(experiment: Experiment, epochs: int) -> Experiment:
    """The experiment with another number of epochs."""
    return replace(experiment, size=replace(experiment.size, epochs=epochs))


def measure(
    experiment: Experiment,
    variant: str,
    engines: Sequence[str],
    provenance: Provenance,
    seconds: float = SECONDS,
    min_turns: int = MIN_TURNS,
) -> dict[str, Measurement]:
    """The times of the engines on a variant, at the experiment's size, with seed 0, by engine; the reference first.

    ``seconds`` and ``min_turns`` decide the number of turns.
    """
    brief = sized(experiment, min(BRIEF, experiment.size.epochs))
    readings = []
    for name in engines:
        _run(prepare(brief, variant, name))
        readings.append(_first(experiment, variant, name))
    before = accounts()
    _take_turns(readings, seconds, min_turns)
    held_up = contention(before, accounts())
    fit = next((min(reading.rounds) for reading in readings if reading.name == "fit"), None)
    setup, definition = readings[0].engine.setup, variant_digest(experiment, variant)
    return {
        reading.name: Measurement(
            rounds=tuple(reading.rounds),
            epochs=setup.size.epochs,
            images=len(setup.data.x),
            compile=_median([compiling for compiling, _ in reading.compilations]),
            first_epoch=_median([epoch for _, epoch in reading.compilations if epoch is not None]),
            first_training=_median(reading.first_trainings),
            training=_median(reading.trainings),
            fit=None if reading.name == "fit" else fit,
            contention=held_up,
            trained_on=reading.trained_on,
            definition=definition,
            provenance=provenance,
        )
        for reading in readings
    }


def _first(experiment: Experiment, variant: str, name: str) -> _Readings:
    """A new engine. If it keeps its program, its first training is timed, several times if it is short."""
    reading, begin = _Readings(name, prepare(experiment, variant, name)), time.perf_counter()
    while not reading.compiles_each_time and len(reading.first_trainings) < FIRSTS:
        clock = time.perf_counter()
        if reading.first_trainings and clock - begin >= SHORT:
            break
        reading.engine = prepare(experiment, variant, name)
        raw, _ = _run(reading.engine)
        reading.first_trainings.append(time.perf_counter() - clock)
        reading.compilations.append(_compilation(raw))
    return reading


def _take_turns(readings: Sequence[_Readings], seconds: float, least: int) -> None:
    begin = time.perf_counter()
    reference, *others = readings
    turns, last = 0, 0.0
    while turns < least or (turns < MAX_TURNS and time.perf_counter() - begin + last <= seconds):
        clock = time.perf_counter()
        for reading in [*others, reference, *reversed(others)]:
            _visit(reading)
        turns, last = turns + 1, time.perf_counter() - clock


def _visit(reading: _Readings) -> None:
    """Runs one round, or several if they are short."""
    begin = time.perf_counter()
    for _ in range(RUNS_PER_VISIT):
        raw, taken = _run(reading.engine)
        launches = raw.launches
        if reading.compiles_each_time:
            reading.compilations.append(_compilation(raw))
            reading.first_trainings.append(taken)
            launches = launches[1:]
        epochs_per_launch = reading.engine.setup.size.epochs / len(raw.launches)
        reading.rounds.append(statistics.median(launches) / epochs_per_launch)
        reading.trainings.append(taken)
        if reading.engine.weights:
            reading.trained_on = str(trained_on(reading.engine.weights))
        if time.perf_counter() - begin >= VISIT:
            break


def _run(engine: Engine) -> tuple[Measurements, float]:
    """Trains with seed 0, and returns the measurements and the seconds. The device is idle before and after.

    Inside a training the engines read the clock after they have copied losses to the host, when the device is done.
    """
    gc.collect()
    active().synchronise()
    clock = time.perf_counter()
    raw = engine.run(0, lambda seed, epoch: None)
    active().synchronise()
    return raw, time.perf_counter() - clock


def _compilation(raw: Measurements) -> tuple[float, float | None]:
    """(seconds of compilation, seconds of the first epoch) of a training that compiled."""
    if len(raw.launches) == 1:
        return raw.compile or 0.0, None
    return max(raw.launches[0] - statistics.median(raw.launches[1:]), 0.0), raw.launches[0]


def _median(seconds: Sequence[float]) -> float | None:
    return statistics.median(seconds) if seconds else None
