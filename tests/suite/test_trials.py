"""The trials of a run: what is missing is trained once, here or elsewhere, and failures are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.claim import Claim
from harness.errors import SuiteError
from harness.execution import local
from harness.model import Seconds, Trial
from harness.record.outcomes import SeedsTaken
from harness.record.run_file import RecordError, RunFile
from harness.rules import Exceeds
from harness.training.backend import Device
from harness.verdict import Verdict
from suite.session import plan, task, trials
from suite.session.plan import Place, Planned
from suite.session.task import Description, Event, Result, Task
from suite.session.trials import Trials
from tests.make import ACCURACY, experiment
from tests.record.made import HEADER
from tests.suite.test_options import checked

EXPERIMENT = experiment("easy", "second", "never", "base", metrics=[ACCURACY])
"""Compared with "base": "easy" is better at once, "second" is clearly better from the tenth seed on, "never" is not."""
EASY, SECOND = ("nets", "easy"), ("nets", "second")
SIZES = (5, 10, 15, 20)
NO_ROOM = 25
"""The first seed that cannot be trained; nor can those after it."""


def value(variant: str, seed: int) -> float:
    noise = 0.01 * (-1) ** seed if variant != "base" else 0.0
    return 0.7 + {"easy": 0.2, "second": 0.012}.get(variant, 0.0) + noise


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
        for asked, future in self.tasks:
            future.set_result(task.attempt(asked))
        self.tasks.clear()


class Made(SimpleNamespace):
    trials: Trials
    file: RunFile
    executor: Elsewhere
    asked: list[list[int]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """Makes the ``Trials`` of a run to the end, in this process, or with ``Elsewhere`` as two workers."""
    asked: list[list[int]] = []

    def perform(asked_for: Task, report: Callable[[Event], None]) -> None:
        asked.append(list(asked_for.seeds))
        report(Description({}, "definition", None))
        for seed in asked_for.seeds:
            if seed >= NO_ROOM:
                raise MemoryError("no room")
            metrics = {"val_accuracy": value(asked_for.variant, seed)}
            report(Trial(asked_for.variant, seed, metrics, seconds=Seconds(10.0, 1.0, 1.0, 1.0)))

    monkeypatch.setattr(task, "perform", perform)
    monkeypatch.setattr(trials, "EXPERIMENTS", {"nets": EXPERIMENT})
    file = RunFile.begin(tmp_path, HEADER)

    def made(
        workers: int = 1, variants: tuple[str, ...] = ("easy", "second"), seeds: int = 5, each: float | None = None
    ) -> Made:
        executor: Any = Elsewhere()
        place = Place(workers, executor) if workers > 1 else Place()
        names = ("start", "trained", "finish", "epoch", "say")
        progress: Any = SimpleNamespace(**dict.fromkeys(names, lambda *how: None))
        run = Trials(checked(seeds=str(seeds)), file, progress, place)
        run.submit(Planned(("nets", variant), seeds, each=each) for variant in variants)
        return Made(trials=run, file=file, executor=executor, asked=asked)

    yield made
    file.close()


def test_nothing_is_trained_in_this_process_until_something_waits_for_it(make: Callable[..., Made]) -> None:
    made = make()
    assert (made.asked, made.trials.ended(EASY)) == ([], False)
    assert len(made.trials.get([EASY], 5)[EASY]) == 5
    assert (made.asked, made.trials.ended(EASY), made.trials.ended(SECOND)) == ([list(range(5))], True, False)


def test_more_seeds_train_only_what_is_missing_and_are_not_tried_again(make: Callable[..., Made]) -> None:
    made = make()
    first = made.trials.get([EASY], 5)
    assert made.trials.get([EASY], 12)[EASY][:5] == first[EASY]
    assert [trial.seed for trial in made.trials.get([EASY], 12)[EASY]] == list(range(12))
    for _ in range(2):
        with pytest.raises(SuiteError, match="nets/easy could not be trained: MemoryError: no room"):
            made.trials.get([EASY], 30)
    assert made.trials.get([EASY], 5) == first
    assert len(made.trials.get([EASY], NO_ROOM)[EASY]) == NO_ROOM  # finished before it failed
    assert made.asked == [list(range(5)), list(range(5, 12)), list(range(12, 30))]
    assert len(made.file.run.trials[EASY]) == NO_ROOM


@pytest.mark.parametrize(("each", "expected"), [(None, [5, 5]), (100.0, [1] * 10), (4.0, [2] * 5), (0.01, [5, 5])])
def test_processes_share_the_seeds_of_a_variant(
    each: float | None, expected: list[int], make: Callable[..., Made]
) -> None:
    """A task takes about ten seconds. What has ended is recorded when somebody looks."""
    made = make(workers=2, variants=("easy",), seeds=10, each=each)
    seeds = [asked.seeds for asked, _ in made.executor.tasks]
    assert list(map(len, seeds)) == expected
    assert [seed for piece in seeds for seed in piece] == list(range(10))
    made.executor.end()
    assert not made.file.run.trials
    made.trials.poll()
    assert len(made.file.run.trials[EASY]) == len(made.trials.get([EASY], 10)[EASY]) == 10


def test_lost_workers_are_reported_at_once_every_time(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.executor.lost = "The connection to the Dask scheduler is lost."
    for _, future in made.executor.tasks:
        future.cancel()
    for key in (EASY, SECOND, EASY):
        with pytest.raises(SuiteError, match="The connection to the Dask scheduler is lost"):
            made.trials.get([key], 5)


def test_a_task_whose_workers_die_fails_alone(make: Callable[..., Made]) -> None:
    made = make(workers=2)
    made.executor.tasks.pop(0)[1].set_exception(SuiteError("2 worker processes died."))
    made.executor.end()
    with pytest.raises(SuiteError, match="nets/easy could not be trained: 2 worker processes died"):
        made.trials.trained(EASY)
    trained = made.trials.trained(SECOND)
    assert trained
    assert len(trained.trials) == 5
    assert made.trials.failed(EASY)


def test_a_disk_that_is_full_ends_the_run_and_is_no_failure_of_a_training(make: Callable[..., Made]) -> None:
    made = make()

    def full(record: object) -> None:
        raise RecordError("No space left on device")

    made.file.append = full  # type: ignore[method-assign]
    with pytest.raises(RecordError):
        made.trials.trained(EASY)


def test_of_unreadable_evidence_nothing_is_trained(make: Callable[..., Made]) -> None:
    made = make(variants=())
    made.trials.submit([Planned(EASY, readable=False)])
    assert made.trials.trained(EASY) is None
    assert made.asked == []


def claim(variant: str) -> Claim:
    rule = Exceeds(variant, "base")
    return Claim(id=f"{variant}-is-better", slide="none", statement="It is.", rule=rule, experiment=EXPERIMENT)


LOOKS: dict[str, tuple[Verdict, SeedsTaken, str]] = {
    "easy": (Verdict.SUPPORTED, SeedsTaken((5,), 20, "decided"), "decided after 5 of at most 20 seeds"),
    "second": (Verdict.SUPPORTED, SeedsTaken((5, 10), 20, "decided"), "decided after 10 of at most 20 seeds"),
    "never": (Verdict.INCONCLUSIVE, SeedsTaken(SIZES, 20, "maximum"), "undecided after the maximum of 20 seeds"),
}


@pytest.mark.parametrize("order", [("easy", "second", "never"), ("never", "second", "easy")])
def test_a_claim_trains_until_it_is_decided_and_uses_only_its_own_seeds(
    order: tuple[str, ...], make: Callable[..., Made]
) -> None:
    """Whatever others have trained."""
    made = make(variants=(*order, "base"))
    for variant in order:
        verdict, taken, reason = LOOKS[variant]
        decided = made.trials.decided(claim(variant), SIZES)
        assert (decided.decision.verdict, decided.taken) == (verdict, taken)
        assert reason in decided.decision.reason
        assert {name: len(done) for name, done in decided.trials.items()} == {variant: taken.seeds, "base": taken.seeds}
    assert sum(map(len, made.file.run.trials.values())) == 20 + 20 + 10 + 5


def test_an_interrupted_run_trains_no_more(make: Callable[..., Made]) -> None:
    decided = make(variants=("second", "base")).trials.decided(claim("second"), SIZES, further=False)
    assert (decided.decision.verdict, decided.taken) == (Verdict.INCONCLUSIVE, SeedsTaken((5,), 20, "interrupted"))


def test_a_fixed_number_of_seeds_is_one_look(make: Callable[..., Made]) -> None:
    decided = make(variants=("second", "base")).trials.decided(claim("second"), (5,))
    assert decided.decision == claim("second").decide(decided.trials)[0]
    assert decided.taken == SeedsTaken((5,), 5, "decided")
    assert decided.decision.reason.endswith("above 0")


TWO: Any = [("example-4", "softmax"), ("example-4", "2 relu")]
CPU, GPU = Device("cpu", "AMD EPYC", "float32"), Device("gpu", "NVIDIA H100", "float32")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has four cores and 8 GB of memory."""
    monkeypatch.setattr(local, "cores", lambda: tuple(range(4)))
    monkeypatch.setattr(local, "free_memory", lambda: 8e9)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("seconds", "device", "full", "processes"),
    [(1.4, CPU, True, 1), (1.6, CPU, True, 3), (100.0, CPU, True, 3), (100.0, GPU, True, 1), (None, CPU, True, 3),
     (60.0, CPU, False, 2)],
    ids=["short", "long", "longer", "on a GPU", "not known", "a check has a task for each variant"],
)  # fmt: skip
def test_processes_are_started_where_they_pay(
    seconds: float | None, device: Device, full: bool, processes: int
) -> None:
    """Of 20 trials, with memory for three processes. A trial without stored seconds counts as three seconds."""
    stored: Any = SimpleNamespace(seconds=lambda *key: seconds, of=lambda name: {}, variant=lambda *key: None)
    options = checked(seeds="10" if full else None, full=full)
    plans = [plan.planned(options, stored, key) for key in TWO]
    assert plan.chosen_place(options, TWO) is None
    assert plan.default_place(options, device, plans) == Place(processes)


@pytest.mark.usefixtures("machine")
def test_the_workers_option_holds_for_short_runs_too() -> None:
    assert plan.chosen_place(checked(workers="2"), TWO) == Place(2)
    assert plan.chosen_place(checked(workers="1"), TWO) == Place(1)
    assert plan.chosen_place(checked(workers="2"), []) == Place(1)
