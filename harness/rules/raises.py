"""Raises: code on a slide fails, with an error that names the cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.domain.verdict import Basis, Decision, Verdict
from harness.errors import invalid


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
