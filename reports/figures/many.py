"""How figures and tables show hundreds of seeds: by quantiles instead of one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MANY = 100
"""With more seeds than this, figures and tables no longer show each of them."""
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
SHOWN = 10
"""How many curves are drawn if more than MANY seeds diverged."""


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
    """What the band shows, for a caption."""
    return "the middle 95 % of the seeds" if seeds > MANY else "from the smallest to the largest seed"


def drawn_indices(count: int) -> list[int]:
    """The indices that are drawn of ``count`` curves: all, or SHOWN evenly spaced ones if there are more than MANY."""
    if count <= MANY:
        return list(range(count))
    return [round(index * (count - 1) / (SHOWN - 1)) for index in range(SHOWN)]
