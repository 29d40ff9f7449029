"""What the table cannot tell of itself: why a fault is missed, and which were missed before checks were added."""

from collections.abc import Mapping

from tests.faults import afterwards, fourth_round, fourth_round_judged, held_out, third_round, third_round_judged

EXPLAINED: Mapping[str, str] = {}
"""Why a fault that another machine misses is missed, by its name."""

LATER = "written after the checks"
ROUNDS: Mapping[str, tuple[str, ...]] = {
    "by those who had written the checks, or read them": tuple(
        fault.name for fault in (*afterwards.FAULTS, *held_out.FAULTS) if fault.group == LATER
    ),
    "by somebody who had seen neither checks nor faults": tuple(
        fault.name for fault in (*third_round.FAULTS, *third_round_judged.FAULTS)
    ),
    "by somebody like that, when checks of those classes had been added": tuple(
        fault.name for fault in (*fourth_round.FAULTS, *fourth_round_judged.FAULTS)
    ),
}
"""Faults that were thought of when all checks stood, by who thought of them."""

MISSED_AT_FIRST = (
    "best and monotone look at one pair",
    "a blow-up is ten times the first loss",
    "orthogonal weights without the signs of R",
    "normal weights cut off at two deviations",
    "the dropout rate of the variant before",
    "stuck at chance: by the rarest class",
    "Holm: undecided claims do not count",
    "the first of several looks decides at the full level",
    "exact checks: the mean error counts, not the largest",
    "of several records of a claim the first counts",
    "dropout: the gradient knows no mask",
    "drift: the last metric decides, not the first",
)
"""Of these, those that passed unseen, until checks of their class were added; of the last two rounds all that exact
cases, errata and the smaller trainings had not seen: some of them the larger ones might have."""
