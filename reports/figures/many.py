"""How figures and tables show hundreds of seeds: by quantiles instead of one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MANY = 100
"""With more seeds than this, figures and tables no longer show each of them."""
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
FEW = 5
"""Up to this many seeds a figure draws the curve of each, and a band for more."""


def quantiles(values: Sequence[float]) -> list[float]:
    """The QUANTILES of at least one value."""
    return [float(value) for value in np.quantile(np.asarray(values, "float64"), QUANTILES)]


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge, each (epochs,), of the band over values (seeds, epochs); nan is ignored.

    The band spans all seeds, or their middle 95 % if there are more than MANY.
    """
    if len(values) > MANY:
        low, high = np.nanquantile(values, (QUANTILES[0], QUANTILES[-1]), axis=0)
        return low, high
    return np.nanmin(values, 0), np.nanmax(values, 0)


def band_text(seeds: int) -> str:
    """What is drawn around the mean, for a caption."""
    if seeds <= FEW:
        return "thin lines: the seeds"
    return f"band: {'the middle 95 % of the seeds' if seeds > MANY else 'from the smallest to the largest seed'}"
