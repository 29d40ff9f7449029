"""The verdict of a claim from evidence, and the stack and the seeds that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import structs

from harness.check.evidence import trials
from harness.check.judge import REFERENCE
from harness.domain.claim import Claim
from harness.domain.verdict import Decision, Verdict
from harness.record.evidence import Evidence
from harness.rules import PLAIN, STORED, stored_look
from harness.rules.looks import STORED_SIZES


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
    stored = {name: trials(evidence[chosen].variants[name], name)[:held] for name in claim.variants}
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
    return min((one.seeds if one is not None and metrics <= set(one.metrics) else 0 for one in variants), default=0)
