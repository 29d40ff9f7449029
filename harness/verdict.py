"""What a rule returns: a verdict, its reason, and the effects it rests on."""

from __future__ import annotations

import enum
import math
from typing import Literal

import msgspec

from harness.errors import invalid


class Verdict(enum.StrEnum):
    """The verdict on a claim.

    - NEGLIGIBLE: a tie. No test rejects, and the interval that decides lies within the smallest effect of interest.
    - OUTDATED: today's Keras contradicts the claim, and the release that the slides were made with satisfies it.
    - NOT_RUN: there is no result.
    """

    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    OUTDATED = "OUTDATED"
    NEGLIGIBLE = "NEGLIGIBLE"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_RUN = "NOT_RUN"

    @property
    def decided(self) -> bool:
        """Whether the claim holds or does not. From one such verdict to another is a flip."""
        return self in (Verdict.SUPPORTED, Verdict.REFUTED, Verdict.OUTDATED)


class Basis(enum.StrEnum):
    """How a verdict was decided, weakest first: a conjunction is as strong as its weakest part."""

    NOT_CONTRADICTED = "not contradicted"
    """The printed figure lies where one more training may fall."""
    EVERY_SEED = "every seed"
    """Each stored seed has the property, or one lacks it. No test bounds the error."""
    SHOWN = "shown"
    """A test rejects the contrary."""
    COMPUTED = "computed"
    """A computation without chance."""


def weakest(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a conjunction: the first of these that a part has, else SUPPORTED.

    A tie (NEGLIGIBLE) comes before an open part (INCONCLUSIVE): whatever that part turns out to be, the conjunction is
    not shown.
    """
    for verdict in (Verdict.NOT_RUN, Verdict.REFUTED, Verdict.OUTDATED, Verdict.NEGLIGIBLE, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.SUPPORTED


Kind = Literal["difference", "mean", "seeds", "failures", "prediction", "error"]


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured quantity behind a verdict.

    Attributes:
        kind: "difference": a − b; "mean": that of a, less the constant b if there is one; "failures": the share of
            seeds on which a failed, less that of b; "seeds": the share of the seeds of a that b ("converged");
            "prediction": of a, b says of what ("one more run"); "error": of the comparison a with a reference.
        a, b: names of variants, or as ``kind`` says.
        metric, unit: as in ``Metric``. For ``scale="log"`` a difference is a ratio, with the unit "ratio".
        estimate, low, high: point estimate and the interval that the rule used; None if it has none.
        p: two-sided p-value of the deciding test against the rule's null value; None without a test.
        n: number of seeds (pairs).
        p_adjusted: p after Holm's adjustment over the catalogue, filled in by ``harness.rules.adjust``.
        margin: of an equivalence, within which a and b count as equal.
        details: further numbers by name: ``confidence`` (nominal, of the interval), ``plain_low``, ``plain_high`` (the
            95 % interval, if another one decides), ``detectable_effect`` (the smallest effect that n seeds show with
            80 % power), ``correlation`` (of the two variants over seeds), ``failed_a``, ``failed_a_at_most`` (share of
            seeds that failed, and its upper bound), ``percentile`` (of a published figure among our seeds), …
        chances: of an undecided comparison, the chance that a later look decides it (``harness.rules.chances``), by
            that look's number of seeds.
        notes: remarks ("paired by seed: correlation +0.85").
    """

    kind: Kind
    a: str
    b: str
    metric: str
    unit: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    p_adjusted: float | None = None
    margin: float | None = None
    details: dict[str, float | None] = {}
    chances: dict[int, float] = {}
    notes: tuple[str, ...] = ()

    @property
    def of(self) -> str:
        """What was measured, in words: "dropout 0.2 − no dropout", "rate 10: seeds that diverged"."""
        if not self.b:
            return self.a
        if self.kind == "seeds":
            return f"{self.a}: seeds that {self.b}"
        if self.kind == "prediction":
            return f"{self.a}, {self.b}"
        return f"{self.a} {'/' if self.unit == 'ratio' else '−'} {self.b}"


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A difference between Keras and another source, such as a paper or the slide. It is reported, and decides nothing.

    Attributes:
        of: what was measured ("distance after ten gradients of 1e-8").
        obtained: what Keras gives: a finite number, or a text ("no such argument").
        other: what the source gives.
        source: the source ("the paper (Kingma & Ba 2015, Algorithm 1)", "the slide").
        why: the cause of the difference.
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
    """A verdict and what it rests on.

    Attributes:
        verdict, reason: the verdict, and why.
        effects: what was measured.
        parts: the decisions of a rule's parts (rules made of rules).
        p: the p-value with which the claim enters Holm's adjustment (``harness.rules.adjust``). None if the verdict
            rests on no rejection: nothing was tested, a figure is within prediction, or the claim is about every seed.
        differences: reported alongside the verdict.
        basis: how it was decided; None for INCONCLUSIVE and NOT_RUN.
        negated: whether the parts and effects are those of a rule whose opposite is claimed.
    """

    verdict: Verdict
    reason: str
    effects: tuple[Effect, ...] = ()
    parts: tuple[Decision, ...] = ()
    p: float | None = None
    differences: tuple[Difference, ...] = ()
    basis: Basis | None = None
    negated: bool = False
