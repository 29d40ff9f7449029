"""One file of evidence: the stored trials of an experiment on a stack, and the expected verdicts of its claims.

Nothing in it is derived, except T (``steps``) and the calm features: a check needs them before it trains. Seeds count
from 0 without gaps, so the index of a value in a list is its seed. A number that may not be finite is a ``Number``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from harness.record.numbers import Number

SCHEMA = 3
"""The version of this file format."""
WITHOUT_DIGEST = 2
"""The version before, which is read as well."""
Fingerprint = dict[str, str | int | float | bool | None]
"""What decides the bits of a result, by name: versions, device, threads (``harness.environment.fingerprint``)."""
EXACT = "exact"
"""The file of the exact claims has this name. It holds expected verdicts only."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a file: immutable, without unknown fields. Default values are not written."""


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


class Trace(Struct, frozen=True, kw_only=True):
    """The first steps of one trial.

    Attributes:
        seed: of the trial.
        perturbed: 0, or the number of the perturbation of its initial weights.
        losses: the training loss before step 1, 2, …, penalties included.
        val_losses: the validation loss after step 1, 2, …; None for a step without one. Only some seeds have it.
        observed: the recorded metrics of the initial model. Only some seeds have them.
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


class VariantEvidence(Struct, frozen=True, kw_only=True):
    """The stored trials of one variant.

    Attributes:
        configuration: everything that Keras was given (``harness.training.configuration.configuration``).
        hashes: of seed 0's random numbers; None if unknown.
        tiny: whether a check trains it to the end.
        steps: T, the number of steps that a check compares. For a tiny training: the number of first epochs.
        calm: for a tiny training, the metrics that rounding does not move.
        calm_to_the_end: for other trainings, whether rounding moves no loss of any epoch; None if not measured.
        traces: of the seeds that a check trains, and of their perturbed trials; of a tiny training one loss per epoch.
        canonical: the trace of seed 0 with weights drawn by NumPy, without dropout; empty if not measured.
        metrics: the final metrics, one value per seed; None for a trial that failed or never reached its target.
        failures: by seed, of the trials that failed.
        curves: the curves of the first seeds, one list per seed. A curve of more than 200 epochs has 32 evenly spaced
            points.
        spread: quantiles of the curves over many seeds; None with few seeds.
        sessions: the origin of the seeds, in order.
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


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One file, ``baselines/<stack>/<experiment>.json``.

    Attributes:
        schema: 3.
        experiment: the experiment's id; "exact" for the file of the exact claims, which has no variants.
        stack: backend and device ("tensorflow-cpu").
        variants: by name, in the experiment's order.
        expected: by claim key.
        digest: of all else, in the file only; "" elsewhere.
    """

    schema: int = SCHEMA
    experiment: str
    stack: str
    variants: dict[str, VariantEvidence]
    expected: dict[str, Expected]
    digest: str = ""
