"""What a baseline file says, as frozen dataclasses; ``schema.py`` checks, ``files.py`` reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from baselines.condensed import MANY, Curves
from baselines.condensed import to_json as columns
from harness.trial import Trial
from harness.verdict import Verdict

SCHEMA = 1
EXACT = "exact"
"""Stands for the experiment in the file of the claims that have none; no experiment may be called so."""


@dataclass(frozen=True)
class Provenance:
    """Where stored trials come from.

    ``fingerprint`` is flat (``harness.fingerprint.fingerprint``), ``commit`` the source's ("unknown" without one),
    ``date`` an ISO 8601 date or time, ``reason`` what was given to ``--update-baselines``.
    """

    fingerprint: Mapping[str, Any]
    commit: str
    date: str
    reason: str


@dataclass(frozen=True)
class VariantBaseline:
    """The stored trials of one variant: at least one, seeds unique; ``definition`` is its ``variant_digest``.

    ``rounding``: how far rounding takes each feature of these trials (``baselines.curves.rounding``); empty where that
    was not measured. ``curves``: of many trials, which are stored without their own (``baselines.condensed``).
    """

    trials: tuple[Trial, ...]
    definition: str
    provenance: Provenance
    rounding: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)

    @property
    def condensed(self) -> bool:
        """Whether of many trials only the last values are stored."""
        return len(self.trials) >= MANY and not any(trial.history for trial in self.trials)

    def trials_json(self) -> Any:
        """A record for each trial; of many, columns."""
        return columns(self.trials, self.curves) if self.condensed else [trial.to_json() for trial in self.trials]


@dataclass(frozen=True)
class ExpectedVerdict:
    """The verdict a claim is expected to get (never NOT_RUN), since when, and why."""

    verdict: Verdict
    date: str
    reason: str


@dataclass(frozen=True)
class Baseline:
    """One file: an experiment in one setting on one stack.

    ``variants`` by name in the experiment's order, ``verdicts`` by claim key. Parts are renewed at different times, so
    each carries its own provenance.
    """

    experiment: str
    setting: str
    stack: str
    variants: Mapping[str, VariantBaseline] = field(default_factory=dict)
    verdicts: Mapping[str, ExpectedVerdict] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain types only; ``baselines.schema.parse`` gives the baseline back, bit for bit."""
        return {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "setting": self.setting,
            "stack": self.stack,
            "variants": {
                name: {
                    "definition": variant.definition,
                    "provenance": {
                        "commit": variant.provenance.commit,
                        "date": variant.provenance.date,
                        "reason": variant.provenance.reason,
                        "fingerprint": dict(variant.provenance.fingerprint),
                    },
                    "trials": variant.trials_json(),
                    **({"rounding": {k: list(v) for k, v in variant.rounding.items()}} if variant.rounding else {}),
                }
                for name, variant in self.variants.items()
            },
            "verdicts": {
                key: {"verdict": str(expected.verdict), "date": expected.date, "reason": expected.reason}
                for key, expected in self.verdicts.items()
            },
        }
