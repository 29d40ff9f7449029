"""``--seeds auto``: as many seeds as a claim needs, with the levels of several looks (``harness.rules.levels``).

A claim's variants first train the seeds of their experiment. While the claim is INCONCLUSIVE, its variants train
another batch, and the claim is decided again. A claim uses only the seeds up to its own last look, even if another
claim trains more seeds of the same variants. So its verdict depends neither on the order of the claims nor on time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from harness.check.claims import Decided
from harness.claim import Claim
from harness.record.outcomes import SeedsTaken
from harness.record.run import AsNeeded
from harness.rules.levels import Look, looks
from harness.verdict import Verdict
from suite.session.trials import Trials


def sizes(asked: AsNeeded | None, own: int) -> tuple[int, ...]:
    """The numbers of seeds after which a claim is decided: ``own``, its experiment's; with ``--seeds auto``, more."""
    return looks(own, asked.max_seeds) if asked else (own,)


def decide(claim: Claim, trials: Trials, sizes: Sequence[int], further: bool = True) -> Decided:
    """Decides a claim after each number of seeds in ``sizes``, until it is no longer INCONCLUSIVE.

    Args:
        claim: a claim on trainings.
        trials: trains the missing seeds.
        sizes: increasing numbers of seeds; the first is trained in any case.
        further: whether to train the seeds of the later looks.

    Raises:
        SuiteError: a variant cannot be trained.
    """
    assert claim.experiment is not None
    keys = [(claim.experiment.id, name) for name in claim.variants]
    made: list[int] = []
    why: Literal["decided", "maximum", "interrupted", "not run"] = "maximum"
    for index, size in enumerate(sizes):
        missing = [key for key in keys if len(trials.done(key)) < size]
        if index and missing and not further:
            why = "interrupted"
            break
        known = {name: done for (_, name), done in trials.get(keys, size).items()}
        decision, alongside = claim.decide(known, Look(tuple(sizes), index))
        made.append(size)
        if decision.verdict is not Verdict.INCONCLUSIVE:
            why = "not run" if decision.verdict is Verdict.NOT_RUN else "decided"
            break
    taken = SeedsTaken(tuple(made), sizes[-1], why)
    if len(sizes) > 1:
        decision = replace(decision, reason=f"{decision.reason}; {taken}")
    return Decided(decision, alongside, known, taken)
