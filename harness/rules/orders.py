"""Rules on an order of several variants: the best of them, and a metric that rises or falls from each to the next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from harness.domain.verdict import Basis, Decision, Verdict
from harness.errors import invalid
from harness.rules.base import Failures, Rule, Sample, check_names
from harness.rules.comparisons import enough, matters, undecided, undecided_effect
from harness.rules.effects import by_less_than_matters, effects, outlook, sentence
from harness.rules.pairs import of_tie, paired, sides


@dataclass(frozen=True)
class Best(Rule):
    """SUPPORTED if x is better than every rival, REFUTED if a rival is better than x at the level / number of rivals.

    "Better" is the metric's direction. ``among`` names the rivals, and may include x. ``all_exceed`` describes the
    levels (Berger 1982; Bonferroni), ``Exceeds`` the assumptions.
    """

    x: str
    among: tuple[str, ...]
    metric: str = "val_accuracy"
    failures: Failures = "guard"
    allowed: ClassVar[tuple[Failures, ...]] = ("guard", "report", "decide", "count")

    def __post_init__(self) -> None:
        check_names("Best", "among", self.among)
        check_names("Best", "rivals", self.rivals)
        super().__post_init__()

    @property
    def rivals(self) -> tuple[str, ...]:
        return tuple(name for name in self.among if name != self.x)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.x, *self.rivals)

    def describe(self) -> str:
        return f"{self.x} is better than {', '.join(self.rivals)} ({self.metric})"

    def decided(self, sample: Sample) -> Decision:
        higher = sample.metrics[self.metric].better == "higher"
        contrasts = [(self.x, rival) if higher else (rival, self.x) for rival in self.rivals]
        return all_exceed(sample, contrasts, self.metric, self.failures)


@dataclass(frozen=True)
class Monotone(Rule):
    """SUPPORTED if every step of ``order`` goes in ``direction``, REFUTED if one step goes the other way.

    Only neighbours are compared. A step refutes at the level / number of steps. ``all_exceed`` describes the levels
    (Berger 1982; Bonferroni), ``Exceeds`` the assumptions. Neighbouring comparisons share a variant, so they are
    dependent; the levels hold under any dependence.
    """

    order: tuple[str, ...]
    metric: str = "val_accuracy"
    direction: Literal["rises", "falls"] = "rises"
    failures: Failures = "guard"
    allowed: ClassVar[tuple[Failures, ...]] = Best.allowed

    def __post_init__(self) -> None:
        check_names("Monotone", "order", self.order, fewest=2)
        if self.direction not in ("rises", "falls"):
            raise invalid("direction of Monotone", expected="'rises' or 'falls'", received=repr(self.direction))
        super().__post_init__()

    @property
    def variants(self) -> tuple[str, ...]:
        return self.order

    def describe(self) -> str:
        return f"{(' < ' if self.direction == 'rises' else ' > ').join(self.order)} ({self.metric})"

    def decided(self, sample: Sample) -> Decision:
        rises = self.direction == "rises"
        steps = [(after, before) if rises else (before, after) for before, after in pairwise(self.order)]
        return all_exceed(sample, steps, self.metric, self.failures)


def all_exceed(sample: Sample, contrasts: list[tuple[str, str]], metric: str, failures: Failures) -> Decision:
    """SUPPORTED if, in every contrast, the first variant exceeds the second; REFUTED if a contrast is reversed;
    NEGLIGIBLE if a contrast is a tie; else INCONCLUSIVE.

    SUPPORTED needs no adjustment: all of k comparisons succeed by chance at most as often as one does
    (intersection–union, Berger 1982). A reversal and a tie of some contrast are found by chance k times as often as in
    one, so they need the level / k (Bonferroni). The deciding p is the smaller of the largest p of the comparisons and
    k times the smallest p of a reversal; of a tie, k times the smallest p of a tie.
    """
    pairs = [paired(sample, (high,), (low,), metric, failures) for high, low in contrasts]
    few = [undecided(each) for each in pairs if not enough(each)]
    if few:
        partial = tuple(effect for each in few for effect in each.effects)
        return Decision(Verdict.INCONCLUSIVE, "; ".join(each.reason for each in few), partial)
    count, level = len(pairs), sample.levels.one_sided
    tested = [sides(each, 0.0) for each in pairs]
    ties = [of_tie(each) for each in pairs]
    measured = [effects(each, test) for each, test in zip(pairs, tested, strict=True)]
    texts = [sentence(effect) + by_less_than_matters(effect, pairs[0].metric) for effect, *_ in measured]
    unproven = [place for place, test in enumerate(tested) if test.greater > level]
    reversals = [place for place in unproven if tested[place].less <= level / count]
    tied = [place for place in unproven if ties[place] <= level / count]
    every = tuple(effect for both in measured for effect in both)
    supporting = min(1.0, 2 * max(test.greater for test in tested))
    refuting = min(1.0, 2 * count * min(test.less for test in tested))
    p = min(supporting, refuting)
    if not unproven:
        return Decision(Verdict.SUPPORTED, "; ".join(texts), every, p=p, basis=Basis.SHOWN)
    if reversals:
        reason = "reversed: " + "; ".join(texts[place] for place in reversals)
        return Decision(Verdict.REFUTED, reason, every, p=p, basis=Basis.SHOWN)
    if tied:
        plain = [sentence(measured[place][0]) for place in tied]
        reason = f"a tie: {'; '.join(plain)}: within {matters(pairs[0].metric)}"
        p = min(1.0, 2 * count * min(ties))
        return Decision(Verdict.NEGLIGIBLE, reason, every, p=p, basis=Basis.SHOWN)
    for place in unproven:
        effect, *others = measured[place]
        measured[place] = (undecided_effect(effect, pairs[place], parts=count), *others)
        texts[place] += outlook(measured[place][0])
    every = tuple(effect for both in measured for effect in both)
    return Decision(Verdict.INCONCLUSIVE, "not shown: " + "; ".join(texts[place] for place in unproven), every, p=p)
