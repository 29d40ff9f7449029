"""Best: one variant beats each of its rivals."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.verdict import Decision
from harness.rules.arguments import check_failures, check_names
from harness.rules.ordering import all_exceed
from harness.rules.pairs import Failures
from harness.rules.rule import Sample


@dataclass(frozen=True)
class Best:
    """SUPPORTED if x is better than every rival, REFUTED if a rival is better than x at the level / number of rivals.

    "Better" is the metric's direction. ``among`` names the rivals, and may include x. ``harness.rules.ordering``
    describes the levels (Berger 1982; Bonferroni), ``Exceeds`` the assumptions.
    """

    x: str
    among: tuple[str, ...]
    metric: str = "val_accuracy"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_names("Best", "variant", (self.x,), fewest=1)
        check_names("Best", "among", self.among, fewest=1)
        check_names("Best", "rivals", self.rivals, fewest=1)
        check_names("Best", "metric", (self.metric,), fewest=1)
        check_failures("Best", self.failures, ("guard", "report", "decide", "count"))

    @property
    def rivals(self) -> tuple[str, ...]:
        return tuple(name for name in self.among if name != self.x)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.x, *self.rivals)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{self.x} is better than {', '.join(self.rivals)} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        if sample.metrics[self.metric].better == "higher":
            contrasts = [(self.x, rival) for rival in self.rivals]
        else:
            contrasts = [(rival, self.x) for rival in self.rivals]
        return all_exceed(sample, contrasts, self.metric, self.failures)
