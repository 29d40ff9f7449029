"""What a rule returns: a verdict, its reason, and the effects it rests on."""

from __future__ import annotations

import enum
import math

import msgspec

from harness.errors import invalid


class Verdict(enum.StrEnum):
    """SUPPORTED, REFUTED and INCONCLUSIVE are results; NOT_RUN means that no result could be obtained."""

    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_RUN = "NOT_RUN"

    @property
    def decided(self) -> bool:
        return self in (Verdict.SUPPORTED, Verdict.REFUTED)


def weakest(verdicts: list[Verdict]) -> Verdict:
    """NOT_RUN before REFUTED before INCONCLUSIVE before SUPPORTED: a conjunction holds only if every part holds."""
    for verdict in (Verdict.NOT_RUN, Verdict.REFUTED, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.SUPPORTED


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured quantity behind a verdict.

    Attributes:
        of: what was measured, in words ("dropout 0.2 − no dropout").
        metric, unit: as in ``Metric``; for ``scale="log"`` the estimate is a ratio and the unit "ratio".
        estimate, low, high: point estimate and the interval the rule used; None where the rule has none.
        p: two-sided p-value of the deciding test against the rule's null value; None where there is none.
        n: number of seeds (pairs) it rests on.
        p_adjusted: p after Holm's adjustment over the catalogue; filled in by ``harness.statistics.holm``.
        details: further numbers by name: ``confidence`` (nominal, of the interval), ``plain_low``, ``plain_high`` (the
            95 % interval, where another one decides), ``sign_flip_p``, ``bca_low``, ``bca_high``,
            ``detectable_effect`` (the smallest effect this n could have shown with 80 % power), ``seeds_needed`` (the n
            that would show the smallest effect of interest), ``correlation`` (of the two variants over seeds),
            ``failed_a``, ``failed_a_at_most`` (share of seeds that failed, and its upper bound), ``percentile`` (of a
            published figure among our seeds), …
        notes: remarks in words ("negligible", "not paired: the correlation over seeds is +0.07").
    """

    of: str
    metric: str
    unit: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    p_adjusted: float | None = None
    details: dict[str, float | None] = {}
    notes: tuple[str, ...] = ()


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where what was obtained departs from another formula or text, to be reported; it decides nothing.

    Attributes:
        of: what was measured, in words ("distance after ten gradients of 1e-8").
        obtained: what Keras gives, a finite number or a text ("no such argument").
        other: what the source gives for the same.
        source: the other formula or text ("the paper (Kingma & Ba 2015, Algorithm 1)", "the slide").
        why: what makes the difference, in words.
    """

    of: str
    obtained: float | str
    other: float | str
    source: str
    why: str = ""

    def __post_init__(self) -> None:
        for name in ("obtained", "other"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (isinstance(value, int | float) and math.isfinite(value)):
                raise invalid(
                    f"{name} of the difference {self.of!r}", expected="a finite number or a text", received=repr(value)
                )


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict, why, the effects it rests on, and the decisions of its parts (for rules made of rules).

    ``differences`` are reported alongside it.

    ``p`` is the one p-value with which the claim enters Holm's adjustment (``harness.statistics.holm``). None where the
    verdict does not rest on a rejection: nothing was tested, a figure was found within prediction, or what was claimed
    of every seed held, or did not.
    """

    verdict: Verdict
    reason: str
    effects: tuple[Effect, ...] = ()
    parts: tuple[Decision, ...] = ()
    p: float | None = None
    differences: tuple[Difference, ...] = ()
