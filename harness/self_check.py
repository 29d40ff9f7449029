"""Self-checks: claims about what the verdicts rest on: Keras, the engines, the data. They are not the lecture's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.errors import invalid
from harness.verdict import Basis, Decision, Verdict


class Measured(NamedTuple):
    """An obtained value and what it should be.

    It does not use ``harness.rules.exact``, because the verdicts of exact claims rest on that.

    Attributes:
        of: what is compared, in words.
        obtained: the value from Keras or a training.
        expected: the reference. Numbers, lists of numbers and arrays may differ by ``tolerance``; strings, booleans,
            tuples and None must be equal.
        tolerance: the largest absolute difference, for all numbers or for each.
    """

    of: str
    obtained: Any
    expected: Any
    tolerance: float | np.ndarray = 0.0

    @property
    def wrong(self) -> str:
        """What is wrong, with both values; "" if they agree."""
        of, obtained, expected, tolerance = self
        if isinstance(expected, str | bool | tuple) or expected is None:
            return "" if obtained == expected else f"{of}. Expected: {expected!r}. Received: {obtained!r}."
        try:
            received, right = np.asarray(obtained, "float64"), np.asarray(expected, "float64")
        except (TypeError, ValueError):
            return f"{of}. Expected: numbers. Received: {obtained!r}."
        if received.shape != right.shape:
            return f"{of}. Expected: shape {right.shape}. Received: shape {received.shape}."
        off, limit = np.abs(received - right), np.broadcast_to(tolerance, right.shape)
        if off.size == 0 or bool((off <= limit).all()):
            return ""
        at = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off - limit)), off.shape)
        place = f" at {tuple(int(i) for i in at)}" if off.shape else ""
        near = f" ± {limit[at]:.2g}" if limit[at] else ""
        return f"{of}{place}. Expected: {right[at]:.9g}{near}. Received: {received[at]:.9g}."


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """A self-check.

    Attributes:
        id: unique and stable, as in "activation/relu".
        statement: what holds, in a sentence.
        source: where it is documented.
        check: compares, given the name of the engine that trains the larger networks of the run.
        backends: those that it is about; empty for all.
    """

    id: str
    statement: str
    source: str
    check: Callable[[str], Iterable[Measured]]
    backends: tuple[str, ...] = ()

    def decide(self, engine: str) -> Decision:
        """REFUTED by the first value that is wrong. SuiteError without any, so that no check passes emptily."""
        count = 0
        for measured in self.check(engine):
            count += 1
            if wrong := measured.wrong:
                return Decision(Verdict.REFUTED, wrong, basis=Basis.COMPUTED)
        if not count:
            raise invalid(f"self-check {self.id!r}", expected="at least one comparison", received="none")
        return Decision(Verdict.SUPPORTED, f"{count} comparison{'s' * (count > 1)}", basis=Basis.COMPUTED)


def self_check(
    id: str, statement: str, source: str, cases: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Iterable[Measured]]], tuple[SelfCheck, ...]]:
    """Declares a function of the engine as a self-check; with ``cases`` as one for each, as "id/case".

    The value of a case is the function's second argument. In the statement ``{0}`` is its name, ``{1}`` its value.
    """

    def declare(check: Callable[..., Iterable[Measured]]) -> tuple[SelfCheck, ...]:
        if cases is None:
            return (SelfCheck(id=id, statement=statement, source=source, check=check),)
        return tuple(
            SelfCheck(
                id=f"{id}/{name}",
                statement=statement.format(name, value),
                source=source,
                check=lambda engine, value=value: check(engine, value),  # type: ignore[misc]
            )
            for name, value in cases.items()
        )

    return declare
