"""Several comparisons that must all hold, for ``Best`` and ``Monotone``."""

from __future__ import annotations

from harness.domain.verdict import Decision, Verdict, weakest
from harness.statistics.effects import effects, sentence
from harness.statistics.pairs import Failures, Pairs
from harness.statistics.pairwise import comparable
from harness.statistics.rule import Sample
from harness.statistics.sides import sides


def all_exceed(sample: Sample, contrasts: list[tuple[str, str]], metric: str, failures: Failures = "guard") -> Decision:
    """SUPPORTED if, in every contrast, the first variant exceeds the second; REFUTED if a contrast is reversed.

    SUPPORTED needs no adjustment: all of k comparisons succeed by chance at most as often as one does
    (intersection–union, Berger 1982). REFUTED needs a reversal at the level / k (Bonferroni). The deciding p is the
    smaller of the largest p of the comparisons and k times the smallest p of a reversal.
    """
    compared = [comparable(sample, high, low, metric, failures) for high, low in contrasts]
    pairs = [one for one in compared if isinstance(one, Pairs)]
    blocked = [one for one in compared if isinstance(one, Decision)]
    if blocked:
        reason = "; ".join(one.reason for one in blocked)
        partial = tuple(found for one in blocked for found in one.effects)
        return Decision(weakest([one.verdict for one in blocked]), reason, partial)
    count, level = len(pairs), sample.levels.one_sided
    tested = [sides(one, 0.0) for one in pairs]
    known = [effects(one, test, 0.0) for one, test in zip(pairs, tested, strict=True)]
    texts = [sentence(found[0]) for found in known]
    unproven = [text for text, test in zip(texts, tested, strict=True) if test.greater > level]
    reversals = [text for text, test in zip(texts, tested, strict=True) if test.less <= level / count]
    every = tuple(one for found in known for one in found)
    supporting = min(1.0, 2 * max(test.greater for test in tested))
    refuting = min(1.0, 2 * count * min(test.less for test in tested))
    p = min(supporting, refuting)
    if not unproven:
        return Decision(Verdict.SUPPORTED, "; ".join(texts), every, p=p)
    if reversals:
        return Decision(Verdict.REFUTED, "reversed: " + "; ".join(reversals), every, p=p)
    return Decision(Verdict.INCONCLUSIVE, "not shown: " + "; ".join(unproven), every, p=p)
