"""What a rule returns: a verdict, its reason, and the effects it rests on."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

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


@dataclass(frozen=True)
class Effect:
    """One measured quantity behind a verdict.

    Attributes:
        of: what was measured, in words ("dropout 0.2 − no dropout").
        metric, unit: as in ``Metric``; for ``scale="log"`` the estimate is a ratio and the unit "ratio".
        estimate, low, high: point estimate and the interval the rule used; None where the rule has none.
        p: two-sided p-value of the deciding test against the rule's null value; None where there is none.
        n: number of seeds (pairs) it rests on.
        p_adjusted: p after Holm's adjustment over the catalogue; filled in by ``harness.rules.holm``.
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
    details: tuple[tuple[str, float | None], ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "metric": self.metric,
            "unit": self.unit,
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "n": self.n,
            "details": dict(self.details),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Effect:
        """The inverse of ``to_json``; KeyError or TypeError where the record is not one of an effect."""
        names = ("of", "metric", "unit", "estimate", "low", "high", "p", "n", "p_adjusted")
        details = tuple(record["details"].items())
        return cls(**{name: record[name] for name in names}, details=details, notes=tuple(record["notes"]))


@dataclass(frozen=True)
class Difference:
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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Difference:
        """The inverse of ``to_json``; KeyError, TypeError or ValueError where the record is not one of a difference."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Decision:
    """A verdict, why, the effects it rests on, and the decisions of its parts (for rules made of rules).

    ``differences`` are reported beside it.

    ``p`` is the one p-value with which the claim enters Holm's adjustment (``harness.rules.holm``). None where the
    verdict does not rest on a rejection: nothing was tested, a figure was found within prediction, or what was claimed
    of every seed held, or did not.
    """

    verdict: Verdict
    reason: str
    effects: tuple[Effect, ...] = ()
    parts: tuple[Decision, ...] = ()
    p: float | None = None
    differences: tuple[Difference, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "reason": self.reason,
            "effects": [effect.to_json() for effect in self.effects],
            "parts": [part.to_json() for part in self.parts],
            "p": self.p,
            "differences": [difference.to_json() for difference in self.differences],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Decision:
        """The inverse of ``to_json``; KeyError, TypeError or ValueError where the record is not one of a decision."""
        return cls(
            Verdict(record["verdict"]),
            record["reason"],
            tuple(map(Effect.from_json, record["effects"])),
            tuple(map(cls.from_json, record["parts"])),
            record["p"],
            tuple(map(Difference.from_json, record["differences"])),
        )
