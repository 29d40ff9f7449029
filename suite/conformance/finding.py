"""What a conformance check finds: something obtained, beside what it has to be.

It is compared here, by itself, and not by ``harness.rules.exact``, which is one of the things that are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Finding:
    """``of`` says what it is; numbers, lists of them and arrays may differ by ``tolerance``, a number or one for each
    of them; texts, tuples and the like have to be equal."""

    of: str
    obtained: Any
    expected: Any
    tolerance: float | np.ndarray = 0.0

    @property
    def wrong(self) -> str:
        """What is wrong, what was expected and what was received; empty where nothing is."""
        if isinstance(self.expected, str | bool | tuple | dict) or self.expected is None:
            if self.obtained == self.expected:
                return ""
            return f"{self.of}. Expected: {self.expected!r}. Received: {self.obtained!r}."
        try:
            obtained, expected = np.asarray(self.obtained, "float64"), np.asarray(self.expected, "float64")
        except (TypeError, ValueError):
            return f"{self.of}. Expected: numbers. Received: {self.obtained!r}."
        if obtained.shape != expected.shape:
            return f"{self.of}. Expected: shape {expected.shape}. Received: shape {obtained.shape}."
        off, tolerance = np.abs(obtained - expected), np.broadcast_to(self.tolerance, expected.shape)
        if off.size == 0 or bool((off <= tolerance).all()):
            return ""
        at = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off - tolerance)), off.shape)
        place = f" at {tuple(int(i) for i in at)}" if off.shape else ""
        near = f" ± {tolerance[at]:.2g}" if tolerance[at] else ""
        return f"{self.of}{place}. Expected: {expected[at]:.9g}{near}. Received: {obtained[at]:.9g}."


Check = Callable[[str], Iterator[Finding]]
"""(engine) -> findings; engine as ``--engine`` has it."""


def faults(findings: Iterator[Finding], shown: int = 3) -> list[str]:
    """What is wrong; the first few of it. Expects findings at all: a check that looks at nothing is wrong itself."""
    found = list(findings)
    if not found:
        return ["The check looked at nothing. Expected: at least one finding. Received: none."]
    wrong = [text for finding in found if (text := finding.wrong)]
    more = [f"… and {len(wrong) - shown} more of {len(found)}."] if len(wrong) > shown else []
    return wrong[:shown] + more
