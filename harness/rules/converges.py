"""Converges: training does not diverge, and reaches a stated value, on every seed or on a share of the seeds."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Verdict
from harness.errors import invalid
from harness.rules.arguments import check_names, check_number
from harness.rules.diverges import failures, how_often
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError, by_seed
from harness.rules.shares import decide_share


@dataclass(frozen=True)
class Converges:
    """More than ``share`` of the seeds do not diverge and, if a metric is given, have it within its bounds.

    A censored metric (None) is never within bounds. A metric without bounds must only not be censored. It is decided as
    ``Diverges`` is: a ``share`` of 1 means every seed.
    """

    variant: str
    share: float = 1.0
    metric: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        check_names("Converges", "variant", (self.variant,), fewest=1)
        check_number("Converges", "share", self.share, above=0, most=1)
        bounds = {"at_most": self.at_most, "at_least": self.at_least}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        for name, bound in given.items():
            check_number("Converges", name, bound)
        if self.metric is not None:
            check_names("Converges", "metric", (self.metric,), fewest=1)
        elif given:
            raise invalid(
                "metric of Converges", expected=f"the metric that {' and '.join(given)} bounds", received=None
            )
        if len(given) == 2 and given["at_least"] > given["at_most"]:
            raise invalid("bounds of Converges", expected="at_least <= at_most", received=given)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return () if self.metric is None else (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    @property
    def target(self) -> str:
        """The bounds as text: "loss <= 0.01"; "" without a metric."""
        if self.metric is None:
            return ""
        least = f"{self.at_least:g} <= " if self.at_least is not None else ""
        most = f" <= {self.at_most:g}" if self.at_most is not None else ""
        return f"{least}{self.metric}{most}" if least or most else f"{self.metric} reached"

    def describe(self) -> str:
        target = f" with {self.target}" if self.target else ""
        return f"{self.variant} converges{target} {how_often(self.share)}"

    def decide(self, sample: Sample) -> Decision:
        try:
            trials = list(by_seed(sample, self.variant).values())
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        finite = [trial for trial in trials if trial.divergence is None]
        unrecorded = [trial.seed for trial in finite for name in self.metrics if name not in trial.metrics]
        if unrecorded:
            reason = f"seed {unrecorded[0]} of {self.variant!r} does not record {self.metric!r}"
            return Decision(Verdict.NOT_RUN, reason)
        count = sum(self._reaches(trial) for trial in finite)
        begin = failures(trials) or "no seed diverged"
        if self.target and len(finite) > count:
            begin += f", {len(finite) - count} finite without {self.target}"
        of = f"{self.variant}: seeds that converged"
        metric = self.metric or "divergence"
        return decide_share(count, len(trials), self.share, sample, of=of, metric=metric, begin=begin)

    def _reaches(self, trial: Trial) -> bool:
        if self.metric is None:
            return True
        value = trial.metrics[self.metric]
        if value is None:
            return False
        below = self.at_most is None or value <= self.at_most
        return below and (self.at_least is None or value >= self.at_least)
