"""A task of a run: a part of the training of a variant, which any process can perform."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import msgspec

from harness.check.rounding import CHECKED, measure
from harness.errors import SuiteError
from harness.model import Trial
from harness.record.run_file import RecordError
from harness.record.trials import Hashes, ShortTrial, Sizes, State, Training
from suite.catalogue import EXPERIMENTS, training_name

EVERY = 0.2
"""Seconds between two events with the progress of a trial."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the training of one variant.

    Attributes:
        backend, precision, engine: what trains.
        experiment, variant: names in the catalogue.
        seeds: the seeds to train to the end.
        states: those from which each seed of a check trains some steps.
        canonical: those from which the canonical trial does.
        sizes: of what is drawn in late states; None if they are unknown.
        hashed: whether to hash the random numbers.
        require_gpu: whether a trial that was not trained on a GPU is an error.
        measured: trials to store. With them, the task only measures what evidence holds besides trials.
        stored: the evidence of the variant to which ``measured`` is added; None for new evidence.
    """

    backend: str
    precision: str = "default"
    engine: str = "auto"
    experiment: str
    variant: str
    seeds: tuple[int, ...] = ()
    states: tuple[State, ...] = ()
    canonical: tuple[State, ...] = ()
    sizes: Sizes | None = None
    hashed: bool = False
    require_gpu: bool = False
    measured: tuple[Trial, ...] = ()
    stored: Training | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.experiment, self.variant

    @property
    def name(self) -> str:
        return training_name(*self.key)


class Description(msgspec.Struct, frozen=True):
    """The configuration given to Keras, its digest, and the hashes of the random numbers if the task wants them."""

    configuration: dict[str, Any]
    digest: str
    hashes: Hashes | None


class Epoch(msgspec.Struct, frozen=True):
    """The trial of ``seed`` has finished ``epochs`` epochs."""

    seed: int
    epochs: int


Event = Description | Trial | ShortTrial | Epoch | Training | str
"""What a task has done; a string is a sentence for the user."""


def perform(task: Task, report: Callable[[Event], None], /) -> None:
    """Performs a task and reports each event at once. Errors are those of ``train``."""
    start(task.backend, task.precision)
    from harness.training.backend import check_on_gpu
    from harness.training.configuration import configuration, digest, hashes
    from harness.training.late_state import Late
    from harness.training.setup import TrainingSetup
    from harness.training.steps import short_trials
    from harness.training.train import train

    experiment, variant, engine = EXPERIMENTS[task.experiment], task.variant, task.engine
    if task.measured:
        report(measure(experiment, variant, task.measured, task.stored, engine, task.sizes))
        return
    declared = TrainingSetup.of(experiment, variant)
    given = configuration(declared)
    report(Description(given, digest(given), hashes(declared) if task.hashed else None))
    if task.seeds:

        def on_trial(trial: Trial) -> None:
            if task.require_gpu:
                check_on_gpu([trial.device])
            report(trial)

        train(experiment, variant, task.seeds, engine, _throttled(report), on_trial, notice=report)
    for states, canonical in ((task.states, False), (task.canonical, True)):
        for state in states:
            late = Late(state.start, task.sizes or {}, state.own_labels) if state.start else None
            seeds = (0,) if canonical else tuple(range(CHECKED))
            how: dict[str, Any] = {"compared": state, "engine": engine, "canonical": canonical}
            for trial in short_trials(experiment, variant, seeds, late, **how):
                report(state.compared(trial))


class Result(msgspec.Struct, frozen=True):
    """The events of a task that nobody was told before, and why it failed; "" if it did not."""

    events: tuple[Event, ...]
    failure: str = ""


def attempt(task: Task, report: Callable[[Event], None] | None = None, /) -> Result:
    """Performs a task. Its events go to ``report`` at once; without it, all but the epochs are in the result."""
    events: list[Event] = []
    try:
        perform(task, report or (lambda event: None if isinstance(event, Epoch) else events.append(event)))
    except RecordError:  # of ``report``: the run ends
        raise
    except (Exception, SystemExit) as error:
        return Result(tuple(events), reason_of(error))
    return Result(tuple(events))


def reason_of(error: BaseException) -> str:
    """Why something could not be run: a SuiteError's text, or the name and text of another error."""
    text = " ".join(str(error).split())
    return str(error) if isinstance(error, SuiteError) else type(error).__name__ + (f": {text}" if text else "")


@functools.cache
def start(backend: str, precision: str) -> None:
    """Starts the backend, once in a process."""
    from harness.training.backend import choose_backend, start_backend

    choose_backend(backend)
    start_backend(precision)


def _throttled(report: Callable[[Event], None]) -> Callable[[int, int], None]:
    """Reports the progress of a trial, but not after every epoch: a message takes longer than some epochs."""
    last = 0.0

    def on_epoch(seed: int, epochs: int) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            report(Epoch(seed, epochs))

    return on_epoch
