"""One file of evidence: the stored trials of an experiment on a stack, and the expected verdicts of its claims.

Nothing in it is derived, except T and what is calm: a check has to know these before it trains. Seeds go from 0 on
without gaps, so that the place of a value in a list is its seed. A number that may not be finite is a ``Number``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from harness.record.numbers import Number

SCHEMA = 2
"""Files of schema 1 held one record a trial, of an earlier version of the suite."""
EXACT = "exact"
"""Stands for the experiment in the file of the claims that have none: it holds expected verdicts only."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every part of a file: immutable, without unknown fields; defaults are not written."""


class Hashes(Struct, frozen=True, kw_only=True):
    """What the random numbers of seed 0 are: 16 hex digits each.

    Attributes:
        initial: of the initial weights.
        dropout: of the first dropout mask; None for a network without dropout.
        order: of the order of the training examples in the first epoch.
    """

    initial: str
    dropout: str | None = None
    order: str


class Trace(Struct, frozen=True, kw_only=True):
    """The first steps of one trial.

    Attributes:
        seed: of the trial.
        perturbed: 0, or which perturbation of the initial weights' last bits it started from.
        losses: the training loss of step 1, 2, … as the step began, penalties included.
        val_losses: the validation loss after step 1, 2, …; None where it was not taken. Of seed 0 only.
        observed: what the experiment observes of the model as initialised. Of seed 0 only.
    """

    seed: int
    perturbed: int = 0
    losses: tuple[Number, ...]
    val_losses: tuple[Number | None, ...] = ()
    observed: dict[str, Number] = {}


class Failure(Struct, frozen=True, kw_only=True):
    """How a training failed; the fields of ``harness.domain.trial.Divergence``."""

    kind: Literal["nan", "inf", "blow-up", "stuck at chance"]
    epoch: int
    step: int | None = None


class Quantiles(Struct, frozen=True, kw_only=True):
    """Quantiles of a curve over seeds whose value is finite, one value per stored epoch (at most 32, evenly spaced).

    Attributes:
        low, quarter, median, three_quarters, high: at 2.5, 25, 50, 75 and 97.5 %; None where no value is finite.
        finite: the number of seeds whose value is finite.
    """

    low: tuple[float | None, ...]
    quarter: tuple[float | None, ...]
    median: tuple[float | None, ...]
    three_quarters: tuple[float | None, ...]
    high: tuple[float | None, ...]
    finite: tuple[int, ...]


class Spread(Struct, frozen=True, kw_only=True):
    """Curves of many seeds: ``seeds`` is the number of seeds from 0 on, the most that one session had the curves of."""

    seeds: int
    curves: dict[str, Quantiles]


class SeedBlock(Struct, frozen=True, kw_only=True):
    """Where a block of seeds comes from.

    Attributes:
        first, seeds: the block's first seed, and how many.
        commit: the source's; "unknown" without one.
        date: an ISO 8601 date or time.
        reason: what was given to ``--update-baselines``.
        engine: what trained them.
        seconds: the mean wall-clock time of a trial.
        fingerprint: flat, see ``harness.environment.fingerprint.fingerprint``.
    """

    first: int
    seeds: int
    commit: str
    date: str
    reason: str
    engine: str
    seconds: float
    fingerprint: dict[str, str | int | float | bool | None]


class VariantEvidence(Struct, frozen=True, kw_only=True):
    """The stored trials of one variant.

    Attributes:
        configuration: everything that Keras was given (``harness.training.configuration.configuration``).
        hashes: of seed 0's random numbers; None where they were not taken.
        tiny: whether a check trains it to the end.
        steps: how many steps a check compares, called T; of a tiny training, how many of the first epochs.
        calm: of a tiny training, the metrics that rounding does not move.
        calm_to_the_end: of another training, whether rounding moves no loss of any epoch; None where that was not
            measured.
        traces: of the check's seeds and of their perturbed trials. Of a tiny training one loss per epoch.
        canonical: the trace of seed 0 with weights drawn by NumPy, without dropout; empty where it was not taken.
        metrics: the final metrics, one value per seed from 0 on; None where a trial failed or never got there.
        failures: of the seeds that failed, the seed being the key.
        curves: the curves of the first seeds, one list per seed from 0 on; of more than 200 epochs, 32 evenly
            spaced points.
        spread: quantiles of the curves of many seeds; None for few.
        sessions: where the seeds come from, in their order.
    """

    configuration: dict[str, Any]
    hashes: Hashes | None = None
    tiny: bool = False
    steps: int = 0
    calm: tuple[str, ...] = ()
    calm_to_the_end: bool | None = None
    traces: tuple[Trace, ...] = ()
    canonical: tuple[Number, ...] = ()
    metrics: dict[str, tuple[float | None, ...]]
    failures: dict[str, Failure] = {}
    curves: dict[str, tuple[tuple[float | None, ...], ...]] = {}
    spread: Spread | None = None
    sessions: tuple[SeedBlock, ...]

    @property
    def seeds(self) -> int:
        """The number of stored seeds."""
        return sum(session.seeds for session in self.sessions)


class Expected(Struct, frozen=True, kw_only=True):
    """The verdict that a claim is expected to get, since when and why, and the number of seeds it rests on."""

    verdict: Literal["SUPPORTED", "REFUTED", "INCONCLUSIVE"]
    date: str
    reason: str
    seeds: int = 0


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One file, ``baselines/<stack>/<experiment>.json``.

    Attributes:
        schema: 2.
        experiment: its id; "exact" for the file of the claims without one, which has no variants.
        stack: backend and device ("tensorflow-cpu").
        variants: by name, in the experiment's order.
        expected: verdicts by claim key.
    """

    schema: int = SCHEMA
    experiment: str
    stack: str
    variants: dict[str, VariantEvidence]
    expected: dict[str, Expected]
