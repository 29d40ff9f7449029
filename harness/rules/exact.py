"""Exact: an obtained value equals an independent reference, within a tolerance that the float type justifies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.domain.verdict import Basis, Decision, Difference, Effect, Verdict
from harness.errors import invalid


@dataclass(frozen=True)
class Comparison:
    """A comparison of an obtained value with a reference.

    Attributes:
        of: what is compared.
        obtained, expected: numbers or arrays of one shape; with tolerance 0 also any other objects.
        tolerance: the largest absolute error accepted.
    """

    of: str
    obtained: Any
    expected: Any
    tolerance: float = 0.0

    @property
    def error(self) -> float:
        """The largest absolute difference; inf if the shapes differ, or for unequal values that are not numbers."""
        import numpy as np

        try:
            obtained, expected = np.asarray(self.obtained, "float64"), np.asarray(self.expected, "float64")
        except (TypeError, ValueError):
            return 0.0 if self.obtained == self.expected else float("inf")
        if obtained.shape != expected.shape:
            return float("inf")
        if obtained.size == 0:
            return 0.0
        same = (obtained == expected) | (np.isnan(obtained) & np.isnan(expected))
        with np.errstate(invalid="ignore"):
            difference = np.where(same, 0.0, np.abs(obtained - expected))
        return float(np.max(np.where(np.isnan(difference), np.inf, difference)))


@dataclass(frozen=True)
class Exact:
    """SUPPORTED if every comparison is within its tolerance, else REFUTED. Assumes determinism."""

    unit: str = "absolute error"

    def describe(self) -> str:
        return "equals an independent reference"

    def decide(self, findings: Iterable[Comparison | Difference]) -> Decision:
        """Decides by the comparisons. Each ``Difference`` becomes a part of the decision.

        SuiteError without any comparison, so that no check passes emptily.
        """
        found = list(findings)
        differences = tuple(one for one in found if isinstance(one, Difference))
        compared = [one for one in found if isinstance(one, Comparison)]
        if not compared:
            raise invalid("exact check", expected="at least one comparison", received="none")
        errors = [comparison.error for comparison in compared]
        effects = tuple(map(self._effect, compared, errors))
        wrong = [
            _mismatch(one, error) for one, error in zip(compared, errors, strict=True) if not error <= one.tolerance
        ]
        if wrong:
            return Decision(Verdict.REFUTED, "; ".join(wrong), effects, differences=differences, basis=Basis.COMPUTED)
        reason = f"{len(compared)} comparison{'s' if len(compared) > 1 else ''}, largest error {max(errors):.3g}"
        return Decision(Verdict.SUPPORTED, reason, effects, differences=differences, basis=Basis.COMPUTED)

    def _effect(self, comparison: Comparison, error: float) -> Effect:
        finite = error if error != float("inf") else None
        return Effect(comparison.of, "error", self.unit, finite, n=1, details={"tolerance": comparison.tolerance})


def _mismatch(comparison: Comparison, error: float) -> str:
    """What was compared, its error, and both values if they are short."""
    text = f"{comparison.of}: error {error:.3g}, tolerance {comparison.tolerance:.3g}"
    sides = (comparison.obtained, comparison.expected)
    if all(isinstance(side, int | float) for side in sides):
        text += " (obtained {:.9g}, expected {:.9g})".format(*sides)
    elif error == float("inf") or all(isinstance(side, str) for side in sides):
        text += f" (obtained {sides[0]!r}, expected {sides[1]!r})"
    return text
