"""The trials of a run: each trained once, by whichever process needs it first, or taken from an earlier run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.errors import SuiteError
from harness.store import RecordError, RunLog
from harness.training.configuration import variant_digest
from harness.training.devices import check_on_gpu
from harness.training.train import train
from harness.trial import Trial
from suite.catalogue import EXPERIMENTS, training_name
from suite.options import Options
from suite.progress import Progress
from suite.records import experiment_record

if TYPE_CHECKING:
    from suite.earlier import Earlier
    from suite.exchange import Exchange

Key = tuple[str, str]
"""Experiment, variant."""


class Trials:
    """This run's trials by (experiment, variant).

    Args:
        options: what was asked for.
        log: where every trial is recorded the moment it is finished.
        progress: shows what trains.
        exchange: what the processes of a run share; None where there is one.
        earlier: trials to reuse; None unless asked for.
        known: the stored trials of a variant, which are not trained again (evidence that is added to).
    """

    def __init__(
        self,
        options: Options,
        log: RunLog,
        progress: Progress,
        exchange: Exchange | None = None,
        earlier: Earlier | None = None,
        known: Callable[[str, str], Sequence[Trial]] = lambda experiment, variant: (),
    ) -> None:
        self._options, self._log, self._progress, self._known = options, log, progress, known
        self._exchange, self._earlier = exchange, earlier
        self.done: dict[Key, tuple[Trial, ...]] = {}
        self.reused: dict[Key, int] = {}
        self._failed: dict[Key, str] = {}
        self._begun: set[str] = set()

    def seeds(self, experiment: str, count: int | None = None) -> range:
        """The seeds of an experiment in this run, or its first ``count``, which may be more."""
        first = self._options.first_seed
        return range(first, first + (count or self._options.seeds_of(experiment)))

    def get(self, experiment: str, variant: str, count: int | None = None) -> tuple[Trial, ...]:
        """One trial per seed (``seeds``), in order: trained the first time they are asked for, then remembered.

        SuiteError where the variant could not be trained, by this process or another.
        """
        key, seeds = (experiment, variant), self.seeds(experiment, count)
        if len(self.done.get(key, ())) < len(seeds):
            if key not in self._failed:
                name = training_name(experiment, variant)
                with self._exchange.lock(name) if self._exchange else contextlib.nullcontext():
                    self._obtain(key, name, seeds)
            if len(self.done.get(key, ())) < len(seeds):
                raise SuiteError(self._failed[key])
        return self.done[key][: len(seeds)]

    def _obtain(self, key: Key, name: str, seeds: range) -> None:
        experiment, variant = key
        found = {trial.seed: trial for trial in (*self._known(*key), *self.done.get(key, ()))} | self._from_others(key)
        if key in self._failed and not all(seed in found for seed in seeds):
            return
        self.begin(experiment)
        missing = [seed for seed in seeds if seed not in found]
        if missing:
            try:
                definition = variant_digest(EXPERIMENTS[experiment], variant)
                found |= self._reuse(key, definition, missing)
                left = [seed for seed in missing if seed not in found]
                found |= self._train(key, name, definition, left) if left else {}
            except RecordError:
                raise
            except Exception as error:
                said = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
                self._failed[key] = f"{name} could not be trained: {said}"
                self._log.append("trained", {"experiment": experiment, "variant": variant, "error": self._failed[key]})
                return
        first = key not in self.done
        self.done[key] = tuple(found[seed] for seed in seeds)
        if first and (self._exchange is None or key not in self._exchange.trained):
            self._log.append("trained", {"experiment": experiment, "variant": variant, "error": None})

    def _from_others(self, key: Key) -> dict[int, Trial]:
        """What other processes, or this run before it was resumed, have trained of a variant; notes their failure."""
        if self._exchange is None:
            return {}
        self._exchange.refresh()
        failed = self._exchange.trained.get(key)
        if failed:
            self._failed[key] = failed
        self.reused[key] = self._exchange.reused[key]
        return {trial.seed: trial for trial in self._exchange.trials.get(key, ())}

    def begin(self, experiment: str) -> None:
        """Records an experiment, once in a run, before anything else of it."""
        if experiment in self._begun:
            return
        self._begun.add(experiment)
        record = experiment_record(EXPERIMENTS[experiment])
        if self._exchange is None:
            self._log.append("experiment", record)
            return
        with self._exchange.lock("experiments"):
            self._exchange.refresh()
            if experiment not in self._exchange.begun:
                self._log.append("experiment", record)

    def _reuse(self, key: Key, definition: str, seeds: list[int]) -> dict[int, Trial]:
        """Those of the seeds that an earlier run has trained, recorded as reused."""
        if self._earlier is None:
            return {}
        taken = self._earlier.find(*key, definition, seeds)
        for trial, run in taken.values():
            record = {"experiment": key[0], "definition": definition, "reused": run, **trial.to_json()}
            self._log.append("trial", record)
        self.reused[key] = self.reused.get(key, 0) + len(taken)
        return {seed: trial for seed, (trial, _) in taken.items()}

    def _train(self, key: Key, name: str, definition: str, seeds: list[int]) -> dict[int, Trial]:
        declared = EXPERIMENTS[key[0]]
        self._progress.start(name, seeds, declared.size.epochs)
        done: list[Trial] = []

        def keep(trial: Trial) -> None:
            if self._options.require_gpu:
                check_on_gpu([trial.device])
            done.append(trial)
            self._log.append("trial", {"experiment": key[0], "definition": definition, **trial.to_json()})
            if self._exchange is not None and len(done) < len(seeds):
                self._exchange.begin(name, seeds[len(done)])

        try:
            if self._exchange is not None:
                self._exchange.begin(name, seeds[0])
            engine, say = self._options.engine, self._progress.say
            trials = train(declared, key[1], seeds, engine, self._progress.epoch, keep, notice=say)
        finally:
            if self._exchange is not None:
                self._exchange.end(name)
            self._progress.finish(name, sum(trial.seconds.total for trial in done))
        return {trial.seed: trial for trial in trials}
