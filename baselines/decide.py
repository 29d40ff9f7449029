"""The verdict of a claim from evidence: the stack and the seeds it rests on, and the seeds that would decide it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from baselines.evidence import trials
from baselines.judge import REFERENCE
from harness.domain.claim import Claim
from harness.domain.verdict import Decision, Verdict
from harness.record.evidence import Evidence
from harness.statistics import PLAIN, STORED, stored_look
from harness.statistics.looks import STORED_SIZES


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
        needed: the number of seeds that would decide an INCONCLUSIVE claim. It is the next look with 80 % power for the
            claim's effects; if no look has it, the number of seeds that has. None if there is no such number.
        elsewhere: the other stacks with at least ``needed`` seeds, and their numbers of seeds.
    """

    verdict: Verdict
    stack: str
    seeds: int
    stored: int
    decision: Decision | None = None
    alongside: tuple[Decision, ...] = ()
    preliminary: bool = False
    needed: int | None = None
    elsewhere: Mapping[str, int] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The reason of the verdict: the seeds and the stack it rests on, and how many seeds would decide it."""
        if self.decision is None:
            return "No evidence is stored."
        text = f"{self.seeds} stored trainings a variant, {self.stack}: {self.decision.reason}"
        if self.preliminary:
            text = (
                f"{self.stored} stored trainings a variant of {self.stack}, and nothing is decided below "
                f"{STORED_SIZES[0]}; preliminary, at the plain level: {self.decision.verdict}, {self.decision.reason}"
            )
        if self.verdict is not Verdict.INCONCLUSIVE or self.needed is None:
            return text
        others = "".join(f"; {stack} has {seeds}" for stack, seeds in self.elsewhere.items())
        return f"{text}. {self.needed:,} seeds would decide it{others}"


def stored_verdict(claim: Claim, stack: str, evidence: Mapping[str, Evidence]) -> StoredVerdict:
    """The claim's verdict from the run's own stack if it has 30 seeds, else from the reference stack.

    If neither stack has 30 seeds, the one with more seeds gives a preliminary decision.

    Args:
        claim: a claim that trials decide.
        stack: the run's own stack.
        evidence: of the claim's experiment, by stack.
    """
    seeds = {name: common_seeds(claim, one) for name, one in evidence.items()}
    candidates = [name for name in dict.fromkeys((stack, REFERENCE)) if seeds.get(name)]
    chosen = next((name for name in candidates if stored_look(seeds[name]) is not None), None)
    if chosen is None:
        chosen = max(candidates, key=lambda name: seeds[name], default=None)
    if chosen is None:
        return _undecided(StoredVerdict(Verdict.INCONCLUSIVE, "", 0, 0, preliminary=True), STORED_SIZES[0], seeds)
    held = seeds[chosen]
    stored = {name: trials(evidence[chosen].variants[name], name)[:held] for name in claim.variants}
    look = stored_look(held)
    if look is None:
        decision, alongside = claim.decide(stored, levels=PLAIN)
        found = StoredVerdict(Verdict.INCONCLUSIVE, chosen, held, held, decision, alongside, preliminary=True)
        return _undecided(found, STORED_SIZES[0], seeds)
    decision, alongside = claim.decide(stored, look, STORED)
    size = look.sizes[look.index]
    found = StoredVerdict(decision.verdict, chosen, size, held, decision, alongside)
    if decision.verdict is not Verdict.INCONCLUSIVE:
        return found
    needed = max(_needed(decision), default=0)
    further = [one for one in STORED_SIZES if one > size]
    enough = next((one for one in further if one >= needed), needed if needed > size else None)
    return _undecided(found, enough, seeds)


def common_seeds(claim: Claim, evidence: Evidence) -> int:
    """The number of seeds that the evidence has of every variant of the claim, with every metric of its rules."""
    metrics = {name for rule in claim.rules for name in rule.metrics}
    variants = [evidence.variants.get(name) for name in claim.variants]
    return min((one.seeds if one is not None and metrics <= set(one.metrics) else 0 for one in variants), default=0)


def _undecided(found: StoredVerdict, needed: int | None, seeds: Mapping[str, int]) -> StoredVerdict:
    """Adds ``needed`` and the other stacks that have as many seeds."""
    others = {name: n for name, n in seeds.items() if needed is not None and name != found.stack and n >= needed}
    return replace(found, needed=needed, elsewhere=others)


def _needed(decision: Decision) -> Iterable[int]:
    """The numbers of seeds that the effects of undecided parts need."""
    if decision.verdict is not Verdict.INCONCLUSIVE:
        return
    for part in decision.parts:
        yield from _needed(part)
    if not decision.parts:
        for effect in decision.effects:
            needed = effect.details.get("seeds_needed")
            if needed is not None:
                yield int(needed)
