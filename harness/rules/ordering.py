"""Several comparisons that must all hold, for ``Best`` and ``Monotone``."""

from __future__ import annotations

from harness.domain.verdict import Basis, Decision, Verdict, weakest
from harness.rules.effects import by_less_than_matters, effects, outlook, sentence
from harness.rules.pairs import Failures, Pairs
from harness.rules.pairwise import comparable, matters, undecided_effect
from harness.rules.rule import Sample
from harness.rules.sides import of_tie, sides


def all_exceed(sample: Sample, contrasts: list[tuple[str, str]], metric: str, failures: Failures = "guard") -> Decision:
    """SUPPORTED if, in every contrast, the first variant exceeds the second; REFUTED if a contrast is reversed;
    NEGLIGIBLE if a contrast is a tie; else INCONCLUSIVE.

    SUPPORTED needs no adjustment: all of k comparisons succeed by chance at most as often as one does
    (intersection–union, Berger 1982). A reversal and a tie of some contrast are found by chance k times as often as in
    one, so they need the level / k (Bonferroni). The deciding p is the smaller of the largest p of the comparisons and
    k times the smallest p of a reversal; of a tie, k times the smallest p of a tie.
    """
    compared = [comparable(sample, high, low, metric, failures) for high, low in contrasts]
    pairs = [each for each in compared if isinstance(each, Pairs)]
    blocked = [each for each in compared if isinstance(each, Decision)]
    if blocked:
        reason = "; ".join(each.reason for each in blocked)
        partial = tuple(effect for each in blocked for effect in each.effects)
        return Decision(weakest([each.verdict for each in blocked]), reason, partial)
    count, level = len(pairs), sample.levels.one_sided
    tested = [sides(each, 0.0) for each in pairs]
    ties = [of_tie(each) for each in pairs]
    measured = [effects(each, test, 0.0) for each, test in zip(pairs, tested, strict=True)]
    texts = [sentence(effect) + by_less_than_matters(effect, pairs[0].metric) for effect, *_ in measured]
    unproven = [place for place, test in enumerate(tested) if test.greater > level]
    reversals = [place for place in unproven if tested[place].less <= level / count]
    tied = [place for place in unproven if ties[place] <= level / count]
    every = tuple(effect for known in measured for effect in known)
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
        measured[place] = (undecided_effect(effect, pairs[place], 0.0, parts=count), *others)
        texts[place] += outlook(measured[place][0])
    every = tuple(effect for known in measured for effect in known)
    return Decision(Verdict.INCONCLUSIVE, "not shown: " + "; ".join(texts[place] for place in unproven), every, p=p)
