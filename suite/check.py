"""The check: whether this machine trains what the evidence holds. It decides no claim anew.

A tiny training goes to the end with ten seeds. Any other trains its first steps with five seeds, and an anchor trains
seed 0 to the end as well. A claim's verdict is that of the evidence; the check says how much of it this machine
confirms.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from baselines import judge
from baselines.evidence import TINY_SEEDS
from baselines.rounding import CHECKED, VALIDATED
from baselines.verdicts import VerdictComparison, VerdictState
from harness.claim import Claim
from harness.errors import SuiteError
from harness.experiment import Experiment
from harness.record.evidence import Expected, VariantEvidence
from harness.record.trials import ShortTrial
from harness.rules import PLAIN
from harness.store import RecordError
from harness.store.records import seconds_of
from harness.trial import Trial
from harness.verdict import Decision
from suite.catalogue import EXPERIMENTS, training_name
from suite.outcome import Outcome
from suite.run import SuiteRun, not_run
from suite.sequential import Taken

Key = tuple[str, str]
"""Experiment, variant."""


class CheckRun(SuiteRun):
    """A check: its shortened trials, the trials that went to the end, and what they say of the evidence."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._short: dict[Key, tuple[ShortTrial, ...]] = {}
        self._failed: dict[Key, str] = {}

    def train(self, experiment: str, variant: str) -> object:
        """Trains what a check trains of a variant, unless it has been; SuiteError where that cannot be done."""
        key = (experiment, variant)
        if key not in self._short and key not in self._failed:
            try:
                self._short[key] = self._train(*key)
            except RecordError:
                raise
            except Exception as error:
                self._failed[key] = f"{training_name(*key)} could not be trained: {not_run(error).reason}"
        if key in self._failed:
            raise SuiteError(self._failed[key])
        return self._short[key]

    def _train(self, experiment: str, variant: str) -> tuple[ShortTrial, ...]:
        """The shortened trials; those that go to the end are kept by ``self.trials``."""
        from harness.training.steps import first_steps

        declared, own = EXPERIMENTS[experiment], self.stored.variant(experiment, variant)
        stored = own or self.stored.variant(experiment, variant, judge.REFERENCE)
        count = to_the_end(declared, variant, stored)
        self.trials.begin(experiment)
        if count:
            self.trials.get(experiment, variant, count)
        if own is None or own.tiny or not own.steps:
            return ()
        name = training_name(experiment, variant)
        self.progress.start(f"{name}, {own.steps} steps", range(CHECKED), 1)
        clock = time.perf_counter()
        try:
            seeds, engine = range(CHECKED), self.options.engine
            return first_steps(declared, variant, seeds, own.steps, engine=engine, validate=VALIDATED)
        finally:
            self.progress.finish(name, time.perf_counter() - clock)

    def trained(self, experiment: str, variant: str) -> judge.Trained:
        self.train(experiment, variant)
        short, trials = self._short[experiment, variant], self.ended(experiment, variant)
        return self._trained(EXPERIMENTS[experiment], variant, self.stored.variant(experiment, variant), short, trials)

    def counts(self) -> judge.Counts:
        anchors = sum(variant in EXPERIMENTS[experiment].anchors for experiment, variant in self.trainings)
        return judge.Counts(max(1, len(self.trainings)), max(1, anchors))

    def decide(self, claim: Claim, further: bool = True) -> Outcome:
        """The verdict of the evidence, and how much of it this machine confirms; NOT_RUN where a training failed."""
        clock = time.perf_counter()
        assert claim.experiment is not None
        try:
            for name in claim.variants:
                self.train(claim.experiment.id, name)
            known = self.stored.verdict(claim)
            live = self._decided_live(claim)
        except RecordError:
            raise
        except Exception as error:
            return self._settle(claim, not_run(error), (), clock)
        if known.decision is None:
            decision = Decision(known.verdict, "No evidence is stored, and a check decides nothing anew: add --full.")
        else:
            decision = dataclasses.replace(known.decision, verdict=known.verdict, reason=known.reason)
        here = self.here(claim, live.verdict if live else None)
        outcome = self._settle(claim, decision, known.beside, clock, here=here)
        if live is not None and live.verdict.decided and known.verdict.decided and live.verdict is not known.verdict:
            said = f"{live.verdict} here, of {TINY_SEEDS} seeds; the evidence says {known.verdict}. {live.reason}"
            comparison = VerdictComparison(VerdictState.FLIPPED, known.verdict, live.verdict, True, said)
            outcome = self.outcomes[claim.key] = dataclasses.replace(outcome, comparison=comparison, red=True)
            self.moved = True
            self.record(outcome)
        return outcome

    def _decided_live(self, claim: Claim) -> Decision | None:
        """The claim decided from this run's own trials, where all of them are tiny trainings; else None."""
        assert claim.experiment is not None
        trials = {name: self.ended(claim.experiment.id, name) for name in claim.variants}
        if any(len(done) < TINY_SEEDS for done in trials.values()):
            return None
        return claim.decide(trials, levels=PLAIN)[0]

    def resting(self, outcome: Outcome) -> Mapping[str, Sequence[Trial]]:
        return self.stored.trials(outcome.claim) if outcome.here else {}

    def complete(self, claim: Claim) -> bool:
        assert claim.experiment is not None
        return all((claim.experiment.id, name) in self._short for name in claim.variants)

    def _against(
        self, expected: Expected | None, claim: Claim, decision: Decision, taken: Taken | None
    ) -> VerdictComparison:
        """As a run to the end, but for a verdict of the evidence, which changes only where a rule or a claim does."""
        found = super()._against(expected, claim, decision, taken)
        changed = claim.experiment is not None and found.state in (VerdictState.WEAKENED, VerdictState.DECIDED)
        return msgspec.structs.replace(found, red=True) if changed else found

    def seconds(self, experiment: str, variant: str) -> dict[str, float]:
        """The shortened trials count too; a mean epoch is that of the trials that went to the end."""
        trials, short = self.ended(experiment, variant), self._short[experiment, variant]
        seconds = (
            seconds_of(trials) if trials else dict.fromkeys(("total", "compile", "first_epoch", "steady_epoch"), 0.0)
        )
        return {**seconds, "total": seconds["total"] + sum(trial.seconds for trial in short)}


def to_the_end(experiment: Experiment, variant: str, stored: VariantEvidence | None) -> int:
    """How many seeds of a variant a check trains to the end; ``stored``: its evidence, of whatever stack."""
    if stored is not None and stored.tiny:
        return min(TINY_SEEDS, stored.seeds)
    return 1 if variant in experiment.anchors else 0
