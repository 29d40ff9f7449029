"""``--seeds auto``: as many seeds as a claim needs, with the levels of several looks (``harness.rules.looks``).

A claim's variants train their experiment's own seeds; while the claim is INCONCLUSIVE they train another batch, and it
is decided again. It rests on the seeds up to its own last look, even where another claim trains more of the same
variants, so that its verdict depends neither on the order of the claims nor on the clock.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.claim import Claim
from harness.rules.looks import Look, looks
from harness.trial import Trial
from harness.verdict import Decision, Verdict

if TYPE_CHECKING:
    from suite.trials import Trials

MOST = 30
"""What ``--max-seeds`` is where it is not given."""


@dataclass(frozen=True)
class AsNeeded:
    """At most ``most`` seeds, and no batch that would end more than ``budget`` seconds after the run's beginning."""

    most: int
    budget: float | None = None

    def sizes(self, own: int) -> tuple[int, ...]:
        """After how many seeds one looks, of an experiment with that number of its own."""
        return looks(own, self.most)

    def __str__(self) -> str:
        budget = "" if self.budget is None else f", {self.budget:g} s"
        return f"as needed (at most {self.most}{budget})"

    def to_json(self) -> dict[str, Any]:
        return {"max_seeds": self.most, "budget": self.budget}


@dataclass(frozen=True)
class Taken:
    """How many seeds a claim took: ``looks`` are those that were made, ``most`` is how many seeds it could have had.

    ``stopped`` is why there was no further look: "decided", "maximum", "budget", "interrupted" or "not run".
    """

    looks: tuple[int, ...]
    most: int
    stopped: str

    @property
    def seeds(self) -> int:
        return self.looks[-1]

    def to_json(self) -> dict[str, Any]:
        saved = self.most - self.seeds
        return {"taken": self.seeds, "most": self.most, "saved": saved, "looks": list(self.looks), "why": self.stopped}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Taken:
        """The inverse of ``to_json``; KeyError or TypeError where the record is not one."""
        return cls(tuple(record["looks"]), record["most"], record["why"])

    def told(self) -> str:
        """The end of the claim's reason: "decided after 10 of at most 30 seeds"."""
        count = f"{self.seeds} of at most {self.most} seeds"
        return {
            "decided": f"decided after {count}",
            "maximum": f"undecided after the maximum of {self.seeds} seeds",
            "budget": f"the budget of time (--budget) was spent after {count}",
            "interrupted": f"interrupted after {count}",
        }.get(self.stopped, f"after {count}")


def decide(
    claim: Claim, trials: Trials, sizes: Sequence[int], deadline: float | None, further: bool = True
) -> tuple[Decision, tuple[Decision, ...], Taken, dict[str, tuple[Trial, ...]]]:
    """Looks at a claim after ``sizes`` seeds until it is decided: the decisions, the seeds, and the trials used.

    ``deadline``: of ``time.monotonic``, which is the same for all processes. Without ``further`` nothing is trained.
    Errors are those of training.
    """
    assert claim.experiment is not None
    keys = [(claim.experiment.id, name) for name in claim.variants]
    made: list[int] = []
    why = "maximum"
    for index, size in enumerate(sizes):
        missing = [key for key in keys if len(trials.done.get(key, ())) < size]
        if index and missing and not further:
            why = "interrupted"
            break
        if index and deadline is not None and _seconds(trials, missing, size) > deadline - time.monotonic():
            why = "budget"
            break
        known = {name: trials.get(owner, name, size) for owner, name in keys}
        decision, beside = claim.decide(known, Look(tuple(sizes), index))
        made.append(size)
        if decision.verdict is not Verdict.INCONCLUSIVE:
            why = "decided" if decision.verdict.decided else "not run"
            break
    taken = Taken(tuple(made), sizes[-1], why)
    if len(sizes) > 1:
        decision = dataclasses.replace(decision, reason=f"{decision.reason}; {taken.told()}")
    return decision, beside, taken, known


def _seconds(trials: Trials, missing: Sequence[tuple[str, str]], size: int) -> float:
    """How long the missing trials will take, at the pace of those that are there; −inf where none is missing."""
    if not missing:
        return float("-inf")
    there = {key: trials.done[key] for key in missing}
    return sum((size - len(done)) * statistics.fmean(t.seconds.total for t in done) for done in there.values())
