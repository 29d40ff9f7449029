"""Compares trainings and verdicts of a run with the evidence, and decides which tests are red."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from harness.check.judge import Circumstances, claim_state, judge
from harness.check.rounding import TINY_SEEDS
from harness.check.stored import Stored, replayed
from harness.claim import Claim
from harness.errors import SuiteError
from harness.model import Experiment, Trial
from harness.record.evidence import Expected
from harness.record.outcomes import Here, SeedsTaken, TrainingOutcome, TrainingState, VerdictComparison, VerdictState
from harness.record.run import ClaimDecided, Key
from harness.record.trials import Training
from harness.rules import PLAIN, Look
from harness.verdict import Decision, Verdict


def verdict_state(now: Verdict, before: Verdict | None) -> VerdictState:
    """What happened to a verdict; ``before`` is None if there was none. A tie lies between decided and undecided."""
    if now is Verdict.NOT_RUN:
        return VerdictState.NOT_RUN
    if before is None:
        return VerdictState.NEW
    if now is before:
        return VerdictState.AS_EXPECTED
    if now.decided and before.decided:
        return VerdictState.FLIPPED
    stronger = now.decided or before in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
    return VerdictState.DECIDED if stronger else VerdictState.WEAKENED


def compare_verdict(obtained: Verdict, expected: Expected | None, drifted: bool | None = None) -> VerdictComparison:
    """Compares a verdict with the expected one. ``expected`` is None if none is stored.

    NOT_RUN is always red. A flip between SUPPORTED, REFUTED and OUTDATED is red. A change to or from INCONCLUSIVE or a
    tie (NEGLIGIBLE) may be chance or a lack of seeds, so it is red only if a variant of the claim has moved
    (``drifted``). ``drifted`` is None if the verdicts may rest on different numbers of seeds, which explains a change.
    """
    before = Verdict(expected.verdict) if expected else None
    state = verdict_state(obtained, before)
    red = state in (VerdictState.NOT_RUN, VerdictState.FLIPPED)
    if state is VerdictState.NOT_RUN:
        reason = "No result could be obtained."
    elif expected is None:
        reason = "No expected verdict is stored."
    elif state is VerdictState.AS_EXPECTED:
        reason = f"{before}, as expected."
    else:
        reason = f"{before} was stored on {expected.date} ({expected.reason})"
        if state is VerdictState.FLIPPED:
            reason += "."
        elif drifted is None:
            reason += "; other seeds or another rule may be why."
        else:
            red = drifted
            reason += f"; {'a' if drifted else 'no'} variant it rests on has drifted."
    return VerdictComparison(state, before, obtained, red, reason)


@dataclass(frozen=True)
class Judged:
    """A training's outcome. ``red``: its test fails. ``damaged``: it is red because the evidence is unreadable."""

    outcome: TrainingOutcome
    red: bool
    damaged: bool = False


@dataclass(frozen=True)
class Decided:
    """How a claim was decided.

    Attributes:
        decision, alongside: of its rule, and of the rules reported alongside.
        trials: by variant, those that decide it; empty for an exact claim.
        taken: the seeds it took with ``--seeds auto``; None without it.
    """

    decision: Decision
    alongside: tuple[Decision, ...] = ()
    trials: Mapping[str, Sequence[Trial]] = field(default_factory=dict)
    taken: SeedsTaken | None = None


def decide_by_looks(
    claim: Claim,
    trials: Callable[[int], Mapping[str, tuple[Trial, ...]]],
    sizes: Sequence[int],
    further: Callable[[int], bool] = lambda size: True,
) -> Decided:
    """Decides a claim after each number of seeds in ``sizes``, until it is no longer INCONCLUSIVE.

    Args:
        claim: a claim that trials decide.
        trials: gives, by variant, the trials of the first seeds, of a number of them.
        sizes: increasing numbers of seeds.
        further: whether there is a look at a number of seeds; not asked of the first look.
    """
    made: list[int] = []
    why: Literal["decided", "maximum", "interrupted", "not run"] = "maximum"
    for index, size in enumerate(sizes):
        if index and not further(size):
            why = "interrupted"
            break
        known = trials(size)
        decision, alongside = claim.decide(known, Look(tuple(sizes), index))
        made.append(size)
        if decision.verdict is not Verdict.INCONCLUSIVE:
            why = "not run" if decision.verdict is Verdict.NOT_RUN else "decided"
            break
    taken = SeedsTaken(tuple(made), sizes[-1], why)
    if len(sizes) > 1:
        decision = replace(decision, reason=f"{decision.reason}; {taken}")
    return Decided(decision, alongside, known, taken)


def to_the_end(key: Key, stored: Training | None, usual: Collection[Key], anchors: Collection[Key]) -> int:
    """Number of seeds of a variant that a check trains to the end.

    Args:
        key: the variant.
        stored: its evidence on any stack.
        usual: the anchors of every check.
        anchors: all of them. Those that are not usual are trained only as long as no late states are stored.
    """
    if stored is not None and stored.tiny:
        return min(TINY_SEEDS, stored.seeds)
    late = stored is not None and len(stored.states) > 1
    return int(key in usual or (key in anchors and not late))


@dataclass(frozen=True)
class Judge:
    """Compares the results of a run with the evidence. It keeps no state except the evidence files it has read.

    Attributes:
        here: the run.
        stored: the evidence.
        experiments: the catalogue's experiments, by id.
        update: the results are stored, and not compared.
        strict: a training that is reproduced, but not bit for bit, is red.
        require_baselines: a training or claim without evidence is red.
    """

    here: Circumstances
    stored: Stored
    experiments: Mapping[str, Experiment]
    update: bool = False
    strict: bool = False
    require_baselines: bool = False

    def training(self, key: Key, trained: Training | None) -> Judged:
        """Judges a variant. ``trained`` is None if the run did not have to train it."""
        try:
            outcome, damaged = self._outcome(*key, trained), False
        except SuiteError as damage:
            outcome, damaged = TrainingOutcome(TrainingState.NOT_COMPARABLE, str(damage)), True
        if self.update:
            return Judged(outcome, False)
        missing = outcome.state is TrainingState.NEW and self.require_baselines
        close = (TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)
        other_bits = self.strict and outcome.state in close
        return Judged(outcome, outcome.red or missing or other_bits, damaged)

    def _outcome(self, name: str, variant: str, trained: Training | None) -> TrainingOutcome:
        """SuiteError if the evidence cannot be read."""
        experiment, known, own = self.experiments[name], self.stored.of(name), self.stored.variant(name, variant)
        if self.update:
            return TrainingOutcome(TrainingState.NEW, "This run is stored, not compared.", to_the_end=True)
        if own is not None and (changed := replayed(experiment.metrics, own)):
            reason = f"The function of a metric has changed, on the stored curves: {changed}."
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, reason)
        assert trained is not None
        return judge(self.here, experiment, variant, trained, known)

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
            known, rests = self.stored.verdict(claim), self.stored.trials(claim)
        except SuiteError as error:
            return self.decided(claim, Decided(Decision(Verdict.NOT_RUN, str(error))))
        nothing = "No evidence is stored, and a check decides nothing anew: add --full."
        decision = known.decision if known.stack else replace(known.decision, reason=nothing)
        live = _decided_live(claim, trials)
        record = self._record(
            claim, Decided(decision, known.alongside, rests), outcomes, live.verdict if live else None
        )
        if live is None or verdict_state(live.verdict, decision.verdict) is not VerdictState.FLIPPED:
            return record
        reason = f"{live.verdict} here, of {TINY_SEEDS} seeds; the evidence says {decision.verdict}. {live.reason}"
        flipped = VerdictComparison(VerdictState.FLIPPED, decision.verdict, live.verdict, True, reason)
        return replace(record, comparison=flipped, red=True)

    def decided(self, claim: Claim, decided: Decided, outcomes: Sequence[TrainingOutcome] = ()) -> ClaimDecided:
        """A claim that this run decided itself, or could not decide.

        ``outcomes``: of its variants, in order; none for an exact claim, or without a result.
        """
        return self._record(claim, decided, outcomes, decided.decision.verdict)

    def _record(
        self, claim: Claim, decided: Decided, outcomes: Sequence[TrainingOutcome], own: Verdict | None
    ) -> ClaimDecided:
        expected, here, damage = None, None, ""
        try:
            expected = self.stored.expected(claim)
            if outcomes:
                known = self.stored.verdict(claim)
                state = None if self.update else claim_state(outcomes)
                pairs = zip(claim.variants, outcomes, strict=True)
                text = " ".join(dict.fromkeys(f"{name}: {outcome.reason}" for name, outcome in pairs))
                here = Here(state, text, known.stack, known.seeds, known.decision.verdict, own)
        except SuiteError as error:
            damage = str(error)
        verdict = decided.decision.verdict
        comparison = compare_verdict(verdict, expected)
        if not self.here.full and comparison.state in (VerdictState.WEAKENED, VerdictState.DECIDED):
            # the evidence decides otherwise only if a rule or a claim has changed
            comparison = replace(comparison, red=True)
        missing = expected is None and self.require_baselines
        kept = self.update and verdict is not Verdict.NOT_RUN
        return ClaimDecided.of(
            claim,
            decided.decision,
            comparison,
            decided.trials,
            alongside=decided.alongside,
            here=here,
            taken=decided.taken,
            red=bool(damage) or ((comparison.red or missing) and not kept),
            error=damage,
        )


def _decided_live(claim: Claim, trials: Mapping[str, Sequence[Trial]]) -> Decision | None:
    """The claim decided from this run's own trials, if all its trainings are tiny; else None."""
    if any(len(trials.get(name, ())) < TINY_SEEDS for name in claim.variants):
        return None
    return claim.decide({name: tuple(trials[name]) for name in claim.variants}, levels=PLAIN)[0]
