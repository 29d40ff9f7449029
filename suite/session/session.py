"""A run of the suite: its items train, compare, decide and check. Each result is recorded at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from harness.check.claims import Judge, Judged
from harness.check.stored import Stored
from harness.domain.claim import Claim
from harness.domain.erratum import Erratum, ErratumState
from harness.domain.model import Seconds, Trial
from harness.domain.self_check import SelfCheck
from harness.domain.verdict import Decision, Verdict
from harness.record.outcomes import VerdictComparison, VerdictState
from harness.record.run import (
    ClaimDecided,
    ErratumChecked,
    Key,
    Run,
    RunStarted,
    SelfChecked,
    Timed,
    TrainingCompared,
)
from harness.record.run_file import RecordError, RunFile
from harness.training.backend import Device
from suite.catalogue import EXPERIMENTS, training_name
from suite.cli.options import Options
from suite.session import looks
from suite.session.progress import Progress
from suite.session.trials import Trials
from suite.session.work import reason_of

SESSION: pytest.StashKey[Session] = pytest.StashKey()


class Session:
    """What the items of a run share.

    Attributes:
        options: of the command.
        device: of the backend, in this process.
        file: the run's file.
        run: the run as its records so far describe it.
        stored: the evidence.
        judge: compares results with the evidence.
        trials: trains the trials of the run, and keeps them.
        progress: shows what is being trained.
        timed: what a timing run (-m timing) has measured, by work and engine.
    """

    def __init__(
        self,
        options: Options,
        device: Device,
        file: RunFile,
        stored: Stored,
        judge: Judge,
        trials: Trials,
        progress: Progress,
    ) -> None:
        self.options, self.device, self.file, self.stored = options, device, file, stored
        self.judge, self.trials, self.progress = judge, trials, progress
        self.timed: dict[Key, Timed] = {}
        self._judged: dict[Key, Judged] = {}

    @property
    def run(self) -> Run:
        return self.file.run

    @property
    def header(self) -> RunStarted:
        return self.file.run.header

    def training(self, key: Key) -> TrainingCompared:
        """Trains a variant, compares it with the evidence, and records the result. SuiteError if it fails."""
        record = self._training_record(key, self._compared(key))
        self.file.append(record)
        return record

    def _compared(self, key: Key) -> Judged:
        """Trains a variant, unless its evidence cannot be read, and compares it with the evidence; once in a run."""
        if key not in self._judged:
            trained = None
            if self.options.update is not None:
                self.trials.get([key], len(self.trials.seeds(key[0])))
            elif self.trials.readable(key[0]):
                trained = self.trials.trained(key)
            self._judged[key] = self.judge.training(key, trained)
        return self._judged[key]

    def claim(self, claim: Claim, further: bool = True) -> ClaimDecided:
        """Decides a claim and records it. It first trains what is missing; NOT_RUN if a training fails.

        A check takes the verdict of the evidence. With ``--seeds auto``, further seeds are trained while the claim is
        INCONCLUSIVE, unless ``further`` is False.
        """
        clock = time.perf_counter()
        assert claim.experiment is not None
        keys = [(claim.experiment.id, name) for name in claim.variants]
        spent = 0.0
        try:
            if self.options.full:
                sizes = self.sizes(claim)
                decision, alongside, taken, trials = looks.decide(claim, self.trials, sizes, further)
                spent = sum(trial.seconds.total for done in trials.values() for trial in done)
                outcomes = [self._compared(key).outcome for key in keys]
                shown = taken if self.options.as_needed else None
                record = self.judge.decided(claim, decision, alongside, outcomes, trials, shown)
            else:
                outcomes = [self._compared(key).outcome for key in keys]
                record = self.judge.checked(claim, outcomes, {name: self.trials.done((of, name)) for of, name in keys})
        except RecordError:
            raise
        except Exception as error:
            record = self.judge.not_run(claim, reason_of(error))
        return self._record_claim(record, spent + time.perf_counter() - clock)

    def exact(self, claim: Claim) -> ClaimDecided:
        """Runs the check of an exact claim and records the claim; NOT_RUN if the check raises an error."""
        clock = time.perf_counter()
        self.note(claim.key)
        try:
            record = self.judge.exact(claim, claim.computed())
        except Exception as error:
            record = self.judge.not_run(claim, reason_of(error))
        return self._record_claim(record, time.perf_counter() - clock)

    def _record_claim(self, record: ClaimDecided, seconds: float) -> ClaimDecided:
        record = replace(record, seconds=seconds)
        self.file.append(record)
        return record

    def erratum(self, erratum: Erratum) -> ErratumChecked:
        """Runs both forms of an erratum and records the result; NOT_RUN if that raises an error."""
        self.note(erratum.id)
        try:
            record = ErratumChecked(**vars(erratum.examine(self.options.backend)))
        except Exception as error:
            record = ErratumChecked(id=erratum.id, state=ErratumState.NOT_RUN, reason=reason_of(error))
        self.file.append(record)
        return record

    def note(self, name: str) -> None:
        """Shows the name of what this process does now, and records what worker processes have trained meanwhile."""
        self.progress.note(name)
        self.trials.poll()

    def self_check(self, check: SelfCheck) -> ClaimDecided:
        """Makes a self-check and records it; NOT_RUN if it raises an error. It is red unless it is SUPPORTED."""
        clock = time.perf_counter()
        self.note(check.id)
        try:
            decision = check.decide(str(self.header.fingerprint["engine"]))
        except Exception as error:
            decision = Decision(Verdict.NOT_RUN, reason_of(error))
        red = decision.verdict is not Verdict.SUPPORTED
        state = VerdictState.FLIPPED if red else VerdictState.AS_EXPECTED
        if decision.verdict is Verdict.NOT_RUN:
            state = VerdictState.NOT_RUN
        record = SelfChecked(
            key=check.id,
            statement=check.statement,
            source=check.source,
            decision=decision,
            comparison=VerdictComparison(state, Verdict.SUPPORTED, decision.verdict, red, decision.reason),
            red=red,
        )
        return self._record_claim(record, time.perf_counter() - clock)

    def sizes(self, claim: Claim) -> tuple[int, ...]:
        """The numbers of seeds after which a claim is decided: one, or several with ``--seeds auto``."""
        assert claim.experiment is not None
        return looks.sizes(self.options.as_needed, len(self.trials.seeds(claim.experiment.id)))

    def complete(self, claim: Claim) -> bool:
        """Whether the first look at a claim needs no more training."""
        assert claim.experiment is not None
        keys = [(claim.experiment.id, name) for name in claim.variants]
        if not self.options.full:
            return all(key in self._judged for key in keys)
        return all(self.trials.ready(key, self.sizes(claim)[0]) for key in keys)

    def close(self) -> None:
        """Ends every worker process and closes the run's file. A second call does nothing."""
        self.trials.close()
        self.file.close()

    def _training_record(self, key: Key, judged: Judged) -> TrainingCompared:
        name, variant = key
        declared, trials = EXPERIMENTS[name], self.trials.done(key)
        if self.options.as_needed:  # further seeds are the claims'; those of the first look are compared
            trials = trials[: self.options.seeds_of(name)]
        metric = declared.metrics[0]
        data = declared.variant(variant).data
        assert data is not None
        count = len(data().first(declared.size.train).x)
        steady = statistics.median(trial.seconds.steady_epoch for trial in trials) if trials else 0.0
        values = [trial.metrics.get(metric.name) for trial in trials]
        known = [value for value in values if value is not None]
        return TrainingCompared(
            experiment=name,
            variant=variant,
            engine=trials[0].engine if trials else str(self.header.fingerprint["engine"]),
            backend=self.options.backend,
            device=self.device.kind,
            device_model=self.device.model,
            precision=self.device.precision,
            seeds=tuple(trial.seed for trial in trials),
            seconds=self._seconds(key, trials),
            reused=self.run.reused.get(key, 0),
            images_per_second=count / steady if steady else None,
            metric=metric.name,
            mean=statistics.fmean(known) if known else None,
            std=statistics.stdev(known) if len(known) > 1 else None,
            n=len(values),
            diverged=sum(trial.divergence is not None for trial in trials),
            stored_mean=self.stored.mean(name, variant, metric.name, [trial.seed for trial in trials]),
            stored_seconds=self.stored.seconds(name, variant),
            outcome=judged.outcome,
            red=judged.red,
            damaged=judged.damaged,
        )

    def _seconds(self, key: Key, trials: Sequence[Trial]) -> Seconds:
        """The seconds of a variant: ``total`` and ``compile`` summed over its trials, ``steady_epoch`` their mean.

        ``total`` has the shortened trials too; ``first_epoch`` is that of the first trial.
        """
        seconds = [trial.seconds for trial in trials]
        short = sum(trial.seconds for trial in self.trials.short(key))
        return Seconds(
            total=sum(one.total for one in seconds) + short,
            compile=sum(one.compile for one in seconds),
            first_epoch=seconds[0].first_epoch if seconds else 0.0,
            steady_epoch=statistics.fmean(one.steady_epoch for one in seconds) if seconds else 0.0,
        )


def training_message(record: TrainingCompared) -> str:
    """The message of a red training."""
    return f"{training_name(*record.key)} {record.outcome.state}: {record.outcome.reason}"
