"""A trial: one variant trained with one seed, and everything that was measured on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

DivergenceKind = Literal["nan", "inf", "blow-up", "stuck at chance"]


@dataclass(frozen=True)
class Divergence:
    """How a training failed: ``nan`` or ``inf`` loss, a finite ``blow-up``, or an accuracy ``stuck at chance``.

    ``step`` is the first bad optimizer step, counted from 1 (None for "stuck at chance"); ``epoch`` likewise.
    """

    kind: DivergenceKind
    epoch: int
    step: int | None = None


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds of one trial, the device synchronised before each reading of the clock.

    ``compile`` is 0 where the program was compiled by an earlier seed; ``steady_epoch`` is the mean of all epochs after
    the first, or of all epochs where several ran in one launch.
    """

    total: float
    compile: float = 0.0
    first_epoch: float = 0.0
    steady_epoch: float = 0.0


@dataclass(frozen=True)
class Trial:
    """One variant, one seed.

    ``history`` holds one list per curve and one number per epoch (None where not finite); ``metrics`` one number per
    metric of the experiment (None: diverged, or censored, i.e. the target was never reached). ``device`` ("cpu: AMD
    EPYC") and ``precision`` say where it was computed; files of trials have them once, in their fingerprint.
    """

    variant: str
    seed: int
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    history: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    divergence: Divergence | None = None
    seconds: Seconds = Seconds(0.0)
    engine: str = "fit"
    device: str = field(default="", compare=False)
    precision: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", MappingProxyType({k: finite(v) for k, v in self.metrics.items()}))
        curves = {k: _finite_curve(curve) for k, curve in self.history.items()}
        object.__setattr__(self, "history", MappingProxyType(curves))

    def to_json(self) -> dict[str, Any]:
        """Plain types only, no NaN or inf; ``from_json`` gives the trial back, bit for bit."""
        return {
            "variant": self.variant,
            "seed": self.seed,
            "metrics": dict(self.metrics),
            "history": {key: list(curve) for key, curve in self.history.items()},
            "divergence": asdict(self.divergence) if self.divergence else None,
            "seconds": asdict(self.seconds),
            "engine": self.engine,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Trial:
        """The inverse of ``to_json``; KeyError, TypeError or AttributeError where the record is not one of a trial."""
        divergence = record["divergence"]
        return cls(
            variant=record["variant"],
            seed=record["seed"],
            metrics=record["metrics"],
            history=record["history"],
            divergence=Divergence(**divergence) if divergence else None,
            seconds=Seconds(**record["seconds"]),
            engine=record["engine"],
        )


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
