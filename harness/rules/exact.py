"""Exact: obtained against an independent reference, within a tolerance that the float type justifies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.errors import invalid
from harness.verdict import Decision, Effect, Verdict


@dataclass(frozen=True)
class Comparison:
    """One obtained value beside its reference.

    ``of`` says what is compared; ``obtained`` and ``expected`` are numbers or arrays of one shape (or any equal
    things, with tolerance 0); ``tolerance`` is the largest absolute error accepted.
    """

    of: str
    obtained: Any
    expected: Any
    tolerance: float = 0.0

    @property
    def error(self) -> float:
        """Largest absolute difference; inf where shapes differ or one side is not a number and they are unequal."""
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
    """SUPPORTED when every comparison is within its tolerance, REFUTED otherwise; assumes determinism."""

    unit: str = "absolute error"

    def describe(self) -> str:
        return "equals an independent reference"

    def decide(self, comparisons: Iterable[Comparison]) -> Decision:
        """ValueError-free; raises SuiteError when there is nothing to compare, so that no check passes emptily."""
        compared = list(comparisons)
        if not compared:
            raise invalid("exact check", expected="at least one comparison", received="none")
        effects, wrong = [], []
        for comparison in compared:
            error = comparison.error
            finite = error if error != float("inf") else None
            details = (("tolerance", comparison.tolerance),)
            effects.append(Effect(comparison.of, "error", self.unit, finite, n=1, details=details))
            if not error <= comparison.tolerance:
                wrong.append(
                    f"{comparison.of}: error {error:.3g}, tolerance {comparison.tolerance:.3g}"
                    + (
                        f" (obtained {comparison.obtained!r}, expected {comparison.expected!r})"
                        if finite is None
                        else ""
                    )
                )
        if wrong:
            return Decision(Verdict.REFUTED, "; ".join(wrong), tuple(effects))
        worst = max(comparison.error for comparison in compared)
        reason = f"{len(compared)} comparison{'s' if len(compared) > 1 else ''}, largest error {worst:.3g}"
        return Decision(Verdict.SUPPORTED, reason, tuple(effects))
