"""Replay: computes the metrics of stored curves again, to find metrics whose function has changed."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.evidence import LONG
from harness.check.rounding import relative
from harness.domain.experiment import Experiment
from harness.record.evidence import Evidence

CLOSE = 1e-6
"""Relative difference up to which two values of a metric of float32 curves count as equal."""


@dataclass(frozen=True)
class Changed:
    """A metric whose function gives another value, with the first seed that shows it."""

    variant: str
    metric: str
    seed: int
    stored: float | None
    now: float | None

    def __str__(self) -> str:
        stored, now = ("no value" if one is None else f"{one:.9g}" for one in (self.stored, self.now))
        return f"{self.metric} of {self.variant}, seed {self.seed}: stored {stored}, now {now}"


def replay(experiment: Experiment, evidence: Evidence) -> list[Changed]:
    """The metrics whose function gives another value for stored curves: one entry per variant and metric.

    It skips curves of more than 200 epochs, which are stored in part, and metrics without a curve. It also skips curves
    with values that are not finite, because the file does not say whether a value was nan or infinite.
    """
    found = []
    for name, variant in evidence.variants.items():
        epochs = variant.configuration.get("epochs")
        if not variant.curves or not isinstance(epochs, int) or epochs > LONG:
            continue
        facts = variant.configuration.get("facts") or {}
        for metric in experiment.metrics:
            given = metric.of is not None or metric.name in variant.curves
            if metric.name in facts or metric.name not in variant.metrics or not given:
                continue
            for seed in range(len(next(iter(variant.curves.values())))):
                history = {
                    curve: [x for x in rows[seed] if x is not None] for curve, rows in variant.curves.items()
                }  # fmt: skip
                if any(len(history[curve]) < len(rows[seed]) for curve, rows in variant.curves.items()):
                    continue
                stored, now = variant.metrics[metric.name][seed], metric.value(history)
                if relative(now, stored) > CLOSE:
                    found.append(Changed(name, metric.name, seed, stored, now))
                    break
    return found
