"""Differences of two variants, seed by seed, and the two one-sided tests on which every rule on means rests."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from harness.model import Metric
from harness.rules.base import Failures, Sample, UnusableError, listed, noise, score
from harness.rules.inference import Estimate, at_least, mean, signed_rank
from harness.rules.levels import FEWEST_SEEDS, MANY_SEEDS, Look

if TYPE_CHECKING:
    import numpy as np

Side = tuple[str, ...]
"""One side of a comparison: a variant; (after, before), which is the growth between two variants; or nothing."""


@dataclass(frozen=True)
class Pairs:
    """Differences a − b on the metric's scale, one per seed that counts.

    Attributes:
        a, b: what is compared, in words. With one sample, ``b`` is the constant that is subtracted, "" for no change.
        metric: what is compared; for ``scale="log"`` the differences are those of logarithms.
        differences: ±inf if one of the two values is censored (or 0 on a log scale), nan if both are.
        noise: the size up to which differences are float32 rounding.
        correlation: Pearson's, of the two variants over seeds; None below 30 seeds, or if one does not vary.
        look, level: the look, and the one-sided error rate over all looks.
        failures: see ``Failures``.
        seeds: number of seeds, failed seeds included.
        failed: numbers of seeds on which a, and b, failed.
        alone: numbers of seeds on which only a, and only b, failed.
        one_sample: whether a constant is subtracted, not a variant.
    """

    a: str
    b: str
    metric: Metric
    differences: tuple[float, ...]
    noise: float
    correlation: float | None
    look: Look
    level: float
    failures: Failures
    seeds: int
    failed: tuple[int, int]
    alone: tuple[int, int]
    one_sample: bool

    @property
    def n(self) -> int:
        return len(self.differences)

    @cached_property
    def values(self) -> np.ndarray:
        """The differences as float64, shape (n,)."""
        import numpy as np

        return np.array(self.differences)

    @cached_property
    def censored(self) -> int:
        """Number of pairs with at least one censored value."""
        return sum(not math.isfinite(d) for d in self.differences)

    @cached_property
    def constant(self) -> bool:
        """Whether all differences are finite, and equal up to float32 rounding."""
        if self.censored or not self.differences:
            return False
        if self.n == 1 or max(self.differences) - min(self.differences) <= self.noise:
            return True
        return float(self.values.std()) == 0  # the squares of denormal differences are 0

    @property
    def enough(self) -> bool:
        """Whether there are enough seeds for the mean, or for the share of failures if that decides."""
        return (self.n if self.failures in ("report", "count") else self.seeds) >= FEWEST_SEEDS

    @property
    def by_shares(self) -> bool:
        """Whether the share of failures decides, not the mean."""
        return self.failures == "decide" or (self.failures == "guard" and self.n < FEWEST_SEEDS)

    @property
    def may_decide(self) -> tuple[bool, bool]:
        """Whether the mean may decide for "greater", and for "less".

        With "guard" it does not decide for a variant that failed on more seeds than the other, be it one seed more. At
        few seeds a large share of failures is not significant: of a variant that fails on 30 % of 30 seeds, a guard
        that waits for significance would let the mean decide in 56 %.
        """
        a, b = self.failed
        if self.failures != "guard" or a == b:
            return True, True
        up = (a < b) == (self.metric.better == "higher")  # "greater" speaks for a where higher is better
        return up, not up

    @cached_property
    def mean(self) -> Estimate:
        """The mean difference with its error; for two or more finite differences that are not constant."""
        return mean(self.values)


def paired(
    sample: Sample, first: Side, second: Side, name: str, failures: Failures = "guard", constant: float = 0.0
) -> Pairs:
    """Pairs the two sides by seed; without a ``second`` side, ``constant`` is subtracted, in the metric's unit.

    UnusableError if a variant lacks a seed of another.
    """
    metric = sample.metrics[name]
    trials = {variant: sample.by_seed(variant) for variant in dict.fromkeys(first + second)}
    seeds = sorted(set().union(*trials.values()))
    for variant, known in trials.items():
        if missing := [seed for seed in seeds if seed not in known]:
            raise UnusableError(f"no trial of {variant!r} with {listed(missing)}, which another variant has")
    lost = [{seed for seed in seeds for name in side if trials[name][seed].divergence} for side in (first, second)]
    kept = [seed for seed in seeds if failures == "count" or seed not in lost[0] | lost[1]]
    scores = {variant: [score(known[seed], metric) for seed in kept] for variant, known in trials.items()}
    null = 0.0 if second else _on_scale(constant, metric)
    x, y = _column(scores, first), _column(scores, second) or [null] * len(kept)
    unchanged = constant == (1.0 if metric.scale == "log" else 0.0)
    return Pairs(
        _in_words(first),
        _in_words(second) if second else "" if unchanged else f"{constant:g}",
        metric,
        differences=tuple(a - b for a, b in zip(x, y, strict=True)),  # inf − inf is nan: both censored
        noise=noise([null, *(value for column in scores.values() for value in column)], metric),
        correlation=_correlation(x, y) if second else None,
        look=sample.look,
        level=sample.levels.one_sided,
        failures=failures,
        seeds=len(seeds),
        failed=(len(lost[0]), len(lost[1])),
        alone=(len(lost[0] - lost[1]), len(lost[1] - lost[0])),
        one_sample=not second,
    )


def _column(scores: dict[str, list[float]], side: Side) -> list[float]:
    """The scores of a side by seed."""
    if len(side) == 2:
        return [after - before for after, before in zip(scores[side[0]], scores[side[1]], strict=True)]
    return scores[side[0]] if side else []


def _in_words(side: Side) -> str:
    return f"growth from {side[1]} to {side[0]}" if len(side) == 2 else side[0]


def _on_scale(value: float, metric: Metric) -> float:
    if metric.scale == "linear":
        return value
    if value <= 0:
        raise UnusableError(f"{metric.name!r} is compared on a log scale, but {value:g} is not positive")
    return math.log(value)


def _correlation(x: list[float], y: list[float]) -> float | None:
    """Pearson's correlation; None below 30 seeds, or if one side does not vary or is not finite."""
    import numpy as np

    rows = np.array(list(zip(x, y, strict=True)))
    if len(rows) < MANY_SEEDS or not np.isfinite(rows).all() or not rows.std(axis=0).all():
        return None
    return float(np.corrcoef(rows, rowvar=False)[0, 1])


@dataclass(frozen=True)
class Sides:
    """The one-sided p-values of a difference, of the whole design (``Look.overall``).

    Attributes:
        greater, less: of "the difference is greater, less than the null value".
        by_shares: whether the share of failures was tested, not the mean.
        withdrawn: the variant for which the mean may not decide, because it failed more often; its p is 1. "" for none.
    """

    greater: float
    less: float
    by_shares: bool = False
    withdrawn: str = ""

    @property
    def p(self) -> float:
        """The two-sided p-value."""
        return min(1.0, 2.0 * min(self.greater, self.less))


def sides(pairs: Pairs, null: float) -> Sides:
    """Tests the mean difference against ``null``, or the share of failures, depending on ``pairs.failures``."""
    if pairs.by_shares:
        return of_failures(pairs)
    tested, (up, down) = of_mean(pairs, null), pairs.may_decide
    if up and down:
        return tested
    often = pairs.a if pairs.failed[0] > pairs.failed[1] else pairs.b
    return replace(tested, greater=tested.greater if up else 1.0, less=tested.less if down else 1.0, withdrawn=often)


def of_tie(pairs: Pairs) -> float:
    """One-sided p-value of "the difference is smaller than the smallest effect of interest, in either direction".

    The larger p of two one-sided tests (Schuirmann 1987), so it is at most a level exactly if the interval of that
    level lies within ± the smallest effect. It is 1 where no interval decides: a value is censored, or the share of
    failures decides. With "guard" it is 1 as well if one variant failed on more seeds: that is a difference.
    """
    if pairs.censored or pairs.by_shares:
        return 1.0
    smallest = pairs.metric.smallest_effect
    return max(sides(pairs, smallest).less, sides(pairs, -smallest).greater)


def of_mean(pairs: Pairs, null: float) -> Sides:
    """Tests the mean difference of at least two seeds against ``null``.

    It is Student's paired t test (Student 1908), corrected for skewness from 30 seeds on (``inference.Estimate``). It
    assumes that the mean difference is about normal. Differences may be heavy-tailed. With fewer than 30 seeds, strong
    skewness makes it too optimistic in one direction, so compare positive, skewed metrics on a log scale.

    Seeds are always paired: to choose by the correlation of the same seeds would err too often or gain little
    (``tests/rules/test_pairing.py``). If a value is censored, the exact signed-rank test decides. If the differences
    are equal up to float32 rounding, their spread is unknown, and an exact sign test decides: n equal differences have
    the p-value 2^-n. It assumes that, under the null, a difference is as likely to be above ``null`` as below. Rare
    large jumps break that (``tests/rules/test_discrete.py``).
    """
    if pairs.censored:
        greater, less = signed_rank([d - null for d in pairs.differences], pairs.noise)
    elif pairs.constant:
        beyond, same = float(pairs.values.mean()) - null, 0.5**pairs.n
        greater, less = same if beyond > pairs.noise else 1.0, same if beyond < -pairs.noise else 1.0
    else:
        greater, less = pairs.mean.greater(null), pairs.mean.less(null)
    return Sides(pairs.look.overall(greater), pairs.look.overall(less))


def of_failures(pairs: Pairs) -> Sides:
    """Tests which variant fails more often: an exact sign test on seeds with one failure (McNemar 1947).

    A failure counts as the worst value. If higher is better, ``greater`` means that ``a`` fails less often.
    """
    a, b = pairs.alone
    a_fails, b_fails = (pairs.look.overall(at_least(count, a + b, 0.5)) for count in (a, b))
    greater, less = (b_fails, a_fails) if pairs.metric.better == "higher" else (a_fails, b_fails)
    return Sides(greater, less, by_shares=True)
