"""Rules on a computation without chance: it equals an independent reference, or it raises an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """SUPPORTED if every comparison is within a tolerance that the float type justifies, else REFUTED.

    Assumes determinism.
    """

    unit: str = "absolute error"

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
        effects = tuple(map(self._effect, compared, errors))
        both = zip(compared, errors, strict=True)
        wrong = [_mismatch(comparison, error) for comparison, error in both if not error <= comparison.tolerance]
        if wrong:
            return Decision(Verdict.REFUTED, "; ".join(wrong), effects, differences=differences, basis=Basis.COMPUTED)
        reason = f"{len(compared)} comparison{'s' if len(compared) > 1 else ''}, largest error {max(errors):.3g}"
        return Decision(Verdict.SUPPORTED, reason, effects, differences=differences, basis=Basis.COMPUTED)

    def _effect(self, comparison: Comparison, error: float) -> Effect:
        finite = error if error != float("inf") else None
        tolerance: dict[str, float | None] = {"tolerance": comparison.tolerance}
        return Effect("error", comparison.of, "", "error", self.unit, finite, n=1, details=tolerance)


def _mismatch(comparison: Comparison, error: float) -> str:
    """What was compared, its error, and both values if they are short."""
    text = f"{comparison.of}: error {error:.3g}, tolerance {comparison.tolerance:.3g}"
    sides = (comparison.obtained, comparison.expected)
    if all(isinstance(side, int | float) for side in sides):
        text += " (obtained {:.9g}, expected {:.9g})".format(*sides)
    elif error == float("inf") or all(isinstance(side, str) for side in sides):
        text += f" (obtained {sides[0]!r}, expected {sides[1]!r})"
    return text


@dataclass(frozen=True)
class Raises:
    """SUPPORTED if an action raises an error of the class ``error`` whose message contains ``text``, else REFUTED.

    ``error`` is the name of the class, or of a base class ("TypeError"), so that it needs no import of a backend.
    Assumes that the action is deterministic. Only ``Exception`` counts, so Ctrl-C passes through.
    """

    error: str
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.error, str) or not self.error.isidentifier():
            raise invalid("error of Raises", expected="the name of an exception class", received=repr(self.error))
        if not isinstance(self.text, str) or not self.text.strip():
            raise invalid(
                "text of Raises", expected="the part of the message that names the cause", received=repr(self.text)
            )

    def describe(self) -> str:
        return f"raises {self.error} saying {self.text!r}"

    def decide(self, action: Callable[[], object]) -> Decision:
        """Calls ``action`` once."""
        try:
            action()
        except Exception as error:
            raised = f"{type(error).__name__}: {_shortened(str(error))}"
            named = self.error in {base.__name__ for base in type(error).__mro__}
            if named and self.text in str(error):
                return Decision(Verdict.SUPPORTED, f"raised {raised}", basis=Basis.COMPUTED)
            expected = f"{self.error} saying {self.text!r}"
            return Decision(Verdict.REFUTED, f"expected {expected}, but raised {raised}", basis=Basis.COMPUTED)
        reason = f"expected {self.error} saying {self.text!r}, but nothing was raised"
        return Decision(Verdict.REFUTED, reason, basis=Basis.COMPUTED)


def _shortened(message: str, longest: int = 300) -> str:
    """The message on one line, cut after ``longest`` characters."""
    line = " ".join(message.split())
    return line if len(line) <= longest else f"{line[:longest]}…"
