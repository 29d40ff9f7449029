"""A claim's verdict against the expected one."""

from __future__ import annotations

from harness.domain.verdict import Verdict
from harness.record.evidence import Expected
from harness.record.outcomes import VerdictComparison, VerdictState


def compare_verdict(
    obtained: Verdict, expected: Expected | None, *, drifted: bool = False, more_seeds: bool = False
) -> VerdictComparison:
    """Sets a verdict alongside the stored one; ``drifted``: a variant that the claim rests on has drifted.

    A verdict that goes from decided to INCONCLUSIVE, or the reverse, may do so by chance or for a lack of seeds: it is
    reported, and red only if drift confirms it. Where ``more_seeds`` were looked at than those of the expected verdict,
    they explain it, and drift (of which only the first seeds speak) does not. NOT_RUN is red whether or not a verdict
    is stored.
    """
    before = Verdict(expected.verdict) if expected else None
    if obtained is Verdict.NOT_RUN:
        return VerdictComparison(VerdictState.NOT_RUN, before, obtained, True, "No result could be obtained.")
    if expected is None or before is None:
        return VerdictComparison(VerdictState.NEW, None, obtained, False, "No expected verdict is stored.")
    since = f"{before} since {expected.date} ({expected.reason}), {obtained} now"
    if obtained is before:
        return VerdictComparison(VerdictState.AS_EXPECTED, before, obtained, False, f"{before}, as expected.")
    if obtained.decided and before.decided:
        return VerdictComparison(VerdictState.FLIPPED, before, obtained, True, f"{since}.")
    state = VerdictState.DECIDED if obtained.decided else VerdictState.WEAKENED
    if more_seeds:
        return VerdictComparison(state, before, obtained, False, f"{since}, from another number of seeds.")
    confirmed = "a variant it rests on has drifted" if drifted else "no variant it rests on has drifted"
    return VerdictComparison(state, before, obtained, drifted, f"{since}; {confirmed}.")
