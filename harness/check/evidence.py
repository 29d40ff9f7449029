"""Files of evidence, ``<root>/<stack>/<experiment>.json``: reads and writes them, and adds seeds.

They are read strictly, and written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.check.json_file import FormatError, JsonFile, decode
from harness.check.rounding import CHECKED, MOST_STEPS, calm, checked_steps, relative
from harness.domain.experiment import Experiment
from harness.domain.metric import Metric
from harness.domain.trial import Divergence, Seconds, Trial, thin
from harness.errors import invalid
from harness.record.evidence import (
    EXACT,
    SCHEMA,
    WITHOUT_DIGEST,
    Evidence,
    Failure,
    Fingerprint,
    Hashes,
    Quantiles,
    SeedBlock,
    Spread,
    Trace,
    VariantEvidence,
)
from harness.record.numbers import number
from harness.record.trials import ShortTrial

FIRST_CURVES = 5
"""Number of seeds whose curves are stored. If the slide prints a curve of the variant, every seed's curves are."""
LONG = 200
"""A curve of more epochs is stored in ``POINTS`` points."""
POINTS = 32
TINY_SEEDS = 10
"""Number of seeds of a tiny training that a check trains."""
SHARES = {"low": 0.025, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.975}
WIDTH = 160
"""A list or an object of at most this many characters stays on one line. A list of numbers always does."""


def path_of(root: Path, stack: str, experiment: str) -> Path:
    """The file of an experiment, or of the exact claims (EXACT), on a stack (``fingerprint.stack``)."""
    return root / stack / f"{experiment}.json"


def dumps(evidence: Evidence) -> str:
    """The file's text, with a digest. It is indented, and each list of numbers, trace and session has its own line."""
    return _layout(msgspec.to_builtins(replace(evidence, digest=digest_of(evidence))), 0) + "\n"


def parse(text: str) -> Evidence:
    """The evidence in a file's text. Raises FormatError only, also if the numbers are not those that were written."""
    read = decode(text, Evidence, "evidence", (WITHOUT_DIGEST, SCHEMA))
    evidence = replace(read, schema=SCHEMA, digest="")
    if read.schema != WITHOUT_DIGEST and read.digest != digest_of(evidence):
        raise FormatError("the content that its digest was made of", "another: it was edited or merged by hand")
    for name, variant in evidence.variants.items():
        _check_variant(variant, f"variants/{name}")
    if evidence.experiment == EXACT and evidence.variants:
        raise FormatError(f"no variants in the file of the {EXACT} claims", f"{list(evidence.variants)}")
    return evidence


def _check_variant(found: VariantEvidence, where: str) -> None:
    """FormatError for faults that the types allow, such as gaps between seeds or columns of different lengths."""
    seeds = 0
    for index, session in enumerate(found.sessions):
        if session.first != seeds or session.seeds < 1:
            received = f"{session.seeds} seeds from {session.first} on after seeds 0 to {seeds - 1}"
            raise FormatError(f"seeds from 0 on without gaps at {where}/sessions/{index}", received)
        seeds += session.seeds
    if not seeds:
        raise FormatError(f"at least one seed at {where}/sessions", "none")
    for name, column in found.metrics.items():
        if len(column) != seeds:
            raise FormatError(f"{seeds} values, one per seed, at {where}/metrics/{name}", f"{len(column)}")
    unknown = [key for key in found.failures if key not in map(str, range(seeds))]
    if unknown:
        raise FormatError(f"failures of the stored seeds at {where}/failures", unknown[0])
    rows = {name: len(curves) for name, curves in found.curves.items()}
    if rows and (len(set(rows.values())) > 1 or max(rows.values()) > seeds):
        raise FormatError(f"the curves of the same first seeds under every name at {where}/curves", f"{rows}")
    keys = [(trace.seed, trace.perturbed) for trace in found.traces]
    if len(set(keys)) != len(keys):
        raise FormatError(f"each trace once at {where}/traces", f"{max(keys, key=keys.count)} twice")
    shortest = min((len(trace.losses) for trace in found.traces), default=0)
    if not 0 <= found.steps <= shortest:
        raise FormatError(f"at most {shortest} steps, as the traces have, at {where}/steps", f"{found.steps}")


def digest_of(evidence: Evidence) -> str:
    """32 hex digits over all that a file holds."""
    return hashlib.blake2b(msgspec.json.encode(evidence), digest_size=16).hexdigest()


def _layout(value: Any, depth: int) -> str:
    """JSON that indents containers of containers, unless they are short. ValueError for nan."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    nested = any(isinstance(item, dict | list | tuple) and item for item in items)
    if not nested or len(line) <= WIDTH or (isinstance(value, dict) and {"seed", "losses"} <= set(value)):
        return line
    opening, closing, keys = "[", "]", [""] * len(items)
    if isinstance(value, dict):
        opening, closing, keys = "{", "}", [json.dumps(key, ensure_ascii=False) + ": " for key in value]
    inner = " " * (depth + 1)
    lines = ",\n".join(f"{inner}{key}{_layout(item, depth + 1)}" for key, item in zip(keys, items, strict=True))
    return f"{opening}\n{lines}\n{' ' * depth}{closing}"


def _check_place(path: Path, evidence: Evidence) -> None:
    place, held = (path.parent.name, path.stem), (evidence.stack, evidence.experiment)
    if place != held:
        raise FormatError(f"the evidence of {' / '.join(place)}, as its place says", " / ".join(held))


FILE = JsonFile("evidence", parse, dumps, _check_place, "--update-baselines")
read, update, write = FILE.read, FILE.update, FILE.write


@dataclass(frozen=True)
class Measured:
    """What a session measured of one variant.

    Attributes:
        configuration: what Keras was given (``harness.training.configuration.configuration``).
        trials: trained to the end. They may include stored seeds.
        hashes: of seed 0's random numbers.
        short: shortened trials of the check's seeds, perturbed trials and the canonical trial included. The longest of
            one seed and perturbation is the trace; each gives the validation loss after its last step.
        perturbed: for a tiny training, the perturbed trials to the end, by perturbation (1, 2, …).
        tiny: whether a check trains it to the end.
        calm_to_the_end: for other trainings, as in ``VariantEvidence``.
    """

    configuration: Mapping[str, Any]
    trials: Sequence[Trial]
    hashes: Hashes | None = None
    short: Sequence[ShortTrial] = ()
    perturbed: Mapping[int, Sequence[Trial]] = field(default_factory=dict)
    tiny: bool = False
    calm_to_the_end: bool | None = None


def add(
    evidence: Evidence | None,
    experiment: Experiment,
    stack: str,
    measured: Mapping[str, Measured],
    *,
    commit: str,
    date: str,
    reason: str,
    fingerprint: Fingerprint,
) -> Evidence:
    """Adds the measurements of a session to evidence. Adding the same measurements again changes nothing.

    Stored seeds keep their values. Variants that the experiment no longer declares are dropped.

    Raises:
        SuiteError: no reason, shortened trials among the trials, seeds that would leave a gap, or a variant whose
            configuration or metrics differ from those of its stored trials.
    """
    if not reason.strip():
        raise invalid(
            "reason for new evidence",
            expected='why it is stored, as in --update-baselines "30 seeds of Example 4"',
            received=repr(reason),
        )
    stored = dict(evidence.variants) if evidence else {}
    for name, found in measured.items():
        where = f"{experiment.id}, variant {name!r}"
        _check_trials(where, name, found.trials)
        session = SeedBlock(
            first=0,
            seeds=0,
            commit=commit,
            date=date,
            reason=reason,
            engine="",
            seconds=0.0,
            fingerprint=dict(fingerprint),
        )
        metrics = {metric.name: metric for metric in experiment.metrics}
        variant = _merged(where, stored.get(name), found, session, metrics, every=name in experiment.plots.printed)
        if variant is not None:
            stored[name] = variant
    declared = {variant.name: stored[variant.name] for variant in experiment.variants if variant.name in stored}
    expected = dict(evidence.expected) if evidence else {}
    return Evidence(experiment=experiment.id, stack=stack, variants=declared, expected=expected)


def trials(variant: VariantEvidence, name: str) -> tuple[Trial, ...]:
    """The stored trials in order of seeds. Only the first seeds have curves."""
    found = []
    for session in variant.sessions:
        for seed in range(session.first, session.first + session.seeds):
            failure = variant.failures.get(str(seed))
            found.append(
                Trial(
                    name,
                    seed,
                    {metric: column[seed] for metric, column in variant.metrics.items()},
                    {curve: rows[seed] for curve, rows in variant.curves.items() if seed < len(rows)},
                    Divergence(failure.kind, failure.epoch, failure.step) if failure else None,
                    Seconds(session.seconds),
                    session.engine,
                )
            )
    return tuple(found)


def _check_trials(where: str, name: str, given: Sequence[object]) -> None:
    for trial in given:
        if isinstance(trial, ShortTrial):
            raise invalid(
                f"evidence of {where}",
                expected="trials that were trained to the end",
                received=f"a shortened trial of {len(trial.losses)} steps (seed {trial.seed})",
                fix="Shortened trials are never evidence: train to the end, with --full.",
            )
        if not isinstance(trial, Trial) or trial.variant != name:
            raise invalid(f"evidence of {where}", expected="trials of this variant", received=repr(trial)[:80])


def _merged(
    where: str,
    old: VariantEvidence | None,
    found: Measured,
    session: SeedBlock,
    metrics: Mapping[str, Metric],
    every: bool,
) -> VariantEvidence | None:
    """The stored variant with a session's trials and traces added; None if there is nothing to store."""
    configuration = _plain(found.configuration)
    if old is not None:
        _check_configuration(where, old.configuration, configuration)
    by_seed = {trial.seed: trial for trial in found.trials}
    before = old.seeds if old else 0
    new = [by_seed[seed] for seed in sorted(by_seed) if seed >= before]
    _check_gap(where, before, [trial.seed for trial in new])
    _check_metrics(where, old, new)
    if old is None and not new:
        return None
    sessions = old.sessions if old else ()
    for engine in dict.fromkeys(trial.engine for trial in new):
        sessions += _blocks(session, [trial for trial in new if trial.engine == engine])
    names = list(old.metrics if old else new[0].metrics)
    columns = {name: (old.metrics[name] if old else ()) + tuple(t.metrics[name] for t in new) for name in names}
    failures = {
        str(t.seed): Failure(kind=t.divergence.kind, epoch=t.divergence.epoch, step=t.divergence.step)
        for t in new
        if t.divergence
    }
    traces = _traces(old, found)
    known = old is not None and traces == old.traces
    tiny = found.tiny or (old is not None and old.tiny)
    seeds = TINY_SEEDS if tiny else CHECKED
    return VariantEvidence(
        configuration=configuration if old is None else old.configuration,
        hashes=old.hashes if old and old.hashes else found.hashes,
        tiny=tiny,
        steps=old.steps if old and known else checked_steps(traces, seeds),
        calm=old.calm if old and (known or not found.perturbed) else _calm(found, metrics, seeds),
        calm_to_the_end=old.calm_to_the_end if old and old.calm_to_the_end is not None else found.calm_to_the_end,
        traces=traces,
        canonical=old.canonical if old and old.canonical else _canonical(found.short),
        metrics=columns,
        failures={**(old.failures if old else {}), **failures},
        curves=_curves(old, by_seed, every),
        spread=_spread(old, by_seed),
        sessions=tuple(sorted(sessions, key=lambda one: one.first)),
    )


def _plain(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as it will be read back, with lists for tuples."""
    plain: dict[str, Any] = msgspec.to_builtins(dict(configuration))
    return plain


def _check_configuration(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    from harness.training.configuration import differences

    changed = differences(old, new)
    if changed:
        raise invalid(
            f"new seeds of {where}",
            expected="the configuration of the stored trials",
            received="; ".join(f"{key} {then!r} then, {now!r} now" for key, then, now in changed[:5])
            + (f"; and {len(changed) - 5} more" if len(changed) > 5 else ""),
            fix="Undo the change. Or delete the variant's evidence, and store it anew.",
        )


def _check_gap(where: str, before: int, seeds: Sequence[int]) -> None:
    missing = sorted(set(range(before, max(seeds, default=before))) - set(seeds))
    if missing:
        raise invalid(
            f"new seeds of {where}",
            expected=f"seeds from {before} on without gaps: the file holds {before}",
            received=f"seeds without {_ranges(missing)}",
            fix="Train the missing seeds too.",
        )


def _ranges(seeds: Sequence[int]) -> str:
    """ "5–9, 12" """
    blocks: list[list[int]] = []
    for seed in seeds:
        if blocks and seed == blocks[-1][-1] + 1:
            blocks[-1].append(seed)
        else:
            blocks.append([seed])
    return ", ".join(f"{b[0]}–{b[-1]}" if len(b) > 1 else str(b[0]) for b in blocks)


def _check_metrics(where: str, old: VariantEvidence | None, new: Sequence[Trial]) -> None:
    names = set(old.metrics if old else new[0].metrics if new else ())
    for trial in new:
        if set(trial.metrics) != names:
            raise invalid(
                f"new seeds of {where}",
                expected=f"the metrics {', '.join(sorted(names))} on every seed",
                received=f"{', '.join(sorted(trial.metrics))} on seed {trial.seed}",
                fix="After adding or renaming a metric, delete the variant's evidence, and store it anew.",
            )


def _blocks(session: SeedBlock, new: Sequence[Trial]) -> tuple[SeedBlock, ...]:
    """One ``SeedBlock`` for each sequence of consecutive seeds. All trials are of one engine."""
    blocks: list[list[Trial]] = []
    for trial in new:
        if blocks and trial.seed == blocks[-1][-1].seed + 1:
            blocks[-1].append(trial)
        else:
            blocks.append([trial])
    return tuple(
        msgspec.structs.replace(
            session,
            first=block[0].seed,
            seeds=len(block),
            engine=block[0].engine,
            seconds=float(f"{math.fsum(trial.seconds.total for trial in block) / len(block):.4g}"),
        )
        for block in blocks
    )


def _traces(old: VariantEvidence | None, found: Measured) -> tuple[Trace, ...]:
    """The stored and the new traces, sorted by perturbation and seed. Stored traces keep their values."""
    made = _tiny_traces(found) if found.tiny else short_traces(found.short)
    kept = {(trace.perturbed, trace.seed): trace for trace in (old.traces if old else ())}
    both = {**{(trace.perturbed, trace.seed): trace for trace in made}, **kept}
    return tuple(both[key] for key in sorted(both))


def short_traces(short: Sequence[ShortTrial]) -> list[Trace]:
    """The traces of shortened trials (``Measured.short``), without the canonical ones."""
    groups: dict[tuple[int, int], list[ShortTrial]] = {}
    for trial in short:
        if not trial.canonical:
            groups.setdefault((trial.seed, trial.perturbed), []).append(trial)
    found = []
    for (seed, perturbed), group in groups.items():
        longest = max(group, key=lambda trial: len(trial.losses))
        after = {len(trial.losses): trial.val_loss for trial in group if trial.val_loss is not None}
        losses = tuple(after.get(step + 1) for step in range(len(longest.losses))) if after else ()
        found.append(
            Trace(
                seed=seed,
                perturbed=perturbed,
                losses=longest.losses,
                val_losses=losses,
                observed=next((trial.observed for trial in group if trial.observed), {}),
            )
        )
    return found


def _tiny_traces(found: Measured) -> list[Trace]:
    """For a tiny training: the training losses of the first epochs, of the check's seeds and their perturbed trials."""
    return [
        Trace(
            seed=trial.seed,
            perturbed=perturbed,
            losses=tuple(number(math.nan if x is None else x) for x in trial.history.get("loss", ())[:MOST_STEPS]),
        )
        for perturbed, group in {0: found.trials, **found.perturbed}.items()
        for trial in group
        if trial.seed < TINY_SEEDS
    ]


def _canonical(short: Sequence[ShortTrial]) -> tuple[Any, ...]:
    return next((trial.losses for trial in short if trial.canonical and not trial.perturbed), ())


def _calm(found: Measured, metrics: Mapping[str, Metric], seeds: int) -> tuple[str, ...]:
    stored = {trial.seed: trial for trial in found.trials}
    moved: dict[str, dict[int, list[float]]] = {}
    for group in found.perturbed.values():
        for trial in group:
            if trial.seed in stored:
                for name, now in trial.metrics.items():
                    one = relative(now, stored[trial.seed].metrics.get(name), floor(metrics.get(name)))
                    moved.setdefault(name, {}).setdefault(trial.seed, []).append(one)
    return calm({name: list(rows.values()) for name, rows in moved.items()}, seeds)


def floor(metric: Metric | None) -> float:
    """The least size that a difference of a metric is relative to: its smallest effect; on a log scale its floor."""
    if metric is None:
        return 0.0
    return metric.smallest_effect if metric.scale == "linear" else metric.floor


def _curves(
    old: VariantEvidence | None, new: Mapping[int, Trial], every: bool
) -> dict[str, tuple[tuple[float | None, ...], ...]]:
    """The stored and new curves of the first seeds, or of ``every`` seed, up to the first seed without curves."""
    rows = dict(old.curves) if old else {}
    for seed in range(max(new, default=-1) + 1 if every else FIRST_CURVES):
        have = len(next(iter(rows.values()), ()))
        if seed < have:
            continue
        if seed not in new or not new[seed].history or (rows and set(new[seed].history) != set(rows)):
            break
        for name, curve in new[seed].history.items():
            rows[name] = (*rows.get(name, ()), stored_curve(curve))
    return rows


def stored_curve(curve: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """A curve as it is stored: all its points up to 200 epochs, else 32."""
    return thin(curve, POINTS) if len(curve) > LONG else curve


def _spread(old: VariantEvidence | None, new: Mapping[int, Trial]) -> Spread | None:
    """Quantiles of the curves of seeds 0, 1, … of this session; the old ones if they rest on at least as many seeds."""
    seeds = 0
    while seeds in new and new[seeds].history:
        seeds += 1
    before = old.spread if old else None
    if seeds <= FIRST_CURVES or (before is not None and before.seeds >= seeds):
        return before
    names = [name for name in new[0].history if all(name in new[seed].history for seed in range(seeds))]
    return Spread(
        seeds=seeds,
        curves={name: _quantiles([thin(new[seed].history[name], POINTS) for seed in range(seeds)]) for name in names},
    )


def _quantiles(curves: Sequence[tuple[float | None, ...]]) -> Quantiles:
    import numpy as np

    finite: list[int] = []
    found: dict[str, list[float | None]] = {name: [] for name in SHARES}
    for values in zip(*curves, strict=False):
        known = [value for value in values if value is not None]
        finite.append(len(known))
        at = np.quantile(known, list(SHARES.values())).tolist() if known else [None] * len(SHARES)
        for name, one in zip(SHARES, at, strict=True):
            found[name].append(None if one is None else float(f"{one:.6g}"))
    return Quantiles(**{name: tuple(values) for name, values in found.items()}, finite=tuple(finite))
