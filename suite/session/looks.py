"""``--seeds auto``: as many seeds as a claim needs, with the levels of several looks (``harness.statistics.looks``).

A claim's variants train their experiment's own seeds; while the claim is INCONCLUSIVE they train another batch, and it
is decided again. It rests on the seeds up to its own last look, even where another claim trains more of the same
variants, so that its verdict depends neither on the order of the claims nor on the clock.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from harness.domain.claim import Claim
from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Verdict
from harness.record.outcomes import SeedsTaken
from harness.record.run import AsNeeded
from harness.statistics.looks import Look, looks
from suite.session.trials import Trials


def sizes(asked: AsNeeded | None, own: int) -> tuple[int, ...]:
    """After how many seeds a claim is looked at, of an experiment that begins with ``own``: once, but with auto."""
    return looks(own, asked.max_seeds) if asked else (own,)


def decide(
    claim: Claim, trials: Trials, sizes: Sequence[int], deadline: float | None, further: bool = True
) -> tuple[Decision, tuple[Decision, ...], SeedsTaken, dict[str, tuple[Trial, ...]]]:
    """Looks at a claim after ``sizes`` seeds until it is decided: the decisions, the seeds, and the trials used.

    ``deadline``: of ``time.monotonic``, which is the same for all processes. Without ``further`` nothing is trained.
    Errors are those of training.
    """
    assert claim.experiment is not None
    keys = [(claim.experiment.id, name) for name in claim.variants]
    made: list[int] = []
    why: Literal["decided", "maximum", "budget", "interrupted", "not run"] = "maximum"
    for index, size in enumerate(sizes):
        missing = [key for key in keys if len(trials.done(key)) < size]
        if index and missing and not further:
            why = "interrupted"
            break
        if index and deadline is not None and _seconds(trials, missing, size) > deadline - time.monotonic():
            why = "budget"
            break
        known = {name: done for (_, name), done in trials.get(keys, size).items()}
        decision, alongside = claim.decide(known, Look(tuple(sizes), index))
        made.append(size)
        if decision.verdict is not Verdict.INCONCLUSIVE:
            why = "decided" if decision.verdict.decided else "not run"
            break
    taken = SeedsTaken(tuple(made), sizes[-1], why)
    if len(sizes) > 1:
        decision = replace(decision, reason=f"{decision.reason}; {taken}")
    return decision, alongside, taken, known


def _seconds(trials: Trials, missing: Sequence[tuple[str, str]], size: int) -> float:
    """How long the missing trials will take, at the pace of those that are there; −inf where none is missing."""
    if not missing:
        return float("-inf")
    there = {key: trials.done(key) for key in missing}
    return sum((size - len(done)) * statistics.fmean(t.seconds.total for t in done) for done in there.values())
