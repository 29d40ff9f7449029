"""Monotone: a number rises, or falls, from each variant to the next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.domain.verdict import Decision
from harness.errors import invalid
from harness.statistics.arguments import check_failures, check_names
from harness.statistics.ordering import all_exceed
from harness.statistics.pairs import Failures
from harness.statistics.rule import Sample


@dataclass(frozen=True)
class Monotone:
    """SUPPORTED when every step of ``order`` goes the stated way, REFUTED when one goes the other way.

    Only neighbours are compared; a step is refuted at the level / steps. ``harness.statistics.ordering`` has the levels
    (Berger 1982; Bonferroni) and ``Exceeds`` for the assumptions. Neighbours share a variant, so their comparisons
    depend on one another; both levels hold whatever the dependence.
    """

    order: tuple[str, ...]
    metric: str = "val_accuracy"
    direction: Literal["rises", "falls"] = "rises"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_names("Monotone", "order", self.order, fewest=2)
        check_names("Monotone", "metric", (self.metric,), fewest=1)
        check_failures("Monotone", self.failures, ("guard", "report", "decide", "count"))
        if self.direction not in ("rises", "falls"):
            raise invalid("direction of Monotone", expected="'rises' or 'falls'", received=repr(self.direction))

    @property
    def variants(self) -> tuple[str, ...]:
        return self.order

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{(' < ' if self.direction == 'rises' else ' > ').join(self.order)} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        steps = [
            (after, before) if self.direction == "rises" else (before, after) for before, after in pairwise(self.order)
        ]
        return all_exceed(sample, steps, self.metric, self.failures)
