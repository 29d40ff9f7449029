"""The ratio of two engines' seconds, with an interval over their rounds.

The engines are measured in alternation, so other programs disturb both, and a ratio is less noisy than seconds. It is
not free of noise: a busy core delays a program that waits for all its threads more than one that does not.

The estimate is Hodges and Lehmann's: the median of the ratios of all pairs of rounds. Its interval inverts the
Mann–Whitney test (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 4.3): the k-th smallest and k-th
largest ratio of a pair. Assumed: rounds are independent, and the two engines' rounds differ by a factor. The noise may
have any distribution. The interval holds for this process, not for the next one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec

CONFIDENCE = 0.95


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ratio of two engines' seconds.

    Attributes:
        of: what was timed: "steady epoch", "training, compilation counted".
        slow, fast: names of the engines. ``slow`` takes ``estimate`` times as long as ``fast``.
        estimate: the ratio.
        low, high: its 95 % interval; None with too few rounds.
        rounds: numbers of rounds of the slow and the fast engine.
    """

    of: str
    slow: str
    fast: str
    estimate: float
    low: float | None
    high: float | None
    rounds: tuple[int, int]


def ratio(of: str, slow: tuple[str, Sequence[float]], fast: tuple[str, Sequence[float]]) -> Ratio:
    """The ratio of two (name, seconds), first over second. All seconds are positive."""
    (name, a), (other, b) = slow, fast
    ratios = sorted(x / y for x, y in itertools.product(a, b))
    half = len(ratios) // 2
    middle = ratios[half] if len(ratios) % 2 else math.sqrt(ratios[half - 1] * ratios[half])
    k = _rank(len(a), len(b))
    low, high = (ratios[k - 1], ratios[-k]) if k else (None, None)
    return Ratio(of, name, other, middle, low, high, (len(a), len(b)))


def _rank(n: int, m: int) -> int:
    """The largest k with P(U < k) ≤ 2.5 %, for Mann and Whitney's U of ``n`` and ``m`` values; 0 if there is none."""
    counts = _arrangements(n, m)
    total, below = math.comb(n + m, n), 0
    for k, count in enumerate(counts):
        below += count
        if below / total > (1 - CONFIDENCE) / 2:
            return k
    return 0


def _arrangements(n: int, m: int) -> list[int]:
    """For each value of U from 0 to n·m, the number of the C(n+m, n) orders of two samples that have it.

    The generating function is the Gaussian binomial ∏ (1 − xᵐ⁺ʲ) / (1 − xʲ) over j = 1 … n.
    """
    counts = [1] + [0] * (n * m)
    for j in range(1, n + 1):
        for index in range(n * m, m + j - 1, -1):
            counts[index] -= counts[index - m - j]
        for index in range(j, n * m + 1):
            counts[index] += counts[index - j]
    return counts
