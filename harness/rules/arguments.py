"""Checks of the arguments of rules."""

from __future__ import annotations

import math

from harness.errors import invalid
from harness.rules.pairs import Failures


def check_names(rule: str, what: str, names: tuple[str, ...], fewest: int) -> None:
    """SuiteError unless ``names`` is a tuple of at least ``fewest`` non-empty strings without repetition."""
    if not isinstance(names, tuple):
        raise invalid(f"{what} of {rule}", expected="a tuple of names", received=repr(names))
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise invalid(f"{what} of {rule}", expected="non-empty strings", received=repr(name))
    if len(set(names)) != len(names) or len(names) < fewest:
        raise invalid(f"{what} of {rule}", expected=f"at least {fewest} different names", received=names)


def check_number(
    rule: str, what: str, value: float, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf
) -> None:
    """SuiteError unless ``value`` is a finite number, > ``above``, >= ``least`` and <= ``most``."""
    limits = [f"> {above:g}"] * (above > -math.inf) + [f">= {least:g}"] * (least > -math.inf)
    limits += [f"<= {most:g}"] * (most < math.inf)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value <= above or value < least or value > most:
        expected = " ".join(["a finite number", " and ".join(limits)]).strip()
        raise invalid(f"{what} of {rule}", expected=expected, received=repr(value))


def check_failures(rule: str, failures: Failures, allowed: tuple[Failures, ...], margin: float = 0.0) -> None:
    """SuiteError unless ``failures`` is one of ``allowed``, and the margin is 0 for "decide"."""
    if failures not in allowed:
        raise invalid(
            f"failures of {rule}", expected=f"one of {', '.join(map(repr, allowed))}", received=repr(failures)
        )
    if failures == "decide" and margin != 0:
        raise invalid(
            f"margin of {rule}",
            expected="0 where the share of failures decides: the margin is the metric's",
            received=margin,
        )
