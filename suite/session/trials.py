"""The trials of a run: each trained once, in whatever process, or taken from an earlier run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baselines.claims import to_the_end
from baselines.evidence import Measured
from baselines.evidence import trials as stored_trials
from baselines.judge import REFERENCE, canonical_steps, same_versions
from baselines.rounding import CHECKED
from baselines.stored import Stored
from harness.domain.trial import Trial
from harness.errors import SuiteError
from harness.execution.here import InProcess
from harness.execution.task import Done, Failed, Message, Place, Reported, RunAgain
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

PIECE = 10.0
"""Seconds that a task of a run to the end is to take, where it is cut."""


@dataclass(frozen=True)
class TrainingPlace:
    """Where a run trains: ``number`` processes of a cluster, or on this machine; one of those is this process."""

    number: int = 1
    cluster: str = ""

    @property
    def here(self) -> bool:
        return self.number == 1 and not self.cluster

    def place(self, handle: Callable[[Message[Event, None]], None]) -> Place[Task]:
        """The place; SuiteError where it cannot be started."""
        if self.cluster:
            from harness.execution.cluster import Cluster

            return Cluster(WORK, handle, self.cluster)
        if self.number > 1:
            from harness.execution.workers import Workers as Processes

            return Processes(WORK, handle, self.number)
        return InProcess(WORK, handle)


class Trials:
    """What is trained of each (experiment, variant), and what is known of it beforehand.

    Args:
        options: what was asked for.
        file: where every trial is recorded the moment it is finished; its trials are not trained again.
        fingerprint: of the run.
        stored: the evidence; a run that adds to it does not train what it holds.
        progress: shows what trains.
        workers: where it is trained.
        cache: trials of earlier runs to take; None unless asked for.
    """

    def __init__(
        self,
        options: Options,
        file: RunFile,
        fingerprint: Fingerprint,
        stored: Stored,
        progress: Progress,
        workers: TrainingPlace,
        cache: TrialCache | None = None,
    ) -> None:
        self._options, self._file, self._fingerprint = options, file, fingerprint
        self._stored, self._progress, self._cache = stored, progress, cache
        self._parallel = 1 if workers.here else workers.number
        self.place = workers.place(self._handle)
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
        """The seeds of an experiment in this run, or its first ``count``, which may be more."""
        first = self._options.first_seed
        return range(first, first + (count or self._options.seeds_of(experiment)))

    def done(self, key: Key) -> tuple[Trial, ...]:
        """The trials of a variant that are there without a gap, in order of their seeds."""
        known, found = self._trials.get(key, {}), []
        for seed in range(self._options.first_seed, self._options.first_seed + len(known)):
            if seed not in known:
                break
            found.append(known[seed])
        return tuple(found)

    def short(self, key: Key) -> tuple[ShortTrial, ...]:
        """The shortened trials of a variant."""
        return tuple(self._short.get(key, {}).values())

    @property
    def keys(self) -> tuple[Key, ...]:
        """The variants that have trials, and did not fail."""
        return tuple(key for key in self._trials if key not in self._failed and self.done(key))

    def expect(self, keys: Iterable[Key]) -> None:
        """Begins to train what a run needs of these variants, the longest first, where other processes train.

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
        """What is trained of a variant, as it is compared with the evidence; SuiteError where that cannot be done."""
        self._request(key)
        self._wait([key])
        if key in self._failed:
            raise SuiteError(self._failed[key])
        described = self._described[key]
        return Trained(
            configuration=described.configuration,
            hashes=described.hashes,
            short=self.short(key),
            trials=tuple(self._trials.get(key, {})[seed] for seed in self._wanted(key)),
        )

    def get(self, keys: Sequence[Key], count: int) -> dict[Key, tuple[Trial, ...]]:
        """The first ``count`` seeds of each variant, to the end; SuiteError where one cannot be trained."""
        missing = [key for key in keys if not self._has(key, count)]
        for key in missing:
            self._request(key, count)
        self._wait(missing)
        for key in missing:
            if not self._has(key, count):
                raise SuiteError(self._failed[key])
        return {key: tuple(self._trials[key][seed] for seed in self.seeds(key[0], count)) for key in keys}

    def ready(self, key: Key, count: int) -> bool:
        """Whether a variant can be compared, and decided with ``count`` seeds, without training anything."""
        return key in self._described and key not in self._failed and self._has(key, count)

    def _has(self, key: Key, count: int) -> bool:
        known = self._trials.get(key, {})
        return all(seed in known for seed in self.seeds(key[0], count))

    def measured(self, keys: Sequence[Key]) -> Mapping[Key, Measured]:
        """What is to be stored of these variants, with their trials; SuiteError where that cannot be measured."""
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
        """Whether the evidence of an experiment can be read, so that a check knows what to train."""
        try:
            self._stored.of(experiment)
        except SuiteError:
            return False
        return True

    def poll(self) -> None:
        """Records what other processes have trained meanwhile."""
        self.place.poll()

    def close(self) -> None:
        """Records what has been trained, and ends every process."""
        self.place.close()

    def _wanted(self, key: Key, count: int | None = None) -> range:
        """The seeds that this run trains to the end."""
        if self._options.full:
            return self.seeds(key[0], count)
        return range(to_the_end(EXPERIMENTS[key[0]], key[1], self._reference(key)))

    def _own(self, key: Key) -> VariantEvidence | None:
        """What is stored of a variant; None where it cannot be read, which the comparison reports."""
        return self._stored.variant(*key) if self.readable(key[0]) else None

    def _reference(self, key: Key) -> VariantEvidence | None:
        return (self._own(key) or self._stored.variant(*key, REFERENCE)) if self.readable(key[0]) else None

    def _request(self, key: Key, count: int | None = None) -> None:
        """Begins to train what is missing of a variant."""
        if key in self._failed:
            return
        self._declare(key[0])
        own, reference = self._own(key), self._reference(key)
        known = self._trials.setdefault(key, {})
        if self._options.update is not None and own is not None:
            for trial in stored_trials(own, key[1]):
                known.setdefault(trial.seed, trial)
        under_way = {seed for task in self._pending_of(key) for seed in task.seeds}
        missing = [seed for seed in self._wanted(key, count) if seed not in known and seed not in under_way]
        missing = self._reuse(key, missing)
        others = self._pieces(key, missing)
        if key not in self._parts:
            same = own is not None and same_versions(own, self._fingerprint)
            steps = own.steps if own is not None and not own.tiny and not self._options.full else 0
            known_short = self.short(key)
            short = {*range(CHECKED)} - {one.seed for one in known_short if not one.canonical} if steps else set()
            canonical = canonical_steps(reference) if reference is not None and not same else 0
            self._submit(
                key,
                seeds=others[0] if others else (),
                short=tuple(sorted(short)),
                steps=steps if short else 0,
                canonical=0 if any(one.canonical for one in known_short) else canonical,
                hashed=not same,
            )
            others = others[1:]
        for piece in others:
            self._submit(key, seeds=piece)

    def _declare(self, experiment: str) -> None:
        """Records an experiment, once in a run, before anything else of it."""
        if experiment not in self._file.run.experiments:
            order = list(EXPERIMENTS).index(experiment)
            self._file.append(experiment_declared(EXPERIMENTS[experiment], order))

    def _reuse(self, key: Key, seeds: list[int]) -> list[int]:
        """Takes those of the seeds that an earlier run has trained, and gives the others."""
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
        """The seeds of one task each: all of them at once, but for a run to the end in several processes."""
        size = len(seeds)
        if self._options.full and self._parallel > 1 and seeds:
            size = math.ceil(len(seeds) / self._parallel)
            each = self._stored.seconds(*key)
            if each:
                size = min(size, max(1, round(PIECE / each)))
        return [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)] if seeds else []

    def _submit(self, key: Key, **fields: Any) -> None:
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
        """Until nothing of these variants is under way; SuiteError where the place is lost, at once the next time."""
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
            case ShortTrial():
                self._file.append(ShortTrialDone(trial=event))
                self._short.setdefault(key, {})[event.seed, event.canonical] = event
            case Epoch():
                self._progress.epoch(task.name, event.seed, event.epochs)
            case Notice():
                self._progress.say(event.text)
            case Measured():
                self._measured[key] = event
