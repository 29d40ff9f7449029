"""The trials of a run. Each is trained once, in this or another process, or reused from an earlier run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.check.claims import to_the_end
from harness.check.evidence import Measured
from harness.check.evidence import trials as stored_trials
from harness.check.judge import REFERENCE, canonical_steps, same_versions
from harness.check.rounding import CHECKED
from harness.check.stored import Stored
from harness.domain.trial import Trial
from harness.errors import SuiteError
from harness.execution.here import InProcess
from harness.execution.task import Done, Failed, Message, Place, Refused, Reported, RunAgain
from harness.record.declared import experiment_declared
from harness.record.evidence import VariantEvidence
from harness.record.run import Fingerprint, Key, ShortTrialDone, TrialDone
from harness.record.run_file import RecordError, RunFile
from harness.record.trials import ShortTrial, Trained
from suite.catalogue import EXPERIMENTS, training_name
from suite.cli.options import Options
from suite.session.progress import Progress
from suite.session.trial_cache import TrialCache
from suite.session.work import WORK, Description, Epoch, Event, Notice, Task

TASK_SECONDS = 10.0
"""About how many seconds a task takes, where several processes share the seeds of a variant."""


@dataclass(frozen=True)
class TrainingPlace:
    """Where a run trains: in this process, in worker processes on this machine, or on a cluster.

    Attributes:
        number: of processes. 1 without a cluster: this process.
        cluster: the address of the scheduler; "" for none.
        backend: the version of which workers of a cluster must share.
    """

    number: int = 1
    cluster: str = ""
    backend: str = ""

    @property
    def here(self) -> bool:
        return self.number == 1 and not self.cluster

    def place(self, handle: Callable[[Message[Event, None]], None]) -> Place[Task]:
        """Starts the place; ``handle`` gets its messages. SuiteError if it cannot be started."""
        if self.cluster:
            from harness.execution.cluster import Cluster

            return Cluster(WORK, handle, self.cluster, (self.backend,))
        if self.number > 1:
            from harness.execution.workers import Workers

            return Workers(WORK, handle, self.number)
        return InProcess(WORK, handle)


class Trials:
    """The trials of a run, by variant: it trains the missing ones and keeps all.

    Args:
        options: of the command.
        file: the run's file. Every finished trial is recorded in it at once; the trials it holds are not trained again.
        fingerprint: of the run.
        stored: the evidence. A run that adds to the evidence does not train the trials in it.
        progress: shows what is being trained.
        where: where to train.
        cache: trials of earlier runs to reuse; None without --reuse.
    """

    def __init__(
        self,
        options: Options,
        file: RunFile,
        fingerprint: Fingerprint,
        stored: Stored,
        progress: Progress,
        where: TrainingPlace,
        cache: TrialCache | None = None,
    ) -> None:
        self._options, self._file, self._fingerprint = options, file, fingerprint
        self._stored, self._progress, self._cache = stored, progress, cache
        self._parallel = 1 if where.here else where.number
        self.place = where.place(self._handle)
        self._trials: dict[Key, dict[int, Trial]] = {}
        self._short: dict[Key, dict[tuple[int, bool], ShortTrial]] = {}
        self._described: dict[Key, Description] = {}
        self._failed: dict[Key, str] = {}
        self._measured: dict[Key, Measured] = {}
        self._pending: dict[str, Task] = {}
        self._parts: dict[Key, int] = {}
        self._lost = ""
        for key, trials in file.run.trials.items():
            self._trials[key] = {trial.seed: trial for trial in trials}
        for key, short in file.run.short.items():
            self._short[key] = {(one.seed, one.canonical): one for one in short}

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
        """Submits the trainings of these variants to worker processes, the longest first; none if this process trains.

        A variant whose evidence cannot be read is left out.
        """
        if self._parallel == 1:
            return

        def seconds(key: Key) -> float:
            return (self._stored.seconds(*key) or 0.0) * self._options.seeds_of(key[0])

        for key in sorted(dict.fromkeys(keys), key=seconds, reverse=True):
            if self.readable(key[0]):
                self._request(key)

    def trained(self, key: Key) -> Trained:
        """Trains a variant and returns the results to compare with the evidence. SuiteError if the training fails."""
        self._request(key)
        self._wait([key])
        if key in self._failed:
            raise SuiteError(self._failed[key])
        described = self._described[key]
        return Trained(
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

    def measured(self, keys: Sequence[Key]) -> Mapping[Key, Measured]:
        """The evidence to store for these variants, with all their trials. SuiteError if it cannot be measured."""
        for key in keys:
            if key not in self._measured:
                stored = self._stored.variant(*key)
                trials = tuple(self._trials[key][seed] for seed in sorted(self._trials[key]))
                self._submit(key, measured=trials, stored=stored)
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
        """Records what worker processes have trained meanwhile."""
        self.place.poll()

    def close(self) -> None:
        """Records what has been trained, and ends every worker process."""
        self.place.close()

    def _wanted(self, key: Key, count: int | None = None) -> range:
        """The seeds of a variant that this run trains to the end; with ``count``, that many in a run to the end."""
        if self._options.full:
            return self.seeds(key[0], count)
        return range(to_the_end(EXPERIMENTS[key[0]], key[1], self._reference(key)))

    def _own(self, key: Key) -> VariantEvidence | None:
        """The evidence of a variant on this stack; None if there is none or it cannot be read."""
        return self._stored.variant(*key) if self.readable(key[0]) else None

    def _reference(self, key: Key) -> VariantEvidence | None:
        """The evidence that a variant is compared with: of this stack, or else of the reference stack."""
        return (self._own(key) or self._stored.variant(*key, REFERENCE)) if self.readable(key[0]) else None

    def _request(self, key: Key, count: int | None = None) -> None:
        """Submits the tasks that train what is missing of a variant; none if its training has failed."""
        if key in self._failed:
            return
        self._declare(key[0])
        own, reference = self._own(key), self._reference(key)
        known = self._trials.setdefault(key, {})
        if self._options.update is not None and own is not None:
            for trial in stored_trials(own, key[1]):
                known.setdefault(trial.seed, trial)
        pending = {seed for task in self._pending_of(key) for seed in task.seeds}
        missing = [seed for seed in self._wanted(key, count) if seed not in known and seed not in pending]
        pieces = self._pieces(key, self._reuse(key, missing))
        if key not in self._parts:
            same = own is not None and same_versions(own, self._fingerprint)
            steps = own.steps if own is not None and not own.tiny and not self._options.full else 0
            known_short = self.short(key)
            short = {*range(CHECKED)} - {one.seed for one in known_short if not one.canonical} if steps else set()
            canonical = canonical_steps(reference) if reference is not None and not same else 0
            self._submit(
                key,
                seeds=pieces.pop(0) if pieces else (),
                short=tuple(sorted(short)),
                steps=steps if short else 0,
                canonical=0 if any(one.canonical for one in known_short) else canonical,
                hashed=not same,
            )
        for piece in pieces:
            self._submit(key, seeds=piece)

    def _declare(self, experiment: str) -> None:
        """Records the declaration of an experiment, once in a run, before its first trial."""
        if experiment not in self._file.run.experiments:
            order = list(EXPERIMENTS).index(experiment)
            self._file.append(experiment_declared(EXPERIMENTS[experiment], order))

    def _reuse(self, key: Key, seeds: list[int]) -> list[int]:
        """Records the trials of these seeds that an earlier run has trained, and returns the other seeds."""
        if self._cache is None or not seeds:
            return seeds
        from harness.training.configuration import variant_digest

        definition = variant_digest(EXPERIMENTS[key[0]], key[1])
        taken = self._cache.find(*key, definition, seeds)
        for seed, (trial, run) in taken.items():
            self._file.append(TrialDone(experiment=key[0], definition=definition, reused=run, trial=trial))
            self._trials[key][seed] = trial
        return [seed for seed in seeds if seed not in taken]

    def _pieces(self, key: Key, seeds: Sequence[int]) -> list[tuple[int, ...]]:
        """The seeds of each task: one task for all, or several in a run to the end with several processes."""
        if not seeds:
            return []
        size = len(seeds)
        if self._options.full and self._parallel > 1:
            size = math.ceil(len(seeds) / self._parallel)
            each = self._stored.seconds(*key)
            if each:
                size = min(size, max(1, round(TASK_SECONDS / each)))
        return [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)]

    def _submit(self, key: Key, **fields: Any) -> None:
        """Submits the next task of a variant. SuiteError if the connection to the worker processes was lost."""
        if self._lost:
            raise SuiteError(self._lost)
        part = self._parts[key] = self._parts.get(key, -1) + 1
        options = self._options
        task = Task(
            backend=options.backend,
            precision=options.precision,
            engine=options.engine,
            experiment=key[0],
            variant=key[1],
            part=part,
            require_gpu=options.require_gpu,
            **fields,
        )
        self._pending[task.name] = task
        self.place.submit(task)

    def _pending_of(self, key: Key) -> list[Task]:
        return [task for task in self._pending.values() if (task.experiment, task.variant) == key]

    def _wait(self, keys: Sequence[Key]) -> None:
        """Waits until all tasks of these variants have ended.

        SuiteError if the worker processes are lost. Then every further wait fails at once.
        """
        names = [task.name for key in keys for task in self._pending_of(key)]
        if names and self._lost:
            raise SuiteError(self._lost)
        if names:
            try:
                self.place.wait(*names)
            except RecordError:
                raise
            except SuiteError as error:
                self._lost = str(error)
                raise

    def _handle(self, message: Message[Event, None]) -> None:
        task = self._pending[message.name]
        key = (task.experiment, task.variant)
        name = training_name(*key)
        match message:
            case Reported(event=event):
                self._take(task, key, event)
            case RunAgain():
                self._progress.say(f"{name}: the worker process died. What is left is trained again in another.")
            case Refused(reason=reason):
                self._progress.say(reason)
            case Failed(reason=reason):
                self._failed.setdefault(key, f"{name} could not be trained: {reason}")
                self._end(message.name)
            case Done():
                self._end(message.name)

    def _end(self, name: str) -> None:
        del self._pending[name]
        self._progress.finish(name)

    def _take(self, task: Task, key: Key, event: Event) -> None:
        match event:
            case Description():
                described = self._described.get(key)
                if described is None or event.hashes is not None:
                    self._described[key] = event
                epochs = EXPERIMENTS[key[0]].size.epochs
                self._progress.start(task.name, training_name(*key), task.seeds, epochs, task.steps)
            case Trial():
                definition = self._described[key].digest
                self._file.append(TrialDone(experiment=key[0], definition=definition, trial=event))
                self._trials[key][event.seed] = event
                self._progress.trained(task.name, event.seconds.total)
            case ShortTrial():
                self._file.append(ShortTrialDone(trial=event))
                self._short.setdefault(key, {})[event.seed, event.canonical] = event
                self._progress.trained(task.name, event.seconds)
            case Epoch():
                self._progress.epoch(task.name, event.seed, event.epochs)
            case Notice():
                self._progress.say(event.text)
            case Measured():
                self._measured[key] = event
