"""Monotone: a metric rises, or falls, from each variant to the next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.domain.verdict import Decision
from harness.errors import invalid
from harness.rules.arguments import check_failures, check_names
from harness.rules.ordering import all_exceed
from harness.rules.pairs import Failures
from harness.rules.rule import Sample


@dataclass(frozen=True)
class Monotone:
    """SUPPORTED if every step of ``order`` goes in ``direction``, REFUTED if one step goes the other way.

    Only neighbours are compared. A step refutes at the level / number of steps. ``harness.rules.ordering``
    describes the levels (Berger 1982; Bonferroni), ``Exceeds`` the assumptions. Neighbouring comparisons share a
    variant, so they are dependent; the levels hold under any dependence.
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
