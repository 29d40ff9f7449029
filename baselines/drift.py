"""Has a variant moved since its baseline? One state per variant, decided by its primary metric."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from baselines.curves import Shift, largest
from baselines.difference import Difference, difference
from baselines.record import Baseline, VariantBaseline
from harness.errors import invalid
from harness.metric import Metric
from harness.trial import Trial

ALPHA = 0.01
"""Chance of at least one false alarm in a run in which nothing has changed, over all its variants."""


class State(enum.StrEnum):
    """Where a variant stands against its baseline."""

    IDENTICAL = "identical"  # the same bits, on every seed both have
    CHANGED = "changed"  # same fingerprint and engine, other bits, no drift
    WITHIN = "within"  # no drift
    DRIFTED = "drifted"  # better or worse by more than chance and more than the smallest effect
    NEW = "new"  # no baseline
    MISSING = "missing"  # the variant, or one of its metrics, is on one side only
    NOT_COMPARABLE = "not comparable"  # its configuration is another one


@dataclass(frozen=True)
class Comparison:
    """A variant against its baseline; ``rows[0]`` is the primary metric, which decides, the others are shown.

    ``rows`` is empty for "new", "missing" and "not comparable": there is nothing to set side by side. ``shift``: what
    moved furthest of the learning curves and metrics, seed by seed; it decides too.
    """

    state: State
    reason: str
    rows: tuple[Difference, ...] = ()
    shift: Shift | None = None

    @property
    def primary(self) -> Difference | None:
        return self.rows[0] if self.rows else None

    @property
    def red(self) -> bool:
        return self.fails()

    def fails(self, strict: bool = False) -> bool:
        """Whether the test item is red: drifted, missing, not comparable; with ``strict``, changed bits too."""
        return self.state in (State.DRIFTED, State.MISSING, State.NOT_COMPARABLE) or (
            strict and self.state is State.CHANGED
        )

    def to_json(self) -> dict[str, Any]:
        shift = {"shift": self.shift.to_json()} if self.shift else {}
        return {"state": str(self.state), "reason": self.reason, "rows": [row.to_json() for row in self.rows], **shift}


def compare(
    trials: Sequence[Trial],
    baseline: VariantBaseline | None,
    metrics: Sequence[Metric],
    *,
    definition: str,
    same_fingerprint: bool,
    same_streams: bool,
    comparisons: int,
    alpha: float = ALPHA,
) -> Comparison:
    """Compares a variant's trials of this run with its stored ones.

    Drifted means: the primary metric differs, two-sided p < ``alpha`` / ``comparisons`` / 2, **and** beyond its
    ``smallest_effect``, in either direction; or, with the other half of the level, a metric or learning curve moved on
    the seeds that both have (``baselines.curves``); or two seeds gave one trial, and no two stored ones are the same.
    ``comparisons`` is the number of variants compared in the run. Holm's procedure starts with this very level
    (Bonferroni's) and relaxes it once the smallest p-value of the run is known; a test item has to be red or green the
    moment it finishes, when it is not. What Holm would find beyond it is a second drift in a run that is red already.

    Without variance (every difference the same, or both sides constant) size alone decides, from five seeds on.
    Diverged and censored trials have no value: their shares are compared by Fisher's exact test, and an outright flip
    of at least five seeds (none before, all now, or the reverse) is drift by itself. All on both sides is no drift.
    The engine is part of what makes bits comparable: trials of another engine are compared statistically.

    Args:
        trials: this run's, any number of seeds; none where the experiment no longer declares the variant.
        baseline: the stored ones; None for a variant without.
        metrics: the experiment's, the primary one first.
        definition: the variant's ``harness.training.configuration.variant_digest`` now.
        same_fingerprint: whether this run's fingerprint equals that of the stored trials.
        same_streams: whether a seed means the same random numbers in both, as far as versions tell.
        comparisons: variants compared in the run, at least 1.
        alpha: chance of a false alarm per run.
    """
    if comparisons < 1:
        raise invalid("number of comparisons", expected="at least 1", received=comparisons)
    if baseline is None:
        return Comparison(State.NEW, "No baseline is stored for this variant.")
    if not trials:
        return Comparison(State.MISSING, "The baseline holds this variant, the run does not.")
    if definition != baseline.definition:
        return Comparison(
            State.NOT_COMPARABLE,
            f"The variant's configuration is another one than when its baseline was stored ({baseline.definition} "
            f'then, {definition} now). Store a new one with --update-baselines "reason".',
        )
    lost = _lost_keys(trials, baseline.trials, metrics)
    if lost:
        return Comparison(State.MISSING, lost)
    stored = {trial.seed: trial for trial in baseline.trials}
    rows = tuple(
        difference(m, {t.seed: t.metrics[m.name] for t in trials}, {t.seed: t.metrics[m.name] for t in baseline.trials})
        for m in metrics
    )
    common = [trial for trial in trials if trial.seed in stored]
    equal = [trial for trial in common if same_bits(_as_stored(trial, baseline), stored[trial.seed])]
    nested = len(common) in (len(trials), len(stored))
    if common and nested and len(equal) == len(common):
        what = " in every metric (of many seeds no curves are stored)" if baseline.condensed else ""
        return Comparison(State.IDENTICAL, f"Bit for bit{what}, on {_seeds(len(common))}.", rows)
    repeated = _repeated(trials)
    if repeated and not _repeated(baseline.trials):
        a, b = repeated
        reason = f"Seeds {a} and {b} gave one and the same trial; no two stored trials are the same."
        return Comparison(State.DRIFTED, reason, rows)
    level = alpha / comparisons / 2
    reason = _in_words(rows[0], level)
    shift = largest(trials, baseline.trials, baseline.rounding, same_streams=same_streams, level=level)
    if rows[0].beyond_chance(metrics[0].smallest_effect, level):
        return Comparison(State.DRIFTED, reason, rows, shift)
    if shift is not None:
        return Comparison(State.DRIFTED, f"{shift}. {reason}", rows, shift)
    if common and same_fingerprint and {t.engine for t in trials} == {t.engine for t in baseline.trials}:
        reason = f"Other bits on {len(common) - len(equal)} of {_seeds(len(common))}, same fingerprint. {reason}"
        return Comparison(State.CHANGED, reason, rows)
    return Comparison(State.WITHIN, reason, rows)


def undeclared(baseline: Baseline, declared: Iterable[str]) -> tuple[str, ...]:
    """The baseline's variants that the experiment no longer declares: each of them is ``compare((), …)``: missing."""
    names = set(declared)
    return tuple(name for name in baseline.variants if name not in names)


def _lost_keys(ours: Sequence[Trial], stored: Sequence[Trial], metrics: Sequence[Metric]) -> str:
    then = {name for trial in stored for name in trial.metrics}
    now = {name for trial in ours for name in trial.metrics}
    always = {name for name in now if all(name in trial.metrics for trial in ours)}
    parts = (
        ("no longer measured on every seed", then - always),
        ("not in the baseline", now - then),
        ("declared and measured nowhere", {metric.name for metric in metrics} - now - then),
    )
    said = [f"{what}: {', '.join(sorted(names))}" for what, names in parts if names]
    return f"Metrics {'; '.join(said)}." if said else ""


def same_bits(a: Trial, b: Trial) -> bool:
    """Whether two trials of one seed are equal in all that was learnt, bit for bit; the clock does not count."""
    return a.seed == b.seed and _bits(a) == _bits(b)


def _as_stored(trial: Trial, baseline: VariantBaseline) -> Trial:
    """A trial as far as the baseline has it."""
    return replace(trial, history={}) if baseline.condensed else trial


def _repeated(trials: Sequence[Trial]) -> tuple[int, int] | None:
    """The first two seeds whose trials are the same bit for bit, curves and all; None where there are none.

    Where a value is absent they may be by chance: all that diverge at once do so alike.
    """
    seen: dict[str, int] = {}
    for trial in trials:
        values = [*trial.metrics.values(), *(value for curve in trial.history.values() for value in curve)]
        if not trial.history or None in values:
            continue
        bits = _bits(trial)
        if bits in seen:
            return seen[bits], trial.seed
        seen[bits] = trial.seed
    return None


def _bits(trial: Trial) -> str:
    """All that was learnt, and nothing of the clock, as text that tells any two floats apart.

    Of a long curve the points that a baseline stores: a trial of this run has them all.
    """
    record = trial.thinned().to_json()
    return json.dumps([record[key] for key in ("metrics", "history", "divergence")], sort_keys=True)


def _in_words(row: Difference, level: float) -> str:
    (k, n), (j, m) = row.absent, row.absent_baseline
    absent = f"Diverged or never reached: {j} of {m} then, {k} of {n} now. " if k or j else ""
    if row.difference is None:
        return f"{absent}{row.metric}: no value to compare."
    text = f"{absent}{row.metric} {row.baseline:.6g} → {row.ours:.6g} ({row.difference:+.3g}"
    seeds = f"{_seeds(row.n)} {'paired' if row.paired else 'not paired'}"
    if row.constant:
        return f"{text}, no variance: decided by size alone from 5 seeds on; {seeds})."
    if row.p is None:
        return f"{text}; {seeds}: too few to tell)."
    return f"{text}, 95 % from {row.low:+.3g} to {row.high:+.3g}, p = {row.p:.2g}, alarm below {level:.2g}; {seeds})."


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"
