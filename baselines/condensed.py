"""What is stored of hundreds of seeds: the raw last values of every seed, and of their curves quantiles.

Curves of a thousand seeds would be a hundred megabytes, and say, beside the last values, little that their quantiles
do not. So there is no comparison of curves with such a baseline, seed by seed, and none of bits but in the metrics.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from baselines.strict import FormatError, count, fields_of, mapping, number, one_of, optional, text_of
from harness.trial import Divergence, DivergenceKind, Seconds, Trial, thin

MANY = 100
"""Seeds from which on a variant's trials are condensed."""
QUANTILES = {"low": 0.025, "quarter": 0.25, "median": 0.5, "three quarters": 0.75, "high": 0.975}
FINITE = "finite"
"""Beside the quantiles of a curve, which are over the seeds whose value is finite: how many seeds that are."""
POINTS = 32

Curves = Mapping[str, Mapping[str, tuple[float | None, ...]]]
"""By curve: by name of QUANTILES, and FINITE, a value for each of at most POINTS epochs."""


def condensed(trials: Sequence[Trial]) -> tuple[tuple[Trial, ...], Curves]:
    """The trials without their curves and with mean seconds, and the quantiles of the curves.

    All are trials of one variant; those of one engine, since that is stored once.
    """
    names = [field.name for field in dataclasses.fields(Seconds)]
    means = {name: sum(getattr(trial.seconds, name) for trial in trials) / len(trials) for name in names}
    seconds = Seconds(**{name: float(f"{mean:.6g}") for name, mean in means.items()})
    kept = tuple(dataclasses.replace(trial, history={}, seconds=seconds) for trial in trials)
    curves = [name for name in trials[0].history if all(name in trial.history for trial in trials)]
    return kept, {name: _quantiles([thin(trial.history[name], POINTS) for trial in trials]) for name in curves}


def to_json(trials: Sequence[Trial], curves: Curves) -> dict[str, Any]:
    """Columns: seeds, then a list for each metric in their order; the divergences of those that have one."""
    return {
        "seeds": [trial.seed for trial in trials],
        "engine": trials[0].engine,
        "seconds": dataclasses.asdict(trials[0].seconds),
        "metrics": {name: [trial.metrics[name] for trial in trials] for name in trials[0].metrics},
        "divergences": {str(t.seed): dataclasses.asdict(t.divergence) for t in trials if t.divergence is not None},
        "curves": {name: {key: list(values) for key, values in curve.items()} for name, curve in curves.items()},
    }


def parse(value: Any, variant: str, where: str) -> tuple[tuple[Trial, ...], Curves]:
    """The inverse of ``to_json``; FormatError, and nothing else, for what is not valid."""
    fields = fields_of(value, where, ("seeds", "engine", "seconds", "metrics", "divergences", "curves"))
    seeds = _list(fields["seeds"], f"{where}/seeds", count)
    if not seeds:
        raise FormatError("a list of at least one seed", seeds, f"{where}/seeds")
    engine, seconds = text_of(fields["engine"], f"{where}/engine"), seconds_of(fields["seconds"], f"{where}/seconds")
    metrics: dict[str, list[float | None]] = {}
    for name, values in mapping(fields["metrics"], f"{where}/metrics").items():
        metrics[name] = _list(values, f"{where}/metrics/{name}", number, null=True)
        if len(metrics[name]) != len(seeds):
            raise FormatError(f"{len(seeds)} values, one a seed", len(metrics[name]), f"{where}/metrics/{name}")
    divergences = mapping(fields["divergences"], f"{where}/divergences")
    failed = {seed: divergence_of(found, f"{where}/divergences/{seed}") for seed, found in divergences.items()}
    unknown = sorted(set(failed) - {str(seed) for seed in seeds})
    if unknown:
        raise FormatError("divergences of the seeds that are stored", unknown[0], f"{where}/divergences")
    trials = tuple(
        Trial(
            variant,
            seed,
            {name: values[index] for name, values in metrics.items()},
            {},
            failed.get(str(seed)),
            seconds,
            engine,
        )
        for index, seed in enumerate(seeds)
    )
    return trials, {
        name: _curve(curve, f"{where}/curves/{name}")
        for name, curve in mapping(fields["curves"], f"{where}/curves").items()
    }


def seconds_of(value: Any, where: str) -> Seconds:
    """The ``Seconds`` of a record; FormatError for what is not one."""
    fields = fields_of(value, where, tuple(field.name for field in dataclasses.fields(Seconds)))
    for key, second in fields.items():
        number(second, f"{where}/{key}")
    return Seconds(**fields)


def divergence_of(value: Any, where: str) -> Divergence:
    """The ``Divergence`` of a record; FormatError for what is not one."""
    fields = fields_of(value, where, ("kind", "epoch", "step"))
    one_of(fields["kind"], f"{where}/kind", get_args(DivergenceKind))
    count(fields["epoch"], f"{where}/epoch")
    optional(count, fields["step"], f"{where}/step")
    return Divergence(**fields)


def _quantiles(curves: Sequence[tuple[float | None, ...]]) -> dict[str, tuple[float | None, ...]]:
    import numpy as np

    found: dict[str, list[float | None]] = {name: [] for name in (*QUANTILES, FINITE)}
    for values in zip(*curves, strict=True):
        known = [value for value in values if value is not None]
        found[FINITE].append(float(len(known)))
        for name, share in QUANTILES.items():
            found[name].append(float(f"{np.quantile(known, share):.6g}") if known else None)
    return {name: tuple(values) for name, values in found.items()}


def _curve(value: Any, where: str) -> dict[str, tuple[float | None, ...]]:
    fields = fields_of(value, where, (*QUANTILES, FINITE))
    found = {key: tuple(_list(values, f"{where}/{key}", number, null=True)) for key, values in fields.items()}
    if len({len(values) for values in found.values()}) > 1:
        raise FormatError("lists of one length", [len(values) for values in found.values()], where)
    return found


def _list(value: Any, where: str, check: Any, null: bool = False) -> list[Any]:
    if not isinstance(value, list):
        raise FormatError("a list", value, where)
    for each in value:
        if null:
            optional(check, each, where)
        else:
            check(each, where)
    return value
