"""Compares a training with what is known of it, and says how far that confirms a claim.

What is known comes from the evidence, or from an earlier run. Everything here is a pure function.

- A shortened training is compared step by step.
- A tiny training is compared seed by seed, to the end.
- An anchor is compared with the prediction interval of the stored seeds.
- A run to the end is compared by its means and by each seed (``harness.check.difference``).
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from harness.check.difference import ANCHOR_TAILS, ANCHORS, DRIFTS, OUTLIER_TAILS, OUTLIERS, drifted, interval
from harness.check.evidence import stored_curve
from harness.check.rounding import FLOOR, LIMIT, MOST_STEPS, floor, numbers, relative, reproducible_steps
from harness.domain.model import Experiment, Metric, Trial
from harness.record.evidence import Evidence
from harness.record.numbers import Number, number, value
from harness.record.outcomes import (
    REPRODUCED,
    Anchor,
    ClaimState,
    Movement,
    TrainingOutcome,
    TrainingState,
    number_text,
)
from harness.record.trials import Fingerprint, ShortTrial, Training

REFERENCE = "tensorflow-cpu"
"""The stack of the lecture's own trainings."""
KERAS = ("model", "optimizer", "loss")
"""The parts of a configuration that a Keras version may change. Only the catalogue changes the others."""
VERSIONS = ("keras", "backend", "backend_version", "jaxlib", "numpy")
"""The entries of a fingerprint that the random numbers of a seed may depend on."""
STARTS = 0.001
"""Chance of a false alarm in a run whose starts are compared in distribution (another version draws other random
numbers)."""
ONE_TRAINING = "seeds {} and {} gave one and the same training"


def claim_state(outcomes: Collection[TrainingOutcome]) -> ClaimState:
    """How far this machine confirms a claim's verdict, from the outcomes of the claim's variants."""
    if all(outcome.state in REPRODUCED for outcome in outcomes):
        started = (not outcome.to_the_end or outcome.state is TrainingState.START_REPRODUCED for outcome in outcomes)
        return ClaimState.START_CONFIRMED if any(started) else ClaimState.CONFIRMED
    new = (outcome.state is TrainingState.NEW and outcome.compatible for outcome in outcomes)
    if all(known or outcome.state in REPRODUCED for known, outcome in zip(new, outcomes, strict=True)):
        return ClaimState.COMPATIBLE
    return ClaimState.NOT_CONFIRMED


@dataclass(frozen=True)
class Counts:
    """The numbers of trainings and of trials among which a run's chance of a false alarm is divided."""

    variants: int
    trials: int


@dataclass(frozen=True)
class Circumstances:
    """Of the run that is compared: its stack and fingerprint, and whether it trains many seeds to the end."""

    stack: str
    fingerprint: Fingerprint
    full: bool = False


def judge(
    here: Circumstances,
    experiment: Experiment,
    variant: str,
    trained: Training,
    evidence: Mapping[str, Evidence],
    counts: Counts | None = None,
) -> TrainingOutcome:
    """The outcome of a variant.

    Args:
        here: the run.
        experiment, variant: what was trained.
        trained: its results.
        evidence: of the experiment, by stack: of the run's own stack, and of the reference stack.
        counts: of the whole run; None if this training is all of it.
    """
    counts = counts or Counts(1, max(1, len(trained.trials)))
    for stack in dict.fromkeys((here.stack, REFERENCE)):
        stored = evidence[stack].variants.get(variant) if stack in evidence else None
        if stored is not None:
            comparison = Comparison(here, experiment.metrics, trained, stored, counts)
            if stack == here.stack:
                return comparison.outcome()
            begin = f"No evidence of this variant is stored for {here.stack}. Against {REFERENCE}"
            return comparison.elsewhere(begin)
    return TrainingOutcome(TrainingState.NEW, f"No evidence of this variant is stored for {here.stack}.")


def same_versions(known: Training, fingerprint: Fingerprint) -> bool:
    """Whether some of the known seeds were trained with the versions of this fingerprint."""
    versions = [fingerprint.get(key) for key in VERSIONS]
    return any(versions == [session.fingerprint.get(key) for key in VERSIONS] for session in known.sessions)


def canonical_steps(known: Training) -> int:
    """Number of steps of the canonical trace to compare: like T, but for one trial and a tenth of the limit; at most T.

    The canonical trial has no median over seeds and no perturbed trials of its own. Its differences may grow one step
    earlier than those of the perturbed trials, which is a factor of about ten.
    """
    if known.steps is None:
        return len(known.canonical)
    calm = reproducible_steps(known.traces, seeds=1, limit=LIMIT / 10)
    return min(calm, known.steps or MOST_STEPS, len(known.canonical))


@dataclass(frozen=True)
class _Compared:
    """The result of a comparison. ``fault``: what moved; ``missing``: why nothing could be compared."""

    identical: bool = True
    fault: Movement | str = ""
    steps: int = 0
    seeds: int = 0
    epochs: int = 0
    anchors: tuple[Anchor, ...] = ()
    not_calm: tuple[str, ...] = ()
    missing: str = ""

    @property
    def movement(self) -> Movement | None:
        return self.fault if isinstance(self.fault, Movement) else None

    def then(self, other: _Compared) -> _Compared:
        """Both comparisons. The first fault counts."""
        return _Compared(
            identical=self.identical and other.identical,
            fault=self.fault or other.fault,
            steps=self.steps or other.steps,
            seeds=self.seeds or other.seeds,
            epochs=max(self.epochs, other.epochs),
            anchors=self.anchors + other.anchors,
            not_calm=self.not_calm + other.not_calm,
            missing=self.missing or other.missing,
        )


@dataclass(frozen=True)
class Comparison:
    """Compares a training of a run with what is known of it.

    Attributes:
        here: the run.
        metrics: of the experiment, the primary one first.
        trained, known: its results, and what they are compared with.
        counts: of the whole run.
    """

    here: Circumstances
    metrics: Sequence[Metric]
    trained: Training
    known: Training
    counts: Counts

    def outcome(self) -> TrainingOutcome:
        """The outcome against the same stack."""
        refused, changed = self._sameness()
        if refused is not None:
            return refused
        if self.known.traces and self.known.steps == 0 and not self.trained.trials:
            reason = "Rounding moves the first step of this training, so no step of it is compared."
            return TrainingOutcome(TrainingState.NEW, reason, changed=changed, not_calm=("training loss",))
        if not self.trained.short and not self.trained.trials:
            return TrainingOutcome(
                TrainingState.MISSING, "The evidence holds this variant, but nothing of it was trained here."
            )
        streams = self._same_streams()
        compared = self._start() if self.trained.short else _Compared()
        tiny = self.known.tiny and any(trial.seed < self.known.seeds for trial in self.trained.trials)
        if self.trained.trials:  # with the same random numbers, a seed is compared with itself
            compared = compared.then(self._tiny() if tiny else self._ended(paired=streams))
        outcome = TrainingOutcome(
            TrainingState.REPRODUCED if self.trained.trials else TrainingState.START_REPRODUCED,
            _summary(compared, bool(self.trained.trials), self.here.full, self.known.tiny),
            to_the_end=bool(self.trained.trials),
            steps=compared.steps,
            seeds=compared.seeds,
            movement=compared.movement,
            anchors=compared.anchors,
            changed=changed,
            not_calm=compared.not_calm,
        )
        if compared.missing:
            return replace(outcome, state=TrainingState.MISSING, reason=compared.missing)
        if not compared.fault:
            return replace(outcome, state=TrainingState.IDENTICAL) if compared.identical else outcome
        if not streams:
            return self._other_numbers(outcome, compared)
        return replace(outcome, state=TrainingState.MOVED, reason=f"Moved: {compared.fault}.")

    def elsewhere(self, begin: str) -> TrainingOutcome:
        """The outcome against another stack: compatible or moved, never reproduced. ``begin``: of its reason."""
        refused, changed = self._sameness(versions=False)
        if refused is not None:
            return refused
        canonical = self._canonical()
        to_the_end = bool(self.trained.trials)
        compared = canonical or _Compared()
        if to_the_end:
            compared = compared.then(self._ended(paired=False, curves=False))
        outcome = TrainingOutcome(
            TrainingState.NEW,
            begin,
            to_the_end=to_the_end,
            movement=compared.movement,
            anchors=compared.anchors,
            changed=changed,
        )
        if compared.fault:
            reason = f"{begin}: {compared.fault}."
            return replace(outcome, state=TrainingState.MOVED, reason=reason, compatible=False)
        kinds = ["the canonical trace"] * (canonical is not None) + ["the end"] * to_the_end
        if not kinds:
            return replace(outcome, reason=f"{begin}: nothing to compare.")
        return replace(outcome, reason=f"{begin}: {' and '.join(kinds)} compatible.", compatible=True)

    def _sameness(self, versions: bool = True) -> tuple[TrainingOutcome | None, tuple[tuple[str, Any, Any], ...]]:
        """(an outcome, ()) if the trainings are not the same; else (None, the values that another Keras changed)."""
        from harness.training.configuration import differences

        changed = tuple(differences(self.known.configuration, self.trained.configuration))
        ours = [change for change in changed if change[0].split(".")[0].split("[")[0] not in KERAS]
        keras = self.here.fingerprint.get("keras")
        same_keras = keras in {session.fingerprint.get("keras") for session in self.known.sessions}
        if changed and (ours or (versions and same_keras)):
            by = "the catalogue" if ours else f"the catalogue: Keras is {keras} as it was"
            reason = f"Another training, changed by {by}: {_keys(ours or changed)}."
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, reason, changed=changed), ()
        declared, stored = {metric.name for metric in self.metrics}, set(self.known.metrics)
        if declared != stored and self.known.trials:
            faults = [
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("not in the evidence:", declared - stored), ("not declared:", stored - declared))
                if names
            ]
            return TrainingOutcome(TrainingState.MISSING, f"Metrics {'; '.join(faults)}."), ()
        return None, changed

    def _same_streams(self) -> bool:
        """Whether a seed has the same random numbers as when it was stored. Only another version may change them."""
        then, now = self.known.hashes, self.trained.hashes
        return same_versions(self.known, self.here.fingerprint) or then is None or now is None or then == now

    def _start(self) -> _Compared:
        """Compares the first T steps, the validation loss after them, and the recorded metrics of the initial model."""
        stored = self.known.plain
        ours = self.trained.plain
        seeds, steps = sorted(ours.keys() & stored.keys()), self._steps
        if not seeds or not steps:
            holds = f"traces of seeds {', '.join(map(str, sorted(stored)))}" if stored else "no traces"
            reason = f"The evidence holds {holds}, with {steps} steps to compare; trained here: seeds {sorted(ours)}."
            return _Compared(missing=f"{reason} Nothing was compared: store the traces with --update-baselines.")
        lacking = [seed for seed in seeds if len(ours[seed].losses) < steps]
        if lacking:
            done = len(ours[lacking[0]].losses)
            return _Compared(missing=f"Seed {lacking[0]} was trained for {done} of {steps} steps.")
        before, now = ({seed: side[seed].losses[:steps] for seed in seeds} for side in (stored, ours))
        compared = dataclasses.replace(_curves(before, now, "training loss, step"), steps=steps, seeds=len(seeds))
        if not compared.fault:
            compared = compared.then(self._validated(ours, stored))
        twice = _twice(now.items())
        if twice and not compared.fault and not _twice(before.items()):
            return dataclasses.replace(compared, fault=ONE_TRAINING.format(*twice))
        return compared

    @property
    def _steps(self) -> int:
        """The number of first steps to compare: T, or all that the traces have."""
        if self.known.steps is not None:
            return self.known.steps
        both = (*self.known.traces, *self.trained.traces)
        return min((len(trial.losses) for trial in both), default=0)

    def _validated(self, ours: Mapping[int, ShortTrial], stored: Mapping[int, ShortTrial]) -> _Compared:
        """Compares the validation loss after T steps, and the recorded metrics of the initial model.

        The validation loss is not compared where rounding moves it after every step (``rounding.checked_steps``).
        """
        steps, seeds = self._steps, sorted(ours.keys() & stored.keys())
        traces = self.known.traces
        moves = any(trace.perturbed for trace in traces) and not reproducible_steps(traces)
        pairs = {
            seed: (stored[seed].val_losses[0] or 0.0, last, now)
            for seed in (() if moves else seeds)
            if (last := _at(stored[seed].val_losses, steps)) is not None
            and (now := _at(ours[seed].val_losses, steps)) is not None
        }
        movement = _median_moved(
            "validation loss after step",
            {seed: (value(last), value(now)) for seed, (_, last, now) in pairs.items()},
            {seed: FLOOR * abs(value(first)) for seed, (first, _, _) in pairs.items()},
            step=steps,
        )
        identical, not_calm = all(last == now for _, last, now in pairs.values()), ["val_loss"] * moves
        for seed in seeds:
            perturbed = [trace.observed for trace in traces if trace.perturbed and trace.seed == seed]
            for name in ours[seed].observed.keys() & stored[seed].observed.keys():
                before, now = stored[seed].observed[name], ours[seed].observed[name]
                if any(relative(value(other[name]), value(before)) > LIMIT for other in perturbed if name in other):
                    not_calm.append(name)
                    continue
                identical = identical and before == now
                movement = movement or _median_moved(f"{name} at the start", {seed: (value(before), value(now))})
        return _Compared(identical, movement or "", not_calm=tuple(sorted(set(not_calm))))

    def _tiny(self) -> _Compared:
        """Compares a tiny training seed by seed: the metrics and the losses of the first epochs that are calm."""
        stored = {trial.seed: trial for trial in self.known.trials}
        ours = {trial.seed: trial for trial in self.trained.trials}
        seeds, steps, calm = sorted(ours.keys() & stored.keys()), self._steps, self.known.calm
        then = {seed: trace.losses for seed, trace in self.known.plain.items() if seed in ours}
        now = {seed: numbers(ours[seed].history.get("loss", ())[:MOST_STEPS]) for seed in then}
        compared = _curves(then, now, "training loss, epoch", steps, each=False)
        names = {metric.name: metric for metric in self.metrics}
        not_calm = [name for name in names if name not in calm]
        longest = max((len(losses) for losses in then.values()), default=0)
        if longest > steps:
            not_calm.append(f"training loss of epochs {steps + 1} to {longest}")
        fault: Movement | str = self._failed(ours.values(), stored) or compared.fault
        for name in calm if not fault else ():
            pairs = {seed: (stored[seed].metrics[name], ours[seed].metrics.get(name)) for seed in seeds}
            fault = fault or _median_moved(name, pairs, dict.fromkeys(seeds, floor(names.get(name)))) or ""
        same = all(ours[seed].metrics == stored[seed].metrics for seed in seeds)
        return _Compared(compared.identical and same, fault, steps, len(seeds), not_calm=tuple(not_calm))

    def _ended(self, paired: bool, curves: bool = True) -> _Compared:
        """Compares trials to the end with the stored seeds: each trial with an interval, many trials by their means.

        Few trials are anchors. A run to the end and a tiny training have many. ``curves`` False compares no loss
        curves: on another stack, Keras clips probabilities differently, which moves losses by more than rounding.
        """
        few = not self.here.full and not self.known.tiny
        compared = self._within(self.trained.trials, *((ANCHORS, ANCHOR_TAILS) if few else (OUTLIERS, OUTLIER_TAILS)))
        if not compared.fault and paired and curves and self.known.calm_to_the_end:
            compared = compared.then(self._epochs())
        if compared.fault or few:
            return compared
        twice = _repeated(self.trained.trials)
        if twice and not _repeated(self.known.trials):
            return dataclasses.replace(compared, fault=ONE_TRAINING.format(*twice))
        before = self.known.trials if curves else [replace(trial, history={}) for trial in self.known.trials]
        moved = drifted(self.trained.trials, before, self.metrics, DRIFTS / self.counts.variants, paired)
        return dataclasses.replace(compared, fault=moved)

    def _epochs(self) -> _Compared:
        """Compares all losses epoch by epoch, over the seeds whose curves are stored."""
        stored = {trial.seed: trial.history for trial in self.known.trials if trial.history}
        ours = {trial.seed: trial.history for trial in self.trained.trials if trial.seed in stored}
        compared = _Compared()
        for name in next(iter(ours.values()), {}):
            if not name.endswith("loss") or compared.fault:
                continue
            then, now = (
                {seed: numbers(stored_curve(side[seed].get(name, ()))) for seed in ours} for side in (stored, ours)
            )
            curves = _curves(then, now, "training loss, epoch" if name == "loss" else f"{name}, epoch")
            compared = compared.then(dataclasses.replace(curves, epochs=max(map(len, now.values()))))
        return compared

    def _within(self, ours: Sequence[Trial], chance: float, tails: int) -> _Compared:
        """Compares the primary metric of each trial with the prediction interval of the stored seeds."""
        stored, metric = {trial.seed: trial for trial in self.known.trials}, self.metrics[0]
        values = [trial.metrics.get(metric.name) for trial in self.known.trials]
        expected = interval(values, metric, chance / self.counts.trials, tails)
        anchors = []
        fault = self._failed(ours, stored)
        identical = True
        for trial in ours:
            then = stored.get(trial.seed)
            before, now = then.metrics.get(metric.name) if then else None, trial.metrics.get(metric.name)
            anchors.append(Anchor(trial.seed, metric.name, before, now, expected))
            identical = identical and then is not None and dict(trial.metrics) == dict(then.metrics)
            if now is not None and expected is not None and not expected.contains(now):
                alongside = f", stored {number_text(before)}" if then else ""
                fault = fault or (
                    f"{metric.name} of seed {trial.seed} is {number_text(now)}{alongside}, outside "
                    f"{number_text(expected.low)} to {number_text(expected.high)}, "
                    f"where one more of {expected.seeds} stored seeds falls"
                )
        return _Compared(identical, fault, seeds=len(ours), anchors=tuple(anchors))

    def _failed(self, ours: Iterable[Trial], stored: Mapping[int, Trial]) -> str:
        """Describes the first trial that failed although its stored trial did not, or that lacks epochs; "" for none.

        A seed that is not stored must not fail if no stored seed failed.
        """
        never = not any(trial.divergence for trial in stored.values())
        epochs = self.known.configuration.get("epochs", 0)
        for trial in ours:
            then = stored.get(trial.seed)
            if trial.divergence and (then.divergence is None if then else never):
                how = f"{trial.divergence.kind} in epoch {trial.divergence.epoch}"
                other = "its stored trial trained" if then else f"all {len(stored)} stored trials trained"
                return f"seed {trial.seed} failed ({how}), {other}"
            trained = len(trial.history.get("loss", ())) or epochs
            if trained < epochs and not trial.divergence:
                return f"seed {trial.seed} ended after {trained} of {epochs} epochs"
        return ""

    def _canonical(self) -> _Compared | None:
        """Compares the canonical trace; None if either side has none."""
        steps, ours = canonical_steps(self.known), self.trained.canonical
        if not steps or len(ours) < steps:
            return None
        return _curves({0: self.known.canonical[:steps]}, {0: ours[:steps]}, "canonical training loss, step")

    def _other_numbers(self, outcome: TrainingOutcome, compared: _Compared) -> TrainingOutcome:
        """The outcome if another version draws other random numbers.

        The start is reproduced if the canonical trace and the distribution over seeds are.
        """
        versions = ", ".join(
            f"{key} {then} → {now}"
            for key in VERSIONS
            if (now := self.here.fingerprint.get(key)) != (then := self.known.sessions[-1].fingerprint.get(key))
        )
        begin = f"This version draws other random numbers ({versions})"
        canonical = self._canonical()
        if canonical is None or canonical.fault:
            why = canonical.fault if canonical else "there is no canonical trace to compare"
            return replace(outcome, state=TrainingState.MOVED, reason=f"{begin}, and {why}.")
        fault: Movement | str = self._other_start()
        if not fault and self.trained.trials:
            fault = self._ended(paired=False).fault
        if fault:
            return replace(outcome, state=TrainingState.MOVED, reason=f"{begin}, and the distribution moved: {fault}.")
        reason = f"{begin}; the canonical trace and the distribution over seeds are reproduced."
        return replace(
            outcome, state=TrainingState.START_REPRODUCED, reason=reason, movement=None, anchors=compared.anchors
        )

    def _other_start(self) -> str:
        """Compares the log loss of step 1, and its mean over T steps, by Student's t test over seeds; "" if equal."""
        import numpy as np
        from scipy.stats import ttest_ind

        steps = self._steps
        ours, then = ([trial.losses[:steps] for trial in side.plain.values()] for side in (self.trained, self.known))
        if min(len(ours), len(then)) < 2 or not steps:
            return ""
        with np.errstate(all="ignore"):
            now_log, then_log = (np.log(np.array([[value(x) for x in row] for row in rows])) for rows in (ours, then))
        level = STARTS / (2 * self.counts.variants)
        for what, a, b in (
            ("step 1", now_log[:, 0], then_log[:, 0]),
            (f"{steps} steps", now_log.mean(axis=1), then_log.mean(axis=1)),
        ):
            apart = float(abs(a.mean() - b.mean()))
            if not apart > LIMIT:
                continue
            p = float(ttest_ind(a, b).pvalue) if float(max(np.ptp(a), np.ptp(b))) > 0 else 0.0
            if p < level:
                return f"training loss of {what}: {np.exp(b.mean()):.6g} → {np.exp(a.mean()):.6g}, p = {p:.2g}"
        return ""


def _summary(compared: _Compared, to_the_end: bool, full: bool, tiny: bool) -> str:
    """A sentence that says what was compared."""
    if tiny and to_the_end and not full:
        left = f"; {len(compared.not_calm)} features that rounding moves were not compared" if compared.not_calm else ""
        return f"Compared: {compared.seeds} seeds to the end, their first {compared.steps} epochs one by one{left}."
    parts = [f"{compared.steps} steps of {compared.seeds} seeds"] if compared.steps else []
    for anchor in compared.anchors[:1] if not full else ():
        parts.append(f"seed {anchor.seed} to the end {number_text(anchor.now)}, stored {number_text(anchor.before)}")
    if full:
        parts.append(f"{len(compared.anchors)} seeds to the end")
    if compared.epochs:
        parts.append(f"{compared.epochs} epochs one by one")
    return f"Compared: {'; '.join(parts)}."


def _curves(
    then: Mapping[int, Sequence[Number]],
    now: Mapping[int, Sequence[Number]],
    feature: str,
    steps: int | None = None,
    each: bool = True,
) -> _Compared:
    """Compares curves of the same seeds step by step, or epoch by epoch.

    Something moved at the first of the ``steps`` (None: of all) where the median over seeds of the relative differences
    exceeds LIMIT; before that, with ``each``, where a single seed has no finite value although its stored trial has.
    """
    identical = all(_same_losses(now[seed], then[seed]) for seed in then)
    rows = [(seed, list(zip(then[seed], now[seed], strict=False))[:steps]) for seed in then]
    for seed, row in rows if each else ():
        for step, (before, after) in enumerate(row, 1):
            if math.isfinite(value(before)) and not math.isfinite(value(after)):
                return _Compared(identical, Movement(feature, "inf", LIMIT, before, after, seed, step))
    floors = {seed: FLOOR * abs(value(row[0][0])) for seed, row in rows if row}
    for step in range(max((len(row) for _, row in rows), default=0)):
        pairs = {seed: (value(row[step][0]), value(row[step][1])) for seed, row in rows if step < len(row)}
        if movement := _median_moved(feature, pairs, floors, step + 1):
            return _Compared(identical, movement)
    return _Compared(identical)


def _median_moved(
    feature: str,
    pairs: Mapping[int, tuple[float | None, float | None]],
    floors: Mapping[int, float] | None = None,
    step: int | None = None,
) -> Movement | None:
    """The movement where the median over seeds of the relative differences exceeds LIMIT.

    Args:
        feature: its name.
        pairs: by seed: (before, now).
        floors: by seed, the least size that a difference is relative to.
        step: of the feature.
    """
    sizes = {seed: relative(now, then, (floors or {}).get(seed, 0.0)) for seed, (then, now) in pairs.items()}
    if not sizes or (median := statistics.median(sizes.values())) <= LIMIT:
        return None
    seed = sorted(sizes, key=sizes.__getitem__)[len(sizes) // 2]
    before, now = (None if x is None else number(x) for x in pairs[seed])
    return Movement(feature, number(median), LIMIT, before, now, seed, step, len(sizes))


def _at(losses: Sequence[Number | None], step: int) -> Number | None:
    """The loss after a step; None if there is none."""
    return losses[step - 1] if len(losses) >= step else None


def _same_losses(now: Sequence[Number], then: Sequence[Number]) -> bool:
    return len(now) == len(then) and all(relative(value(a), value(b)) == 0 for a, b in zip(now, then, strict=True))


def _repeated(done: Iterable[Trial]) -> tuple[int, int] | None:
    """The first two seeds whose curves are all finite and equal; None if there are none."""
    curves = ((trial.seed, tuple(sorted(trial.history.items()))) for trial in done)
    return _twice((seed, own) for seed, own in curves if own and all(x is not None for _, curve in own for x in curve))


def _twice(values: Iterable[tuple[int, object]]) -> tuple[int, int] | None:
    """The first two seeds with equal values; None if there are none."""
    seen: dict[object, int] = {}
    for seed, own in values:
        if own in seen:
            return seen[own], seed
        seen[own] = seed
    return None


def _keys(changed: Collection[tuple[str, Any, Any]]) -> str:
    """The first five changes as text: "model.rate 0.2 then, 0.3 now"."""
    texts = [f"{key} {then!r} then, {now!r} now" for key, then, now in list(changed)[:5]]
    return "; ".join(texts) + (f"; and {len(changed) - 5} more" if len(changed) > 5 else "")
