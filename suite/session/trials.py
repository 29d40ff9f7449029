"""The trials of a run. Each is trained once, in this or another process, or taken from an earlier run."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any

from harness.check.claims import to_the_end
from harness.check.judge import REFERENCE, canonical_steps, same_versions
from harness.check.rounding import CHECKED
from harness.check.stored import Stored
from harness.domain.model import Trial
from harness.errors import SuiteError
from harness.record.run import Key, ShortTrialDone, TrialDone
from harness.record.run_file import RecordError, RunFile
from harness.record.trials import Fingerprint, ShortTrial, Training
from suite.catalogue import EXPERIMENTS
from suite.cli.options import Options
from suite.session.known import Known
from suite.session.place import TrainingPlace
from suite.session.progress import Progress
from suite.session.work import Description, Epoch, Event, Notice, Result, Task, attempt, reason_of

TASK_SECONDS = 10.0
"""About how many seconds a task takes, where several processes share the seeds of a variant."""
TASK_SEEDS = 5
"""Seeds of a task whose seconds are unknown."""


class Trials:
    """The trials of a run, by variant: it trains the missing ones and keeps all.

    Args:
        options: of the command.
        file: the run's file. Every finished trial is recorded in it at once.
        fingerprint: of the run.
        stored: the evidence. A run that adds to the evidence does not train the trials in it.
        progress: shows what is being trained.
        place: where to train.
        known: trials of earlier runs to take; None for none.
    """

    def __init__(
        self,
        options: Options,
        file: RunFile,
        fingerprint: Fingerprint,
        stored: Stored,
        progress: Progress,
        place: TrainingPlace,
        known: Known | None = None,
    ) -> None:
        self._options, self._file, self._fingerprint = options, file, fingerprint
        self._stored, self._progress, self._known = stored, progress, known
        self._here = place.here
        self._parallel = place.number
        self._ended: queue.SimpleQueue[Future[Result] | Notice] = queue.SimpleQueue()
        self.executor = place.executor(self._runs_again)
        self._trials: dict[Key, dict[int, Trial]] = {}
        self._short: dict[Key, dict[tuple[int, bool], ShortTrial]] = {}
        self._described: dict[Key, Description] = {}
        self._failed: dict[Key, str] = {}
        self._measured: dict[Key, Training] = {}
        self._running: dict[Future[Result], Task] = {}
        self._requested: set[Key] = set()
        self._lost = ""

    def seeds(self, experiment: str, count: int | None = None) -> range:
        """The seeds of an experiment in this run; with ``count``, that many seeds from the first on."""
        first = self._options.first_seed
        return range(first, first + (count or self._options.seeds_of(experiment)))

    def done(self, key: Key) -> tuple[Trial, ...]:
        """The finished trials of a variant in order of their seeds, from the first seed to the first missing one."""
        known = self._trials.get(key, {})
        return tuple(
            known[seed] for seed in itertools.takewhile(known.__contains__, itertools.count(self._options.first_seed))
        )

    def short(self, key: Key) -> tuple[ShortTrial, ...]:
        """The shortened trials of a variant: first steps, and the canonical trace."""
        return tuple(self._short.get(key, {}).values())

    @property
    def keys(self) -> tuple[Key, ...]:
        """The variants that have trials and whose training did not fail."""
        return tuple(key for key in self._trials if key not in self._failed and self.done(key))

    def expect(self, keys: Iterable[Key]) -> None:
        """Submits the trainings of these variants to other processes, the longest first; none if this process trains.

        A variant whose evidence cannot be read is left out.
        """
        if self._here:
            return

        def seconds(key: Key) -> float:
            return (self._stored.seconds(*key) or 0.0) * self._options.seeds_of(key[0])

        for key in sorted(dict.fromkeys(keys), key=seconds, reverse=True):
            if self.readable(key[0]):
                self._request(key)

    def trained(self, key: Key) -> Training:
        """Trains a variant and returns the results to compare with the evidence. SuiteError if the training fails."""
        self._request(key)
        self._wait([key])
        if key in self._failed:
            raise SuiteError(self._failed[key])
        described = self._described[key]
        return Training(
            configuration=described.configuration,
            hashes=described.hashes,
            short=self.short(key),
            trials=tuple(self._trials[key][seed] for seed in self._wanted(key)),
        )

    def get(self, keys: Sequence[Key], count: int) -> dict[Key, tuple[Trial, ...]]:
        """The trials of the first ``count`` seeds of each variant; trains those missing. SuiteError if one fails."""
        missing = [key for key in keys if not self._has(key, count)]
        for key in missing:
            self._request(key, count)
        self._wait(missing)
        for key in missing:
            if not self._has(key, count):
                raise SuiteError(self._failed[key])
        return {key: tuple(self._trials[key][seed] for seed in self.seeds(key[0], count)) for key in keys}

    def ready(self, key: Key, count: int) -> bool:
        """Whether the comparison of a variant, and a decision with ``count`` seeds, need no more training."""
        return key in self._described and key not in self._failed and self._has(key, count)

    def _has(self, key: Key, count: int) -> bool:
        known = self._trials.get(key, {})
        return all(seed in known for seed in self.seeds(key[0], count))

    def measured(self, keys: Sequence[Key]) -> Mapping[Key, Training]:
        """The evidence to store for these variants, with all their trials. SuiteError if it cannot be measured."""
        for key in keys:
            if key not in self._measured:
                trials = tuple(self._trials[key][seed] for seed in sorted(self._trials[key]))
                self._submit(key, measured=trials, stored=self._stored.variant(*key))
        self._wait(keys)
        for key in keys:
            if key not in self._measured:
                raise SuiteError(self._failed[key])
        return {key: self._measured[key] for key in keys}

    def readable(self, experiment: str) -> bool:
        """Whether the evidence of an experiment can be read. Without it a check does not know what to train."""
        try:
            self._stored.of(experiment)
        except SuiteError:
            return False
        return True

    def poll(self) -> None:
        """Records what other processes have trained meanwhile."""
        while not self._ended.empty():
            self._receive(self._ended.get())

    def close(self) -> None:
        """Ends every worker process, and records what has been trained."""
        self.executor.shutdown(cancel_futures=True)
        if not self._lost:
            self._lost = "The run is closed."
            self.poll()

    def _wanted(self, key: Key, count: int | None = None) -> range:
        """The seeds of a variant that this run trains to the end; with ``count``, that many in a run to the end."""
        if self._options.full:
            return self.seeds(key[0], count)
        return range(to_the_end(EXPERIMENTS[key[0]], key[1], self._reference(key)))

    def _own(self, key: Key) -> Training | None:
        """The evidence of a variant on this stack; None if there is none or it cannot be read."""
        return self._stored.variant(*key) if self.readable(key[0]) else None

    def _reference(self, key: Key) -> Training | None:
        """The evidence that a variant is compared with: of this stack, or else of the reference stack."""
        return (self._own(key) or self._stored.variant(*key, REFERENCE)) if self.readable(key[0]) else None

    def _request(self, key: Key, count: int | None = None) -> None:
        """Submits the tasks that train what is missing of a variant; none if its training has failed."""
        if key in self._failed:
            return
        own, reference = self._own(key), self._reference(key)
        trials = self._trials.setdefault(key, {})
        if self._options.update is not None and own is not None:
            for trial in own.trials:
                trials.setdefault(trial.seed, trial)
        running = {seed for task in self._running_of(key) for seed in task.seeds}
        missing = [seed for seed in self._wanted(key, count) if seed not in trials and seed not in running]
        pieces = self._pieces(key, self._untaken(key, missing))
        if key not in self._requested:
            self._requested.add(key)
            same = own is not None and same_versions(own, self._fingerprint)
            steps = own.steps or 0 if own is not None and not own.tiny and not self._options.full else 0
            canonical = canonical_steps(reference) if reference is not None and not same else 0
            self._take_short(key, steps, canonical)
            short = self._short.get(key, {})
            seeds = tuple(seed for seed in range(CHECKED if steps else 0) if (seed, False) not in short)
            self._submit(
                key,
                seeds=pieces.pop(0) if pieces else (),
                short=seeds,
                steps=steps if seeds else 0,
                canonical=0 if (0, True) in short else canonical,
                hashed=not same,
            )
        for piece in pieces:
            self._submit(key, seeds=piece)

    def _untaken(self, key: Key, seeds: list[int]) -> list[int]:
        """Takes the trials of these seeds that earlier runs have trained, and returns the other seeds."""
        if self._known is None or not seeds:
            return seeds
        definition = _definition(key)
        for seed, (trial, run) in self._known.trials(*key, definition, seeds).items():
            assert isinstance(trial, Trial)
            self._file.append(TrialDone(experiment=key[0], definition=definition, reused=run, trial=trial))
            self._trials[key][seed] = trial
        return [seed for seed in seeds if seed not in self._trials[key]]

    def _take_short(self, key: Key, steps: int, canonical: int) -> None:
        """Takes the shortened trials of so many steps that earlier runs have trained."""
        if self._known is None or not (steps or canonical):
            return
        definition = _definition(key)
        for place, (trial, _) in self._known.short(*key, definition).items():
            assert isinstance(trial, ShortTrial)
            if len(trial.losses) == (canonical if trial.canonical else steps):
                self._file.append(_short_done(key, definition, trial))
                self._short.setdefault(key, {})[place] = trial

    def _pieces(self, key: Key, seeds: Sequence[int]) -> list[tuple[int, ...]]:
        """The seeds of each task: one task for all, or several in a run to the end with several processes."""
        if not seeds:
            return []
        size = len(seeds)
        if self._options.full and not self._here:
            each = self._stored.seconds(*key)
            size = max(1, round(TASK_SECONDS / each)) if each else TASK_SEEDS
            size = min(size, -(-len(seeds) // self._parallel))
        return [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)]

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
        if self._here:
            future = self.executor.submit(attempt, task, lambda event: self._take(task, event))
        else:
            future = self.executor.submit(attempt, task)
        self._running[future] = task
        future.add_done_callback(self._ended.put)

    def _runs_again(self, task: Task) -> None:
        """Says, from another thread, that the worker process of a task died."""
        text = f"{task.name}: the worker process died. What is left is trained again in another."
        self._ended.put(Notice(text))

    def _running_of(self, key: Key) -> list[Task]:
        return [task for task in self._running.values() if task.key == key]

    def _wait(self, keys: Sequence[Key]) -> None:
        """Waits until all tasks of these variants have ended. SuiteError if the worker processes are lost."""
        while any(self._running_of(key) for key in keys):
            if self._lost:
                raise SuiteError(self._lost)
            self._receive(self._ended.get())

    def _receive(self, ended: Future[Result] | Notice) -> None:
        """Records the result of a task."""
        if isinstance(ended, Notice):
            self._progress.say(ended.text)
            return
        task = self._running[ended]
        try:
            result = ended.result()
        except RecordError:
            raise
        except CancelledError:
            self._lost = self._lost or getattr(self.executor, "lost", "The worker processes were ended.")
            return
        except Exception as error:
            result = Result((), reason_of(error))
        for event in result.events:
            self._take(task, event)
        del self._running[ended]
        if result.failure:
            self._failed.setdefault(task.key, f"{task.name} could not be trained: {result.failure}")
        self._progress.finish(task.name, not self._running_of(task.key))

    def _take(self, task: Task, event: Event) -> None:
        """Records what a task has done."""
        key = task.key
        match event:
            case Description():
                if key not in self._described or event.hashes is not None:
                    self._described[key] = event
                if self._here:
                    self._progress.start(task.name, task.seeds, EXPERIMENTS[key[0]].size.epochs, task.steps)
            case Trial():
                definition = self._described[key].digest
                self._file.append(TrialDone(experiment=key[0], definition=definition, trial=event))
                self._trials[key][event.seed] = event
                share = 1 / max(1, len(self._wanted(key)))
                self._progress.trained(task.name, event.seconds.total, share)
            case ShortTrial():
                self._file.append(_short_done(key, self._described[key].digest, event))
                self._short.setdefault(key, {})[event.seed, event.canonical] = event
                self._progress.trained(task.name, event.seconds)
            case Epoch():
                self._progress.epoch(event.seed, event.epochs)
            case Notice():
                self._progress.say(event.text)
            case Training():
                self._measured[key] = event


def _short_done(key: Key, definition: str, trial: ShortTrial) -> ShortTrialDone:
    return ShortTrialDone(experiment=key[0], variant=key[1], definition=definition, trial=trial)


def _definition(key: Key) -> str:
    from harness.training.configuration import variant_digest

    return variant_digest(EXPERIMENTS[key[0]], key[1])
