"""What a run finds of a training and of a claim: pure functions of its trials, the catalogue and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from baselines import judge
from baselines.decide import StoredVerdict
from baselines.evidence import TINY_SEEDS
from baselines.stored import Stored
from baselines.verdicts import compare_verdict
from harness.domain.claim import Claim
from harness.domain.experiment import Experiment
from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Verdict
from harness.errors import SuiteError
from harness.record.declared import claim_decided
from harness.record.evidence import VariantEvidence
from harness.record.outcomes import (
    Here,
    SeedsTaken,
    TrainingOutcome,
    TrainingState,
    VerdictComparison,
    VerdictState,
)
from harness.record.run import ClaimDecided, Fingerprint, Key
from harness.record.trials import Trained
from harness.statistics import PLAIN


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked of a run, as far as it decides what is red.

    Attributes:
        full: it trains to the end and decides anew.
        update: what it finds is stored, and not compared.
        strict: other bits are red, too.
        require_baselines: what has no evidence is red.
    """

    full: bool = False
    update: bool = False
    strict: bool = False
    require_baselines: bool = False


@dataclass(frozen=True)
class Judged:
    """A training's outcome: ``red`` where its test fails, ``damaged`` where that is for evidence that is unreadable."""

    outcome: TrainingOutcome
    red: bool
    damaged: bool = False


def to_the_end(experiment: Experiment, variant: str, stored: VariantEvidence | None) -> int:
    """How many seeds of a variant a check trains to the end; ``stored``: its evidence, of whatever stack."""
    if stored is not None and stored.tiny:
        return min(TINY_SEEDS, stored.seeds)
    return 1 if variant in experiment.anchors else 0


class Judge:
    """Sets what a run found against the evidence. It keeps nothing but the files that were read.

    Args:
        stored: the evidence.
        fingerprint: of the run.
        asked: what was asked of it.
        counts: over how many tests of the whole run the chance of a false alarm is divided.
        experiments, order: the catalogue: by id, and the place of each claim by key.
    """

    def __init__(
        self,
        stored: Stored,
        fingerprint: Fingerprint,
        asked: Asked,
        counts: judge.Counts,
        experiments: Mapping[str, Experiment],
        order: Mapping[str, int],
    ) -> None:
        self._stored, self._fingerprint, self._asked, self._counts = stored, fingerprint, asked, counts
        self._experiments, self._order = experiments, order

    def training(self, key: Key, trained: Trained | None) -> Judged:
        """A variant against the evidence; ``trained`` is None where it was not trained, because it is stored."""
        outcome, damaged = self._outcome(key, trained)
        if self._asked.update:
            return Judged(outcome, False)
        missing = outcome.state is TrainingState.NEW and self._asked.require_baselines
        close = (TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)
        other_bits = self._asked.strict and outcome.state in close
        return Judged(outcome, outcome.red or missing or other_bits, damaged)

    def _outcome(self, key: Key, trained: Trained | None) -> tuple[TrainingOutcome, bool]:
        name, variant = key
        try:
            known = {stack: {name: one} for stack, one in self._stored.of(name).items()}
            replayed = self._stored.replayed(self._experiments[name])
        except SuiteError as damage:
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, str(damage)), True
        if self._asked.update:
            said = "This run is stored, not compared."
            return TrainingOutcome(TrainingState.NEW, said, to_the_end=True), False
        for metric in replayed:
            if metric.variant == variant:
                said = f"The function of a metric has changed, on the stored curves: {metric}."
                return TrainingOutcome(TrainingState.NOT_COMPARABLE, said), False
        assert trained is not None
        here = judge.Trainings(
            self._stored.stack, self._fingerprint, {name: {variant: trained}}, full=self._asked.full
        )  # fmt: skip
        return judge.judge(here, self._experiments, known, self._counts)[name][variant], False

    def checked(
        self, claim: Claim, outcomes: Sequence[TrainingOutcome], trials: Mapping[str, Sequence[Trial]]
    ) -> ClaimDecided:
        """A claim of a check: the verdict of the evidence, and how much of it this machine confirms.

        Args:
            claim: one that trials decide.
            outcomes: of its variants, in their order.
            trials: by variant, those that went to the end here; of tiny trainings they decide the claim once more.
        """
        try:
            known = self._stored.verdict(claim)
        except SuiteError as error:
            return self.not_run(claim, str(error))
        live = _decided_live(claim, trials)
        decision = _of_evidence(known)
        here = self._here(claim, outcomes, known, live.verdict if live else None)
        rests = self._stored.trials(claim)
        found = self._settled(claim, decision, known.alongside, outcomes, rests, here=here)
        if live is None or not live.verdict.decided or not known.verdict.decided or live.verdict is known.verdict:
            return found
        said = f"{live.verdict} here, of {TINY_SEEDS} seeds; the evidence says {known.verdict}. {live.reason}"
        flipped = VerdictComparison(VerdictState.FLIPPED, known.verdict, live.verdict, True, said)
        return replace(found, comparison=flipped, red=True)

    def decided(
        self,
        claim: Claim,
        decision: Decision,
        alongside: Sequence[Decision],
        outcomes: Sequence[TrainingOutcome],
        trials: Mapping[str, Sequence[Trial]],
        taken: SeedsTaken | None = None,
    ) -> ClaimDecided:
        """A claim that this run's own trials have decided, with what the evidence says of it.

        Args:
            claim: one that trials decide.
            decision, alongside: of its rules.
            outcomes: of its variants, in their order.
            trials: those it was decided from, by variant.
            taken: with ``--seeds auto``.
        """
        try:
            known = self._stored.verdict(claim)
        except SuiteError:
            here = None
        else:
            here = self._here(claim, outcomes, known, decision.verdict)
        return self._settled(claim, decision, alongside, outcomes, trials, here=here, taken=taken)

    def exact(self, claim: Claim, decision: Decision) -> ClaimDecided:
        """A claim that a check against a reference has decided."""
        return self._settled(claim, decision, (), (), {})

    def not_run(self, claim: Claim, reason: str) -> ClaimDecided:
        """A claim that could not be brought to a result, and why."""
        return self._settled(claim, Decision(Verdict.NOT_RUN, reason), (), (), {})

    def _here(
        self, claim: Claim, outcomes: Sequence[TrainingOutcome], known: StoredVerdict, own: Verdict | None
    ) -> Here:
        state = None if self._asked.update else judge.claim_state(outcomes)
        reasons = dict.fromkeys(f"{name}: {one.reason}" for name, one in zip(claim.variants, outcomes, strict=True))
        return Here(state, " ".join(reasons), known.stack, known.seeds, known.verdict, known.needed, own)

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
        moved = any(one.state is TrainingState.MOVED for one in outcomes)
        trained = claim.experiment is not None  # from another number of seeds than the expected verdict's
        found = compare_verdict(decision.verdict, expected, drifted=moved, more_seeds=trained)
        if trained and not self._asked.full and found.state in (VerdictState.WEAKENED, VerdictState.DECIDED):
            found = replace(found, red=True)  # evidence decides otherwise only where a rule or a claim has changed
        missing = expected is None and self._asked.require_baselines
        kept = self._asked.update and decision.verdict is not Verdict.NOT_RUN
        return claim_decided(
            claim,
            self._order[claim.key],
            decision,
            alongside,
            trials,
            found,
            here=here,
            taken=taken,
            red=bool(damage) or ((found.red or missing) and not kept),
            error=damage,
        )


def _of_evidence(known: StoredVerdict) -> Decision:
    if known.decision is None:
        return Decision(known.verdict, "No evidence is stored, and a check decides nothing anew: add --full.")
    return replace(known.decision, verdict=known.verdict, reason=known.reason)


def _decided_live(claim: Claim, trials: Mapping[str, Sequence[Trial]]) -> Decision | None:
    """The claim decided from this run's own trials, where all of them are tiny trainings; else None."""
    if any(len(trials.get(name, ())) < TINY_SEEDS for name in claim.variants):
        return None
    return claim.decide({name: tuple(trials[name]) for name in claim.variants}, levels=PLAIN)[0]
