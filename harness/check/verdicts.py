"""Compares a claim's verdict with the expected verdict."""

from __future__ import annotations

from harness.domain.verdict import Verdict
from harness.record.evidence import Expected
from harness.record.outcomes import VerdictComparison, VerdictState


def compare_verdict(
    obtained: Verdict, expected: Expected | None, *, drifted: bool = False, more_seeds: bool = False
) -> VerdictComparison:
    """Compares a verdict with the expected one. ``expected`` is None if none is stored.

    NOT_RUN is always red. A flip between SUPPORTED, REFUTED and OUTDATED is red. A change to or from INCONCLUSIVE or a
    tie (NEGLIGIBLE) may be chance or a lack of seeds, so it is red only if a variant of the claim has moved
    (``drifted``). It is never red if the verdicts may rest on different numbers of seeds (``more_seeds``), because that
    explains it.
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
    stronger = obtained.decided or before is Verdict.INCONCLUSIVE  # a tie lies between
    state = VerdictState.DECIDED if stronger else VerdictState.WEAKENED
    if Verdict.NEGLIGIBLE in (obtained, before):
        since += ": a tie now" if obtained is Verdict.NEGLIGIBLE else ": no tie any more"
    if more_seeds:
        return VerdictComparison(state, before, obtained, False, f"{since}; other seeds or another rule may be why.")
    confirmed = "a variant it rests on has drifted" if drifted else "no variant it rests on has drifted"
    return VerdictComparison(state, before, obtained, drifted, f"{since}; {confirmed}.")
