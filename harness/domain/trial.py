"""A trial: one variant trained with one seed, and its measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

DivergenceKind = Literal["nan", "inf", "blow-up", "stuck at chance"]


class Divergence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a training failed.

    Attributes:
        kind: ``nan`` or ``inf`` loss, a finite ``blow-up``, or an accuracy ``stuck at chance``.
        epoch: the first bad epoch, counted from 1.
        step: the first bad optimizer step, counted from 1; None for "stuck at chance".
    """

    kind: DivergenceKind
    epoch: int
    step: int | None = None


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wall-clock seconds of one trial. The device is synchronised before each reading of the clock.

    Attributes:
        total: of the whole trial.
        compile: 0 if an earlier seed compiled the program.
        first_epoch: of the first epoch.
        steady_epoch: the mean of all epochs after the first; of all epochs if one launch has them all.
    """

    total: float
    compile: float = 0.0
    first_epoch: float = 0.0
    steady_epoch: float = 0.0


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant trained with one seed.

    Attributes:
        variant, seed: what was trained.
        metrics: one number per metric of the experiment; None if the trial diverged or is censored (it never reached
            the target).
        history: one list per curve, with one number per epoch; None for a value that is not finite.
        divergence: how the training failed; None if it did not.
        seconds, engine, device, precision: how long and where it was trained (device "cpu: AMD EPYC").
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
    """At most ``points`` evenly spaced points of a curve, the first and the last included."""
    if len(curve) <= points:
        return curve
    return tuple(curve[round(index * (len(curve) - 1) / (points - 1))] for index in range(points))


def _finite_curve(curve: Sequence[float | None]) -> tuple[float | None, ...]:
    """``finite`` of each value. It is much faster if all values are finite."""
    import numpy as np

    if None not in curve:
        values = np.array(curve, "float64")
        if np.isfinite(values).all():
            return tuple(values.tolist())
    return tuple(finite(value) for value in curve)


def finite(value: float | None) -> float | None:
    """The value as a float; None if it is None, nan or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)
