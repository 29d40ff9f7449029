"""How a decided claim stands against its expected verdict, and how its test says so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from baselines.verdicts import VerdictComparison
from harness.claim import Claim
from harness.errors import SuiteError
from harness.verdict import Decision, Verdict


@dataclass(frozen=True)
class Outcome:
    """One claim of this run."""

    claim: Claim
    decision: Decision
    beside: tuple[Decision, ...]
    comparison: VerdictComparison
    red: bool
    seconds: float
    error: str = ""  # why the expected verdict could not be read

    @property
    def message(self) -> str:
        """What a red test prints: the claim, the verdicts, why, and what to do next."""
        lines = [
            f"{self.claim.key}: {self.comparison.reason}",
            f"  the lecture says: {self.claim.statement}",
            f"  {self.decision.verdict}: {self.decision.reason}",
        ]
        if self.error:
            lines.append(f"  {self.error}")
        elif self.decision.verdict is not Verdict.NOT_RUN:
            lines.append('  If this is meant, store it: --update-baselines "reason" with -k ' + self.claim.id)
        return "\n".join(lines)


@contextlib.contextmanager
def timed_by(benchmark: Any) -> Iterator[None]:
    """Marks a round that Ctrl-C cuts short as failed: pytest-benchmark does so for an Exception only, and then fails
    over the empty round when it writes its table, with the whole end of the run."""
    try:
        yield
    except BaseException:
        benchmark.has_error = True
        raise


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns a SuiteError, whose text is complete, into a failure without a traceback."""
    try:
        yield
    except SuiteError as error:
        pytest.fail(str(error), pytrace=False)
