"""The rule on a computation without chance: it equals an independent reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.errors import invalid
from harness.verdict import Basis, Decision, Difference, Effect, Verdict


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
    """SUPPORTED if every comparison is within a tolerance that the float type justifies, else REFUTED.

    Assumes determinism.
    """

    def describe(self) -> str:
        return "equals an independent reference"

    def decide(self, findings: Iterable[Comparison | Difference]) -> Decision:
        """Decides by the comparisons. Each ``Difference`` becomes a part of the decision.

        SuiteError without any comparison, so that no check passes emptily.
        """
        every = list(findings)
        differences = tuple(finding for finding in every if isinstance(finding, Difference))
        compared = [finding for finding in every if isinstance(finding, Comparison)]
        if not compared:
            raise invalid("exact check", expected="at least one comparison", received="none")
        errors = [comparison.error for comparison in compared]
        effects = tuple(map(_effect, compared, errors))
        both = zip(compared, errors, strict=True)
        wrong = [_mismatch(comparison, error) for comparison, error in both if not error <= comparison.tolerance]
        if wrong:
            return Decision(Verdict.REFUTED, "; ".join(wrong), effects, differences=differences, basis=Basis.COMPUTED)
        reason = f"{len(compared)} comparison{'s' if len(compared) > 1 else ''}, largest error {max(errors):.3g}"
        return Decision(Verdict.SUPPORTED, reason, effects, differences=differences, basis=Basis.COMPUTED)


def _effect(comparison: Comparison, error: float) -> Effect:
    finite = error if error != float("inf") else None
    details: dict[str, float | None] = {"tolerance": comparison.tolerance}
    return Effect("error", comparison.of, "", "error", "absolute error", finite, n=1, details=details)


def _mismatch(comparison: Comparison, error: float) -> str:
    """What was compared, its error, and both values if they are short."""
    text = f"{comparison.of}: error {error:.3g}, tolerance {comparison.tolerance:.3g}"
    sides = (comparison.obtained, comparison.expected)
    if all(isinstance(side, int | float) for side in sides):
        text += " (obtained {:.9g}, expected {:.9g})".format(*sides)
    elif error == float("inf") or all(isinstance(side, str) for side in sides):
        text += f" (obtained {sides[0]!r}, expected {sides[1]!r})"
    return text
