"""The error rates at which rules decide, the same for all claims, and the levels of several looks at growing evidence.

The rates were chosen once, when the first seeds of most variants had been seen, and have not been changed for a claim
since. Of several looks each may decide at a level so that all together keep the rate: a group-sequential design
(Jennison & Turnbull 2000), in which each look spends a part of the error rate (Lan & DeMets 1983). ``--seeds auto``
looks after 5, 10, 15, … seeds. After n of at most N it has spent α·(n/N)^RHO, a power family (Kim & DeMets 1987).

The levels are those of a random walk with independent normal increments, found by numerical integration (Armitage,
McPherson & Rowe 1969), and are applied to the p-values of any test (nominal significance levels, Jennison & Turnbull
2000, §11.4 on Student's t). They count crossings in one direction only. That the walk may also stop in the other
direction makes errors rarer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Levels:
    """The chances of a false verdict that the rules accept.

    Attributes:
        one_sided: in each direction, for rules on means and on shares of seeds.
        prediction: two-sided chance that one more run falls outside the interval of ``Reproduces``.
    """

    one_sided: float
    prediction: float

    def divided(self, parts: int) -> Levels:
        """The levels of each of several comparisons whose false verdicts add up (Bonferroni)."""
        return Levels(self.one_sided / parts, self.prediction / parts)


PLAIN = Levels(one_sided=0.025, prediction=0.01)
"""For the experiment of one reader."""

STORED = Levels(one_sided=0.0025, prediction=0.005)
"""For verdicts from evidence: among 100 claims, at most 0.25 false ones are expected per direction."""

ADJUSTED = 0.05
"""Family-wise error rate over the whole catalogue (Holm)."""

POWER = 0.80
"""The power for which detectable effects and numbers of seeds are stated."""

FEWEST_SEEDS = 5
"""Fewer seeds decide nothing."""

MANY_SEEDS = 30
"""With this many seeds, skewness is known well enough to correct for it, and a figure inside the prediction interval is
informative."""

LARGEST = 1e150
"""Larger numbers cannot be squared in float64. They count as infinite, so only their rank matters."""

FLOAT_NOISE = 1e-6
"""The relative difference that two float32 computations of one number may have. Smaller differences count as equal."""

RHO = 0.5
"""The power of the spending function, chosen by simulation. Below 1 the first looks spend more, so easy claims stop
early."""
KEPT_BACK = 0.1
"""The share of the error rate that several looks leave unspent. With few seeds, Student's t is less correlated between
looks than a normal walk, which costs up to this share (``tests/rules/test_optional_stopping.py``)."""
STORED_SIZES = (30, 100, 300, 1000)
STORED_SPENDING = (0.4, 0.2, 0.2, 0.2)
"""The numbers of seeds of the looks at stored evidence, and the share of the error rate that each spends."""
BATCH = 5
GROWTH = 5
"""A batch has ``BATCH`` seeds, or 1/``GROWTH`` of the seeds so far, whichever is more."""
FAR, NODES = 9.0, 96
KNOTS, SMALLEST_RATE, LARGEST_RATE = 97, 1e-14, 0.99
"""The number of overall error rates for which levels are tabulated, and their ends."""


@dataclass(frozen=True)
class Look:
    """One look of a design. The default is the only look of a fixed design, which changes no level.

    Attributes:
        sizes: the number of seeds of each look, growing; the last one is the maximum.
        index: which look, counted from 0.
        spending: the share of the error rate that each look spends; empty for the power family of ``--seeds auto``.
    """

    sizes: tuple[int, ...] = (FEWEST_SEEDS,)
    index: int = 0
    spending: tuple[float, ...] = ()

    @property
    def size(self) -> int | None:
        """The number of seeds of this look; None for the only look, which uses all seeds."""
        return self.sizes[self.index] if len(self.sizes) > 1 else None

    def level(self, rate: float) -> float:
        """The nominal level of this look, if all looks together may err with chance ``rate``."""
        if len(self.sizes) == 1:
            return rate
        import numpy as np

        rates, levels = _tabulated(self.sizes, self.spending)
        return math.exp(float(np.interp(math.log(rate), rates, levels[:, self.index])))

    def overall(self, p: float) -> float:
        """The p-value of the whole design, if a test at this look gives ``p``: the rate at which it would just decide.

        It is a repeated p-value (Jennison & Turnbull 2000), valid at any stopping time. It is below a rate exactly if
        ``p`` is below this look's level for that rate, because the levels grow with the rate.
        """
        if len(self.sizes) == 1:
            return p
        import numpy as np

        rates, table = _tabulated(self.sizes, self.spending)
        levels = table[:, self.index]
        if p > math.exp(levels[-1]):
            return 1.0
        if p < math.exp(levels[0]):  # the union bound, below the table
            return p / spent(self.sizes, self.spending)[self.index]
        return math.exp(float(np.interp(math.log(p), levels, rates)))


ONLY = Look()
"""The one look of a fixed design."""


def stored_look(n: int) -> Look | None:
    """The last look that ``n`` stored seeds reach; None below the first. A claim uses only the seeds of that look."""
    reached = sum(n >= size for size in STORED_SIZES)
    return Look(STORED_SIZES, reached - 1, STORED_SPENDING) if reached else None


def looks(first: int, most: int) -> tuple[int, ...]:
    """The numbers of seeds of the looks: ``first`` (at least 5), then batch by batch, up to exactly ``most``.

    A rest that is smaller than a batch joins the last batch. If ``most`` is not above ``first``, there is one look.
    """
    sizes = [max(first, FEWEST_SEEDS)]
    while sizes[-1] < most:
        batch = max(BATCH, sizes[-1] // GROWTH)
        sizes.append(sizes[-1] + batch if sizes[-1] + 2 * batch <= most else most)
    return tuple(sizes)


def spent(sizes: Sequence[int], spending: tuple[float, ...] = ()) -> tuple[float, ...]:
    """The share of the error rate that each look spends; all of it where there is one look."""
    if spending or len(sizes) == 1:
        return spending or (1.0,)
    so_far = [(1 - KEPT_BACK) * (size / sizes[-1]) ** RHO for size in sizes]
    return tuple(now - before for now, before in zip(so_far, [0.0, *so_far], strict=False))


@lru_cache(maxsize=32)
def _tabulated(sizes: tuple[int, ...], spending: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of overall rates, and of the levels that belong to them, of shape (rates, looks); both grow."""
    import numpy as np

    rates = np.geomspace(SMALLEST_RATE, LARGEST_RATE, KNOTS)
    shares = np.array(spent(sizes, spending))
    levels = np.array([boundary(rate * shares, sizes) for rate in rates])
    return np.log(rates), np.log(levels)


def boundary(chances: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """One-sided nominal levels: a standard normal walk first crosses them at look k with chance ``chances[k]``."""
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import log_ndtr, ndtr

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    at, mass = np.zeros(1), np.ones(1)  # the walk at the last look, where it had not crossed: places and chances
    before, levels = 0, []
    for chance, size in zip(chances, sizes, strict=True):
        pull, spread = math.sqrt(before / size), math.sqrt((size - before) / size)

        def beyond(z: float) -> float:
            return float(mass @ ndtr((at * pull - z) / spread)) - chance  # noqa: B023 # called in this turn

        z = float(brentq(beyond, -FAR, FAR, xtol=1e-13))
        levels.append(math.exp(float(log_ndtr(-z))))
        places = -FAR + (nodes + 1) * (z + FAR) / 2
        density = (
            np.exp(-(((places[:, None] - at * pull) / spread) ** 2) / 2) @ mass / (spread * math.sqrt(2 * math.pi))
        )
        at, mass, before = places, density * weights * (z + FAR) / 2, size
    return levels
