"""Several comparisons that must all hold: the core of ``Best`` and ``Monotone``."""

from __future__ import annotations

from harness.rules.effects import effect, sentence
from harness.rules.evidence import Evidence
from harness.rules.levels import ONE_SIDED
from harness.rules.pairs import Pairs
from harness.rules.pairwise import comparable
from harness.rules.sides import sides
from harness.verdict import Decision, Verdict, weakest


def all_exceed(evidence: Evidence, contrasts: list[tuple[str, str]], metric: str) -> Decision:
    """SUPPORTED when the first of every contrast exceeds the second, REFUTED when one is reversed.

    Supported without adjustment: that all of k comparisons succeed by chance is no likelier than that one does
    (intersection–union, Berger 1982). Refuted when any of k is reversed at 2.5 % / k (Bonferroni). The deciding p is
    accordingly the largest p of the comparisons, or k times the smallest p of the reversed ones, whichever is less.
    """
    compared = [comparable(evidence, high, low, metric) for high, low in contrasts]
    pairs = [one for one in compared if isinstance(one, Pairs)]
    blocked = [one for one in compared if isinstance(one, Decision)]
    if blocked:
        reason = "; ".join(one.reason for one in blocked)
        effects = tuple(found for one in blocked for found in one.effects)
        return Decision(weakest([one.verdict for one in blocked]), reason, effects)
    count = len(pairs)
    tested = [sides(one, 0.0) for one in pairs]
    effects = tuple(effect(one, test, 0.0) for one, test in zip(pairs, tested, strict=True))
    unproven = [found for found, test in zip(effects, tested, strict=True) if test.greater > ONE_SIDED]
    reversals = [found for found, test in zip(effects, tested, strict=True) if test.less <= ONE_SIDED / count]
    supporting = min(1.0, 2 * max(test.greater for test in tested))
    refuting = min(1.0, 2 * count * min(test.less for test in tested))
    p = min(supporting, refuting)
    if not unproven:
        return Decision(Verdict.SUPPORTED, "; ".join(sentence(found) for found in effects), effects, p=p)
    if reversals:
        reason = "reversed: " + "; ".join(sentence(found) for found in reversals)
        return Decision(Verdict.REFUTED, reason, effects, p=p)
    reason = "not shown: " + "; ".join(sentence(found) for found in unproven)
    return Decision(Verdict.INCONCLUSIVE, reason, effects, p=p)
