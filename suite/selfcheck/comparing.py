"""How a self-check compares an obtained value with the expected one.

It does not use ``harness.rules.exact``, because the verdicts of exact claims rest on that.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def close(of: str, obtained: Any, expected: Any, tolerance: float | np.ndarray = 0.0) -> None:
    """Raises AssertionError unless ``obtained`` equals ``expected``; the message has both.

    Args:
        of: what is compared, in words.
        obtained: the value from Keras or a training.
        expected: the reference. Numbers, lists of numbers and arrays may differ by ``tolerance``; strings, booleans,
            tuples, dictionaries and None must be equal.
        tolerance: the largest absolute difference, for all numbers or for each.
    """
    wrong = difference(of, obtained, expected, tolerance)
    if wrong:
        raise AssertionError(wrong)


def difference(of: str, obtained: Any, expected: Any, tolerance: float | np.ndarray = 0.0) -> str:
    """The message of ``close``'s error; empty if the values agree."""
    if isinstance(expected, str | bool | tuple | dict) or expected is None:
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
