"""Hundreds of seeds: quantiles in the place of every single one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MANY = 100
"""Seeds above which a figure or a table no longer shows each."""
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
SHOWN = 10
"""Of many diverged seeds, so many curves are drawn."""


def quantiles(values: Sequence[float]) -> list[float]:
    """Those of QUANTILES, of at least one value."""
    return [float(value) for value in np.quantile(np.asarray(values, "float64"), QUANTILES)]


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges of a band over seeds, of values (seeds, epochs) with nan where one has none: from the smallest to the
    largest, of many the middle 95 %."""
    if len(values) > MANY:
        low, high = np.nanquantile(values, (QUANTILES[0], QUANTILES[-1]), axis=0)
        return low, high
    return np.nanmin(values, 0), np.nanmax(values, 0)


def band_text(seeds: int) -> str:
    """What the band is, in words."""
    return "the middle 95 % of the seeds" if seeds > MANY else "from the smallest to the largest seed"


def some(items: Sequence[object]) -> list[int]:
    """Indices of those that are drawn: all, of many SHOWN evenly spaced ones."""
    if len(items) <= MANY:
        return list(range(len(items)))
    return [round(index * (len(items) - 1) / (SHOWN - 1)) for index in range(SHOWN)]
