"""Rules on the share of seeds with a property: trainings that diverge, or that converge and reach a stated value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import invalid
from harness.model import Trial
from harness.rules.base import Limit, Rule, Sample, percent, recorded, seeds_of_signs, too_few
from harness.rules.inference import at_least, at_most, clopper_pearson
from harness.rules.levels import FEWEST_SEEDS
from harness.verdict import Basis, Decision, Effect, Verdict


class Share(Rule):
    """More than ``share`` of the seeds have a property; a ``share`` of 1 means every seed.

    Of every seed: SUPPORTED if all have it, REFUTED if one has not. That is no test, and the lower bound says what the
    seeds show. Below 1: SUPPORTED if the exact lower bound of the share (Clopper & Pearson 1934) is above ``share``,
    REFUTED if the upper bound is below it. Each bound errs with the chance ``Sample.levels.one_sided``. Assumes
    independent seeds; fewer than 5 decide nothing. The p-value is two-sided: twice that of the exact binomial test in
    the observed direction. The bounds of several looks hold together; the p-value is that of the whole design.
    """

    share: float
    did: str
    """What the counted seeds did: "diverged"."""
    limits = (Limit("share", above=0, most=1),)

    @property
    def often(self) -> str:
        """ "on every seed", "in more than 0.5 of seeds"."""
        return "on every seed" if self.share == 1 else f"in more than {self.share:g} of seeds"

    def fewest(self) -> int:
        return FEWEST_SEEDS if self.share == 1 else seeds_of_signs(self.share)

    @abstractmethod
    def counted(self, trials: Sequence[Trial]) -> tuple[int, str]:
        """The number of seeds with the property, and the beginning of the reason."""

    def decided(self, sample: Sample) -> Decision:
        trials = list(sample.by_seed(self.variant).values())
        count, begin = self.counted(trials)
        n, share, level = len(trials), self.share, sample.look.level(sample.levels.one_sided)
        low, high = clopper_pearson(count, n, level)
        p = None
        if n >= FEWEST_SEEDS and share < 1:
            p = min(1.0, 2 * sample.look.overall(min(at_least(count, n, share), at_most(count, n, share))))
        details: dict[str, float | None] = {"share": share, "confidence": 1 - level}
        metric = "".join(self.metrics) or "divergence"
        effect = Effect(
            "seeds", self.variant, self.did, metric, "share of seeds", count / n, low, high, p, n, details=details
        )
        least, most, sure = f"{100 * low:.1f} %", f"{100 * high:.1f} %", f"{percent(1 - level)} confidence"
        bounds = f"between {least} and {most} of all seeds do (each with {sure})"
        if count in (0, n):
            bounds = f"{f'at least {least}' if count else f'at most {most}'} of all seeds do (with {sure})"
        reason = f"{begin}; {count or 'none'} of {n} seeds {self.did}, {bounds}"
        if n < FEWEST_SEEDS:
            return too_few(reason, (effect,))
        if share == 1:
            verdict, why = (Verdict.SUPPORTED, "every seed") if count == n else (Verdict.REFUTED, "not every seed")
        elif low > share:
            verdict, why = Verdict.SUPPORTED, f"more than {share:g}"
        elif high < share:
            verdict, why = Verdict.REFUTED, f"less than {share:g}"
        else:
            return Decision(Verdict.INCONCLUSIVE, f"{reason}: not distinguished from {share:g}", (effect,), p=p)
        basis = Basis.EVERY_SEED if share == 1 else Basis.SHOWN
        return Decision(verdict, f"{reason}: {why}", (effect,), p=p, basis=basis)


@dataclass(frozen=True)
class Diverges(Share):
    """More than ``share`` of the seeds diverge: nan, inf, finite blow-up or stuck at chance."""

    variant: str
    share: float = 1.0
    did = "diverged"

    @property
    def metrics(self) -> tuple[str, ...]:
        return ()

    def describe(self) -> str:
        return f"{self.variant} diverges {self.often}"

    def counted(self, trials: Sequence[Trial]) -> tuple[int, str]:
        return sum(trial.divergence is not None for trial in trials), failures(trials)


@dataclass(frozen=True)
class Converges(Share):
    """More than ``share`` of the seeds do not diverge and, if a metric is given, have it within its bounds.

    A censored metric (None) is never within bounds. A metric without bounds must only not be censored.
    """

    variant: str
    share: float = 1.0
    metric: str = ""
    at_most: float | None = None
    at_least: float | None = None
    did = "converged"

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds = {"at_most": self.at_most, "at_least": self.at_least}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        for name, bound in given.items():
            Limit(name).check("Converges", bound)
        if given and not self.metric:
            expected = f"the metric that {' and '.join(given)} bounds"
            raise invalid("metric of Converges", expected=expected, received=repr(self.metric))
        if len(given) == 2 and given["at_least"] > given["at_most"]:
            raise invalid("bounds of Converges", expected="at_least <= at_most", received=given)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,) if self.metric else ()

    @property
    def target(self) -> str:
        """The bounds as text: "loss <= 0.01"; "" without a metric."""
        if not self.metric:
            return ""
        least = f"{self.at_least:g} <= " if self.at_least is not None else ""
        most = f" <= {self.at_most:g}" if self.at_most is not None else ""
        return f"{least}{self.metric}{most}" if least or most else f"{self.metric} reached"

    def describe(self) -> str:
        target = f" with {self.target}" if self.target else ""
        return f"{self.variant} converges{target} {self.often}"

    def counted(self, trials: Sequence[Trial]) -> tuple[int, str]:
        finite = [trial for trial in trials if trial.divergence is None]
        count = sum(self._reaches(trial) for trial in finite)
        left = len(finite) - count
        missed = f", {left} of the others missed {self.target}" if self.target and left else ""
        return count, failures(trials) + missed

    def _reaches(self, trial: Trial) -> bool:
        value = recorded(trial, self.metric) if self.metric else 0.0
        if value is None or (self.at_most is not None and value > self.at_most):
            return False
        return self.at_least is None or value >= self.at_least


def failures(trials: Sequence[Trial]) -> str:
    """How trials diverged, by kind and first bad step: "nan at step 6 in 5 of 5", "no seed diverged"."""
    diverged = [trial.divergence for trial in trials if trial.divergence is not None]
    texts = []
    for kind in dict.fromkeys(divergence.kind for divergence in diverged):
        same = [divergence for divergence in diverged if divergence.kind == kind]
        unit, places = "step", [divergence.step for divergence in same if divergence.step is not None]
        if len(places) < len(same):
            unit, places = "epoch", [divergence.epoch for divergence in same]
        first, last = min(places), max(places)
        when = f" at {unit} {first}" if first == last else f" at {unit}s {first} to {last}"
        texts.append(f"{kind}{'' if kind == 'stuck at chance' else when} in {len(same)} of {len(trials)}")
    return ", ".join(texts) or "no seed diverged"
