"""Compares the trainings of this machine with the evidence: an outcome for each variant, a state for each claim.

Everything here is a pure function of the trainings, the catalogue and the evidence.

- A shortened training is compared step by step.
- A tiny training is compared seed by seed, to the end.
- An anchor is compared with the prediction interval of the stored seeds.
- A run to the end is compared by its means and by each seed (``harness.check.prediction``).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from harness.check.evidence import floor, stored_curve, trials
from harness.check.prediction import ANCHOR_TAILS, ANCHORS, DRIFTS, OUTLIER_TAILS, OUTLIERS, drifted, interval
from harness.check.rounding import FLOOR, LIMIT, MOST_STEPS, relative, reproducible_steps
from harness.domain.experiment import Experiment
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.record.evidence import Evidence, Fingerprint, Trace, VariantEvidence
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
from harness.record.trials import ShortTrial, Trained

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


@dataclass(frozen=True)
class Trainings:
    """The trainings of a run.

    Attributes:
        stack, fingerprint: of this machine (``harness.environment.fingerprint``).
        trained: by experiment and variant. A selected variant without any training has an empty ``Trained``.
        full: whether the run trained many seeds to the end.
    """

    stack: str
    fingerprint: Fingerprint
    trained: Mapping[str, Mapping[str, Trained]]
    full: bool = False


def claim_state(outcomes: Iterable[TrainingOutcome]) -> ClaimState:
    """How far this machine confirms a claim's verdict, from the outcomes of the claim's variants."""
    found = list(outcomes)
    if all(one.state in REPRODUCED for one in found):
        ended = all(one.to_the_end and one.state is not TrainingState.START_REPRODUCED for one in found)
        return ClaimState.CONFIRMED if ended else ClaimState.START_CONFIRMED
    if all(one.state in REPRODUCED or (one.state is TrainingState.NEW and one.compatible) for one in found):
        return ClaimState.COMPATIBLE
    return ClaimState.NOT_CONFIRMED


def judge(
    run: Trainings,
    experiments: Mapping[str, Experiment],
    evidence: Mapping[str, Mapping[str, Evidence]],
    counts: Counts | None = None,
) -> dict[str, dict[str, TrainingOutcome]]:
    """The outcome of every variant of the run, by experiment and variant.

    A variant that has evidence but is no longer declared by its experiment has the state MISSING.

    Args:
        run: the trainings of this machine.
        experiments: the catalogue's experiments, by id.
        evidence: by stack and experiment: of the run's own stack, and of the reference stack.
        counts: of the whole run, if ``run`` is a part of it; None for those of ``run``.
    """
    found: dict[str, dict[str, TrainingOutcome]] = {}
    counts = counts or Counts.of(run, evidence.get(run.stack, {}))
    for name, variants in run.trained.items():
        experiment = experiments[name]
        own, reference = (evidence.get(stack, {}).get(name) for stack in (run.stack, REFERENCE))
        outcomes = found.setdefault(name, {})
        for variant, trained in variants.items():
            stored = own.variants.get(variant) if own else None
            if stored is not None:
                outcomes[variant] = _Comparison(run, experiment, variant, trained, stored, counts).outcome()
                continue
            other = reference.variants.get(variant) if reference and run.stack != REFERENCE else None
            outcomes[variant] = (
                _Comparison(run, experiment, variant, trained, other, counts).elsewhere()
                if other is not None
                else TrainingOutcome(TrainingState.NEW, f"No evidence of this variant is stored for {run.stack}.")
            )
        declared = {variant.name for variant in experiment.variants}
        for variant in own.variants if own else ():
            if variant not in declared:
                reason = "The evidence holds this variant, but the experiment does not declare it."
                outcomes[variant] = TrainingOutcome(TrainingState.MISSING, reason)
    return found


def same_versions(stored: VariantEvidence, fingerprint: Fingerprint) -> bool:
    """Whether some stored seeds were trained with the versions of this fingerprint."""
    versions = [fingerprint.get(key) for key in VERSIONS]
    return any(versions == [session.fingerprint.get(key) for key in VERSIONS] for session in stored.sessions)


def canonical_steps(stored: VariantEvidence) -> int:
    """Number of steps of the canonical trace to compare: like T, but for one trial and a tenth of the limit; at most T.

    The canonical trial has no median over seeds and no perturbed trials of its own. Its differences may grow one step
    earlier than those of the perturbed trials, which is a factor of about ten.
    """
    return min(
        reproducible_steps(stored.traces, seeds=1, limit=LIMIT / 10), stored.steps or MOST_STEPS, len(stored.canonical)
    )


@dataclass(frozen=True)
class Counts:
    """The numbers of tests among which a run's chance of a false alarm is divided."""

    variants: int
    trials: int

    @classmethod
    def of(cls, run: Trainings, own: Mapping[str, Evidence]) -> Counts:
        """Counts all variants, and the trials compared with an interval. A check compares no tiny training with one."""
        variants = [(name, key, one) for name, all_of in run.trained.items() for key, one in all_of.items()]
        trials = 0
        for name, key, one in variants:
            stored = own[name].variants.get(key) if name in own else None
            if run.full or stored is None or not stored.tiny:
                trials += len(one.trials)
        return cls(max(1, len(variants)), max(1, trials))


@dataclass(frozen=True)
class _Compared:
    """The result of a comparison. If something moved, either ``movement`` or the text ``moved`` says what."""

    identical: bool = True
    movement: Movement | None = None
    moved: str = ""
    steps: int = 0
    seeds: int = 0
    epochs: int = 0
    anchors: tuple[Anchor, ...] = ()
    not_calm: tuple[str, ...] = ()
    missing: str = ""

    @property
    def fault(self) -> str:
        return self.moved or (str(self.movement) if self.movement else "")


@dataclass(frozen=True)
class _Comparison:
    """Compares a variant on this machine with its stored trials."""

    run: Trainings
    experiment: Experiment
    name: str
    trained: Trained
    stored: VariantEvidence
    counts: Counts
    before: tuple[Trial, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", trials(self.stored, self.name))

    def outcome(self) -> TrainingOutcome:
        """The outcome against the evidence of this stack."""
        refused, changed = self._sameness()
        if refused is not None:
            return refused
        if self.stored.traces and not self.stored.steps and not self.trained.trials:
            reason = "Rounding moves the first step of this training, so no step of it is compared."
            return TrainingOutcome(TrainingState.NEW, reason, changed=changed, not_calm=("training loss",))
        if not self.trained.short and not self.trained.trials:
            return TrainingOutcome(
                TrainingState.MISSING, "The evidence holds this variant, but nothing of it was trained here."
            )
        streams = self._same_streams()
        parts = []
        if self.trained.short:
            parts.append(self._start())
        tiny = self.stored.tiny and any(trial.seed < self.stored.seeds for trial in self.trained.trials)
        if self.trained.trials:  # with the same random numbers, a seed is compared with itself
            parts.append(self._tiny() if tiny else self._ended(paired=streams))
        compared = functools.reduce(_joined, parts)
        outcome = TrainingOutcome(
            TrainingState.REPRODUCED if self.trained.trials else TrainingState.START_REPRODUCED,
            _summary(compared, bool(self.trained.trials), self.run.full, self.stored.tiny),
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

    def elsewhere(self) -> TrainingOutcome:
        """The outcome against the evidence of the reference stack: compatible or moved, never reproduced."""
        refused, changed = self._sameness(versions=False)
        if refused is not None:
            return refused
        begin = f"No evidence of this variant is stored for {self.run.stack}. Against {REFERENCE}"
        canonical = self._canonical()
        ended = self._ended(paired=False, curves=False) if self.trained.trials else _Compared()
        fault = (str(canonical) if isinstance(canonical, Movement) else "") or ended.fault
        outcome = TrainingOutcome(
            TrainingState.NEW,
            begin,
            to_the_end=bool(self.trained.trials),
            movement=canonical if isinstance(canonical, Movement) else None,
            anchors=ended.anchors,
            changed=changed,
        )
        if fault:
            return replace(outcome, state=TrainingState.MOVED, reason=f"{begin}: {fault}.", compatible=False)
        if canonical is None and not self.trained.trials:
            return replace(outcome, reason=f"{begin}: nothing to compare.")
        kinds = (["the canonical trace"] if canonical is True else []) + (["the end"] if self.trained.trials else [])
        return replace(outcome, reason=f"{begin}: {' and '.join(kinds)} compatible.", compatible=True)

    def _sameness(self, versions: bool = True) -> tuple[TrainingOutcome | None, tuple[tuple[str, Any, Any], ...]]:
        """(an outcome, ()) if the trainings are not the same; else (None, the values that another Keras changed)."""
        from harness.training.configuration import differences

        changed = tuple(differences(self.stored.configuration, self.trained.configuration))
        ours = [one for one in changed if one[0].split(".")[0].split("[")[0] not in KERAS]
        known = {session.fingerprint.get("keras") for session in self.stored.sessions}
        keras = self.run.fingerprint.get("keras")
        if changed and (ours or (versions and keras in known)):
            by = "the catalogue" if ours else f"the catalogue: Keras is {keras} as it was"
            reason = f"Another training, changed by {by}: {_keys(ours or changed)}."
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, reason, changed=changed), ()
        declared, stored = {metric.name for metric in self.experiment.metrics}, set(self.stored.metrics)
        if declared != stored:
            faults = [
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("not in the evidence:", declared - stored), ("not declared:", stored - declared))
                if names
            ]
            return TrainingOutcome(TrainingState.MISSING, f"Metrics {'; '.join(faults)}."), ()
        return None, changed

    def _same_streams(self) -> bool:
        """Whether a seed has the same random numbers as when it was stored. Only another version may change them."""
        then, now = self.stored.hashes, self.trained.hashes
        return same_versions(self.stored, self.run.fingerprint) or then is None or now is None or then == now

    def _start(self) -> _Compared:
        """Compares the first T steps, the validation loss after them, and the recorded metrics of the initial model."""
        stored = {trace.seed: trace for trace in self.stored.traces if not trace.perturbed}
        ours = {one.seed: one for one in self.trained.short if not one.perturbed and not one.canonical}
        seeds, steps = sorted(ours.keys() & stored.keys()), self.stored.steps
        if not seeds or not steps:
            holds = f"traces of seeds {', '.join(map(str, sorted(stored)))}" if stored else "no traces"
            reason = f"The evidence holds {holds}, with {steps} steps to compare; trained here: seeds {sorted(ours)}."
            return _Compared(missing=f"{reason} Nothing was compared: store the traces with --update-baselines.")
        lacking = [seed for seed in seeds if len(ours[seed].losses) < steps]
        if lacking:
            done = len(ours[lacking[0]].losses)
            return _Compared(missing=f"Seed {lacking[0]} was trained for {done} of {steps} steps.")
        before, now = ({s: tuple(one[s].losses[:steps]) for s in seeds} for one in (stored, ours))
        found = _Compared(identical=before == now, steps=steps, seeds=len(seeds))
        movement = _lost(before, now, "training loss, step") or _first_moved(before, now, "training loss, step")
        if movement is None:
            movement, same, not_calm = self._validated(ours, stored)
            found = dataclasses.replace(found, identical=found.identical and same, not_calm=not_calm)
        twice = _twice(now.items())
        if movement is None and twice and not _twice(before.items()):
            found = dataclasses.replace(found, moved=ONE_TRAINING.format(*twice))
        return dataclasses.replace(found, movement=movement)

    def _validated(
        self, ours: Mapping[int, ShortTrial], stored: Mapping[int, Trace]
    ) -> tuple[Movement | None, bool, tuple[str, ...]]:
        """Compares the validation loss after T steps and the recorded metrics: (movement, identical, not calm).

        The validation loss is not compared where rounding moves it after every step (``rounding.checked_steps``).
        """
        steps, seeds = self.stored.steps, sorted(ours.keys() & stored.keys())
        traces = self.stored.traces
        moves = any(trace.perturbed for trace in traces) and not reproducible_steps(traces)
        known = [] if moves else [seed for seed in seeds if len(stored[seed].val_losses) >= steps]
        then = {seed: stored[seed].val_losses[:steps] for seed in known}
        pairs = {
            seed: (losses[0] or 0.0, losses[-1], now)
            for seed, losses in then.items()
            if losses[-1] is not None and (now := ours[seed].val_loss) is not None and len(ours[seed].losses) == steps
        }
        movement = _median_moved(
            "validation loss after step",
            {seed: (value(last), value(now)) for seed, (_, last, now) in pairs.items()},
            {seed: FLOOR * abs(value(first)) for seed, (first, _, _) in pairs.items()},
            step=steps,
        )
        identical, not_calm = all(last == now for _, last, now in pairs.values()), ["val_loss"] * moves
        for seed in seeds:
            perturbed = [trace.observed for trace in self.stored.traces if trace.perturbed and trace.seed == seed]
            for name in ours[seed].observed.keys() & stored[seed].observed.keys():
                before, now = stored[seed].observed[name], ours[seed].observed[name]
                if any(relative(value(one[name]), value(before)) > LIMIT for one in perturbed if name in one):
                    not_calm.append(name)
                    continue
                identical = identical and before == now
                movement = movement or _median_moved(f"{name} at the start", {seed: (value(before), value(now))})
        return movement, identical, tuple(sorted(set(not_calm)))

    def _tiny(self) -> _Compared:
        """Compares a tiny training seed by seed: the metrics and the losses of the first epochs that are calm."""
        stored = {trial.seed: trial for trial in self.before}
        ours = {trial.seed: trial for trial in self.trained.trials}
        seeds = sorted(ours.keys() & stored.keys())
        if not seeds:
            return _Compared(missing=f"The evidence holds seeds 0 to {len(stored) - 1}; trained here: {sorted(ours)}.")
        failed = self._failed(ours.values(), stored)
        identical = all(ours[s].metrics == stored[s].metrics for s in seeds)
        names = {metric.name: metric for metric in self.experiment.metrics}
        not_calm = [name for name in names if name not in self.stored.calm]
        traces = {t.seed: t for t in self.stored.traces if not t.perturbed and t.seed in ours}
        then = {seed: trace.losses for seed, trace in traces.items()}
        now = {
            seed: tuple(math.nan if x is None else x for x in ours[seed].history.get("loss", ())[:MOST_STEPS])
            for seed in traces
        }
        identical = identical and all(_same_losses(now[seed], then[seed]) for seed in then)
        longest = max((len(losses) for losses in then.values()), default=0)
        if longest > self.stored.steps:
            not_calm.append(f"training loss of epochs {self.stored.steps + 1} to {longest}")
        found = _Compared(identical, steps=self.stored.steps, seeds=len(seeds), not_calm=tuple(not_calm))
        if failed:
            return dataclasses.replace(found, moved=failed)
        movement = _first_moved(
            {seed: losses[: self.stored.steps] for seed, losses in then.items()}, now, "training loss, epoch"
        )
        for name in self.stored.calm if movement is None else ():
            pairs = {seed: (stored[seed].metrics[name], ours[seed].metrics.get(name)) for seed in seeds}
            movement = movement or _median_moved(name, pairs, dict.fromkeys(seeds, floor(names.get(name))))
        return dataclasses.replace(found, movement=movement)

    def _ended(self, paired: bool, curves: bool = True) -> _Compared:
        """Compares trials to the end with the stored seeds: each trial with an interval, many trials by their means.

        Few trials are anchors. A run to the end and a tiny training have many. ``curves`` False compares no loss
        curves: on another stack, Keras clips probabilities differently, which moves losses by more than rounding.
        """
        few = not self.run.full and not self.stored.tiny
        found = self._within(self.trained.trials, *((ANCHORS, ANCHOR_TAILS) if few else (OUTLIERS, OUTLIER_TAILS)))
        if not found.fault and paired and curves and self.stored.calm_to_the_end:
            found = self._epochs(found)
        if found.fault or few:
            return found
        twice = _repeated(self.trained.trials)
        if twice and not _repeated(self.before):
            return dataclasses.replace(found, moved=ONE_TRAINING.format(*twice))
        level = DRIFTS / self.counts.variants
        before = self.before if curves else [replace(trial, history={}) for trial in self.before]
        return dataclasses.replace(
            found, moved=drifted(self.trained.trials, before, self.experiment.metrics, level, paired)
        )

    def _epochs(self, found: _Compared) -> _Compared:
        """Adds the comparison of losses epoch by epoch, over the seeds whose curves are stored."""
        stored = {trial.seed: trial.history for trial in self.before if trial.history}
        ours = {trial.seed: trial.history for trial in self.trained.trials if trial.seed in stored}
        for name in next(iter(ours.values()), {}):
            if not name.endswith("loss"):
                continue
            then, now = (
                {seed: [math.nan if x is None else x for x in stored_curve(one[seed].get(name, ()))] for seed in ours}
                for one in (stored, ours)
            )
            what = "training loss, epoch" if name == "loss" else f"{name}, epoch"
            movement = _lost(then, now, what) or _first_moved(then, now, what)
            same = all(_same_losses(now[seed], then[seed]) for seed in then)
            epochs = max(found.epochs, *map(len, now.values()))
            found = dataclasses.replace(found, identical=found.identical and same, epochs=epochs, movement=movement)
            if movement is not None:
                break
        return found

    def _within(self, ours: Sequence[Trial], chance: float, tails: int) -> _Compared:
        """Compares the primary metric of each trial with the prediction interval of the stored seeds."""
        stored, metric = {trial.seed: trial for trial in self.before}, self._primary
        expected = interval(self.stored.metrics[metric.name], metric, chance / self.counts.trials, tails)
        anchors = []
        failed = self._failed(ours, stored)
        moved = [failed] if failed else []
        identical = True
        for trial in ours:
            then = stored.get(trial.seed)
            now = trial.metrics.get(metric.name)
            anchors.append(Anchor(trial.seed, metric.name, then.metrics[metric.name] if then else None, now, expected))
            identical = identical and then is not None and dict(trial.metrics) == dict(then.metrics)
            if now is not None and expected is not None and not expected.contains(now):
                alongside = f", stored {number_text(then.metrics[metric.name])}" if then else ""
                moved.append(
                    f"{metric.name} of seed {trial.seed} is {number_text(now)}{alongside}, outside "
                    f"{number_text(expected.low)} to {number_text(expected.high)}, "
                    f"where one more of {expected.seeds} stored seeds falls"
                )
        return _Compared(identical, moved=moved[0] if moved else "", seeds=len(ours), anchors=tuple(anchors))

    def _failed(self, ours: Iterable[Trial], stored: Mapping[int, Trial]) -> str:
        """Describes the first trial that failed although its stored trial did not, or that lacks epochs; "" for none.

        A seed that is not stored must not fail if no stored seed failed.
        """
        never = not any(trial.divergence for trial in stored.values())
        epochs = self.stored.configuration["epochs"]
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

    def _canonical(self) -> Movement | bool | None:
        """What moved in the canonical trace; True if it is reproduced, None if either side has no trace."""
        ours = next((one for one in self.trained.short if one.canonical and not one.perturbed), None)
        steps = canonical_steps(self.stored)
        if ours is None or not steps or len(ours.losses) < steps:
            return None
        then, now = {ours.seed: self.stored.canonical[:steps]}, {ours.seed: ours.losses[:steps]}
        what = "canonical training loss, step"
        return _lost(then, now, what) or _first_moved(then, now, what) or True

    def _other_numbers(self, outcome: TrainingOutcome, compared: _Compared) -> TrainingOutcome:
        """The outcome if another version draws other random numbers.

        The start is reproduced if the canonical trace and the distribution over seeds are.
        """
        versions = ", ".join(
            f"{key} {then} → {now}"
            for key in VERSIONS
            if (now := self.run.fingerprint.get(key)) != (then := self.stored.sessions[-1].fingerprint.get(key))
        )
        begin = f"This version draws other random numbers ({versions})"
        canonical = self._canonical()
        if canonical is not True:
            why = "there is no canonical trace to compare" if canonical is None else f"{canonical}"
            return replace(outcome, state=TrainingState.MOVED, reason=f"{begin}, and {why}.")
        fault = self._other_start()
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

        steps = self.stored.steps
        ours = [one.losses[:steps] for one in self.trained.short if not one.perturbed and not one.canonical]
        then = [trace.losses[:steps] for trace in self.stored.traces if not trace.perturbed]
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

    @property
    def _primary(self) -> Metric:
        return self.experiment.metrics[0]


def _joined(start: _Compared, end: _Compared) -> _Compared:
    """Joins two comparisons of a variant. The first fault counts."""
    return dataclasses.replace(
        start,
        identical=start.identical and end.identical,
        movement=start.movement or end.movement,
        moved=start.moved if start.fault else end.moved,
        anchors=end.anchors,
        epochs=end.epochs,
        not_calm=(*start.not_calm, *end.not_calm),
        missing=start.missing or end.missing,
    )


def _summary(found: _Compared, to_the_end: bool, full: bool, tiny: bool) -> str:
    """A sentence that says what was compared."""
    if tiny and to_the_end and not full:
        left = f"; {len(found.not_calm)} features that rounding moves were not compared" if found.not_calm else ""
        return f"Compared: {found.seeds} seeds to the end, their first {found.steps} epochs one by one{left}."
    parts = [f"{found.steps} steps of {found.seeds} seeds"] if found.steps else []
    for one in found.anchors[:1] if not full else ():
        parts.append(f"seed {one.seed} to the end {number_text(one.now)}, stored {number_text(one.before)}")
    if full:
        parts.append(f"{len(found.anchors)} seeds to the end")
    if found.epochs:
        parts.append(f"{found.epochs} epochs one by one")
    return f"Compared: {'; '.join(parts)}."


def _lost(then: Mapping[int, Sequence[Number]], now: Mapping[int, Sequence[Number]], feature: str) -> Movement | None:
    """The first step at which a seed has no finite loss, but its stored trial has."""
    for seed in then:
        for step, (a, b) in enumerate(zip(then[seed], now[seed], strict=False), 1):
            if math.isfinite(value(a)) and not math.isfinite(value(b)):
                return Movement(feature, "inf", LIMIT, number(value(a)), number(value(b)), seed, step)
    return None


def _first_moved(
    then: Mapping[int, Sequence[Number]], now: Mapping[int, Sequence[Number]], feature: str
) -> Movement | None:
    """The first step at which the median over seeds of the relative differences exceeds LIMIT."""
    steps = max((min(len(then[seed]), len(now[seed])) for seed in then), default=0)
    for step in range(steps):
        pairs, floors = {}, {}
        for seed in then:
            if step < min(len(then[seed]), len(now[seed])):
                pairs[seed] = (value(then[seed][step]), value(now[seed][step]))
                floors[seed] = FLOOR * abs(value(then[seed][0]))
        if movement := _median_moved(feature, pairs, floors, step + 1):
            return movement
    return None


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
    seed = sorted(sizes, key=lambda one: sizes[one])[len(sizes) // 2]
    before, now = (None if one is None else number(one) for one in pairs[seed])
    return Movement(feature, number(median), LIMIT, before, now, seed, step, len(sizes))


def _same_losses(now: Sequence[Number], then: Sequence[Number]) -> bool:
    return len(now) == len(then) and all(relative(value(a), value(b)) == 0 for a, b in zip(now, then, strict=True))


def _repeated(done: Sequence[Trial]) -> tuple[int, int] | None:
    """The first two seeds whose curves are all finite and equal; None if there are none."""
    curves = ((trial.seed, tuple(sorted(trial.history.items()))) for trial in done)
    return _twice((seed, one) for seed, one in curves if one and all(x is not None for _, curve in one for x in curve))


def _twice(found: Iterable[tuple[int, object]]) -> tuple[int, int] | None:
    """The first two seeds with equal values; None if there are none."""
    seen: dict[object, int] = {}
    for seed, one in found:
        if one in seen:
            return seen[one], seed
        seen[one] = seed
    return None


def _keys(changed: Collection[tuple[str, Any, Any]]) -> str:
    """The first five changes as text: "model.rate 0.2 then, 0.3 now"."""
    texts = [f"{key} {then!r} then, {now!r} now" for key, then, now in list(changed)[:5]]
    return "; ".join(texts) + (f"; and {len(changed) - 5} more" if len(changed) > 5 else "")
