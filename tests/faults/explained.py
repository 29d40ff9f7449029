"""What the table cannot tell of itself: why a fault is missed, and which were missed before checks were added."""

from collections.abc import Mapping

EXPLAINED: Mapping[str, str] = {}
"""Why a fault that another machine misses is missed, by its name."""

MISSED_AT_FIRST = ("best and monotone look at one pair", "a blow-up is ten times the first loss")
"""Of the faults written after the checks: those that passed unseen, until checks of their class were added."""
