"""A run of the suite: its items train, compare, decide and check. Each result is recorded at once."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.check.claims import Decided, Judge, Judged
from harness.check.stored import Stored
from harness.claim import Claim
from harness.erratum import Erratum, ErratumChecked, ErratumState
from harness.model import Seconds
from harness.record.outcomes import TrainingOutcome, TrainingState, VerdictComparison, VerdictState
from harness.record.run import (
    ClaimDecided,
    Key,
    Run,
    RunStarted,
    SelfChecked,
    Summary,
    TrainingCompared,
)
from harness.record.run_file import RecordError, RunFile
from harness.rules.levels import looks
from harness.self_check import SelfCheck
from harness.training.backend import Device
from harness.verdict import Decision, Verdict
from suite.catalogue import EXPERIMENTS, TRAINING_CLAIMS, keys_of
from suite.options import Options
from suite.session.task import reason_of
from suite.session.terminal import Progress
from suite.session.trials import Trials

SESSION: pytest.StashKey[Session] = pytest.StashKey()


@dataclass
class Session:
    """What the items of a run share.

    Attributes:
        options: of the command.
        device: of the backend, in this process.
        file: the run's file.
        stored: the evidence.
        judge: compares results with the evidence.
        trials: of the run.
        progress: shows what is being trained.
    """

    options: Options
    device: Device
    file: RunFile
    stored: Stored
    judge: Judge
    trials: Trials
    progress: Progress
    _judged: dict[Key, Judged] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        """The run as its records so far describe it."""
        return self.file.run

    @property
    def header(self) -> RunStarted:
        return self.file.run.header

    def training(self, key: Key) -> TrainingCompared:
        """Waits for a training, compares it with the evidence, and records that. SuiteError if it failed.

        The claims that waited only for it are decided then, too; with ``--seeds auto`` they may need more seeds.
        """
        try:
            record = self._training_record(key, self._compared(key))
            self.file.append(record)
            return record
        finally:
            if not self.options.as_needed:
                self._decide_ready()

    def claim(self, claim: Claim) -> ClaimDecided:
        """The record of a claim. It is decided first if it needs more seeds."""
        if claim.key not in self.run.claims:
            self._decide(claim)
        return self.run.claims[claim.key]

    def interrupted(self) -> None:
        """Decides the claims whose trainings have ended, although their items did not run."""
        for key in self.trials.plans:
            if self.trials.ended(key):
                self._compared(key)
        self._decide_ready()

    def _decide_ready(self) -> None:
        """Decides the claims whose trainings have been compared, or have failed."""
        for name in self.header.planned:
            claim = None if name in self.run.claims else TRAINING_CLAIMS.get(name)
            if claim and all(key in self._judged or self.trials.failed(key) for key in keys_of(claim)):
                self._decide(claim, further=False)

    def _compared(self, key: Key) -> Judged:
        """Compares a variant with the evidence, once in a run."""
        if key not in self._judged:
            trained = self.trials.trained(key)
            self._judged[key] = self.judge.training(key, trained if self.options.update is None else None)
        return self._judged[key]

    def _decide(self, claim: Claim, further: bool = True) -> None:
        """Decides a claim and records it; NOT_RUN if a training failed.

        A check takes the verdict of the evidence. With ``--seeds auto``, further seeds are trained while the claim is
        INCONCLUSIVE, unless ``further`` is False.
        """
        keys = keys_of(claim)
        try:
            outcomes = [self._compared(key).outcome for key in keys]
            if self.options.full:
                own, auto = self.options.seeds_of(keys[0][0]), self.options.as_needed
                sizes = looks(own, auto.max_seeds) if auto else (own,)
                decided = self.trials.decided(claim, sizes, further)
                shown = decided if auto else dataclasses.replace(decided, taken=None)
                record = self.judge.decided(claim, shown, outcomes)
            else:
                record = self.judge.checked(claim, outcomes, {key[1]: self.trials.done(key) for key in keys})
        except RecordError:
            raise
        except Exception as error:
            record = self.judge.decided(claim, Decided(Decision(Verdict.NOT_RUN, reason_of(error))))
        self._record_claim(record)

    def exact(self, claim: Claim) -> ClaimDecided:
        """Runs the check of an exact claim and records the claim; NOT_RUN if the check raises an error."""
        return self._record_claim(self.judge.decided(claim, Decided(self._computed(claim.key, claim.computed))))

    def self_check(self, check: SelfCheck) -> ClaimDecided:
        """Makes a self-check and records it; NOT_RUN if it raises an error. It is red unless it is SUPPORTED."""
        engine = str(self.header.fingerprint["engine"])
        decision = self._computed(check.id, lambda: check.decide(engine))
        verdict, red = decision.verdict, decision.verdict is not Verdict.SUPPORTED
        state = VerdictState.FLIPPED if red else VerdictState.AS_EXPECTED
        if verdict is Verdict.NOT_RUN:
            state = VerdictState.NOT_RUN
        record = SelfChecked(
            key=check.id,
            statement=check.statement,
            source=check.source,
            decision=decision,
            comparison=VerdictComparison(state, Verdict.SUPPORTED, verdict, red, decision.reason),
            red=red,
        )
        return self._record_claim(record)

    def erratum(self, erratum: Erratum) -> ErratumChecked:
        """Runs both forms of an erratum and records the result; NOT_RUN if that raises an error."""
        self._begin(erratum.id)
        try:
            record = erratum.examine(self.options.backend)
        except Exception as error:
            record = ErratumChecked(id=erratum.id, state=ErratumState.NOT_RUN, reason=reason_of(error))
        self.file.append(record)
        return record

    def _begin(self, name: str) -> None:
        """Shows what this process does now, and records what other processes have trained meanwhile."""
        self.progress.note(name)
        self.trials.poll()

    def _computed(self, name: str, decide: Callable[[], Decision]) -> Decision:
        """What a computation decides; NOT_RUN if it raises an error."""
        self._begin(name)
        try:
            return decide()
        except Exception as error:
            return Decision(Verdict.NOT_RUN, reason_of(error))

    def _record_claim(self, record: ClaimDecided) -> ClaimDecided:
        self.file.append(record)
        return record

    def missing(self) -> None:
        """Records as missing the variants that have evidence and are no longer declared, of experiments that ran."""
        for name in dict.fromkeys(experiment for experiment, _ in self.run.trainings):
            for variant in self.stored.vanished(EXPERIMENTS[name]):
                outcome = TrainingOutcome(TrainingState.MISSING, "It has evidence and is no longer declared.")
                self.file.append(self._training_record((name, variant), Judged(outcome, True)))

    def close(self) -> None:
        """Ends every worker process and closes the run's file. A second call does nothing."""
        self.trials.close()
        self.file.close()

    def _training_record(self, key: Key, judged: Judged) -> TrainingCompared:
        name, variant = key
        declared, trials = EXPERIMENTS[name], self.trials.done(key)
        if self.options.as_needed:  # further seeds are the claims'; those of the first look are compared
            trials = trials[: self.options.seeds_of(name)]
        seconds, rate = [trial.seconds for trial in trials], None
        if steady := statistics.median(each.steady_epoch for each in seconds) if seconds else 0.0:
            data = declared.variant(variant).data
            assert data is not None
            rate = len(data().first(declared.size.train).x) / steady
        seeds, summary = tuple(trial.seed for trial in trials), Summary.of(declared.metrics[0].name, trials)
        return TrainingCompared(
            experiment=name,
            variant=variant,
            engine=trials[0].engine if trials else str(self.header.fingerprint["engine"]),
            backend=self.options.backend,
            device=self.device.kind,
            device_model=self.device.model,
            precision=self.device.precision,
            seeds=seeds,
            seconds=Seconds(
                total=sum(each.total for each in seconds) + sum(trial.seconds for trial in self.trials.short(key)),
                compile=sum(each.compile for each in seconds),
                first_epoch=seconds[0].first_epoch if seconds else 0.0,
                steady_epoch=statistics.fmean(each.steady_epoch for each in seconds) if seconds else 0.0,
            ),
            reused=self.run.reused.get(key, 0),
            images_per_second=rate,
            summary=summary,
            stored_mean=self.stored.mean(name, variant, summary.metric, seeds),
            stored_seconds=self.stored.seconds(name, variant),
            outcome=judged.outcome,
            red=judged.red,
            damaged=judged.damaged,
        )
