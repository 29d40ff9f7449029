"""Rules for the lecture's claims in addition to ``harness.statistics``: every seed, growth, a negation, a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from msgspec.structs import replace

from harness.domain.verdict import Decision, Effect, Verdict
from harness.errors import invalid
from harness.statistics.arguments import check_failures, check_names, check_number
from harness.statistics.inference import clopper_pearson, t_quantile, t_tail
from harness.statistics.levels import FEWEST_SEEDS, FLOAT_NOISE, MANY_SEEDS, PLAIN
from harness.statistics.not_better import OPPOSITE
from harness.statistics.pairs import Failures, Pairs, correlation
from harness.statistics.pairwise import enough, exceeding, undecided
from harness.statistics.rule import Rule, Sample
from harness.statistics.seeds import UnusableError, by_seed, listed, noise, score


@dataclass(frozen=True)
class EverySeed:
    """Every seed has the metric within the bounds, whether or not its training diverged.

    SUPPORTED from five seeds on; the effect is the lower bound of the share of seeds (Clopper & Pearson 1934). REFUTED
    if one seed is outside: one counterexample decides. A seed without a value (None) is outside. Unlike ``Converges``
    the rule also reads metrics of trainings that diverged, such as the epoch of the divergence.
    """

    variant: str
    metric: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        check_names("EverySeed", "variant", (self.variant,), fewest=1)
        check_names("EverySeed", "metric", (self.metric,), fewest=1)
        bounds = [bound for bound in (self.at_least, self.at_most) if math.isfinite(bound)]
        for bound in bounds:
            check_number("EverySeed", "bound", bound)
        if not bounds or self.at_least > self.at_most:
            raise invalid("bounds of EverySeed", expected="at_least <= at_most, one of them given", received=self)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        if self.at_least == self.at_most:
            return f"{self.metric} = {self.at_least:g} in every seed of {self.variant}"
        least = f"{self.at_least:g} <= " if math.isfinite(self.at_least) else ""
        most = f" <= {self.at_most:g}" if math.isfinite(self.at_most) else ""
        return f"{least}{self.metric}{most} in every seed of {self.variant}"

    def decide(self, sample: Sample) -> Decision:
        try:
            trials = by_seed(sample, self.variant)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        unrecorded = [seed for seed, trial in trials.items() if self.metric not in trial.metrics]
        if unrecorded:
            reason = f"seed {unrecorded[0]} of {self.variant!r} does not record {self.metric!r}"
            return Decision(Verdict.NOT_RUN, reason)
        values = {seed: trial.metrics[self.metric] for seed, trial in trials.items()}
        outside = [seed for seed, value in values.items() if not self._holds(value)]
        n = len(values)
        low, high = clopper_pearson(n - len(outside), n, sample.look.level(sample.levels.share))
        of = f"{self.variant}: seeds with {self.metric} within its bounds"
        effect = Effect(of, self.metric, "share of seeds", 1 - len(outside) / n, low, high, n=n)
        if outside:
            value = values[outside[0]]
            shown = "none" if value is None else f"{value:g}"
            reason = f"{self.metric} of seed {outside[0]} is {shown}; so in {len(outside)} of {n} seeds"
            return Decision(Verdict.REFUTED, reason, (effect,))
        found = sorted(value for value in values.values() if value is not None)
        reason = f"{self.metric} is {found[0]:g} to {found[-1]:g} in all {n} seeds, so in a share of at least {low:.3f}"
        if n < FEWEST_SEEDS:
            return Decision(Verdict.INCONCLUSIVE, f"{reason}; nothing is decided below {FEWEST_SEEDS} seeds", (effect,))
        return Decision(Verdict.SUPPORTED, reason, (effect,))

    def _holds(self, value: float | None) -> bool:
        return value is not None and self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class GrowsMore:
    """The metric grows more between the variants of one pair than between those of another.

    Each pair is (after, before). On a linear scale the growth is after − before, and (a − b) − (c − d) is tested; on a
    log scale it is the ratio after / before, and the effect is the ratio of the two ratios. SUPPORTED if the growth of
    ``more`` exceeds that of ``less``, REFUTED if it is the smaller one. The test is ``Exceeds``'s with margin 0, paired
    by seed over the four variants; its levels and assumptions hold.

    The mean is over the seeds that trained in all four variants, and the number of failures is reported. With
    ``failures`` "count" every trial counts with its metric (``pairs.Failures``).
    """

    more: tuple[str, str]
    less: tuple[str, str]
    metric: str
    failures: Failures = "report"

    def __post_init__(self) -> None:
        for what in ("more", "less"):
            check_names("GrowsMore", what, getattr(self, what), fewest=2)
            if len(getattr(self, what)) != 2:
                raise invalid(f"{what} of GrowsMore", expected="(after, before)", received=getattr(self, what))
        check_names("GrowsMore", "metric", (self.metric,), fewest=1)
        check_failures("GrowsMore", self.failures, ("report", "count"))

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.more, *self.less)))

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{_growth(self.more)} > {_growth(self.less)} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        try:
            pairs = self._pairs(sample)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        return exceeding(pairs, 0.0) if enough(pairs) else undecided(pairs)

    def _pairs(self, sample: Sample) -> Pairs:
        """The growth of ``more`` and that of ``less``, by seed. UnusableError if a variant lacks a seed of another."""
        metric = sample.metrics[self.metric]
        trials = {name: by_seed(sample, name) for name in self.variants}
        seeds = sorted(set().union(*trials.values()))
        for name, known in trials.items():
            if missing := [seed for seed in seeds if seed not in known]:
                raise UnusableError(f"no trial of {name!r} with {listed(missing)}, which another variant has")
        lost = {name: {seed for seed in seeds if known[seed].divergence is not None} for name, known in trials.items()}
        pairs = (self.more, self.less)
        either = [lost[after] | lost[before] for after, before in pairs]
        kept = [seed for seed in seeds if self.failures == "count" or seed not in either[0] | either[1]]
        scores = {name: [score(known[seed], metric) for seed in kept] for name, known in trials.items()}
        grown = [[x - y for x, y in zip(scores[after], scores[before], strict=True)] for after, before in pairs]
        return Pairs(
            _growth(self.more),
            _growth(self.less),
            metric,
            differences=tuple(x - y for x, y in zip(*grown, strict=True)),
            noise=noise([value for column in scores.values() for value in column], metric),
            correlation=correlation(list(zip(*grown, strict=True))),
            look=sample.look,
            level=sample.levels.one_sided,
            failures=self.failures,
            seeds=len(seeds),
            failed=(len(either[0]), len(either[1])),
            alone=(len(either[0] - either[1]), len(either[1] - either[0])),
        )


def _growth(pair: tuple[str, str]) -> str:
    return f"growth from {pair[1]} to {pair[0]}"


@dataclass(frozen=True)
class Not:
    """The negation of a rule: SUPPORTED if the rule is REFUTED, REFUTED if it is SUPPORTED.

    ``Not(All(Equivalent(…), …))`` means that at least one of several differences exceeds its margin. ``All`` adjusts
    its refutation for the number of its parts.
    """

    rule: Rule

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise invalid("rule of Not", expected="a rule", received=repr(self.rule))

    @property
    def variants(self) -> tuple[str, ...]:
        return self.rule.variants

    @property
    def metrics(self) -> tuple[str, ...]:
        return self.rule.metrics

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return self.rule.figures

    def describe(self) -> str:
        return f"not ({self.rule.describe()})"

    def decide(self, sample: Sample) -> Decision:
        decision = self.rule.decide(sample)
        verdict = OPPOSITE.get(decision.verdict, decision.verdict)
        return replace(decision, verdict=verdict, reason=f"the opposite of: {decision.reason}")


@dataclass(frozen=True)
class ReproducesCurve:
    """Every printed value of a curve lies in the simultaneous prediction band of one more run.

    The band at an epoch is mean ± t·s·√(1 + 1/n) over the seeds (Whitmore 1986). Its level is that of ``Reproduces``
    divided by the number of printed values (Bonferroni), which bounds the probability that one more run leaves the band
    at any epoch, however epochs depend on each other. The band is widened by the rounding of the printed values.

    REFUTED from 5 seeds on if a printed value is outside. SUPPORTED, in the sense of *within prediction*, from 30 seeds
    on if none is outside the 99 % band of these seeds alone, as in ``Reproduces``. INCONCLUSIVE if a training failed,
    because there is then no band. Assumes that the values of an epoch are about normal over seeds.

    ``printed`` has one value per epoch, nan where the slide prints none; ``decimals`` is their number of decimals.
    """

    variant: str
    curve: str
    printed: tuple[float, ...]
    decimals: int

    def __post_init__(self) -> None:
        check_names("ReproducesCurve", "variant", (self.variant,), fewest=1)
        check_names("ReproducesCurve", "curve", (self.curve,), fewest=1)
        if not self._epochs:
            raise invalid("printed values of ReproducesCurve", expected="at least one number", received=self.printed)

    @property
    def _epochs(self) -> list[int]:
        return [epoch for epoch, value in enumerate(self.printed) if math.isfinite(value)]

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.curve,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{self.variant} reproduces the {len(self._epochs)} printed values of {self.curve}"

    def decide(self, sample: Sample) -> Decision:
        import numpy as np

        try:
            trials = by_seed(sample, self.variant)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        curves = [trial.history.get(self.curve, ()) for trial in trials.values()]
        if not all(curves):
            missing = [seed for seed, curve in zip(trials, curves, strict=True) if not curve]
            return Decision(Verdict.NOT_RUN, f"seed {missing[0]} of {self.variant!r} has no curve {self.curve!r}")
        shortest = min(map(len, curves))
        if shortest < len(self.printed):
            reason = f"trained for {shortest} epochs, the slide for {len(self.printed)}"
            return Decision(Verdict.INCONCLUSIVE, reason)
        epochs, n = self._epochs, len(curves)
        runs = np.array(curves, "float64")[:, epochs]  # None becomes nan
        if n < FEWEST_SEEDS or not np.isfinite(runs).all():
            reason = f"{n} seeds; nothing is decided below {FEWEST_SEEDS}" if n < FEWEST_SEEDS else "a training failed"
            return Decision(Verdict.INCONCLUSIVE, reason)
        printed, mean = np.array(self.printed)[epochs], runs.mean(axis=0)
        spread = np.maximum(runs.std(axis=0, ddof=1) * math.sqrt(1 + 1 / n), FLOAT_NOISE * np.abs(mean))
        # a printed value such as 0.9266 stands for all numbers that round to it
        distance = np.maximum(np.abs(printed - mean) - 0.5 * 10.0**-self.decimals, 0) / spread
        level = sample.look.level(sample.levels.prediction / 2 / len(epochs))
        limit = t_quantile(n - 1, level)
        worst = int(np.argmax(distance))
        p = min(1.0, 2 * len(epochs) * sample.look.overall(t_tail(n - 1, distance[worst])))
        outside = int(np.sum(distance > limit))
        value = f"{printed[worst]:.{self.decimals}f}"
        effect = Effect(
            of=f"{self.variant}, epoch {epochs[worst] + 1} of one more run",
            metric=self.curve,
            unit=sample.metrics[self.curve].unit,
            estimate=float(mean[worst]),
            low=float(mean[worst] - limit * spread[worst]),
            high=float(mean[worst] + limit * spread[worst]),
            p=p,
            n=n,
            details={"published": float(printed[worst]), "outside": float(outside)},
            notes=(f"the farthest of {len(epochs)} printed values, {distance[worst]:.2f} standard deviations out",),
        )
        band = f"the simultaneous prediction band of one run ({n} seeds); the farthest is {value} at epoch "
        band += f"{epochs[worst] + 1}, where the band is {effect.low:.5g} to {effect.high:.5g}"
        if outside:
            reason = f"{outside} of the {len(epochs)} printed values are outside {band}"
            return Decision(Verdict.REFUTED, reason, (effect,), p=p)
        reason = f"all {len(epochs)} printed values are inside {band}"
        if distance[worst] > t_quantile(n - 1, PLAIN.prediction / 2 / len(epochs)):
            reason += f"; outside the {100 * (1 - PLAIN.prediction):g} % band of these seeds alone"
            return Decision(Verdict.INCONCLUSIVE, reason, (effect,))
        if n < MANY_SEEDS:
            reason += f"; below {MANY_SEEDS} seeds that says too little"
            return Decision(Verdict.INCONCLUSIVE, reason, (effect,))
        return Decision(Verdict.SUPPORTED, f"within prediction: {reason}", (effect,))
