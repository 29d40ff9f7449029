"""Evidence: the stored trainings of an experiment on a stack, and the expected verdicts of its claims.

A file of evidence holds columns, one value per seed: seeds count from 0 without gaps, so the index of a value is its
seed. ``unpacked`` and ``packed`` translate; everything else sees trials. Nothing in a file is derived, except T
(``steps``) and the calm features: a check needs them before it trains.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal

import msgspec

from harness.model import Divergence, Seconds, Trial
from harness.record.trials import Hashes, SeedBlock, ShortTrial, Sizes, Spread, State, Struct, Training

SCHEMA = 4
"""The version of this file format."""
EXACT = "exact"
"""The file of the exact claims has this name. It holds expected verdicts only."""


class Expected(Struct, frozen=True, kw_only=True):
    """The expected verdict of a claim.

    Attributes:
        verdict: what is expected.
        date, reason: since when, and why it was stored.
        seeds: the number of seeds of each variant that it rests on; 0 for an exact claim.
        computed: what the computation of an exact claim found, in words; "" for other claims.
    """

    verdict: Literal["SUPPORTED", "REFUTED", "OUTDATED", "NEGLIGIBLE", "INCONCLUSIVE"]
    date: str
    reason: str
    seeds: int = 0
    computed: str = ""


class Evidence(Struct, frozen=True, kw_only=True):
    """The evidence of an experiment on a stack.

    Attributes:
        experiment: the experiment's id; "exact" for that of the exact claims, which has no variants.
        stack: backend and device ("tensorflow-cpu").
        variants: by name, in the experiment's order.
        expected: by claim key.
    """

    experiment: str
    stack: str
    variants: dict[str, Training]
    expected: dict[str, Expected]


class Columns(Struct, frozen=True, kw_only=True):
    """A ``Training`` as a file holds it.

    Attributes:
        traces: its short trials.
        metrics: one value per seed; None for a trial that failed or never reached its target.
        failures: by seed, of the trials that failed.
        curves: of the first seeds, one list per seed.
    """

    configuration: dict[str, Any]
    hashes: Hashes | None = None
    tiny: bool = False
    steps: int = 0
    calm: tuple[str, ...] = ()
    calm_to_the_end: bool | None = None
    states: tuple[State, ...] = ()
    sizes: Sizes = msgspec.field(default_factory=dict)
    traces: tuple[ShortTrial, ...] = ()
    metrics: dict[str, tuple[float | None, ...]]
    failures: dict[str, Divergence] = msgspec.field(default_factory=dict)
    curves: dict[str, tuple[tuple[float | None, ...], ...]] = msgspec.field(default_factory=dict)
    spread: Spread | None = None
    sessions: tuple[SeedBlock, ...]


class EvidenceFile(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One file, ``baselines/<stack>/<experiment>.json``. ``digest``: of all else; "" while it is computed."""

    schema: int = SCHEMA
    experiment: str
    stack: str
    variants: dict[str, Columns]
    expected: dict[str, Expected]
    digest: str = ""


SAME = ("configuration", "hashes", "tiny", "calm", "calm_to_the_end", "states", "sizes", "spread", "sessions")
"""The fields that a ``Training`` and its ``Columns`` have in common."""


def packed(training: Training) -> Columns:
    """The columns of a training whose seeds count from 0."""
    trials = training.trials
    with_curves = list(itertools.takewhile(lambda trial: trial.history, trials))
    same: dict[str, Any] = {name: getattr(training, name) for name in SAME}
    return Columns(
        **same,
        steps=training.steps or 0,
        traces=training.short,
        metrics={name: tuple(trial.metrics[name] for trial in trials) for name in training.metrics},
        failures={str(trial.seed): trial.divergence for trial in trials if trial.divergence},
        curves={
            name: tuple(trial.history[name] for trial in with_curves)
            for name in (with_curves[0].history if with_curves else ())
        },
    )


def unpacked(columns: Columns, variant: str) -> Training:
    """The training of a variant that these columns hold. A trial has the mean seconds of its session."""
    trials = tuple(
        Trial(
            variant,
            seed,
            {name: column[seed] for name, column in columns.metrics.items()},
            {name: rows[seed] for name, rows in columns.curves.items() if seed < len(rows)},
            columns.failures.get(str(seed)),
            Seconds(session.seconds),
            session.engine,
        )
        for session in columns.sessions
        for seed in range(session.first, session.first + session.seeds)
    )
    same: dict[str, Any] = {name: getattr(columns, name) for name in SAME}
    return Training(**same, steps=columns.steps, trials=trials, short=columns.traces)
