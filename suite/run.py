"""One run of the suite: compares, decides and records what its trials say."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from baselines import evidence, judge
from baselines.verdicts import VerdictComparison, compare_verdict
from harness.claim import Claim
from harness.erratum import Erratum, Finding
from harness.erratum import State as ErratumState
from harness.errors import SuiteError
from harness.experiment import Experiment
from harness.fingerprint import fingerprint
from harness.record.evidence import Expected, VariantEvidence
from harness.record.trials import ShortTrial
from harness.rules import Exact
from harness.store import RecordError, Run, RunLog
from harness.store.records import seconds_of, summary_of
from harness.training.backend import Device
from harness.training.engines import resolve_engine
from harness.trial import Trial
from harness.verdict import Decision, Verdict
from suite import errata, sequential
from suite.catalogue import EXPERIMENTS, training_name
from suite.options import Options
from suite.outcome import Here, Outcome
from suite.progress import Progress
from suite.records import claim_record
from suite.sequential import Taken
from suite.stored import Stored
from suite.trials import Trials

if TYPE_CHECKING:
    from harness.store.follower import Follower
    from suite.earlier import Earlier
    from suite.exchange import Exchange


class SuiteRun:
    """A run to the end (``--full``): holds its trials by (experiment, variant), its comparisons and its outcomes.

    Args:
        options: what was asked for.
        fingerprint: of this run, see ``run_fingerprint``.
        log: the run's record on disk.
        stored: the evidence of this stack.
        progress: shows what trains.
        planned: keys of the claims that are to be decided.
        trainings: (experiment, variant) that will be compared, for the false-alarm rate of the whole run.
        exchange, earlier: see ``Trials``.
    """

    def __init__(
        self,
        options: Options,
        fingerprint: Mapping[str, Any],
        log: RunLog,
        stored: Stored,
        progress: Progress,
        planned: Sequence[str],
        trainings: Sequence[tuple[str, str]],
        exchange: Exchange | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.options, self.log, self.stored, self.progress = options, log, stored, progress
        self.fingerprint = dict(fingerprint)
        self.device = Device(fingerprint["device"], fingerprint["device_model"], fingerprint["precision"])
        self.planned, self.trainings = planned, tuple(trainings)
        self.trials = Trials(options, log, progress, exchange, earlier, self.known)
        self.states: dict[tuple[str, str], judge.Outcome] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.errata: dict[str, Finding] = {}
        self.conformance: dict[str, list[str]] = {}
        """What is wrong by each conformance check of this run."""
        self.timings: list[Any] = []
        self.broken: Sequence[Mapping[str, Any]] = ()
        """What could not be read of the catalogue, of the selected items (``harness.catalogue.Broken``)."""
        self.deadline: float | None = None
        """When the budget of time is spent (of ``time.monotonic``); None without one."""
        self.follower: Follower | None = None
        """Keeps the store up with the run's record; None where there is no store."""
        self._damaged: set[tuple[str, str]] = set()
        self.moved = False
        """Whether anything is red because it moved: a variant against the evidence, or a verdict."""

    def known(self, experiment: str, variant: str) -> Sequence[Trial]:
        """The stored trials of a variant that this run does not train again: those that it adds seeds to."""
        if self.options.update is None:
            return ()
        stored = self.stored.variant(experiment, variant)
        return evidence.trials(stored, variant) if stored else ()

    def train(self, experiment: str, variant: str) -> object:
        """Trains a variant, unless it has been; SuiteError where that cannot be done."""
        return self.trials.get(experiment, variant)

    def trained(self, experiment: str, variant: str) -> judge.Trained:
        """What this run trained of a variant, as it is compared with the evidence."""
        trials = self.trials.get(experiment, variant)
        declared, stored = EXPERIMENTS[experiment], self.stored.variant(experiment, variant)
        return self._trained(declared, variant, stored, trials=trials)

    def _trained(
        self,
        declared: Experiment,
        variant: str,
        stored: VariantEvidence | None,
        short: Sequence[ShortTrial] = (),
        trials: Sequence[Trial] = (),
    ) -> judge.Trained:
        """With the hashes and the canonical trace, where other versions than the stored ones may draw other numbers."""
        from harness.training.configuration import configuration, hashes
        from harness.training.steps import first_steps
        from harness.training.task import Task

        task = Task.of(declared, variant)
        reference = stored or self.stored.variant(declared.id, variant, judge.REFERENCE)
        same = stored is not None and judge.same_versions(stored, self.fingerprint)
        found = None if same else hashes(task)
        steps = judge.canonical_steps(reference) if reference is not None and not same else 0
        if steps:
            engine = self.options.engine
            short = (*short, *first_steps(declared, variant, (0,), steps, engine=engine, canonical=True, validate=()))
        return judge.Trained(configuration(task), found, short, trials)

    def counts(self) -> judge.Counts:
        """Over how many tests the chance of a false alarm of the whole run is divided."""
        return judge.Counts(
            max(1, len(self.trainings)), max(1, sum(self.options.seeds_of(name) for name, _ in self.trainings))
        )

    def comparison(self, experiment: str, variant: str) -> judge.Outcome:
        """A variant against the evidence; trained first, if it has to be."""
        key = (experiment, variant)
        if key not in self.states:
            self.states[key] = self._compared(*key)
        return self.states[key]

    def _compared(self, experiment: str, variant: str) -> judge.Outcome:
        try:
            known = {stack: {experiment: one} for stack, one in self.stored.of(experiment).items()}
        except SuiteError as damage:
            self._damaged.add((experiment, variant))
            return judge.Outcome(judge.State.NOT_COMPARABLE, str(damage))
        if self.options.update is not None:
            return judge.Outcome(judge.State.NEW, "This run is stored, not compared.", to_the_end=True)
        for metric in self.stored.replayed(EXPERIMENTS[experiment]):
            if metric.variant == variant:
                reason = f"The function of a metric has changed, on the stored curves: {metric}."
                return judge.Outcome(judge.State.NOT_COMPARABLE, reason)
        trained = {experiment: {variant: self.trained(experiment, variant)}}
        run = judge.Run(self.stored.stack, self.fingerprint, trained, full=self.options.full)
        return judge.judge(run, EXPERIMENTS, known, self.counts())[experiment][variant]

    def has_moved(self, experiment: str, variant: str) -> bool:
        """Whether a variant has moved from what is stored."""
        return self.comparison(experiment, variant).state is judge.State.MOVED

    def compare(self, experiment: str, variant: str) -> dict[str, Any]:
        """Compares a trained variant with the evidence; the record, with whether it is red and what to print then."""
        self.train(experiment, variant)
        found = self.comparison(experiment, variant)
        missing = found.state is judge.State.NEW and self.options.require_baselines
        other_bits = self.options.strict and found.state in (judge.State.REPRODUCED, judge.State.START_REPRODUCED)
        red = self.options.update is None and (found.red or missing or other_bits)
        self.moved |= red and (experiment, variant) not in self._damaged
        record = self._training_record(experiment, variant, found, red)
        self.log.append("training", record)
        message = f"{training_name(experiment, variant)} {found.state}: {found.reason}"
        return {**record, "red": red, "message": message}

    def decide(self, claim: Claim, further: bool = True) -> Outcome:
        """Decides a claim from its trials, training what is still untrained; NOT_RUN where a training failed.

        With ``--seeds auto`` it trains more while the claim is undecided, unless ``further`` is False.
        """
        clock = time.perf_counter()
        sizes, taken = self.sizes(claim), None
        try:
            decision, beside, taken, trials = sequential.decide(claim, self.trials, sizes, self.deadline, further)
        except RecordError:
            raise
        except Exception as error:
            return self._settle(claim, not_run(error), (), clock)
        spent = sum(trial.seconds.total for done in trials.values() for trial in done)
        looked = taken if self.options.as_needed else None
        return self._settle(claim, decision, beside, clock, spent, looked, self.here(claim, decision.verdict))

    def here(self, claim: Claim, verdict: Verdict | None = None) -> Here | None:
        """What the evidence says of a claim, and how much of it this machine confirms; None where it cannot be read.

        ``verdict``: what this run's own trials say, where they were decided anew.
        """
        assert claim.experiment is not None
        try:
            known = self.stored.verdict(claim)
        except SuiteError:
            return None
        found = [self.comparison(claim.experiment.id, name) for name in claim.variants]
        state = "" if self.options.update is not None else str(judge.claim_state(found))
        reasons = dict.fromkeys(f"{name}: {one.reason}" for name, one in zip(claim.variants, found, strict=True))
        said = " ".join(reasons)
        return Here(state, said, known.stack, known.seeds, str(known.verdict), known.needed, str(verdict or ""))

    def sizes(self, claim: Claim) -> tuple[int, ...]:
        """After how many seeds a claim is looked at: once, but with ``--seeds auto``."""
        assert claim.experiment is not None
        own = len(self.trials.seeds(claim.experiment.id))
        return self.options.as_needed.sizes(own) if self.options.as_needed else (own,)

    def complete(self, claim: Claim) -> bool:
        """Whether every variant that a claim rests on has the trials of a first look."""
        assert claim.experiment is not None
        first, keys = self.sizes(claim)[0], [(claim.experiment.id, name) for name in claim.variants]
        return all(len(self.trials.done.get(key, ())) >= first for key in keys)

    def decide_exact(self, claim: Claim) -> Outcome:
        """Runs an exact claim's check; NOT_RUN where the check itself fails."""
        clock = time.perf_counter()
        assert isinstance(claim.rule, Exact)
        assert claim.check is not None
        self.progress.note(claim.key)
        try:
            decision = claim.rule.decide(claim.check())
        except Exception as error:
            return self._settle(claim, not_run(error), (), clock)
        return self._settle(claim, decision, (), clock)

    def give_up(self, claim: Claim) -> Outcome:
        """NOT_RUN, of a claim whose worker died."""
        return self._settle(
            claim, not_run(SuiteError("The worker that was to decide it died.")), (), time.perf_counter()
        )

    def examine(self, erratum: Erratum) -> Finding:
        """Runs both forms of an erratum; ``NOT_RUN`` where that cannot be done."""
        self.progress.note(erratum.id)
        try:
            finding = erratum.examine(self.options.backend)
        except Exception as error:
            finding = Finding(erratum, ErratumState.NOT_RUN, not_run(error).reason)
        self.moved |= finding.moved
        self.errata[erratum.id] = finding
        self.log.append("erratum", errata.record(finding, self.options.backend))
        return finding

    def record(self, outcome: Outcome, adjusted: tuple[Decision, Verdict] | None = None) -> None:
        """Writes a claim's record; a later record of the same claim, with adjusted p-values, takes its place."""
        self.log.append(
            "claim",
            claim_record(
                outcome,
                self.resting(outcome),
                str(adjusted[1]) if adjusted else None,
                adjusted[0] if adjusted else None,
            ),
        )

    def resting(self, outcome: Outcome) -> Mapping[str, Sequence[Trial]]:
        """The trials that a claim was decided from, by variant."""
        claim = outcome.claim
        owner = claim.experiment.id if claim.experiment else ""
        rests = outcome.taken.seeds if outcome.taken else None
        return {name: self.trials.done.get((owner, name), ())[:rests] for name in claim.variants}

    def _settle(
        self,
        claim: Claim,
        decision: Decision,
        beside: tuple[Decision, ...],
        clock: float,
        spent: float = 0.0,
        taken: Taken | None = None,
        here: Here | None = None,
    ) -> Outcome:
        expected: Expected | None = None
        damage = ""
        try:
            expected = self.stored.expected(claim)
        except SuiteError as error:
            damage = str(error)
        comparison = self._against(expected, claim, decision, taken)
        missing = expected is None and self.options.require_baselines
        update = self.options.update is not None and decision.verdict is not Verdict.NOT_RUN
        outcome = Outcome(
            claim,
            decision,
            beside,
            comparison,
            red=bool(damage) or ((comparison.red or missing) and not update),
            seconds=spent + time.perf_counter() - clock,
            error=damage,
            taken=taken,
            here=here,
        )
        self.moved |= outcome.moved
        self.outcomes[claim.key] = outcome
        self.record(outcome)
        return outcome

    def _against(
        self, expected: Expected | None, claim: Claim, decision: Decision, taken: Taken | None
    ) -> VerdictComparison:
        """The verdict of this run's own trials against the expected one."""
        moved = decision.verdict is not Verdict.NOT_RUN and any(
            self.has_moved(claim.experiment.id, name) for name in claim.variants if claim.experiment
        )
        more = claim.experiment is not None  # than the expected verdict rests on, or fewer
        return compare_verdict(decision.verdict, expected, drifted=moved, more_seeds=more)

    def ended(self, experiment: str, variant: str) -> tuple[Trial, ...]:
        """The trials of a variant that this run trained to the end."""
        return self.trials.done.get((experiment, variant), ())

    def _training_record(self, experiment: str, variant: str, found: judge.Outcome, red: bool) -> dict[str, Any]:
        declared, trials = EXPERIMENTS[experiment], self.ended(experiment, variant)
        metric, size = declared.metrics[0], declared.size
        summary = summary_of(metric, trials)
        data = declared.variant(variant).data
        assert data is not None
        count = len(data().first(size.train).x)
        steady = statistics.median(trial.seconds.steady_epoch for trial in trials) if trials else 0.0
        return {
            "experiment": experiment,
            "variant": variant,
            "engine": trials[0].engine if trials else self.fingerprint["engine"],
            "backend": self.options.backend,
            "device": self.device.kind,
            "device_model": self.device.model,
            "precision": self.device.precision,
            "seeds": [trial.seed for trial in trials],
            "seconds": self.seconds(experiment, variant),
            "reused": self.trials.reused.get((experiment, variant), 0),
            "images_per_second": count / steady if steady else None,
            "metric": metric.name,
            "mean": summary["mean"],
            "std": summary["std"],
            "n": summary["n"],
            "diverged": sum(trial.divergence is not None for trial in trials),
            "baseline": {
                "state": str(found.state),
                "red": red,
                "damaged": (experiment, variant) in self._damaged,
                "reason": found.reason,
                "steps": found.steps,
                "compared": found.seeds,
                "to_the_end": found.to_the_end,
                "changed": [list(one) for one in found.changed],
                "not_calm": list(found.not_calm),
            },
        }

    def seconds(self, experiment: str, variant: str) -> dict[str, float]:
        """What a variant took: sums over its seeds, except for the epochs, which are means."""
        return seconds_of(self.ended(experiment, variant))


def not_run(error: Exception) -> Decision:
    """The decision of a claim that could not be brought to a result, with the reason."""
    text = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
    return Decision(Verdict.NOT_RUN, text)


def restored(run: SuiteRun, record: Run) -> None:
    """Fills a run with what its workers have recorded: the trials, the comparisons and the outcomes.

    KeyError, TypeError or ValueError where the record is not one of this version.
    """
    run.trials.reused.update(record.reused)
    keys = [key for key in record.trials if key[0] in EXPERIMENTS]
    for key in keys:
        by_seed, own = {trial.seed: trial for trial in record.trials[key]}, run.trials.seeds(key[0])
        count = next((n for n in itertools.count() if own.start + n not in by_seed), 0)
        if count >= len(own):
            run.trials.done[key] = tuple(by_seed[seed] for seed in run.trials.seeds(key[0], count))
    for training in record.trainings:
        key, baseline = (training["experiment"], training["variant"]), training["baseline"]
        run.states[key] = judge.Outcome(
            judge.State(baseline["state"]),
            baseline["reason"],
            baseline["to_the_end"],
            baseline["steps"],
            baseline["compared"],
        )
        run.moved |= baseline["red"] and not baseline["damaged"]
    for claim in record.claims:
        outcome = run.outcomes[claim["key"]] = Outcome.from_json(claim)
        run.moved |= outcome.moved
    for check in record.conformance:
        run.conformance[check["name"]] = check["wrong"]
        run.moved |= check["moved"]
    for erratum in record.errata:
        finding = run.errata[erratum["id"]] = errata.finding(erratum)
        run.moved |= finding.moved


def run_fingerprint(options: Options, device: Device) -> dict[str, Any]:
    """The fingerprint of this run; the engine is part of it, because it decides the bits.

    Of ``auto`` it is that of the larger trainings; a trial names its own.
    """
    engine = resolve_engine(options.engine, options.backend, device.kind)
    return {**fingerprint(options.backend, device.kind, device.model, device.precision), "engine": engine}
