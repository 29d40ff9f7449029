"""Looks at growing evidence: at which level each may decide, so that all of them together keep the error rate.

A group-sequential design (Jennison & Turnbull 2000): each look spends a part of the error rate (Lan & DeMets 1983).
``--seeds auto`` looks after 5, 10, 15, … seeds, and stops training where a claim is decided; after n of at most N seeds
it has spent α·(n/N)^RHO in all, a power family (Kim & DeMets 1987) with RHO chosen by the mean number of seeds in
simulation. Stored evidence is looked at with ``STORED_SIZES`` seeds, which spend ``STORED_SPENDING``.

The looks' normal levels are those of a random walk with independent increments, found by numerical integration
(Armitage, McPherson & Rowe 1969), and are applied to the p-values of whatever test a rule makes (nominal significance
levels, Jennison & Turnbull 2000, §11.4 on Student's t). The walk is stopped in one direction only: that it may also
stop in the other makes an error rarer still.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.errors import invalid
from harness.statistics.levels import FEWEST_SEEDS

if TYPE_CHECKING:
    import numpy as np

RHO = 0.5
"""Power of the spending function: below 1 the first looks may spend more, so that easy claims stop at once."""
KEPT_BACK = 0.1
"""Share of the error rate that several looks leave unspent: Student's t from five seeds on is a little less alike from
look to look than a normal walk, which costs up to this share (``python -m tests.statistics.optional_stopping``)."""
STORED_SIZES = (30, 100, 300, 1000)
STORED_SPENDING = (0.4, 0.2, 0.2, 0.2)
"""Numbers of seeds at which stored evidence is looked at, and the share of the error rate spent at each."""
BATCH = 5
GROWTH = 5
"""A batch has ``BATCH`` seeds, or a ``GROWTH``-th of those that are there, whichever is more."""
FAR = 9.0
NODES = 96
KNOTS = 97
SMALLEST, LARGEST = 1e-14, 0.99
"""Overall error rates between which levels are tabulated."""


@dataclass(frozen=True)
class Look:
    """One of the looks after ``sizes`` seeds, the last of them the most that will be trained; ``index`` counts from 0.

    ``spending`` is the share of the error rate that each look spends; empty for the power family of ``--seeds auto``.
    The default is the only look of a fixed design, whose levels are what they are. SuiteError for sizes that do not
    grow, an index that is none, and shares that do not fit.
    """

    sizes: tuple[int, ...] = (FEWEST_SEEDS,)
    index: int = 0
    spending: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        grow = all(a < b for a, b in zip((0, *self.sizes), self.sizes, strict=False))
        if not grow or not 0 <= self.index < len(self.sizes):
            raise invalid("look", expected="growing sizes, and the index of one", received=self)
        if self.spending and (
            len(self.spending) != len(self.sizes) or min(self.spending) <= 0 or sum(self.spending) > 1 + 1e-9
        ):
            raise invalid("spending of a look", expected="a positive share per size, 1 in all at most", received=self)

    @property
    def size(self) -> int | None:
        """The number of seeds of this look; None where it is the only one, which takes all there are."""
        return self.sizes[self.index] if len(self.sizes) > 1 else None

    def level(self, rate: float) -> float:
        """The nominal level at which this look may decide, so that all looks together err with chance ``rate``."""
        if len(self.sizes) == 1:
            return rate
        import numpy as np

        rates, levels = _table(self.sizes, self.spending, self.index)
        return math.exp(float(np.interp(math.log(rate), rates, levels)))

    def overall(self, p: float) -> float:
        """The p-value of the whole design, given a test's p at this look: the rate at which it would just decide.

        A repeated p-value (Jennison & Turnbull 2000): the levels of every look grow with the rate, so it is valid
        whenever one stops, and comparing it with a rate is comparing ``p`` with that rate's level.
        """
        if len(self.sizes) == 1:
            return p
        import numpy as np

        rates, levels = _table(self.sizes, self.spending, self.index)
        if p > math.exp(levels[-1]):
            return 1.0
        if p < math.exp(levels[0]):  # by the union bound, which needs no table
            return p / spent(self.sizes, self.spending)[self.index]
        return math.exp(float(np.interp(math.log(p), levels, rates)))


ONLY = Look()
"""The one look of a fixed design."""


def stored_look(n: int) -> Look | None:
    """The last look that evidence of ``n`` seeds reaches; None below the first. A claim uses that look's seeds only."""
    reached = sum(n >= size for size in STORED_SIZES)
    return Look(STORED_SIZES, reached - 1, STORED_SPENDING) if reached else None


def looks(first: int, most: int) -> tuple[int, ...]:
    """The numbers of seeds at which one looks: ``first`` (at least 5), then in batches, to ``most`` exactly.

    The last batch takes what would be less than a batch. Only ``first`` where ``most`` is not above it.
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


@lru_cache(maxsize=256)
def _table(sizes: tuple[int, ...], spending: tuple[float, ...], index: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of overall rates, and of the levels of a look that belong to them; both grow."""
    rates, levels = _tables(sizes, spending)
    return rates, levels[:, index]


@lru_cache(maxsize=32)
def _tables(sizes: tuple[int, ...], spending: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    rates = np.geomspace(SMALLEST, LARGEST, KNOTS)
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
