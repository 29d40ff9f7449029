"""The trials of a run: the missing ones are trained, once, in any place; failures are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.domain.model import Trial
from harness.errors import SuiteError
from harness.record.run_file import RecordError, RunFile
from suite.session import trials as module
from suite.session import work
from suite.session.place import TrainingPlace
from suite.session.trials import Trials
from suite.session.work import Description, Event, Result, Task
from tests.record.made import HEADER
from tests.suite.test_sequential import EXPERIMENT

EASY, SECOND = ("made-up", "easy"), ("made-up", "second")
NO_ROOM = 15
"""The first seed that cannot be trained; nor can those after it."""


def perform(task: Task, report: Callable[[Event], None]) -> None:
    report(Description({}, "definition", None))
    for seed in task.seeds:
        if seed >= NO_ROOM:
            raise MemoryError("no room")
        report(Trial(task.variant, seed, {"val_accuracy": 0.5}))


class Elsewhere(Executor):
    """Stands in for worker processes: it keeps the tasks, and the test decides when and how they end."""

    def __init__(self) -> None:
        self.tasks: list[tuple[Task, Future[Result]]] = []
        self.lost = ""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Result] = Future()
        self.tasks.append((args[0], future))
        return future

    def end(self) -> None:
        """Performs all tasks."""
        for task, future in self.tasks:
            future.set_result(work.attempt(task))
        self.tasks.clear()

    @property
    def seeds(self) -> list[tuple[int, ...]]:
        return [task.seeds for task, _ in self.tasks]


class Made(SimpleNamespace):
    trials: Trials
    file: RunFile
    executor: Elsewhere
    asked: list[list[int]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """Makes the ``Trials`` of a run to the end with 5 seeds: in this process, or with ``Elsewhere`` as two workers."""
    asked: list[list[int]] = []

    def noted(task: Task, report: Callable[[Event], None]) -> None:
        asked.append(list(task.seeds))
        perform(task, report)

    monkeypatch.setattr(work, "perform", noted)
    monkeypatch.setattr(module, "EXPERIMENTS", {"made-up": EXPERIMENT})
    file = RunFile.begin(tmp_path, HEADER)
    no: Any = lambda *values, **named: None  # noqa: E731

    def made(
        workers: int = 1, evidence: Callable[..., None] = no, seeds: int = 5, seconds: float | None = None
    ) -> Made:
        executor = Elsewhere()
        if workers > 1:
            monkeypatch.setattr(TrainingPlace, "executor", lambda self, on_death: executor)
        options: Any = SimpleNamespace(
            first_seed=0, backend="jax", precision="default", engine="fit", require_gpu=False, full=True, update=None
        )
        options.seeds_of = lambda experiment: seeds
        stored: Any = SimpleNamespace(of=evidence, variant=no, seconds=lambda *key: seconds)
        progress: Any = SimpleNamespace(start=no, trained=no, finish=no, epoch=no, say=no)
        trials = Trials(options, file, {}, stored, progress, TrainingPlace(workers))
        return Made(trials=trials, file=file, executor=executor, asked=asked)

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


def test_a_failure_in_a_later_batch_leaves_what_was_trained_before(make: Callable[..., Made]) -> None:
    made = make()
    first = made.trials.get([EASY], 5)
    for _ in range(2):
        with pytest.raises(SuiteError, match="made-up/easy could not be trained: MemoryError: no room"):
            made.trials.get([EASY], 20)
    assert made.trials.get([EASY], 5) == first
    assert len(made.trials.get([EASY], NO_ROOM)[EASY]) == NO_ROOM  # finished before it failed
    assert made.asked == [list(range(5)), list(range(5, 20))]  # not tried again


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, [5, 5]), (100.0, [1] * 10), (4.0, [2] * 5), (0.01, [5, 5])],
)
def test_processes_share_the_seeds_of_a_variant(
    seconds: float | None, expected: list[int], make: Callable[..., Made]
) -> None:
    """A task takes about ten seconds."""
    made = make(workers=2, seeds=10, seconds=seconds)
    made.trials.expect([EASY])
    assert list(map(len, made.executor.seeds)) == expected
    assert [seed for seeds in made.executor.seeds for seed in seeds] == list(range(10))
    made.executor.end()
    assert len(made.trials.get([EASY], 10)[EASY]) == 10


def test_what_other_processes_have_trained_is_recorded_meanwhile(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.trials.expect([EASY, SECOND])
    made.executor.end()
    assert not made.file.run.trials
    made.trials.poll()
    assert {key: len(done) for key, done in made.file.run.trials.items()} == {EASY: 5, SECOND: 5}


def test_finished_trials_are_not_waited_for(make: Callable[..., Made]) -> None:
    """After Ctrl-C in a later batch, a claim that the first seeds decide is decided at once."""
    made = make(workers=2)
    made.trials.expect([EASY])
    made.executor.end()
    made.trials.get([EASY], 5)
    made.trials._request(EASY, 10)
    assert made.executor.tasks
    assert made.trials.ready(EASY, 5)
    assert not made.trials.ready(EASY, 10)
    assert not made.trials.ready(SECOND, 1)
    assert len(made.trials.get([EASY], 5)[EASY]) == 5


def test_lost_workers_are_reported_at_once_every_time(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.trials.expect([EASY, SECOND])
    made.executor.lost = "The connection to the Dask scheduler is lost."
    for _, future in made.executor.tasks:
        future.cancel()
    for key in (EASY, SECOND, EASY):
        with pytest.raises(SuiteError, match="The connection to the Dask scheduler is lost"):
            made.trials.get([key], 5)


def test_a_task_whose_workers_die_fails_alone(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.trials.expect([EASY, SECOND])
    made.executor.tasks.pop(0)[1].set_exception(SuiteError("2 worker processes died."))
    made.executor.end()
    with pytest.raises(SuiteError, match="made-up/easy could not be trained: 2 worker processes died"):
        made.trials.trained(EASY)
    assert len(made.trials.trained(SECOND).trials) == 5


def test_a_disk_that_is_full_ends_the_run_and_is_no_failure_of_a_training(make: Callable[..., Made]) -> None:
    made = make()

    def full(record: object) -> None:
        raise RecordError("No space left on device")

    made.file.append = full  # type: ignore[method-assign]
    with pytest.raises(RecordError):
        made.trials.trained(EASY)


def test_unreadable_evidence_submits_nothing_ahead(make: Callable[..., Made]) -> None:
    def damaged(experiment: str) -> None:
        raise SuiteError("Invalid evidence.")

    made = make(workers=2, evidence=damaged)
    made.trials.expect([EASY, SECOND])
    assert not made.executor.tasks
