"""What is known of the training of a variant: its trials, short ones among them, and where they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from harness.model import Trial

Number = float | Literal["nan", "inf", "-inf"]
"""A number in JSON, which has neither nan nor infinities."""
Sizes = dict[str, tuple[float, ...]]
"""Centre, spread and maximum of what a late state draws, by name: "Dense-0/kernel", "velocity 3" of a slot.

They are the mean and the standard deviation of a variable, and for slots and variances those of the logarithm of the
absolute values that are not 0. Only slots have a maximum, of the logarithm; older evidence has none.
"""
Fingerprint = dict[str, str | int | float | bool | None]
"""What decides the bits of a result, by name: versions, device, threads (``harness.environment.fingerprint``)."""


def number(x: float) -> Number:
    """A finite float as it is; else "nan", "inf" or "-inf"."""
    if math.isfinite(x):
        return float(x)
    return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"


def value(n: Number) -> float:
    """The inverse of ``number``."""
    return float(n)


def shortest(values: Sequence[float]) -> list[float]:
    """Rounds each value to float32, and returns the shortest decimal that reads back as that float32."""
    import numpy as np

    with np.errstate(over="ignore"):  # a value too large for float32 becomes inf
        return [float(str(each)) for each in np.asarray(values, "float32")]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a file: immutable, without unknown fields. Default values are not written."""


class ShortTrial(Struct, frozen=True, kw_only=True):
    """Some steps of one variant with one seed, from its beginning or from a late state. A claim is never decided by it.

    Attributes:
        seed: what was trained.
        perturbed: 0, or the number of the perturbation of its initial weights.
        losses: the training loss before step 1, 2, …, penalties included; of a tiny training the loss of each epoch.
        start: the number of steps before the state that it began in; 0 for the initial weights.
        curves: the values of every curve, one per short epoch.
        rounded: the number of weights whose 16 low bits are all 0 at the end.
        canonical: whether NumPy drew the weights and dropout was off.
        engine: the engine that trained it; "" if it is stored evidence.
        seconds: wall clock, compilation included.
    """

    seed: int
    perturbed: int = 0
    losses: tuple[Number, ...]
    start: int = 0
    curves: dict[str, tuple[Number, ...]] = {}
    rounded: int = 0
    canonical: bool = False
    engine: str = ""
    seconds: float = 0.0


class State(Struct, frozen=True, kw_only=True):
    """A state from which a check trains some steps, and how far rounding moves that: the initial state or a late one.

    Attributes:
        start: the number of optimizer steps before it; a later state is drawn (``harness.training.late_state``).
        own_labels: whether the network learns its own predictions there.
        steps: T from this state.
        canonical: as ``steps``, of the canonical trial.
        curves: of each curve, the number of short epochs that rounding does not move.
        limit: the smallest relative difference that is a change; None for that of float32 (``rounding.LIMIT``).
    """

    start: int = 0
    own_labels: bool = False
    steps: int = 0
    canonical: int = 0
    curves: dict[str, int] = {}
    limit: float | None = None

    def compared(self, trial: ShortTrial) -> ShortTrial:
        """A trial without what rounding moves."""
        steps = self.canonical if trial.canonical else self.steps
        known = {name: trial.curves.get(name, ())[:epochs] for name, epochs in self.curves.items()}
        curves = {name: curve for name, curve in known.items() if curve and not trial.canonical}
        return msgspec.structs.replace(trial, losses=trial.losses[:steps], curves=curves)


class Hashes(Struct, frozen=True, kw_only=True):
    """Hashes of the random numbers of seed 0, 16 hex digits each.

    Attributes:
        initial: of the initial weights.
        dropout: of the first dropout mask; None for a network without dropout.
        order: of the data order of the first epoch.
    """

    initial: str
    dropout: str | None = None
    order: str


class SeedBlock(Struct, frozen=True, kw_only=True):
    """The origin of consecutive seeds.

    Attributes:
        first, seeds: the first seed, and the number of seeds.
        commit: of the source; "unknown" outside git.
        date: an ISO 8601 date or time.
        reason: the text given to ``--update-baselines``.
        engine: the engine that trained them.
        seconds: mean wall-clock time of a trial.
        fingerprint: see ``harness.environment.fingerprint.fingerprint``.
    """

    first: int
    seeds: int
    commit: str
    date: str
    reason: str
    engine: str
    seconds: float
    fingerprint: Fingerprint


class Quantiles(Struct, frozen=True, kw_only=True):
    """Quantiles of a curve over seeds, one value per stored epoch (at most 32, evenly spaced).

    Attributes:
        low, quarter, median, three_quarters, high: at 2.5, 25, 50, 75 and 97.5 %; None without a finite value.
        finite: number of seeds with a finite value.
    """

    low: tuple[float | None, ...]
    quarter: tuple[float | None, ...]
    median: tuple[float | None, ...]
    three_quarters: tuple[float | None, ...]
    high: tuple[float | None, ...]
    finite: tuple[int, ...]


class Spread(Struct, frozen=True, kw_only=True):
    """Quantiles of curves over ``seeds`` seeds, from seed 0 on: the most whose curves one session had."""

    seeds: int
    curves: dict[str, Quantiles]


class Training(Struct, frozen=True, kw_only=True):
    """What is known of the training of one variant: what a run has trained, or what is stored as evidence.

    Attributes:
        configuration: everything that Keras was given (``harness.training.configuration.configuration``).
        hashes: of seed 0's random numbers; None if unknown.
        tiny: whether a check trains it to the end.
        steps: T, the number of first steps that a check compares; of a tiny training the number of first epochs. None
            if nobody has measured how far rounding moves it, as in a run: then every step that it has counts.
        calm: of a tiny training, the metrics that rounding does not move.
        calm_to_the_end: of other trainings, whether rounding moves no loss of any epoch; None if not measured.
        trials: to the end, in order of their seeds. In evidence they count from 0, and the first of them have curves
            (of more than 200 epochs 32 evenly spaced points).
        short: from each state a trial of every seed that a check trains, and a canonical one; of a tiny training its
            first epochs, perturbed ones included.
        states: those of ``short``, the initial one first; none of a tiny training.
        sizes: of what is drawn in a late state.
        spread: quantiles of the curves over many seeds; None with few seeds.
        sessions: the origin of the trials, in order.
    """

    configuration: dict[str, Any] = {}
    hashes: Hashes | None = None
    tiny: bool = False
    steps: int | None = None
    calm: tuple[str, ...] = ()
    calm_to_the_end: bool | None = None
    trials: tuple[Trial, ...] = ()
    short: tuple[ShortTrial, ...] = ()
    states: tuple[State, ...] = ()
    sizes: Sizes = {}
    spread: Spread | None = None
    sessions: tuple[SeedBlock, ...] = ()

    @property
    def seeds(self) -> int:
        """The number of trials to the end."""
        return len(self.trials)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of what was measured."""
        return tuple(self.trials[0].metrics) if self.trials else ()

    @property
    def plain(self) -> dict[int, ShortTrial]:
        """The short trials from the initial weights that are neither canonical nor perturbed, by seed."""
        return self.after(0)

    def after(self, start: int, canonical: bool = False) -> dict[int, ShortTrial]:
        """The short trials from the state after so many steps, by seed, without perturbed ones."""
        chosen = (trial for trial in self.short if (trial.start, trial.canonical) == (start, canonical))
        return {trial.seed: trial for trial in chosen if not trial.perturbed}
