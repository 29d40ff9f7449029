"""Finds the neighbours in an ordered list that differ by looking at few places. It runs and installs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple


class Change(NamedTuple):
    """Two places that differ. Those between them, if any, could not be looked at.

    Attributes:
        before, after: places in the list, ``before < after``.
    """

    before: int
    after: int


def changes(count: int, look: Callable[[int], Hashable | None]) -> Iterator[Change]:
    """The changes in ``count`` places, in order.

    Between two places that differ it finds at least one change, and every one if nothing returns to what it was. Two
    changes that cancel between two places that were looked at stay unseen.

    Args:
        count: the number of places, at least 2.
        look: of a place, its kind: places of one kind are alike. None if it cannot be looked at. The first and the last
            can. It may be asked again for a place.
    """
    yield from _between(0, count - 1, look)


def most_looks(count: int) -> int:
    """The number of places between the ends that the search for one change among ``count`` places looks at, at most."""
    return math.ceil(math.log2(max(count - 1, 1)))


def _between(before: int, after: int, look: Callable[[int], Hashable | None]) -> Iterator[Change]:
    if look(before) == look(after):
        return
    middle = (before + after) // 2
    for place in sorted(range(before + 1, after), key=lambda place: abs(place - middle)):
        if look(place) is not None:
            yield from _between(before, place, look)
            yield from _between(place, after, look)
            return
    yield Change(before, after)
