"""float32 values as Python numbers: the shortest decimal that names a value is it, and keeps files readable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DIGITS = 9
"""Decimal digits that tell any two float32 numbers apart."""
LARGEST = 22
"""Powers of ten up to which float64 has them exactly, so that a division by one is rounded once."""


def shortest(values: Sequence[float]) -> list[float]:
    """``float(str(numpy.float32(value)))`` of each value, thousands of them at once.

    Of the decimals with the fewest digits that are read back as the same float32 it is the nearest one. With k digits
    that is the whole number nearest to value · 10**q, divided by 10**q. Where the power is not exact in float64, or the
    product lies half-way between two whole numbers as far as float64 tells, the long way is taken.
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold is inf
        given = np.asarray(values, "float32")
    with np.errstate(all="ignore"):
        found = given.astype("float64")
        size = np.abs(found)
        exponent = np.floor(np.log10(np.where(size > 0, size, 1))).astype(int)
        left = np.isfinite(given) & (size > 0)
        unsure = left & ((exponent < DIGITS - 1 - LARGEST) | (exponent > LARGEST))
        left &= ~unsure
        result = found.copy()
        for digits in range(1, DIGITS + 1):
            if not left.any():
                break
            shift = digits - 1 - exponent
            power = 10.0 ** np.abs(np.clip(shift, -LARGEST, LARGEST))
            scaled = np.where(shift >= 0, found * power, found / power)
            whole = np.rint(scaled)
            back = np.where(shift >= 0, whole / power, whole * power)
            same = left & (back.astype("float32") == given)
            close = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < 1e-6
            unsure |= same & close
            result = np.where(same, back, result)
            left &= ~same
        unsure |= left
    numbers: list[float] = result.tolist()
    for index in np.flatnonzero(unsure):
        numbers[index] = float(str(given[index]))
    return numbers
