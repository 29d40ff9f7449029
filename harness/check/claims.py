"""Judges trainings and claims of a run against the evidence, and decides which tests are red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from harness.check.judge import Circumstances, Counts, claim_state, judge
from harness.check.rounding import TINY_SEEDS
from harness.check.stored import Stored
from harness.check.verdicts import StoredVerdict, compare_verdict
from harness.domain.claim import Claim
from harness.domain.model import Experiment, Trial
from harness.domain.verdict import Decision, Verdict
from harness.errors import SuiteError
from harness.record.outcomes import (
    Here,
    SeedsTaken,
    TrainingOutcome,
    TrainingState,
    VerdictComparison,
    VerdictState,
)
from harness.record.run import ClaimDecided, Key
from harness.record.trials import Fingerprint, Training
from harness.rules import PLAIN


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of a run that decide what is red.

    Attributes:
        full: the run trains to the end and decides anew.
        update: its results are stored, and not compared.
        strict: a training that is reproduced, but not bit for bit, is red.
        require_baselines: a training or claim without evidence is red.
    """

    full: bool = False
    update: bool = False
    strict: bool = False
    require_baselines: bool = False


@dataclass(frozen=True)
class Judged:
    """A training's outcome. ``red``: its test fails. ``damaged``: it is red because the evidence is unreadable."""

    outcome: TrainingOutcome
    red: bool
    damaged: bool = False


def to_the_end(experiment: Experiment, variant: str, stored: Training | None) -> int:
    """Number of seeds of a variant that a check trains to the end. ``stored`` is its evidence on any stack."""
    if stored is not None and stored.tiny:
        return min(TINY_SEEDS, stored.seeds)
    return 1 if variant in experiment.anchors else 0


class Judge:
    """Compares the results of a run with the evidence. It keeps no state except the evidence files it has read.

    Args:
        stored: the evidence.
        fingerprint: of the run.
        asked: the options of the run.
        counts: the numbers of tests among which the whole run's chance of a false alarm is divided.
        experiments: the catalogue's experiments, by id.
    """

    def __init__(
        self,
        stored: Stored,
        fingerprint: Fingerprint,
        asked: Asked,
        counts: Counts,
        experiments: Mapping[str, Experiment],
    ) -> None:
        self._stored, self._fingerprint, self._asked, self._counts = stored, fingerprint, asked, counts
        self._experiments = experiments

    def training(self, key: Key, trained: Training | None) -> Judged:
        """Judges a variant. ``trained`` is None if the run did not have to train it."""
        outcome, damaged = self._outcome(key, trained)
        if self._asked.update:
            return Judged(outcome, False)
        missing = outcome.state is TrainingState.NEW and self._asked.require_baselines
        close = (TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)
        other_bits = self._asked.strict and outcome.state in close
        return Judged(outcome, outcome.red or missing or other_bits, damaged)

    def _outcome(self, key: Key, trained: Training | None) -> tuple[TrainingOutcome, bool]:
        name, variant = key
        try:
            known = self._stored.of(name)
            replayed = self._stored.replayed(self._experiments[name])
        except SuiteError as damage:
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, str(damage)), True
        if self._asked.update:
            reason = "This run is stored, not compared."
            return TrainingOutcome(TrainingState.NEW, reason, to_the_end=True), False
        for metric in replayed:
            if metric.variant == variant:
                reason = f"The function of a metric has changed, on the stored curves: {metric}."
                return TrainingOutcome(TrainingState.NOT_COMPARABLE, reason), False
        assert trained is not None
        here = Circumstances(self._stored.stack, self._fingerprint, self._asked.full)
        return judge(here, self._experiments[name], variant, trained, known, self._counts), False

    def checked(
        self, claim: Claim, outcomes: Sequence[TrainingOutcome], trials: Mapping[str, Sequence[Trial]]
    ) -> ClaimDecided:
        """A claim in a check: the verdict of the evidence, and how far this machine confirms it.

        Args:
            claim: a claim that trials decide.
            outcomes: of its variants, in order.
            trials: by variant, the trials trained to the end here. If all trainings are tiny, they decide the claim
                again, and another decided verdict is red.
        """
        try:
            known = self._stored.verdict(claim)
        except SuiteError as error:
            return self.not_run(claim, str(error))
        live = _decided_live(claim, trials)
        decision = known.settled("No evidence is stored, and a check decides nothing anew: add --full.")
        here = self._here(claim, outcomes, known, live.verdict if live else None)
        rests = self._stored.trials(claim)
        record = self._settled(claim, decision, known.alongside, outcomes, rests, here=here)
        if live is None or not live.verdict.decided or not known.verdict.decided or live.verdict is known.verdict:
            return record
        reason = f"{live.verdict} here, of {TINY_SEEDS} seeds; the evidence says {known.verdict}. {live.reason}"
        flipped = VerdictComparison(VerdictState.FLIPPED, known.verdict, live.verdict, True, reason)
        return replace(record, comparison=flipped, red=True)

    def decided(
        self,
        claim: Claim,
        decision: Decision,
        alongside: Sequence[Decision],
        outcomes: Sequence[TrainingOutcome],
        trials: Mapping[str, Sequence[Trial]],
        taken: SeedsTaken | None = None,
    ) -> ClaimDecided:
        """A claim that this run's own trials decide, with the verdict of the evidence.

        Args:
            claim: a claim that trials decide.
            decision, alongside: of its rule, and of the rules reported alongside.
            outcomes: of its variants, in order.
            trials: by variant, the trials that decide it.
            taken: the seeds it took with ``--seeds auto``; None without it.
        """
        try:
            known = self._stored.verdict(claim)
        except SuiteError:
            here = None
        else:
            here = self._here(claim, outcomes, known, decision.verdict)
        return self._settled(claim, decision, alongside, outcomes, trials, here=here, taken=taken)

    def exact(self, claim: Claim, decision: Decision) -> ClaimDecided:
        """A claim that a comparison with a reference decides."""
        return self._settled(claim, decision, (), (), {})

    def not_run(self, claim: Claim, reason: str) -> ClaimDecided:
        """A claim without a result; ``reason`` says why."""
        return self._settled(claim, Decision(Verdict.NOT_RUN, reason), (), (), {})

    def _here(
        self, claim: Claim, outcomes: Sequence[TrainingOutcome], known: StoredVerdict, own: Verdict | None
    ) -> Here:
        state = None if self._asked.update else claim_state(outcomes)
        known_of = zip(claim.variants, outcomes, strict=True)
        reasons = dict.fromkeys(f"{name}: {outcome.reason}" for name, outcome in known_of)
        return Here(state, " ".join(reasons), known.stack, known.seeds, known.verdict, own)

    def _settled(
        self,
        claim: Claim,
        decision: Decision,
        alongside: Sequence[Decision],
        outcomes: Sequence[TrainingOutcome],
        trials: Mapping[str, Sequence[Trial]],
        here: Here | None = None,
        taken: SeedsTaken | None = None,
    ) -> ClaimDecided:
        expected, damage = None, ""
        try:
            expected = self._stored.expected(claim)
        except SuiteError as error:
            damage = str(error)
        moved = any(outcome.state is TrainingState.MOVED for outcome in outcomes)
        trained = claim.experiment is not None  # the expected verdict may rest on another number of seeds
        comparison = compare_verdict(decision.verdict, expected, drifted=moved, more_seeds=trained)
        if trained and not self._asked.full and comparison.state in (VerdictState.WEAKENED, VerdictState.DECIDED):
            comparison = replace(
                comparison, red=True
            )  # the evidence decides otherwise only if a rule or a claim has changed
        missing = expected is None and self._asked.require_baselines
        kept = self._asked.update and decision.verdict is not Verdict.NOT_RUN
        return ClaimDecided.of(
            claim,
            decision,
            comparison,
            trials,
            alongside=tuple(alongside),
            here=here,
            taken=taken,
            red=bool(damage) or ((comparison.red or missing) and not kept),
            error=damage,
        )


def _decided_live(claim: Claim, trials: Mapping[str, Sequence[Trial]]) -> Decision | None:
    """The claim decided from this run's own trials, if all its trainings are tiny; else None."""
    if any(len(trials.get(name, ())) < TINY_SEEDS for name in claim.variants):
        return None
    return claim.decide({name: tuple(trials[name]) for name in claim.variants}, levels=PLAIN)[0]
