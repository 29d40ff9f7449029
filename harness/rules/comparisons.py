"""Rules on means: a difference of two variants, one variant against a constant, an order of several variants."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from msgspec.structs import replace

from harness.errors import invalid
from harness.model import Metric
from harness.rules.base import Failures, Limit, Rule, Sample, check_names, negated, too_few
from harness.rules.chances import chances
from harness.rules.effects import by_less_than_matters, effects, outlook, sentence
from harness.rules.pairs import Pairs, Sides, of_tie, paired, sides
from harness.verdict import Basis, Decision, Effect, Verdict

EVERY: tuple[Failures, ...] = get_args(Failures)


class Contrast(Rule):
    """A rule on the mean of differences by seed."""

    @abstractmethod
    def pairs(self, sample: Sample) -> Pairs:
        """The differences; UnusableError if there are none."""

    def judged(self, pairs: Pairs) -> Decision:
        """The decision with enough seeds: whether the mean is above 0."""
        return exceeding(pairs)

    def decided(self, sample: Sample) -> Decision:
        pairs = self.pairs(sample)
        return self.judged(pairs) if pairs.enough else undecided(pairs)


class Pairwise(Contrast):
    """A rule on the difference a − b."""

    a: str
    b: str
    margin: float
    least_variants = 2
    allowed = EVERY

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.failures == "decide" and self.margin != 0:
            expected = "0 where the share of failures decides: the margin is the metric's"
            raise invalid(f"margin of {type(self).__name__}", expected=expected, received=self.margin)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.a, self.b)

    def pairs(self, sample: Sample) -> Pairs:
        return paired(sample, (self.a,), (self.b,), self.metric, self.failures)


@dataclass(frozen=True)
class Exceeds(Pairwise):
    """a − b > margin: SUPPORTED if the interval of the mean difference is wholly above the margin, REFUTED if wholly
    below; NEGLIGIBLE if the margin is 0 and the interval holds 0 and lies within ± the metric's smallest effect of
    interest; else INCONCLUSIVE.

    The interval is Student's, of paired seeds (``pairs.of_mean``). It errs in each direction with the chance
    ``Sample.levels.one_sided``. The mean is over the seeds whose trainings succeeded in both variants. ``failures``
    says how the other seeds count (``base.Failures``).

    The rule compares numbers, whichever direction of the metric is better. The margin is in the metric's unit; on a log
    scale it is the natural logarithm of a ratio. A negative margin makes a claim of non-inferiority. A margin other
    than 0 already says which difference matters, so there is no tie.
    """

    a: str
    b: str
    metric: str = "val_accuracy"
    margin: float = 0.0
    failures: Failures = "guard"
    limits = (Limit("margin"),)

    def describe(self) -> str:
        return f"{self.a} > {self.b}{_beyond(self.margin)} ({self.metric})"

    def judged(self, pairs: Pairs) -> Decision:
        return exceeding(pairs, self.margin, tie=self.margin == 0)


@dataclass(frozen=True)
class NotBetter(Pairwise):
    """a − b < margin: the opposite of ``Exceeds``, with its assumptions and levels.

    With a margin other than 0 it has no tie: what gains less than the margin is SUPPORTED. It compares numbers too: for
    a loss (lower is better), "the loss of a is not better" is ``NotBetter(b, a, margin)``.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"
    limits = (Limit("margin", least=0),)

    def describe(self) -> str:
        return f"{self.a} < {self.b}{_beyond(self.margin)} ({self.metric})"

    def decided(self, sample: Sample) -> Decision:
        return negated(Exceeds(self.a, self.b, self.metric, self.margin, self.failures).decide(sample))


@dataclass(frozen=True)
class Equivalent(Pairwise):
    """``|a − b|`` < margin: SUPPORTED if the whole interval is inside ± margin, REFUTED if it is wholly outside.

    Two one-sided tests decide (Schuirmann 1987), with the levels and assumptions of ``Exceeds``. The margin is
    mandatory, because a difference that was not found may exist. The deciding p is the larger p of the two tests,
    doubled as for two-sided tests; if they refute, it is the smaller one. With ``failures`` "guard", two variants are
    not SUPPORTED as equivalent while one failed on more seeds. The margin says what matters, so the rule has no
    NEGLIGIBLE.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"
    allowed = ("guard", "report", "count")
    limits = (Limit("margin", above=0),)

    def describe(self) -> str:
        return f"{self.a} = {self.b} ± {self.margin:.4g} ({self.metric})"

    def judged(self, pairs: Pairs) -> Decision:
        upper, lower = sides(pairs, self.margin), sides(pairs, -self.margin)
        inside, outside = max(upper.less, lower.greater), min(upper.greater, lower.less)
        tested = dataclasses.replace(upper, greater=inside, less=outside)
        margin = f"± {self.margin:.4g}" if pairs.metric.scale == "linear" else _in_words(self.margin, pairs.metric)
        said = (f"within {margin}", f"outside {margin}", f"neither inside nor outside {margin}")
        return _settled(pairs, tested, said, (self.margin, -self.margin, self.margin), margin=self.margin)


@dataclass(frozen=True)
class Above(Contrast):
    """mean > value: SUPPORTED if Student's interval is wholly above ``value``, REFUTED if wholly below, else
    INCONCLUSIVE.

    It is the one-sample form of ``Exceeds``, with its levels and assumptions. It suits metrics that compare within a
    trial: a rise from its own minimum, a ratio of two of its own norms. ``value`` is in the metric's unit. On a log
    scale the geometric mean is tested, and the effect is the ratio to ``value``. If ``value`` is no change (0, or 1 on
    a log scale), the claim can be NEGLIGIBLE as well. Any other value is a bound, like a margin: a mean near it is no
    tie. The mean is over the seeds that did not fail, and the share of failures is reported. With ``failures`` "count"
    every trial counts with its metric (``base.Failures``).
    """

    variant: str
    metric: str
    value: float = 0.0
    failures: Failures = "report"
    limits = (Limit("value"),)

    def describe(self) -> str:
        return f"{self.metric} of {self.variant} > {self.value:g}"

    def pairs(self, sample: Sample) -> Pairs:
        return paired(sample, (self.variant,), (), self.metric, self.failures, self.value)

    def judged(self, pairs: Pairs) -> Decision:
        return exceeding(pairs, than="it", tie=not pairs.b)


class Order(Rule):
    """A rule on an order of variants: in each of several contrasts, the first variant has to exceed the second.

    SUPPORTED if every contrast shows it; REFUTED if one is reversed; NEGLIGIBLE if one is a tie; else INCONCLUSIVE. The
    assumptions are those of ``Exceeds``.

    SUPPORTED needs no adjustment: all of k comparisons succeed by chance at most as often as one does
    (intersection–union, Berger 1982). A reversal and a tie of some contrast are found by chance k times as often as in
    one, so they need the level / k (Bonferroni), which holds however contrasts depend on each other. The deciding p is
    the smaller of the largest p of the comparisons and k times the smallest p of a reversal; of a tie, k times the
    smallest p of a tie.
    """

    least_variants = 2
    allowed = EVERY

    @abstractmethod
    def contrasts(self, sample: Sample) -> list[tuple[str, str]]:
        """Of each contrast, the variant that has to be greater, and the other one."""

    def decided(self, sample: Sample) -> Decision:
        pairs = [paired(sample, (a,), (b,), self.metric, self.failures) for a, b in self.contrasts(sample)]
        if few := [undecided(each) for each in pairs if not each.enough]:
            measured = tuple(effect for each in few for effect in each.effects)
            return Decision(Verdict.INCONCLUSIVE, "; ".join(each.reason for each in few), measured)
        return _ordered(pairs)


@dataclass(frozen=True)
class Best(Order):
    """SUPPORTED if x is better than every rival, REFUTED if a rival is better than x (``Order``).

    "Better" is the metric's direction. ``among`` names the rivals, and may include x.
    """

    x: str
    among: tuple[str, ...]
    metric: str = "val_accuracy"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_names("Best", "among", self.among)
        super().__post_init__()

    @property
    def rivals(self) -> tuple[str, ...]:
        return tuple(name for name in self.among if name != self.x)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.x, *self.rivals)

    def describe(self) -> str:
        return f"{self.x} is better than {', '.join(self.rivals)} ({self.metric})"

    def contrasts(self, sample: Sample) -> list[tuple[str, str]]:
        higher = sample.metrics[self.metric].better == "higher"
        return [(self.x, rival) if higher else (rival, self.x) for rival in self.rivals]


@dataclass(frozen=True)
class Monotone(Order):
    """SUPPORTED if every step of ``order`` goes in ``direction``, REFUTED if one step goes the other way (``Order``).

    Only neighbours are compared.
    """

    order: tuple[str, ...]
    metric: str = "val_accuracy"
    direction: Literal["rises", "falls"] = "rises"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        if self.direction not in ("rises", "falls"):
            raise invalid("direction of Monotone", expected="'rises' or 'falls'", received=repr(self.direction))
        super().__post_init__()

    @property
    def variants(self) -> tuple[str, ...]:
        return self.order

    def describe(self) -> str:
        return f"{(' < ' if self.direction == 'rises' else ' > ').join(self.order)} ({self.metric})"

    def contrasts(self, sample: Sample) -> list[tuple[str, str]]:
        rises = self.direction == "rises"
        return [(after, before) if rises else (before, after) for before, after in pairwise(self.order)]


def exceeding(pairs: Pairs, margin: float = 0.0, than: str = "", tie: bool = True) -> Decision:
    """Whether the mean difference is greater than ``margin``: SUPPORTED; REFUTED if it is less; else INCONCLUSIVE.

    If neither test rejects, and the interval lies within ± the smallest effect of interest, it is NEGLIGIBLE: a tie. At
    a true difference of the smallest effect that is false, and as rare as a false SUPPORTED.

    Args:
        pairs: the differences.
        margin: the margin.
        than: the margin in words.
        tie: whether there can be a tie. A margin other than 0 has none: a difference near it is no tie.
    """
    than = than or _in_words(margin, pairs.metric)
    said = (f"above {than}", f"below {than}", f"not distinguished from {than}")
    within = pairs.metric.smallest_effect if tie else 0.0
    return _settled(pairs, sides(pairs, margin), said, (margin, margin, within), tie)


def _settled(
    pairs: Pairs,
    tested: Sides,
    said: tuple[str, str, str],
    bounds: tuple[float, float, float],
    tie: bool = False,
    margin: float | None = None,
) -> Decision:
    """The decision of one comparison.

    Args:
        pairs, tested: the differences and their test.
        said: what is said if ``tested.greater`` rejects, if ``tested.less`` does, and if neither does.
        bounds: of the mean: above, below and within which it decides (``chances``).
        tie: whether there can be a tie.
        margin: of an equivalence.
    """
    measured, level = effects(pairs, tested, margin), pairs.level
    text = sentence(measured[0])
    if tested.greater <= level or tested.less <= level:
        verdict, how = (Verdict.SUPPORTED, said[0]) if tested.greater <= level else (Verdict.REFUTED, said[1])
        by = by_less_than_matters(measured[0], pairs.metric) if tie else ""
        return Decision(verdict, f"{text}: {how}{by}", measured, p=tested.p, basis=Basis.SHOWN)
    if tie and (tied := of_tie(pairs)) <= level:
        return _tie([text], pairs.metric, measured, tied)
    effect = replace(measured[0], chances=chances(pairs, *bounds))
    reason = f"{text}: {said[2]}{outlook(effect)}"
    return Decision(Verdict.INCONCLUSIVE, reason, (effect, *measured[1:]), p=tested.p)


def _ordered(contrasts: list[Pairs]) -> Decision:
    """The decision of several comparisons at once, with enough seeds of each (``Order``)."""
    metric, level, share = contrasts[0].metric, contrasts[0].level, contrasts[0].level / len(contrasts)
    tested, ties = [sides(pairs, 0.0) for pairs in contrasts], [of_tie(pairs) for pairs in contrasts]
    measured = list(map(effects, contrasts, tested))
    texts = [sentence(effect) for effect, *_ in measured]
    sized = [text + by_less_than_matters(each[0], metric) for text, each in zip(texts, measured, strict=True)]
    every = tuple(effect for each in measured for effect in each)
    smallest = [len(contrasts) * min(each) for each in ([test.less for test in tested], ties)]
    p = min(1.0, 2 * max(test.greater for test in tested), 2 * smallest[0])
    unproven = [place for place, test in enumerate(tested) if test.greater > level]
    if not unproven:
        return Decision(Verdict.SUPPORTED, "; ".join(sized), every, p=p, basis=Basis.SHOWN)
    if reversals := [sized[place] for place in unproven if tested[place].less <= share]:
        return Decision(Verdict.REFUTED, f"reversed: {'; '.join(reversals)}", every, p=p, basis=Basis.SHOWN)
    if tied := [texts[place] for place in unproven if ties[place] <= share]:
        return _tie(tied, metric, every, smallest[1])
    for place in unproven:
        bounds = (0.0, 0.0, metric.smallest_effect)
        effect = replace(measured[place][0], chances=chances(contrasts[place], *bounds, len(contrasts)))
        measured[place] = (effect, *measured[place][1:])
        sized[place] += outlook(effect)
    every = tuple(effect for each in measured for effect in each)
    return Decision(Verdict.INCONCLUSIVE, "not shown: " + "; ".join(sized[place] for place in unproven), every, p=p)


def _tie(texts: list[str], metric: Metric, measured: tuple[Effect, ...], p: float) -> Decision:
    size = metric.smallest_effect
    matters = f"± {size:.4g}, the smallest difference that matters"
    if metric.scale == "log":
        matters = f"{math.exp(-size):.4g} to {math.exp(size):.4g}, the smallest ratios that matter"
    reason = f"a tie: {'; '.join(texts)}: within {matters}"
    return Decision(Verdict.NEGLIGIBLE, reason, measured, p=min(1.0, 2 * p), basis=Basis.SHOWN)


def undecided(pairs: Pairs) -> Decision:
    """The decision with fewer than five seeds: INCONCLUSIVE, with the effects so far."""
    measured = effects(pairs, None)
    return too_few(sentence(measured[0]), measured)


def _in_words(margin: float, metric: Metric) -> str:
    """The margin as text: a difference, or a ratio on a log scale."""
    return f"a ratio of {math.exp(margin):.4g}" if metric.scale == "log" else f"{margin:.4g}"


def _beyond(margin: float) -> str:
    """ " + 0.002", " − 0.002"; "" for a margin of 0."""
    return "" if margin == 0 else f" {'+' if margin > 0 else '−'} {abs(margin):.4g}"
