"""The records of a run file (see ``harness.store``), from what is declared and what was decided."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.claim import Claim
from harness.experiment import Experiment
from harness.metric import Metric
from harness.trial import Trial
from harness.verdict import Decision


def experiment_record(experiment: Experiment, order: int) -> dict[str, Any]:
    """What a report needs of an experiment; ``order``: its place in the catalogue."""
    size = experiment.size
    return {
        "id": experiment.id,
        "order": order,
        "size": {"epochs": size.epochs, "batch_size": size.batch_size, "train": size.train},
        "variants": [variant.name for variant in experiment.variants],
        "metrics": [
            {
                "name": metric.name,
                "better": metric.better,
                "unit": metric.unit,
                "smallest_effect": metric.smallest_effect,
                "scale": metric.scale,
            }
            for metric in experiment.metrics
        ],
        "accuracy": experiment.accuracy,
        "printed": {
            variant: {name: [v if math.isfinite(v) else None for v in curve] for name, curve in curves.items()}
            for variant, curves in experiment.plots.printed.items()
        },
        **_plots(experiment),
    }


def _plots(experiment: Experiment) -> dict[str, Any]:
    """What the experiment's plots beside learning curves show; without those that it does not declare."""
    found: dict[str, Any] = {}
    if any(variant.series for variant in experiment.variants):
        found["series"] = {variant.name: variant.series for variant in experiment.variants}
    plots = experiment.plots
    if plots.sweep is not None:
        placed = [variant for variant in experiment.variants if variant.at is not None]
        points = [{"variant": v.name, "at": v.at, "series": v.series} for v in placed]
        found["sweep"] = {**dataclasses.asdict(plots.sweep), "points": points}
    if plots.surface is not None:
        found["surface"] = dataclasses.asdict(plots.surface())
    if plots.turning_point is not None:
        found["turning_point"] = dataclasses.asdict(plots.turning_point)
    return found


def summary_of(metric: Metric, trials: Sequence[Trial]) -> dict[str, Any]:
    """Mean and sample standard deviation over the seeds that have a value, all values, and how many seeds there are."""
    values = [trial.metrics.get(metric.name) for trial in trials]
    known = [value for value in values if value is not None]
    return {
        "metric": metric.name,
        "mean": statistics.fmean(known) if known else None,
        "std": statistics.stdev(known) if len(known) > 1 else None,
        "n": len(values),
        "values": values,
    }


def seconds_of(trials: Iterable[Trial]) -> dict[str, float]:
    """Sums over the seeds, except for the epochs, which are means."""
    seconds = [trial.seconds for trial in trials]
    return {
        "total": sum(s.total for s in seconds),
        "compile": sum(s.compile for s in seconds),
        "first_epoch": seconds[0].first_epoch,
        "steady_epoch": statistics.fmean(s.steady_epoch for s in seconds),
    }


def claim_record(
    claim: Claim,
    order: int,
    decision: Decision,
    beside: Sequence[Decision],
    trials: Mapping[str, Sequence[Trial]],
) -> dict[str, Any]:
    """What a claim says, what was decided, and the trials that it was decided from, by variant.

    ``order``: its place in the catalogue.
    """
    metrics = claim.rules[0].metrics if claim.rules else ()
    experiment = claim.experiment
    metric = None
    if experiment is not None:
        metric = experiment.metric(metrics[0]) if metrics else experiment.metrics[0]
    return {
        "key": claim.key,
        "order": order,
        "id": claim.id,
        "case": claim.case,
        "marker": "training" if experiment else "exact",
        "slide": claim.slide,
        "statement": claim.statement,
        "rule": claim.rule.describe(),
        **decision.to_json(),
        "beside": [
            {"rule": rule.describe(), **found.to_json()} for rule, found in zip(claim.beside, beside, strict=False)
        ],
        "published": _published(claim),
        "variants": {}
        if metric is None
        else {name: summary_of(metric, trials.get(name, ())) for name in claim.variants},
        "experiment": experiment.id if experiment else None,
        "deviations": list(claim.deviations),
        "notes": list(claim.notes),
    }


def _published(claim: Claim) -> list[dict[str, Any]]:
    return [
        {
            "variant": variant,
            "metric": metric,
            "printed": figure.printed,
            "value": figure.value,
            "rounding": figure.rounding,
        }
        for (variant, metric), figure in claim.figures.items()
    ]
