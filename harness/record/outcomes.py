"""What was found of a training and of a claim here, against the evidence."""

from __future__ import annotations

import enum
from typing import Any, Literal

import msgspec

from harness.domain.verdict import Verdict
from harness.record.numbers import Number, value


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a record: immutable, without unknown fields."""


class TrainingState(enum.StrEnum):
    """Where a variant stands here."""

    IDENTICAL = "identical"  # the same bits in all that was compared
    REPRODUCED = "reproduced"  # to the end
    START_REPRODUCED = "start reproduced"
    MOVED = "moved"
    MISSING = "missing"  # a variant, or one of its metrics, is on one side only
    NEW = "new"  # this stack has no evidence of it
    NOT_COMPARABLE = "not comparable"  # another training


RED = (TrainingState.MOVED, TrainingState.MISSING, TrainingState.NOT_COMPARABLE)
REPRODUCED = (TrainingState.IDENTICAL, TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)


class ClaimState(enum.StrEnum):
    """How far this machine bears out a verdict that rests on evidence."""

    CONFIRMED = "confirmed"  # every training it rests on was trained to the end here and reproduced
    START_CONFIRMED = "start confirmed"
    COMPATIBLE = "compatible"  # this stack has no evidence, and the reference stack's fits
    NOT_CONFIRMED = "not confirmed"


class VerdictState(enum.StrEnum):
    """Where a claim stands against its expected verdict."""

    AS_EXPECTED = "as expected"
    NEW = "new"  # no verdict is expected yet
    FLIPPED = "flipped"  # SUPPORTED became REFUTED, or the reverse
    NOT_RUN = "not run"  # no result could be obtained
    WEAKENED = "weakened"  # decided before, INCONCLUSIVE now
    DECIDED = "decided"  # INCONCLUSIVE before, decided now


class Movement(Part, frozen=True):
    """The first feature that moved: by what relative ``size``, above ``limit``, and its values ``before`` and ``now``.

    ``step`` counts from 1 (of a tiny training, the epoch). ``seed`` is the one whose values are given: the middle one.
    """

    feature: str
    size: Number
    limit: float
    before: Number | None
    now: Number | None
    seed: int
    step: int | None = None
    seeds: int = 1

    def __str__(self) -> str:
        where = f" {self.step}" if self.step is not None else ""
        how = f"median of {self.seeds} seeds" if self.seeds > 1 else "difference"
        return (
            f"{self.feature}{where}: {number_text(self.before)} → {number_text(self.now)} (seed {self.seed}), "
            f"{how} {value(self.size):.2g}, limit {self.limit:g}"
        )


def number_text(number: Number | None) -> str:
    """Six digits; "no value" for None."""
    return "no value" if number is None else f"{value(number):.6g}"


class Interval(Part, frozen=True):
    """Where one more seed falls, in the metric's unit; ``seeds`` is the number of stored values it rests on."""

    low: float
    high: float
    seeds: int

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high


class Anchor(Part, frozen=True):
    """A trial that was trained to the end: its primary metric, the stored one of that seed, and the interval."""

    seed: int
    metric: str
    before: float | None
    now: float | None
    expected: Interval | None


class TrainingOutcome(Part, frozen=True):
    """A variant here, against the evidence.

    Attributes:
        state, reason: the state, and why, in a sentence or two.
        to_the_end: whether it was trained to the end.
        steps, seeds: how many steps (of a tiny training, epochs) of how many seeds were compared.
        movement: what moved, where a feature did.
        anchors: the trials that were compared with a prediction interval.
        changed: keys of the configuration that another Keras version gives another value: (key, then, now).
        not_calm: features that rounding itself moves, which were not compared.
        compatible: without evidence of this stack: whether the reference stack's fits; None where nothing was compared.
    """

    state: TrainingState
    reason: str
    to_the_end: bool = False
    steps: int = 0
    seeds: int = 0
    movement: Movement | None = None
    anchors: tuple[Anchor, ...] = ()
    changed: tuple[tuple[str, Any, Any], ...] = ()
    not_calm: tuple[str, ...] = ()
    compatible: bool | None = None

    @property
    def red(self) -> bool:
        """Whether the variant's test fails."""
        return self.state in RED


class VerdictComparison(Part, frozen=True):
    """A verdict against the expected one: ``red`` where the claim's test fails; ``expected`` is None for "new"."""

    state: VerdictState
    expected: Verdict | None
    obtained: Verdict
    red: bool
    reason: str


class Here(Part, frozen=True):
    """What the evidence says of a claim, and how much of it this machine confirms.

    Attributes:
        state: how far; None where nothing was compared.
        text: what was trained here of each variant and how it compares.
        stack, seeds: whose evidence the verdict rests on ("" where there is none), and how many seeds of each variant.
        verdict: the evidence's.
        needed: of an INCONCLUSIVE claim, how many seeds would decide it; None where that is not known.
        own: what this run's own trials say, where they were decided anew.
    """

    state: ClaimState | None
    text: str
    stack: str
    seeds: int
    verdict: Verdict
    needed: int | None = None
    own: Verdict | None = None


class SeedsTaken(Part, frozen=True):
    """How many seeds a claim took with ``--seeds auto``.

    Attributes:
        looks: after how many seeds it was looked at.
        most: how many seeds it could have had.
        stopped: why there was no further look.
    """

    looks: tuple[int, ...]
    most: int
    stopped: Literal["decided", "maximum", "budget", "interrupted", "not run"]

    @property
    def seeds(self) -> int:
        return self.looks[-1]

    @property
    def saved(self) -> int:
        """The seeds that it could have had and did not need."""
        return self.most - self.seeds

    def __str__(self) -> str:
        count = f"{self.seeds} of at most {self.most} seeds"
        return {
            "decided": f"decided after {count}",
            "maximum": f"undecided after the maximum of {self.seeds} seeds",
            "budget": f"the budget of time (--budget) was spent after {count}",
            "interrupted": f"interrupted after {count}",
        }.get(self.stopped, f"after {count}")


class TimeState(enum.StrEnum):
    """Where a case stands against its stored repeats."""

    WITHIN = "within"
    SLOWER = "slower"
    FASTER = "faster"
    DISTURBED = "disturbed"  # slower, which others on the machine may account for
    NEW = "new"  # nothing is stored
    NOT_COMPARABLE = "not comparable"  # stored on another fingerprint, or of another training


class TimeComparison(Part, frozen=True):
    """A case against its stored repeats.

    Attributes:
        state, reason: where it stands, and why in words.
        ratio: our fastest round over the geometric mean of the stored ones, above 1 for slower.
        limit: the factor that it has to exceed in either direction.
        p: of the test of ranks. None, as ratio and limit, where there is nothing to compare with.
        repeats: how many were comparable.
    """

    state: TimeState
    reason: str
    ratio: float | None = None
    limit: float | None = None
    p: float | None = None
    repeats: int = 0

    @property
    def moved(self) -> bool:
        """Whether the stored repeats no longer describe this case: an update replaces them."""
        return self.state in (TimeState.SLOWER, TimeState.FASTER, TimeState.NOT_COMPARABLE)
