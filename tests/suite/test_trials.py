"""The trials of a run: the missing ones are trained, once, in any place; failures are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.domain.trial import Trial
from harness.errors import SuiteError
from harness.execution.task import Done, Message, Reported, RunAgain, Work
from harness.record.run import RunStarted
from harness.record.run_file import RunFile
from harness.record.trials import ShortTrial
from suite.session import trials as module
from suite.session.trials import TrainingPlace, Trials
from suite.session.work import Description, Event, Task, remaining
from tests.suite.test_sequential import EXPERIMENT

EASY, SECOND = ("made-up", "easy"), ("made-up", "second")
HEADER = RunStarted(
    id="2026-01", started="", command="pytest", full=True, backend="jax", engine="fit", fingerprint={}, stack="jax-cpu"
)
NO_ROOM = 15
"""The first seed that cannot be trained; nor can those after it."""


def perform(task: Task, report: Callable[[Event], None]) -> None:
    report(Description({}, "definition", None))
    for seed in task.seeds:
        if seed >= NO_ROOM:
            raise MemoryError("no room")
        report(Trial(task.variant, seed, {"val_accuracy": 0.5}))


class Elsewhere:
    """Stands in for worker processes: it keeps the tasks, and the test decides how they end."""

    def __init__(self, handle: Callable[[Message[Event, None]], None]) -> None:
        self.handle, self.tasks = handle, list[Task]()
        self.waited: list[tuple[str, ...]] = []
        self.lost = ""

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def wait(self, *names: str) -> None:
        self.waited.append(names)
        if self.lost:
            raise SuiteError(self.lost)
        for task in self.tasks:
            if task.name in names:
                perform(task, lambda event, name=task.name: self.handle(Reported(name, event)))  # type: ignore[misc]
                self.handle(Done(task.name, None))
        self.tasks = [task for task in self.tasks if task.name not in names]

    def close(self) -> None:
        pass


class Made(SimpleNamespace):
    trials: Trials
    file: RunFile
    place: Elsewhere
    asked: list[list[int]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """Makes the ``Trials`` of a run to the end with 5 seeds: in this process, or with ``Elsewhere`` as two workers."""
    asked: list[list[int]] = []

    def noted(task: Task, report: Callable[[Event], None]) -> None:
        asked.append(list(task.seeds))
        perform(task, report)

    monkeypatch.setattr(module, "WORK", Work(noted, remaining))
    monkeypatch.setattr(module, "EXPERIMENTS", {"made-up": EXPERIMENT})
    file = RunFile.begin(tmp_path, HEADER)
    no: Any = lambda *values, **named: None  # noqa: E731

    def made(workers: int = 1, evidence: Callable[..., None] = no, seeds: int = 5) -> Made:
        if workers > 1:
            monkeypatch.setattr(TrainingPlace, "place", lambda self, handle: Elsewhere(handle))
        options: Any = SimpleNamespace(
            first_seed=0, backend="jax", precision="default", engine="fit", require_gpu=False, full=True, update=None
        )
        options.seeds_of = lambda experiment: seeds
        stored: Any = SimpleNamespace(of=evidence, variant=no, seconds=no)
        progress: Any = SimpleNamespace(start=no, trained=no, finish=no, epoch=no, say=no)
        trials = Trials(options, file, {}, stored, progress, TrainingPlace(workers))
        return Made(trials=trials, file=file, place=trials.place, asked=asked)

    yield made
    file.close()


def test_more_seeds_train_only_what_is_missing(make: Callable[..., Made]) -> None:
    made = make()
    first = made.trials.get([EASY], 5)[EASY]
    assert [trial.seed for trial in first] == list(range(5))
    assert made.trials.get([EASY], 12)[EASY][:5] == first
    assert [trial.seed for trial in made.trials.get([EASY], 12)[EASY]] == list(range(12))
    assert made.trials.get([EASY], 5)[EASY] == first
    assert made.asked == [list(range(5)), list(range(5, 12))]
    assert len(made.file.run.trials[EASY]) == 12
    assert list(made.file.run.experiments) == ["made-up"]


def test_a_failure_in_a_later_batch_leaves_what_was_trained_before(make: Callable[..., Made]) -> None:
    made = make()
    first = made.trials.get([EASY], 5)
    for _ in range(2):
        with pytest.raises(SuiteError, match="made-up/easy could not be trained: MemoryError: no room"):
            made.trials.get([EASY], 20)
    assert made.trials.get([EASY], 5) == first
    assert len(made.trials.get([EASY], NO_ROOM)[EASY]) == NO_ROOM  # finished before it failed
    assert made.asked == [list(range(5)), list(range(5, 20))]  # not tried again


def test_a_resumed_run_trains_what_its_file_lacks(make: Callable[..., Made]) -> None:
    make().trials.get([EASY], 4)
    made = make()
    assert [trial.seed for trial in made.trials.get([EASY], 5)[EASY]] == list(range(5))
    assert made.asked[1:] == [[4]]


def test_processes_share_the_seeds_of_a_variant(make: Callable[..., Made]) -> None:
    made = make(workers=2, seeds=10)
    made.trials.expect([EASY])
    assert [task.seeds for task in made.place.tasks] == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]
    assert len(made.trials.get([EASY], 10)[EASY]) == 10


def test_finished_trials_are_not_waited_for(make: Callable[..., Made]) -> None:
    """After Ctrl-C in a later batch, a claim that the first seeds decide is decided at once."""
    made = make(workers=2)
    made.trials.get([EASY], 5)
    waited = list(made.place.waited)
    made.trials._request(EASY, 10)
    assert made.place.tasks
    assert made.trials.ready(EASY, 5)
    assert not made.trials.ready(EASY, 10)
    assert not made.trials.ready(SECOND, 1)
    assert len(made.trials.get([EASY], 5)[EASY]) == 5
    assert made.place.waited == waited


def test_lost_workers_are_reported_at_once_every_time(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.trials.expect([EASY, SECOND])
    made.place.lost = "The connection to the Dask scheduler is lost."
    for key in (EASY, SECOND, EASY):
        with pytest.raises(SuiteError, match="The connection to the Dask scheduler is lost"):
            made.trials.get([key], 5)
    assert len(made.place.waited) == 1


def test_unreadable_evidence_submits_nothing_ahead_and_stops_no_training(make: Callable[..., Made]) -> None:
    def damaged(experiment: str) -> None:
        raise SuiteError("Invalid evidence.")

    made = make(workers=2, evidence=damaged)
    made.trials.expect([EASY, SECOND])
    assert not made.place.tasks
    assert len(made.trials.trained(SECOND).trials) == 5


def test_a_shortened_trial_that_is_trained_again_counts_once(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.trials.expect([EASY])
    short = [
        ShortTrial(experiment="made-up", variant="easy", seed=seed, engine="fit", losses=(1.0,)) for seed in (0, 1)
    ]
    name = made.place.tasks[0].name
    made.place.handle(Reported(name, Description({}, "definition", None)))
    made.place.handle(Reported(name, short[0]))
    made.place.handle(RunAgain(name))
    for one in short:
        made.place.handle(Reported(name, one))
    assert made.trials.short(EASY) == tuple(short)
