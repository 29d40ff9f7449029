"""The trials of a run: what is missing is submitted when the run begins, and recorded when it arrives.

With ``--seeds auto`` a claim takes as many seeds as it needs, with the levels of several looks
(``harness.rules.levels``). Its variants first train the seeds of their experiment. While the claim is INCONCLUSIVE,
they train another batch, and the claim is decided again. A claim uses only the seeds up to its own last look, even if
another claim trains more seeds of the same variants. So its verdict depends neither on the order of the claims nor on
time.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from typing import Any

from harness.check.claims import Decided, decide_by_looks
from harness.check.judge import same_versions
from harness.check.rounding import CHECKED
from harness.claim import Claim
from harness.errors import SuiteError
from harness.execution import local
from harness.model import Trial
from harness.record.run import Key, ShortTrialDone, TrialDone
from harness.record.run_file import RunFile
from harness.record.trials import ShortTrial, Training
from suite.catalogue import EXPERIMENTS, keys_of
from suite.options import Options
from suite.session.known import Known
from suite.session.plan import Place, Planned, chosen
from suite.session.task import Description, Epoch, Event, Result, Task, attempt, reason_of
from suite.session.terminal import Progress

TASK_SECONDS = 10.0
"""About how many seconds a task takes, where several processes share the seeds of a variant."""
TASK_SEEDS = 5
"""Seeds of a task whose seconds are unknown."""
CLOSED = "The run is closed."


class Trials:
    """Submits the tasks of a run, and records what they have done.

    Without other processes, this one performs a task when something waits for it.

    Args:
        options: of the command.
        file: the run's file. Every finished trial is recorded in it at once.
        progress: shows what is being trained.
        place: where to train.
        known: trials of earlier runs to take; None for none.

    Attributes:
        plans: what is trained, by variant.
    """

    def __init__(
        self, options: Options, file: RunFile, progress: Progress, place: Place, known: Known | None = None
    ) -> None:
        self._options, self._file, self._progress, self._known = options, file, progress, known
        self._ended: queue.SimpleQueue[tuple[Task, Future[Result]] | str] = queue.SimpleQueue()
        self._processes = place.processes
        self._executor: Executor | None = place.cluster
        if place.cluster is None and place.processes > 1:
            self._executor = local.Workers(place.processes, self._runs_again)
        self.plans: dict[Key, Planned] = {}
        self._open: list[Task] = []
        self._described: dict[Key, Description] = {}
        self._failed: dict[Key, str] = {}
        self._measured: dict[Key, Training] = {}
        self._lost = ""

    def submit(self, plans: Iterable[Planned]) -> None:
        """Submits what is missing of these variants, the longest first where other processes train."""
        for plan in plans if self._executor is None else sorted(plans, key=lambda plan: -plan.seconds):
            self.plans[plan.key] = plan
            if plan.readable:
                self._begin(plan)

    def trained(self, key: Key) -> Training | None:
        """The results of a variant, once they are there; None if its evidence cannot be read.

        SuiteError if the training fails.
        """
        if not self.plans[key].readable:
            return None
        self._wait([key])
        if key in self._failed:
            raise SuiteError(self._failed[key])
        trials = self.get([key], self.plans[key].seeds)[key]
        described = self._described[key]
        return Training(
            configuration=described.configuration, hashes=described.hashes, short=self.short(key), trials=trials
        )

    def get(self, keys: Sequence[Key], count: int) -> dict[Key, tuple[Trial, ...]]:
        """The trials of the first ``count`` seeds of each variant; trains those missing. SuiteError if one fails."""
        seeds = range(self._options.first_seed, self._options.first_seed + count)

        def lacking() -> list[Key]:
            return [key for key in keys if not self._all(key).keys() >= set(seeds)]

        missing = lacking()
        for key in missing:
            if key not in self._failed:
                self._submit_seeds(key, self._missing(key, count))
        self._wait(missing)
        for key in lacking():
            raise SuiteError(self._failed[key])
        return {key: tuple(map(self._all(key).__getitem__, seeds)) for key in keys}

    def decided(self, claim: Claim, sizes: Sequence[int], further: bool = True) -> Decided:
        """``decide_by_looks`` on these trials. Without ``further`` no seeds are trained for the later looks.

        SuiteError if a variant cannot be trained.
        """
        keys = keys_of(claim)
        return decide_by_looks(
            claim,
            lambda size: {name: done for (_, name), done in self.get(keys, size).items()},
            sizes,
            lambda size: further or all(len(self.done(key)) >= size for key in keys),
        )

    def failed(self, key: Key) -> bool:
        return key in self._failed

    def ended(self, key: Key) -> bool:
        """Whether a variant was trained as planned."""
        return key in self._described and key not in self._failed and not self._tasks([key])

    def done(self, key: Key) -> tuple[Trial, ...]:
        """The finished trials of a variant in order of their seeds, from the first seed to the first missing one."""
        known = self._all(key)
        seeds = itertools.takewhile(known.__contains__, itertools.count(self._options.first_seed))
        return tuple(known[seed] for seed in seeds)

    def short(self, key: Key) -> tuple[ShortTrial, ...]:
        """The short trials of a variant, the canonical ones included."""
        return tuple(self._file.run.short.get(key, ()))

    @property
    def keys(self) -> tuple[Key, ...]:
        """The variants that have trials and whose training did not fail."""
        return tuple(key for key in self.plans if key not in self._failed and self.done(key))

    def measured(self, keys: Sequence[Key]) -> dict[Key, Training]:
        """The evidence to store for these variants, with all their trials. SuiteError if it cannot be measured."""
        for key in keys:
            trials = tuple(trial for _, trial in sorted(self._all(key).items()))
            plan = self.plans[key]
            self._submit(key, measured=trials, stored=plan.own, sizes=plan.sizes)
        self._wait(keys)
        for key in keys:
            if key not in self._measured:
                raise SuiteError(self._failed[key])
        return {key: self._measured[key] for key in keys}

    def poll(self) -> None:
        """Records what other processes have trained meanwhile."""
        while not self._ended.empty():
            self._receive(self._ended.get())

    def close(self) -> None:
        """Ends every worker process, and records what has been trained. A second call does nothing."""
        if self._executor is not None and self._lost != CLOSED:
            self._executor.shutdown(cancel_futures=True)
            self._lost = CLOSED
            self.poll()

    def _all(self, key: Key) -> dict[int, Trial]:
        """The trials of a variant by seed. A run that adds to the evidence does not train the trials in it."""
        own = self.plans[key].own if self._options.update is not None and key in self.plans else None
        return {trial.seed: trial for trial in (*self._file.run.trials.get(key, ()), *(own.trials if own else ()))}

    def _missing(self, key: Key, count: int) -> list[int]:
        """The seeds to submit, after taking those that earlier runs have trained."""
        first = self._options.first_seed
        known = self._all(key).keys() | {seed for task in self._tasks([key]) for seed in task.seeds}
        missing = [seed for seed in range(first, first + count) if seed not in known]
        if self._known is None or not missing:
            return missing
        taken = self._known.trials(key, _definition(key), missing)
        for record in taken:
            self._file.append(record)
        return sorted({*missing} - {record.trial.seed for record in taken})

    def _begin(self, plan: Planned) -> None:
        """Submits the tasks of a variant. The first of them has the short trials too."""
        key, own = plan.key, plan.own
        same = own is not None and same_versions(own, self._file.run.header.fingerprint)
        canonical = () if same else chosen(plan.known, every=False)
        if self._known is not None:
            wanted = {(state.start, False) for state in plan.states} | {(state.start, True) for state in canonical}
            for record in self._known.short(key, _definition(key)):
                if (record.trial.start, record.trial.canonical) in wanted:
                    self._file.append(record)
        taken = {(trial.seed, trial.canonical, trial.start) for trial in self.short(key)}
        self._submit_seeds(
            key,
            self._missing(key, plan.seeds),
            states=tuple(s for s in plan.states if not {(seed, False, s.start) for seed in range(CHECKED)} <= taken),
            canonical=tuple(s for s in canonical if (0, True, s.start) not in taken),
            sizes=plan.known.sizes if plan.known is not None else None,
            hashed=not same,
        )

    def _submit_seeds(self, key: Key, seeds: Sequence[int], **first: Any) -> None:
        """Submits one task for these seeds, or several in a run to the end with several processes.

        ``first``: more that the first of them does, although there be no seed.
        """
        size = max(1, len(seeds))
        if self._options.full and self._executor is not None:
            each = self.plans[key].each
            size = min(max(1, round(TASK_SECONDS / each)) if each else TASK_SEEDS, -(-size // self._processes))
        pieces = [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)]
        for number, piece in enumerate(pieces or [()] * bool(first)):
            self._submit(key, seeds=piece, **(first if number == 0 else {}))

    def _submit(self, key: Key, **fields: Any) -> None:
        """Submits a task of a variant. SuiteError if the connection to the worker processes was lost."""
        if self._lost:
            raise SuiteError(self._lost)
        options = self._options
        task = Task(
            backend=options.backend,
            precision=options.precision,
            engine=options.engine,
            experiment=key[0],
            variant=key[1],
            require_gpu=options.require_gpu,
            **fields,
        )
        self._open.append(task)
        if self._executor is not None:
            future = self._executor.submit(attempt, task)
            future.add_done_callback(lambda future: self._ended.put((task, future)))

    def _runs_again(self, task: Task) -> None:
        """Says, from another thread, that the worker process of a task died."""
        self._ended.put(f"{task.name}: the worker process died. What is left is trained again in another.")

    def _tasks(self, keys: Sequence[Key]) -> list[Task]:
        return [task for task in self._open if task.key in keys]

    def _wait(self, keys: Sequence[Key]) -> None:
        """Waits until all tasks of these variants have ended. SuiteError if the worker processes are lost."""
        while tasks := self._tasks(keys):
            if self._executor is None:
                self._end(tasks[0], attempt(tasks[0], partial(self._take, tasks[0])))
            elif self._lost:
                raise SuiteError(self._lost)
            else:
                self._receive(self._ended.get())

    def _receive(self, ended: tuple[Task, Future[Result]] | str) -> None:
        """Records the result of a task that another process has performed, or says a sentence."""
        if isinstance(ended, str):
            self._progress.say(ended)
            return
        task, future = ended
        try:
            result = future.result()
        except CancelledError:
            self._lost = self._lost or getattr(self._executor, "lost", "The worker processes were ended.")
            return
        except Exception as error:
            result = Result((), reason_of(error))
        for event in result.events:
            self._take(task, event)
        self._end(task, result)

    def _end(self, task: Task, result: Result) -> None:
        self._open.remove(task)
        if result.failure:
            self._failed.setdefault(task.key, f"{task.name} could not be trained: {result.failure}")
        self._progress.finish(task.name, not self._tasks([task.key]))

    def _take(self, task: Task, event: Event) -> None:
        """Records what a task has done."""
        key = task.key
        match event:
            case Description():
                if key not in self._described or event.hashes is not None:
                    self._described[key] = event
                if self._executor is None:
                    self._progress.start(task.name, task.seeds, EXPERIMENTS[key[0]].size.epochs, len(task.states))
            case Trial():
                how = {"experiment": key[0], "definition": self._described[key].digest}
                self._file.append(TrialDone(**how, trial=event))
                self._progress.trained(task.name, event.seconds.total, 1 / max(1, self.plans[key].seeds))
            case ShortTrial():
                how = {"experiment": key[0], "variant": key[1], "definition": self._described[key].digest}
                self._file.append(ShortTrialDone(**how, trial=event))
                self._progress.trained(task.name, event.seconds)
            case Epoch():
                self._progress.epoch(event.seed, event.epochs)
            case Training():
                self._measured[key] = event
            case str():
                self._progress.say(event)


def _definition(key: Key) -> str:
    """The digest of a variant's configuration; "" if its network cannot be built: training it says why."""
    from harness.training.configuration import variant_digest

    with contextlib.suppress(Exception):
        return variant_digest(EXPERIMENTS[key[0]], key[1])
    return ""
