"""Outcomes of comparisons with the evidence: of a training, of a claim, and of a timing."""

from __future__ import annotations

import enum
import math
from typing import Any, Literal

import msgspec

from harness.record.trials import Number, value
from harness.verdict import Verdict


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a record: immutable, without unknown fields."""


class TrainingState(enum.StrEnum):
    """The state of a variant on this machine."""

    IDENTICAL = "identical"  # every value that was compared has the same bits
    REPRODUCED = "reproduced"  # to the end
    START_REPRODUCED = "start reproduced"
    MOVED = "moved"
    MISSING = "missing"  # a variant, or one of its metrics, is on one side only
    NEW = "new"  # this stack has no evidence of it
    NOT_COMPARABLE = "not comparable"  # another training


RED = (TrainingState.MOVED, TrainingState.MISSING, TrainingState.NOT_COMPARABLE)
REPRODUCED = (TrainingState.IDENTICAL, TrainingState.REPRODUCED, TrainingState.START_REPRODUCED)


class ClaimState(enum.StrEnum):
    """How far this machine confirms a verdict that rests on evidence."""

    CONFIRMED = "confirmed"  # every training it rests on was trained to the end here, and reproduced
    START_CONFIRMED = "start confirmed"
    COMPATIBLE = "compatible"  # this stack has no evidence; the trainings agree with the reference stack's
    NOT_CONFIRMED = "not confirmed"


class VerdictState(enum.StrEnum):
    """A claim's verdict against its expected verdict."""

    AS_EXPECTED = "as expected"
    NEW = "new"  # no verdict is expected yet
    FLIPPED = "flipped"  # from one of SUPPORTED, REFUTED and OUTDATED to another
    NOT_RUN = "not run"  # no result could be obtained
    WEAKENED = "weakened"  # decided before, a tie or INCONCLUSIVE now; or a tie before, INCONCLUSIVE now
    DECIDED = "decided"  # the reverse of WEAKENED


class Movement(Part, frozen=True):
    """The first feature that moved.

    Attributes:
        feature: its name.
        size: its relative difference, the median over seeds.
        limit: the largest difference that is no movement.
        before, now: the stored and the new value, of ``seed``.
        seed: the seed with the median difference.
        step: counted from 1; the epoch for a tiny training; None for a feature without steps.
        seeds: number of seeds compared.
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
        values = f"{number_text(self.before)} → {number_text(self.now)} (seed {self.seed})"
        size = value(self.size)
        if not math.isfinite(size):
            return f"{self.feature}{where}: {values}"
        how = f"median of {self.seeds} seeds; " if self.seeds > 1 else ""
        off = f"{100 * size:,.0f}" if size >= 1 else f"{100 * size:.2g}"
        return f"{self.feature}{where}: {values}, off by {off} % ({how}limit {100 * self.limit:g} %)"


def number_text(number: Number | None) -> str:
    """The number with six digits; "no value" for None."""
    return "no value" if number is None else f"{value(number):.6g}"


class Interval(Part, frozen=True):
    """The prediction interval of one more seed, in the metric's unit. It rests on ``seeds`` stored values."""

    low: float
    high: float
    seeds: int

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high


class Anchor(Part, frozen=True):
    """A trial that was trained to the end: its primary metric now and before, and the prediction interval."""

    seed: int
    metric: str
    before: float | None
    now: float | None
    expected: Interval | None


class TrainingOutcome(Part, frozen=True):
    """The comparison of a variant on this machine with the evidence.

    Attributes:
        state, reason: the state, and why.
        to_the_end: whether it was trained to the end.
        steps, seeds: number of steps (epochs for a tiny training) and seeds compared.
        late: number of late states from which steps were compared.
        movement: the first feature that moved; None if none did.
        anchors: the trials that were compared with a prediction interval.
        changed: (key, then, now) for each value of the configuration that another Keras version changed.
        not_calm: features that rounding moves. They were not compared.
        compatible: if this stack has no evidence: whether the training agrees with the reference stack's evidence.
            None if nothing was compared.
    """

    state: TrainingState
    reason: str
    to_the_end: bool = False
    steps: int = 0
    seeds: int = 0
    late: int = 0
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
    """A verdict against the expected one; ``expected`` is None for "new". ``red``: whether the claim's test fails."""

    state: VerdictState
    expected: Verdict | None
    obtained: Verdict
    red: bool
    reason: str


class Here(Part, frozen=True):
    """What the evidence says of a claim, and how much of it this machine confirms.

    Attributes:
        state: how far it is confirmed; None if nothing was compared.
        text: for each variant, what was trained here and how it compares.
        stack, seeds: the stack whose evidence decides ("" for none), and the number of seeds of each variant.
        verdict: the verdict of the evidence.
        own: the verdict of this run's own trials; None if they did not decide.
    """

    state: ClaimState | None
    text: str
    stack: str
    seeds: int
    verdict: Verdict
    own: Verdict | None = None


class SeedsTaken(Part, frozen=True):
    """The seeds that a claim took with ``--seeds auto``.

    Attributes:
        looks: the number of seeds at each look.
        most: the most seeds that it could have taken.
        stopped: why there was no further look.
    """

    looks: tuple[int, ...]
    most: int
    stopped: Literal["decided", "maximum", "interrupted", "not run"]

    @property
    def seeds(self) -> int:
        return self.looks[-1]

    @property
    def saved(self) -> int:
        """Number of seeds that it did not need."""
        return self.most - self.seeds

    def __str__(self) -> str:
        count = f"{self.seeds} of at most {self.most} seeds"
        return {
            "decided": f"decided after {count}",
            "maximum": f"undecided after the maximum of {self.seeds} seeds",
            "interrupted": f"interrupted after {count}",
        }.get(self.stopped, f"after {count}")


class TimeState(enum.StrEnum):
    """A case against its stored repeats."""

    WITHIN = "within"
    SLOWER = "slower"
    FASTER = "faster"
    DISTURBED = "disturbed"  # slower, but other programs on the machine may be the cause
    NEW = "new"  # nothing is stored
    NOT_COMPARABLE = "not comparable"  # stored with another fingerprint or another training


class TimeComparison(Part, frozen=True):
    """The comparison of a case with its stored repeats. ratio, limit and p are None if nothing is comparable.

    Attributes:
        state, reason: the state, and why.
        ratio: our fastest round over the geometric mean of the stored fastest rounds; above 1 is slower.
        limit: the factor that a change has to exceed, in either direction.
        p: p-value of the rank test.
        repeats: number of comparable repeats.
        of_fit: whether epochs of ``fit`` were compared in place of seconds.
    """

    state: TimeState
    reason: str
    ratio: float | None = None
    limit: float | None = None
    p: float | None = None
    repeats: int = 0
    of_fit: bool = False

    @property
    def moved(self) -> bool:
        """Whether the stored repeats no longer describe this case. An update then replaces them."""
        return self.of_fit or self.state in (TimeState.SLOWER, TimeState.FASTER, TimeState.NOT_COMPARABLE)
