"""The strict reader of a baseline's JSON."""

from __future__ import annotations

from typing import Any

from baselines import condensed
from baselines.record import EXACT, SCHEMA, Baseline, ExpectedVerdict, Provenance, VariantBaseline
from baselines.strict import (
    FormatError,
    count,
    date,
    definition_of,
    fields_of,
    has_surrogate,
    load,
    mapping,
    number,
    one_of,
    optional,
    text_of,
)
from harness.experiment import SETTINGS
from harness.trial import Trial
from harness.verdict import Verdict

EXPECTED = [str(verdict) for verdict in Verdict if verdict is not Verdict.NOT_RUN]


def parse(text: str) -> Baseline:
    """The baseline that a file's text holds; FormatError, and nothing else, where it is not one."""
    record = load(text, "a baseline", SCHEMA)
    fields = fields_of(record, "", ("schema", "experiment", "setting", "stack", "variants", "verdicts"))
    experiment = text_of(fields["experiment"], "experiment")
    variants = {n: _variant(n, v) for n, v in mapping(fields["variants"], "variants").items()}
    if experiment == EXACT and variants:
        raise FormatError(f"no variants in the file of the {EXACT} claims", list(variants))
    return Baseline(
        experiment,
        one_of(fields["setting"], "setting", SETTINGS),
        text_of(fields["stack"], "stack"),
        variants,
        {k: _verdict(v, f"verdicts/{k}") for k, v in mapping(fields["verdicts"], "verdicts").items()},
    )


def _variant(name: str, value: Any) -> VariantBaseline:
    where = f"variants/{name}"
    names = ("definition", "provenance", "trials")
    measured = isinstance(value, dict) and "rounding" in value  # not in files from before it was measured
    fields = fields_of(value, where, (*names, "rounding") if measured else names)
    definition = definition_of(fields["definition"], f"{where}/definition")
    records = fields["trials"]
    curves: condensed.Curves = {}
    if isinstance(records, dict):
        trials, curves = condensed.parse(records, name, f"{where}/trials")
        if len(trials) < condensed.MANY:
            raise FormatError(f"columns of at least {condensed.MANY} seeds", len(trials), f"{where}/trials")
    elif not isinstance(records, list) or not records:
        raise FormatError("a list of at least one trial", records, f"{where}/trials")
    else:
        trials = tuple(_trial(record, name, f"{where}/trials/{i}") for i, record in enumerate(records))
    seeds = [trial.seed for trial in trials]
    if len(set(seeds)) != len(seeds):
        raise FormatError("each seed once", seeds, f"{where}/trials")
    for trial in trials:
        if set(trial.metrics) != set(trials[0].metrics):
            expected = f"the metrics {sorted(trials[0].metrics)} on every seed"
            raise FormatError(expected, sorted(trial.metrics), f"{where}, seed {trial.seed}")
    rounding = _rounding(fields["rounding"], f"{where}/rounding") if measured else {}
    origin = provenance(fields["provenance"], f"{where}/provenance")
    return VariantBaseline(trials, definition, origin, rounding, curves)


def _rounding(value: Any, where: str) -> dict[str, tuple[float, ...]]:
    for key, found in mapping(value, where).items():
        if not isinstance(found, list):
            raise FormatError("a list of numbers", found, f"{where}/{key}")
        for entry in found:
            number(entry, f"{where}/{key}")
    return {key: tuple(found) for key, found in value.items()}


def provenance(value: Any, where: str) -> Provenance:
    fields = fields_of(value, where, ("commit", "date", "reason", "fingerprint"))
    fingerprint = mapping(fields["fingerprint"], f"{where}/fingerprint")
    for key, entry in fingerprint.items():
        if isinstance(entry, float):
            number(entry, f"{where}/fingerprint/{key}")
        elif entry is not None and (not isinstance(entry, str | int) or has_surrogate(entry)):
            raise FormatError("a text, a number, true, false or null", entry, f"{where}/fingerprint/{key}")
    commit, reason = (text_of(fields[key], f"{where}/{key}") for key in ("commit", "reason"))
    return Provenance(fingerprint, commit, date(fields["date"], f"{where}/date"), reason)


def _verdict(value: Any, where: str) -> ExpectedVerdict:
    fields = fields_of(value, where, ("verdict", "date", "reason"))
    verdict = Verdict(one_of(fields["verdict"], f"{where}/verdict", EXPECTED))
    return ExpectedVerdict(verdict, date(fields["date"], f"{where}/date"), text_of(fields["reason"], f"{where}/reason"))


def _trial(value: Any, variant: str, where: str) -> Trial:
    fields = fields_of(value, where, ("variant", "seed", "metrics", "history", "divergence", "seconds", "engine"))
    if fields["variant"] != variant:
        raise FormatError(f"variant {variant!r}", fields["variant"], f"{where}/variant")
    count(fields["seed"], f"{where}/seed")
    for key, metric in mapping(fields["metrics"], f"{where}/metrics").items():
        optional(number, metric, f"{where}/metrics/{key}")
    for key, curve in mapping(fields["history"], f"{where}/history").items():
        if not isinstance(curve, list):
            raise FormatError("a list of numbers", curve, f"{where}/history/{key}")
        for point in curve:
            optional(number, point, f"{where}/history/{key}")
    if fields["divergence"] is not None:
        condensed.divergence_of(fields["divergence"], f"{where}/divergence")
    condensed.seconds_of(fields["seconds"], f"{where}/seconds")
    text_of(fields["engine"], f"{where}/engine")
    return Trial.from_json(fields)
