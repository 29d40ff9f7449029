"""A trial: one variant trained with one seed, and everything that was measured on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

DivergenceKind = Literal["nan", "inf", "blow-up", "stuck at chance"]


class Divergence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a training failed: ``nan`` or ``inf`` loss, a finite ``blow-up``, or an accuracy ``stuck at chance``.

    ``step`` is the first bad optimizer step, counted from 1 (None for "stuck at chance"); ``epoch`` likewise.
    """

    kind: DivergenceKind
    epoch: int
    step: int | None = None


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wall-clock seconds of one trial, the device synchronised before each reading of the clock.

    ``compile`` is 0 where the program was compiled by an earlier seed; ``steady_epoch`` is the mean of all epochs after
    the first, or of all epochs where several ran in one launch.
    """

    total: float
    compile: float = 0.0
    first_epoch: float = 0.0
    steady_epoch: float = 0.0


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant, one seed.

    ``history`` holds one list per curve and one number per epoch (None where not finite); ``metrics`` one number per
    metric of the experiment (None: diverged, or censored, i.e. the target was never reached). ``device`` ("cpu: AMD
    EPYC") and ``precision`` say where it was computed.
    """

    variant: str
    seed: int
    metrics: dict[str, float | None] = {}
    history: dict[str, tuple[float | None, ...]] = {}
    divergence: Divergence | None = None
    seconds: Seconds = Seconds(0.0)
    engine: str = "fit"
    device: str = ""
    precision: str = ""

    def __post_init__(self) -> None:
        set_field = msgspec.structs.force_setattr
        set_field(self, "metrics", {name: finite(value) for name, value in self.metrics.items()})
        set_field(self, "history", {name: _finite_curve(curve) for name, curve in self.history.items()})


def thin(curve: tuple[float | None, ...], points: int) -> tuple[float | None, ...]:
    """At most ``points`` of a curve, evenly spaced, the first and the last among them."""
    if len(curve) <= points:
        return curve
    return tuple(curve[round(index * (len(curve) - 1) / (points - 1))] for index in range(points))


def _finite_curve(curve: Sequence[float | None]) -> tuple[float | None, ...]:
    """``finite`` of each value; of thousands of them in a fraction of the time, where all are."""
    import numpy as np  # here: reading a baseline's trials of few seeds needs none of it

    if None not in curve:
        values = np.array(curve, "float64")
        if np.isfinite(values).all():
            return tuple(values.tolist())
    return tuple(finite(value) for value in curve)


def finite(value: float | None) -> float | None:
    """The value as a float, or None where it is absent, nan or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)
