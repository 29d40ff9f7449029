"""Files of evidence, ``<root>/<stack>/<experiment>.json``: reads and writes them, and adds seeds.

They are read strictly, and written whole or not at all.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from harness.check.rounding import TINY_SEEDS, reproducible_steps
from harness.errors import invalid
from harness.model import Experiment, Trial, thin
from harness.record.evidence import (
    EXACT,
    SCHEMA,
    Columns,
    Evidence,
    EvidenceFile,
    packed,
    unpacked,
)
from harness.record.json_file import FormatError, JsonFile, decode
from harness.record.timings import Provenance
from harness.record.trials import Quantiles, SeedBlock, Spread, Training

FIRST_CURVES = 5
"""Number of seeds whose curves are stored. If the slide prints a curve of the variant, every seed's curves are."""
LONG = 200
"""A curve of more epochs is stored in ``POINTS`` points."""
POINTS = 32
SHARES = {"low": 0.025, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.975}
WIDTH = 160
"""A list or an object of at most this many characters stays on one line. A list of numbers always does."""


def path_of(root: Path, stack: str, experiment: str) -> Path:
    """The file of an experiment, or of the exact claims (EXACT), on a stack (``fingerprint.stack``)."""
    return root / stack / f"{experiment}.json"


def dumps(evidence: Evidence) -> str:
    """The file's text, with a digest. It is indented, and each list of numbers, trace and session has its own line."""
    file = EvidenceFile(
        experiment=evidence.experiment,
        stack=evidence.stack,
        variants={name: packed(training) for name, training in evidence.variants.items()},
        expected=evidence.expected,
    )
    return _layout(msgspec.to_builtins(replace(file, digest=digest_of(file))), 0) + "\n"


def parse(text: str) -> Evidence:
    """The evidence in a file's text. Raises FormatError only, also if the numbers are not those that were written."""
    read = decode(text, EvidenceFile, "evidence", SCHEMA)
    if read.digest != digest_of(replace(read, digest="")):
        raise FormatError("the content that its digest was made of", "another: it was edited or merged by hand")
    for name, columns in read.variants.items():
        _check_columns(columns, f"variants/{name}")
    if read.experiment == EXACT and read.variants:
        raise FormatError(f"no variants in the file of the {EXACT} claims", f"{list(read.variants)}")
    variants = {name: unpacked(columns, name) for name, columns in read.variants.items()}
    return Evidence(experiment=read.experiment, stack=read.stack, variants=variants, expected=read.expected)


def _check_columns(columns: Columns, where: str) -> None:
    """FormatError for faults that the types allow, such as gaps between seeds or columns of different lengths."""
    seeds = 0
    for index, session in enumerate(columns.sessions):
        if session.first != seeds or session.seeds < 1:
            received = f"{session.seeds} seeds from {session.first} on after seeds 0 to {seeds - 1}"
            raise FormatError(f"seeds from 0 on without gaps at {where}/sessions/{index}", received)
        seeds += session.seeds
    if not seeds:
        raise FormatError(f"at least one seed at {where}/sessions", "none")
    for name, column in columns.metrics.items():
        if len(column) != seeds:
            raise FormatError(f"{seeds} values, one per seed, at {where}/metrics/{name}", f"{len(column)}")
    unknown = [key for key in columns.failures if key not in map(str, range(seeds))]
    if unknown:
        raise FormatError(f"failures of the stored seeds at {where}/failures", unknown[0])
    rows = {name: len(curves) for name, curves in columns.curves.items()}
    if rows and (len(set(rows.values())) > 1 or max(rows.values()) > seeds):
        raise FormatError(f"the curves of the same first seeds under every name at {where}/curves", f"{rows}")
    keys = [(trace.start, trace.canonical, trace.seed, trace.perturbed) for trace in columns.traces]
    if len(set(keys)) != len(keys):
        raise FormatError(f"each trace once at {where}/traces", f"{max(keys, key=keys.count)} twice")
    shortest = min((len(trace.losses) for trace in columns.traces), default=0)
    if not 0 <= columns.steps <= shortest:
        raise FormatError(f"at most {shortest} steps, as the traces have, at {where}/steps", f"{columns.steps}")


def digest_of(file: EvidenceFile) -> str:
    """32 hex digits over all that a file holds but its digest, which is ""."""
    return hashlib.blake2b(msgspec.json.encode(file), digest_size=16).hexdigest()


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


def check_place(path: Path, evidence: Evidence) -> None:
    place, held = (path.parent.name, path.stem), (evidence.stack, evidence.experiment)
    if place != held:
        raise FormatError(f"the evidence of {' / '.join(place)}, as its place says", " / ".join(held))


FILE = JsonFile("evidence", parse, dumps, check_place, "--update-baselines")
read, update, write = FILE.read, FILE.update, FILE.write


def add(
    evidence: Evidence | None, experiment: Experiment, stack: str, measured: Mapping[str, Training], origin: Provenance
) -> Evidence:
    """Adds the trainings of a session to evidence. Adding the same again changes nothing.

    Stored seeds keep their values. Variants that the experiment no longer declares are dropped.

    Raises:
        SuiteError: no reason, seeds that would leave a gap, or a variant whose configuration or metrics differ from
            those of its stored trials.
    """
    if not origin.reason.strip():
        expected = 'why it is stored, as in --update-baselines "30 seeds of Example 4"'
        raise invalid("reason for new evidence", expected=expected, received=repr(origin.reason))
    stored = dict(evidence.variants) if evidence else {}
    for name, new in measured.items():
        where = f"new seeds of {experiment.id}, variant {name!r}"
        merged = _merged(where, stored.get(name), new, origin, every=name in experiment.plots.printed)
        if merged is not None:
            stored[name] = unpacked(packed(merged), name)  # as it will be read back
    declared = {variant.name: stored[variant.name] for variant in experiment.variants if variant.name in stored}
    expected_verdicts = dict(evidence.expected) if evidence else {}
    return Evidence(experiment=experiment.id, stack=stack, variants=declared, expected=expected_verdicts)


def _merged(where: str, old: Training | None, new: Training, origin: Provenance, every: bool) -> Training | None:
    """The stored training with a session's trials and traces added; None if there is nothing to store."""
    configuration = msgspec.to_builtins(new.configuration)  # as it will be read back, with lists for tuples
    old = old or Training(configuration=configuration)
    by_seed = {trial.seed: trial for trial in new.trials}
    added = [by_seed[seed] for seed in sorted(by_seed) if seed >= old.seeds]
    _check_added(where, old, configuration, added)
    trials = (*old.trials, *added)
    if not trials:
        return None
    with_curves = len(trials) if every else max(FIRST_CURVES, sum(bool(trial.history) for trial in old.trials))
    short = {(t.start, t.canonical, t.perturbed, t.seed): replace(t, engine="", seconds=0.0) for t in new.short}
    short |= {(t.start, t.canonical, t.perturbed, t.seed): t for t in old.short}
    states = {state.start: state for state in (*new.states, *old.states)}
    result = Training(
        configuration=old.configuration,
        hashes=old.hashes or new.hashes,
        tiny=old.tiny or new.tiny,
        steps=old.steps,
        calm=old.calm,
        calm_to_the_end=new.calm_to_the_end if old.calm_to_the_end is None else old.calm_to_the_end,
        trials=_with_curves(trials, by_seed, with_curves),
        short=tuple(short[key] for key in sorted(short)),
        states=tuple(states[start] for start in sorted(states)),
        sizes=old.sizes or new.sizes,
        spread=_spread(old.spread, by_seed),
        sessions=(*old.sessions, *_blocks(origin, added)),
    )
    if states:
        return replace(result, steps=result.states[0].steps)
    if old.steps is not None and result.short == old.short:
        return result
    measured = any(trial.perturbed for trial in new.short)
    steps = reproducible_steps(result.short, TINY_SEEDS)
    return replace(result, steps=steps, calm=new.calm if measured else old.calm)


def _check_added(where: str, old: Training, configuration: Mapping[str, Any], added: Sequence[Trial]) -> None:
    """SuiteError if the new trials are of another training, leave a gap between seeds, or have other metrics."""
    from harness.training.configuration import differences

    if changed := differences(old.configuration, configuration):
        fix = "Undo the change. Or delete the variant's evidence, and store it anew."
        expected = "the configuration of the stored trials"
        raise invalid(where, expected=expected, received=changes_text(changed), fix=fix)
    seeds = {trial.seed for trial in added}
    if missing := sorted(set(range(old.seeds, max(seeds, default=old.seeds))) - seeds):
        expected = f"seeds from {old.seeds} on without gaps: the file holds {old.seeds}"
        received = f"seeds without {_ranges(missing)}"
        raise invalid(where, expected=expected, received=received, fix="Train the missing seeds too.")
    names = set(old.metrics or (added[0].metrics if added else ()))
    for trial in added:
        if set(trial.metrics) != names:
            expected = f"the metrics {', '.join(sorted(names))} on every seed"
            received = f"{', '.join(sorted(trial.metrics))} on seed {trial.seed}"
            fix = "After adding or renaming a metric, delete the variant's evidence, and store it anew."
            raise invalid(where, expected=expected, received=received, fix=fix)


def changes_text(changed: Sequence[tuple[str, Any, Any]]) -> str:
    """The first five changes of a configuration: "model.rate 0.2 then, 0.3 now"."""
    texts = [f"{key} {then!r} then, {now!r} now" for key, then, now in changed[:5]]
    return "; ".join([*texts, f"and {len(changed) - 5} more"] if len(changed) > 5 else texts)


def _ranges(seeds: Sequence[int]) -> str:
    """ "5–9, 12" """
    blocks = [[seed for _, seed in block] for _, block in itertools.groupby(enumerate(seeds), lambda at: at[1] - at[0])]
    return ", ".join(f"{block[0]}–{block[-1]}" if len(block) > 1 else str(block[0]) for block in blocks)


def _blocks(origin: Provenance, added: Sequence[Trial]) -> Iterator[SeedBlock]:
    """One block for each sequence of seeds of one engine."""
    for engine, group in itertools.groupby(added, key=lambda trial: trial.engine):
        trials = list(group)
        seconds = float(f"{math.fsum(trial.seconds.total for trial in trials) / len(trials):.4g}")
        first, how = trials[0].seed, asdict(origin)
        yield SeedBlock(first=first, seeds=len(trials), engine=engine, seconds=seconds, **how)


def _with_curves(trials: Sequence[Trial], measured: Mapping[int, Trial], count: int) -> tuple[Trial, ...]:
    """The trials, of which the first ``count`` have curves: their own, or else those of the session."""
    curves: list[dict[str, tuple[float | None, ...]]] = []
    for trial in trials[:count]:
        history = trial.history or measured.get(trial.seed, trial).history
        if not history or (curves and set(history) != set(curves[0])):
            break
        curves.append({name: stored_curve(curve) for name, curve in history.items()})
    padded = itertools.chain(curves, itertools.repeat({}))
    return tuple(replace(trial, history=own) for trial, own in zip(trials, padded, strict=False))


def stored_curve(curve: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """A curve as it is stored: all its points up to 200 epochs, else 32."""
    return thin(curve, POINTS) if len(curve) > LONG else curve


def _spread(before: Spread | None, new: Mapping[int, Trial]) -> Spread | None:
    """Quantiles of the curves of seeds 0, 1, … of this session; the old ones if they rest on at least as many seeds."""
    seeds = 0
    while seeds in new and new[seeds].history:
        seeds += 1
    if seeds <= FIRST_CURVES or (before is not None and before.seeds >= seeds):
        return before
    names = [name for name in new[0].history if all(name in new[seed].history for seed in range(seeds))]
    return Spread(
        seeds=seeds,
        curves={name: _quantiles([thin(new[seed].history[name], POINTS) for seed in range(seeds)]) for name in names},
    )


def _quantiles(curves: Sequence[tuple[float | None, ...]]) -> Quantiles:
    import numpy as np

    known = [[value for value in values if value is not None] for values in zip(*curves, strict=False)]
    at = {
        name: tuple(float(f"{np.quantile(values, share):.6g}") if values else None for values in known)
        for name, share in SHARES.items()
    }
    return Quantiles(**at, finite=tuple(map(len, known)))
