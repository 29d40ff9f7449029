"""One run of the suite: compares, decides and records what its trials say."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from baselines.condensed import MANY
from baselines.curves import Rounding, rounding
from baselines.drift import Comparison, State
from baselines.record import ExpectedVerdict
from baselines.verdicts import compare_verdict
from harness.claim import Claim
from harness.erratum import Erratum, Finding
from harness.erratum import State as ErratumState
from harness.errors import SuiteError
from harness.fingerprint import fingerprint
from harness.rules import Exact
from harness.store import RecordError, Run, RunLog
from harness.training.backend import Device
from harness.training.engines import resolve_engine
from harness.training.train import train
from harness.trial import Trial
from harness.verdict import Decision, Verdict
from suite import errata, sequential
from suite.catalogue import EXPERIMENTS, training_name
from suite.options import Options
from suite.outcome import Here, Outcome
from suite.progress import Progress
from suite.records import claim_record, seconds_of, summary_of
from suite.sequential import Taken
from suite.stored import Stored
from suite.trials import Trials

if TYPE_CHECKING:
    from harness.store.follower import Follower
    from suite.earlier import Earlier
    from suite.exchange import Exchange


class SuiteRun:
    """Holds this run's trials by (experiment, variant), its comparisons and its outcomes.

    Args:
        options: what was asked for.
        fingerprint: of this run, see ``run_fingerprint``.
        log: the run's record on disk.
        stored: the baselines of this stack.
        progress: shows what trains.
        planned: keys of the claims that are to be decided.
        comparisons: how many variants will be compared with a baseline, for the false-alarm rate of the whole run.
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
        comparisons: int,
        exchange: Exchange | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.options, self.log, self.stored, self.progress = options, log, stored, progress
        self.fingerprint = dict(fingerprint)
        self.device = Device(fingerprint["device"], fingerprint["device_model"], fingerprint["precision"])
        self.planned, self.comparisons = planned, max(comparisons, 1)
        self.trials = Trials(options, log, progress, exchange, earlier, self.known)
        self.states: dict[tuple[str, str], Comparison] = {}
        self.rounding: dict[tuple[str, str], Rounding] = {}
        """How far rounding takes a variant's trials, of those that a baseline is stored of (``measure_rounding``)."""
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
        """Whether anything is red because it moved: a variant against its baseline, or a verdict."""

    def known(self, experiment: str, variant: str) -> Sequence[Trial]:
        """The stored trials of a variant that this run does not train again."""
        return ()

    def train(self, experiment: str, variant: str) -> tuple[Trial, ...]:
        """This run's trials of a variant; SuiteError where it could not be trained."""
        return self.trials.get(experiment, variant)

    def comparison(self, experiment: str, variant: str) -> Comparison:
        """A variant against its baseline; trained first, if it has to be."""
        key = (experiment, variant)
        if key not in self.states:
            trials = [trial.thinned() for trial in self.train(experiment, variant)]
            try:
                self.states[key] = self.stored.compare(
                    EXPERIMENTS[experiment],
                    variant,
                    trials,
                    setting=self.options.setting,
                    fingerprint=self.fingerprint,
                    comparisons=self.comparisons,
                )
            except SuiteError as damage:
                self.states[key] = Comparison(State.NOT_COMPARABLE, str(damage))
                self._damaged.add(key)
        return self.states[key]

    def has_moved(self, experiment: str, variant: str) -> bool:
        """Whether a variant has drifted from what is stored."""
        return self.comparison(experiment, variant).state is State.DRIFTED

    def compare(self, experiment: str, variant: str) -> dict[str, Any]:
        """Compares a trained variant with its baseline; the record, with whether it is red and what to print then."""
        trials, comparison = self.train(experiment, variant), self.comparison(experiment, variant)
        missing = comparison.state is State.NEW and self.options.require_baselines
        red = self.options.update is None and (comparison.fails(self.options.strict) or missing)
        self.moved |= red and (experiment, variant) not in self._damaged
        record = self._training_record(experiment, variant, trials, comparison, red)
        if self.options.update is not None and len(trials) < MANY:
            self.rounding[experiment, variant] = measured = self._measure_rounding(experiment, variant)
            record["rounding"] = {name: list(values) for name, values in measured.items()}
        self.log.append("training", record)
        message = f"{training_name(experiment, variant)} {comparison.state}: {comparison.reason}"
        advice = '\n  If this is meant, store it: --update-baselines "reason".'
        return {**record, "red": red, "message": message if "--update-baselines" in message else message + advice}

    def _measure_rounding(self, experiment: str, variant: str) -> Rounding:
        """What is stored of the same bits, else measured: trains a perturbed trial of every seed."""
        known = self.stored.rounding(experiment, variant, self.options.setting)
        if known and self.comparison(experiment, variant).state is State.IDENTICAL:
            return known
        declared, trials = EXPERIMENTS[experiment], self.train(experiment, variant)
        seeds = [trial.seed for trial in trials]
        name = f"{training_name(experiment, variant)}, perturbed"
        self.progress.start(name, seeds, declared.size(self.options.setting).epochs)
        clock = time.perf_counter()
        try:
            setting, engine = self.options.setting, self.options.engine
            epoch, say = self.progress.epoch, self.progress.say
            perturbed = train(declared, variant, seeds, setting, engine, epoch, perturbed=1, notice=say)
        finally:
            self.progress.finish(name, time.perf_counter() - clock)
        return rounding([trial.thinned() for trial in trials], [trial.thinned() for trial in perturbed])

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
        return self._settle(claim, decision, beside, clock, spent, taken if self.options.as_needed else None)

    def sizes(self, claim: Claim) -> tuple[int, ...]:
        """After how many seeds a claim is looked at: once, but with ``--seeds auto``."""
        assert claim.experiment is not None
        own = len(self.trials.seeds(claim.experiment.id))
        return self.options.as_needed.sizes(own) if self.options.as_needed else (own,)

    def trained(self, claim: Claim) -> bool:
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
            decision = claim.rule.decide(claim.check(self.options.setting))
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
                self.options.setting,
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
        expected: ExpectedVerdict | None = None
        damage = ""
        try:
            expected = self.stored.expected(claim, self.options.setting)
        except SuiteError as error:
            damage = str(error)
        drifted = decision.verdict is not Verdict.NOT_RUN and any(
            self.has_moved(claim.experiment.id, name) for name in claim.variants if claim.experiment
        )
        more = taken is not None and len(taken.looks) > 1
        comparison = compare_verdict(decision.verdict, expected, drifted=drifted, more_seeds=more)
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

    def _training_record(
        self, experiment: str, variant: str, trials: tuple[Trial, ...], comparison: Comparison, red: bool
    ) -> dict[str, Any]:
        declared = EXPERIMENTS[experiment]
        size, metric = declared.size(self.options.setting), declared.metrics[0]
        summary = summary_of(metric, trials)
        seconds = seconds_of(trials)
        data = declared.variant(variant, self.options.setting).data
        assert data is not None
        count = len(data().first(size.train).x)
        steady = statistics.median(trial.seconds.steady_epoch for trial in trials)
        row = comparison.primary
        return {
            "experiment": experiment,
            "variant": variant,
            "engine": trials[0].engine,
            "backend": self.options.backend,
            "device": self.device.kind,
            "device_model": self.device.model,
            "precision": self.device.precision,
            "seeds": [trial.seed for trial in trials],
            "seconds": seconds,
            "reused": self.trials.reused.get((experiment, variant), 0),
            "images_per_second": count / steady if steady else None,
            "metric": metric.name,
            "mean": summary["mean"],
            "std": summary["std"],
            "n": summary["n"],
            "diverged": sum(trial.divergence is not None for trial in trials),
            "baseline": {
                "state": str(comparison.state),
                "red": red,
                "damaged": (experiment, variant) in self._damaged,
                "reason": comparison.reason,
                **(row.to_json() if row else {}),
                **({"shift": comparison.shift.to_json()} if comparison.shift else {}),
                "rows": [other.to_json() for other in comparison.rows],
            },
        }


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
        run.states[key] = Comparison(State(baseline["state"]), baseline["reason"])
        run.rounding[key] = {name: tuple(values) for name, values in training.get("rounding", {}).items()}
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
