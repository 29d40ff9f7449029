"""The verdict of a claim from evidence, and a verdict compared with the expected one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import structs

from harness.check.judge import REFERENCE
from harness.claim import Claim
from harness.record.evidence import Evidence, Expected
from harness.record.outcomes import VerdictComparison, VerdictState
from harness.rules import PLAIN, STORED, stored_look
from harness.rules.levels import STORED_SIZES
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


def compare_verdict(
    obtained: Verdict, expected: Expected | None, *, drifted: bool = False, more_seeds: bool = False
) -> VerdictComparison:
    """Compares a verdict with the expected one. ``expected`` is None if none is stored.

    NOT_RUN is always red. A flip between SUPPORTED, REFUTED and OUTDATED is red. A change to or from INCONCLUSIVE or a
    tie (NEGLIGIBLE) may be chance or a lack of seeds, so it is red only if a variant of the claim has moved
    (``drifted``). It is never red if the verdicts may rest on different numbers of seeds (``more_seeds``), because that
    explains it.
    """
    before = Verdict(expected.verdict) if expected else None
    state = verdict_state(obtained, before)
    if state is VerdictState.NOT_RUN:
        return VerdictComparison(state, before, obtained, True, "No result could be obtained.")
    if expected is None or before is None:
        return VerdictComparison(state, None, obtained, False, "No expected verdict is stored.")
    since = f"{before} since {expected.date} ({expected.reason}), {obtained} now"
    if state is VerdictState.AS_EXPECTED:
        return VerdictComparison(state, before, obtained, False, f"{before}, as expected.")
    if state is VerdictState.FLIPPED:
        return VerdictComparison(state, before, obtained, True, f"{since}.")
    if Verdict.NEGLIGIBLE in (obtained, before):
        since += ": a tie now" if obtained is Verdict.NEGLIGIBLE else ": no tie any more"
    if more_seeds:
        return VerdictComparison(state, before, obtained, False, f"{since}; other seeds or another rule may be why.")
    confirmed = "a variant it rests on has drifted" if drifted else "no variant it rests on has drifted"
    return VerdictComparison(state, before, obtained, drifted, f"{since}; {confirmed}.")


@dataclass(frozen=True)
class StoredVerdict:
    """The verdict of a claim from evidence.

    Attributes:
        verdict: the decision at the level of evidence; INCONCLUSIVE below 30 seeds.
        stack: the stack whose evidence decides; "" if no stack has a seed of every variant of the claim.
        seeds: the number of seeds at the look that decides.
        stored: the number of seeds that the stack has of every variant of the claim.
        decision, alongside: of the rule, and of the rules reported alongside. Below 30 seeds they are preliminary, at
            the plain level. ``decision`` is None without a seed.
        preliminary: whether there are fewer than 30 seeds.
    """

    verdict: Verdict
    stack: str
    seeds: int
    stored: int
    decision: Decision | None = None
    alongside: tuple[Decision, ...] = ()
    preliminary: bool = False

    @property
    def reason(self) -> str:
        """The reason of the verdict: the seeds and the stack it rests on, and what the rule says of them."""
        if self.decision is None:
            return "No evidence is stored."
        if self.preliminary:
            return (
                f"{self.stored} stored trainings a variant of {self.stack}, and nothing is decided below "
                f"{STORED_SIZES[0]}; preliminary, at the plain level: {self.decision.verdict}, {self.decision.reason}"
            )
        return f"{self.seeds} stored trainings a variant, {self.stack}: {self.decision.reason}"

    def settled(self, nothing: str) -> Decision:
        """The decision of the evidence, with ``reason``; ``nothing`` is the reason if no seed is stored."""
        if self.decision is None:
            return Decision(self.verdict, nothing)
        basis = None if self.preliminary else self.decision.basis
        return structs.replace(self.decision, verdict=self.verdict, reason=self.reason, basis=basis)


def stored_verdict(claim: Claim, stack: str, evidence: Mapping[str, Evidence]) -> StoredVerdict:
    """The claim's verdict from the run's own stack if it has 30 seeds, else from the reference stack.

    If neither stack has 30 seeds, the one with more seeds gives a preliminary decision.

    Args:
        claim: a claim that trials decide.
        stack: the run's own stack.
        evidence: of the claim's experiment, by stack.
    """
    seeds = {name: common_seeds(claim, held) for name, held in evidence.items()}
    candidates = [name for name in dict.fromkeys((stack, REFERENCE)) if seeds.get(name)]
    chosen = next((name for name in candidates if stored_look(seeds[name]) is not None), None)
    if chosen is None:
        chosen = max(candidates, key=lambda name: seeds[name], default=None)
    if chosen is None:
        return StoredVerdict(Verdict.INCONCLUSIVE, "", 0, 0, preliminary=True)
    held = seeds[chosen]
    stored = {name: evidence[chosen].variants[name].trials[:held] for name in claim.variants}
    look = stored_look(held)
    if look is None:
        decision, alongside = claim.decide(stored, levels=PLAIN)
        return StoredVerdict(Verdict.INCONCLUSIVE, chosen, held, held, decision, alongside, preliminary=True)
    decision, alongside = claim.decide(stored, look, STORED)
    return StoredVerdict(decision.verdict, chosen, look.sizes[look.index], held, decision, alongside)


def common_seeds(claim: Claim, evidence: Evidence) -> int:
    """The number of seeds that the evidence has of every variant of the claim, with every metric of its rules."""
    metrics = {name for rule in claim.rules for name in rule.metrics}
    variants = [evidence.variants.get(name) for name in claim.variants]
    return min((known.seeds if known and metrics <= set(known.metrics) else 0 for known in variants), default=0)
