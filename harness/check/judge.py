"""Compares a training with what is known of it, and says how far that confirms a claim.

What is known comes from the evidence, or from an earlier run. Everything here is a pure function.

- A shortened training is compared step by step, from its initial weights and from late states.
- A tiny training is compared seed by seed, to the end.
- An anchor is compared with the prediction interval of the stored seeds.
- A run to the end is compared by its means and by each seed (``harness.check.difference``).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec.structs import replace

from harness.check.difference import (
    ANCHOR_TAILS,
    ANCHORS,
    DRIFTS,
    OUTLIER_TAILS,
    OUTLIERS,
    drifted,
    geometric_mean,
    interval,
    of_equal_variance,
)
from harness.check.evidence import changes_text, stored_curve
from harness.check.rounding import FLOOR, LIMIT, MOST_STEPS, floor, numbers, relative
from harness.model import Experiment, Metric, Trial
from harness.record.evidence import Evidence
from harness.record.outcomes import (
    REPRODUCED,
    Anchor,
    ClaimState,
    Movement,
    TrainingOutcome,
    TrainingState,
    number_text,
)
from harness.record.trials import Fingerprint, Number, State, Training, number, value

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
    if all(outcome.compatible or outcome.state in REPRODUCED for outcome in outcomes):
        return ClaimState.COMPATIBLE
    return ClaimState.NOT_CONFIRMED


@dataclass(frozen=True)
class Circumstances:
    """Of the run that is compared.

    Attributes:
        stack, fingerprint: of the run.
        full: whether it trains many seeds to the end.
        trainings, trials: the numbers among which its chance of a false alarm is divided; by default of one training.
        source: what declares the training.
    """

    stack: str
    fingerprint: Fingerprint
    full: bool = False
    trainings: int = 1
    trials: int | None = None
    source: str = "the catalogue"


def judge(
    here: Circumstances,
    experiment: Experiment,
    variant: str,
    trained: Training,
    evidence: Mapping[str, Evidence],
) -> TrainingOutcome:
    """The outcome of a variant.

    Args:
        here: the run.
        experiment, variant: what was trained.
        trained: its results.
        evidence: of the experiment, by stack: of the run's own stack, and of the reference stack.
    """
    nothing = f"No evidence of this variant is stored for {here.stack}."
    for stack in (here.stack, REFERENCE):
        stored = evidence[stack].variants.get(variant) if stack in evidence else None
        if stored is not None:
            comparison = Comparison(here, experiment.metrics, trained, stored)
            own = stack == here.stack
            return comparison.outcome() if own else comparison.elsewhere(f"{nothing} Against {REFERENCE}")
    return TrainingOutcome(TrainingState.NEW, nothing)


def same_versions(known: Training, fingerprint: Fingerprint) -> bool:
    """Whether some of the known seeds were trained with the versions of this fingerprint."""
    versions = [fingerprint.get(key) for key in VERSIONS]
    return any(versions == [session.fingerprint.get(key) for key in VERSIONS] for session in known.sessions)


class Feature(NamedTuple):
    """One number of a training, of some seeds.

    Attributes:
        name, step: what it is: "training loss, step" 3; ``step`` is None for a number without steps.
        pairs: by seed: (then, now).
        floors: by seed, the least size that a difference is relative to.
        finite: whether a single seed that is no longer finite has moved; else the median over seeds counts alone.
        limit: the largest difference that is no movement.
    """

    name: str
    pairs: Mapping[int, tuple[float | None, float | None]]
    floors: Mapping[int, float] = MappingProxyType({})
    step: int | None = None
    finite: bool = False
    limit: float = LIMIT

    @property
    def sizes(self) -> dict[int, float]:
        """The relative differences, by seed."""
        return {seed: relative(now, then, self.floors.get(seed, 0.0)) for seed, (then, now) in self.pairs.items()}

    @property
    def movement(self) -> Movement | None:
        """None unless the median over seeds of the relative differences exceeds the limit."""
        for seed, (then, now) in self.pairs.items() if self.finite else ():
            if then is not None and now is not None and math.isfinite(then) and not math.isfinite(now):
                return Movement(self.name, "inf", self.limit, number(then), number(now), seed, self.step)
        sizes = self.sizes
        if not sizes or (median := statistics.median(sizes.values())) <= self.limit:
            return None
        seed = sorted(sizes, key=sizes.__getitem__)[len(sizes) // 2]
        before, after = (None if x is None else number(x) for x in self.pairs[seed])
        return Movement(self.name, number(median), self.limit, before, after, seed, self.step, len(sizes))


Curves = Mapping[int, Sequence[Number]]
"""By seed, the values after step 1, 2, …"""


@dataclass
class Comparison:
    """Compares a training of a run with what is known of it, once.

    Attributes:
        here: the run.
        metrics: of the experiment, the primary one first.
        trained, known: its results, and what they are compared with.
        identical: whether all bits compared so far are the same.
        fault: what moved first.
        steps, seeds, late, epochs, anchors, not_calm: what was compared; see ``TrainingOutcome``.
    """

    here: Circumstances
    metrics: Sequence[Metric]
    trained: Training
    known: Training
    identical: bool = field(default=True, init=False)
    fault: Movement | str = field(default="", init=False)
    steps: int = field(default=0, init=False)
    seeds: int = field(default=0, init=False)
    late: int = field(default=0, init=False)
    epochs: int = field(default=0, init=False)
    anchors: tuple[Anchor, ...] = field(default=(), init=False)
    not_calm: tuple[str, ...] = field(default=(), init=False)

    def outcome(self) -> TrainingOutcome:
        """The outcome against the same stack."""
        trained, known = self.trained, self.known
        if refused := self.another():
            return refused
        if known.states and not any(state.steps for state in known.states) and not trained.trials:
            reason = "Rounding moves the first step of this training, so no step of it is compared."
            return TrainingOutcome(TrainingState.NEW, reason, changed=self._changed, not_calm=("training loss",))
        missing = "The evidence holds this variant, but nothing of it was trained here."
        if trained.short:
            missing = self._short()
        elif trained.trials:
            missing = ""
        if missing:
            return self._outcome(TrainingState.MISSING, missing)
        streams = self._same_streams()
        if known.tiny and any(trial.seed < known.seeds for trial in trained.trials):
            self._tiny()
        elif trained.trials:  # with the same random numbers, a seed is compared with itself
            self._ended(paired=streams)
        if self.fault:
            return self._outcome(TrainingState.MOVED, f"{self.fault}.") if streams else self._other_numbers()
        state = TrainingState.REPRODUCED if trained.trials else TrainingState.START_REPRODUCED
        return self._outcome(TrainingState.IDENTICAL if self.identical else state, self._summary())

    def elsewhere(self, begin: str) -> TrainingOutcome:
        """The outcome against another stack: compatible or moved, never reproduced. ``begin``: of its reason."""
        if refused := self.another(versions=False):
            return refused
        kinds = ["the canonical trace"] * self._canonical()
        if self.trained.trials:
            self._ended(paired=False, curves=False)
            kinds.append("the end")
        self.seeds = 0
        if self.fault:
            return self._outcome(TrainingState.MOVED, f"{begin}: {self.fault}.", compatible=False)
        told = f"{' and '.join(kinds)} compatible" if kinds else "nothing to compare"
        return self._outcome(TrainingState.NEW, f"{begin}: {told}.", compatible=bool(kinds) or None)

    def _outcome(self, state: TrainingState, reason: str, compatible: bool | None = None) -> TrainingOutcome:
        return TrainingOutcome(
            state,
            reason,
            to_the_end=bool(self.trained.trials),
            steps=self.steps,
            seeds=self.seeds,
            late=self.late,
            movement=self.fault if isinstance(self.fault, Movement) else None,
            anchors=self.anchors,
            changed=self._changed,
            not_calm=self.not_calm,
            compatible=compatible,
        )

    @functools.cached_property
    def _changed(self) -> tuple[tuple[str, Any, Any], ...]:
        """(key, then, now) of the values of the configuration that differ."""
        from harness.training.configuration import differences

        return tuple(differences(self.known.configuration, self.trained.configuration))

    def another(self, versions: bool = True) -> TrainingOutcome | None:
        """The outcome if the trainings are not the same; None if at most another Keras configures them otherwise."""
        changed = self._changed
        ours = [change for change in changed if change[0].split(".")[0].split("[")[0] not in KERAS]
        keras = self.here.fingerprint.get("keras")
        same_keras = keras in {session.fingerprint.get("keras") for session in self.known.sessions}
        if changed and (ours or (versions and same_keras)):
            by = self.here.source + ("" if ours else f", or by a Keras that still calls itself {keras}")
            by += "" if ours else " (a self-check of defaults can tell)"
            reason = f"Another training, changed by {by}: {changes_text(ours or changed)}."
            return TrainingOutcome(TrainingState.NOT_COMPARABLE, reason, changed=changed)
        declared, stored = {metric.name for metric in self.metrics}, set(self.known.metrics)
        if declared != stored and self.known.trials:
            sides = (("not in the evidence:", declared - stored), ("not declared:", stored - declared))
            faults = [f"{what} {', '.join(sorted(names))}" for what, names in sides if names]
            return TrainingOutcome(TrainingState.MISSING, f"Metrics {'; '.join(faults)}.")
        return None

    def _same_streams(self) -> bool:
        """Whether a seed has the same random numbers as when it was stored. Only another version may change them."""
        then, now = self.known.hashes, self.trained.hashes
        return same_versions(self.known, self.here.fingerprint) or then is None or now is None or then == now

    def _look(self, feature: Feature) -> None:
        """Compares a feature. The first fault counts."""
        self.identical = self.identical and not any(feature.sizes.values())
        self.fault = self.fault or feature.movement or ""

    def _follow(
        self,
        name: str,
        then: Curves,
        now: Curves,
        most: int | None = None,
        finite: bool = True,
        limit: float | None = None,
    ) -> None:
        """Compares curves of the same seeds step by step; of steps after ``most`` only whether their bits are the same.

        Small values are relative to a share of the first. ``finite``, ``limit``: as in ``Feature``.
        """
        self.identical = self.identical and all(len(then[seed]) == len(now[seed]) for seed in then)
        rows = {seed: [(value(a), value(b)) for a, b in zip(then[seed], now[seed], strict=False)] for seed in then}
        floors = {seed: FLOOR * abs(row[0][0]) for seed, row in rows.items() if row}
        for step in range(max(map(len, rows.values()), default=0)):
            pairs = {seed: row[step] for seed, row in rows.items() if step < len(row)}
            feature = Feature(name, pairs, floors, step + 1, finite, limit or LIMIT)
            before = self.fault
            self._look(feature)
            if most is not None and step >= most:
                self.fault = before

    def _short(self) -> str:
        """Compares the short trials from every state. Returns why nothing could be compared."""
        stored, ours, steps = self.known.plain, self.trained.plain, self._steps
        seeds = sorted(ours.keys() & stored.keys())
        if not seeds or not any(state.steps for state in self._states):
            holds = f"traces of seeds {', '.join(map(str, sorted(stored)))}" if stored else "no traces"
            reason = f"The evidence holds {holds}, with {steps} steps to compare; trained here: seeds {sorted(ours)}."
            return f"{reason} Nothing was compared: store the traces with --update-baselines."
        for seed in seeds:
            if len(ours[seed].losses) < steps:
                return f"Seed {seed} was trained for {len(ours[seed].losses)} of {steps} steps."
        self.steps, self.seeds = steps, len(seeds)
        for state in self._states:
            self._from(state)
        return ""

    def _from(self, state: State, canonical: bool = False) -> bool:
        """Compares the steps from a state, and the curves and weights of its short epochs. False if there are none."""
        then, now = (
            {seed: state.compared(trial) for seed, trial in side.after(state.start, canonical).items()}
            for side in (self.known, self.trained)
        )
        seeds = sorted(s for s in then.keys() & now.keys() if then[s].losses or then[s].curves)
        if not seeds:
            return False
        self.late += state.start > 0
        where = f" from the state after {state.start:,} steps" * (state.start > 0)
        before, after = ({seed: side[seed].losses for seed in seeds} for side in (then, now))
        self._follow(f"{'canonical ' * canonical}training loss{where}, step", before, after, limit=state.limit)
        for name in {name: 0 for seed in seeds for name in then[seed].curves}:
            first, second = ({seed: side[seed].curves.get(name, ()) for seed in seeds} for side in (then, now))
            self._follow(f"{name}{where}, short epoch", first, second, limit=state.limit)
        if not canonical:
            if not self.fault and (twice := _twice(after.items())) and not _twice(before.items()):
                self.fault = ONE_TRAINING.format(*twice)
            rounded = {seed: (float(then[seed].rounded), float(now[seed].rounded)) for seed in seeds}
            self._look(Feature(f"weights of few bits{where}", rounded))
        if not state.start:
            self.not_calm = tuple(sorted(name for name, epochs in state.curves.items() if not epochs))
        return True

    @property
    def _states(self) -> Sequence[State]:
        """What is compared; between two runs, all that both have."""
        if self.known.states:
            return self.known.states
        curves = {t.start: dict.fromkeys(t.curves, MOST_STEPS) for t in self.known.short if not t.canonical}
        most = State(steps=MOST_STEPS, canonical=MOST_STEPS)
        return [replace(most, start=start, curves=curves[start]) for start in sorted(curves)]

    @property
    def _steps(self) -> int:
        """The number of first steps to compare: T, or all that the traces have."""
        if self.known.steps is not None:
            return self.known.steps
        both = (*self.known.plain.values(), *self.trained.plain.values())
        return min((len(trial.losses) for trial in both), default=0)

    def _tiny(self) -> None:
        """Compares a tiny training seed by seed: the metrics and the losses of the first epochs that are calm."""
        stored, ours = ({trial.seed: trial for trial in side.trials} for side in (self.known, self.trained))
        seeds, steps, calm = sorted(ours.keys() & stored.keys()), self._steps, self.known.calm
        self.steps, self.seeds = steps, len(seeds)
        self.fault = self.fault or self._failed(ours.values(), stored)
        then = {seed: trace.losses for seed, trace in self.known.plain.items() if seed in ours}
        now = {seed: numbers(ours[seed].history.get("loss", ())[:MOST_STEPS]) for seed in then}
        self._follow("training loss, epoch", then, now, steps, finite=False)
        metrics = {metric.name: metric for metric in self.metrics}
        for name in calm:
            pairs = {seed: (stored[seed].metrics[name], ours[seed].metrics.get(name)) for seed in seeds}
            self._look(Feature(name, pairs, dict.fromkeys(seeds, floor(metrics.get(name)))))
        self.identical &= all(ours[seed].metrics == stored[seed].metrics for seed in seeds)
        longest = max((len(losses) for losses in then.values()), default=0)
        rest = (f"training loss of epochs {steps + 1} to {longest}",) if longest > steps else ()
        self.not_calm = (*(name for name in metrics if name not in calm), *rest)

    def _ended(self, paired: bool, curves: bool = True) -> None:
        """Compares trials to the end with the stored seeds: each trial with an interval, many trials by their means.

        Few trials are anchors. A run to the end and a tiny training have many. ``curves`` False compares no loss
        curves: on another stack, Keras clips probabilities differently, which moves losses by more than rounding.
        """
        ours, known = self.trained.trials, self.known.trials
        few = not self.here.full and not self.known.tiny
        self._within(*((ANCHORS, ANCHOR_TAILS) if few else (OUTLIERS, OUTLIER_TAILS)))
        if not self.fault and paired and curves and self.known.calm_to_the_end:
            self._epochs()
        if self.fault or few:
            return
        if (twice := _repeated(ours)) and not _repeated(known):
            self.fault = ONE_TRAINING.format(*twice)
            return
        before = known if curves else [replace(trial, history={}) for trial in known]
        self.fault = drifted(ours, before, self.metrics, DRIFTS / self.here.trainings, paired)

    def _epochs(self) -> None:
        """Compares all losses epoch by epoch, over the seeds whose curves are stored."""
        stored = {trial.seed: trial.history for trial in self.known.trials if trial.history}
        ours = {trial.seed: trial.history for trial in self.trained.trials if trial.seed in stored}
        for name in next(iter(ours.values()), {}):
            if name.endswith("loss") and not self.fault:
                then, now = (
                    {seed: numbers(stored_curve(side[seed].get(name, ()))) for seed in ours} for side in (stored, ours)
                )
                self._follow("training loss, epoch" if name == "loss" else f"{name}, epoch", then, now)
                self.epochs = max(self.epochs, *map(len, now.values()))

    def _within(self, chance: float, tails: int) -> None:
        """Compares the primary metric of each trial with the prediction interval of the stored seeds."""
        ours, stored = self.trained.trials, {trial.seed: trial for trial in self.known.trials}
        metric = self.metrics[0]
        values = [trial.metrics.get(metric.name) for trial in self.known.trials]
        expected = interval(values, metric, chance / (self.here.trials or len(ours)), tails)
        self.seeds = self.seeds or len(ours)
        self.fault = self.fault or self._failed(ours, stored)
        for trial in ours:
            then = stored.get(trial.seed)
            before, now = then.metrics.get(metric.name) if then else None, trial.metrics.get(metric.name)
            self.anchors += (Anchor(trial.seed, metric.name, before, now, expected),)
            self.identical &= then is not None and dict(trial.metrics) == dict(then.metrics)
            if now is not None and expected is not None and not expected.contains(now):
                alongside = f", stored {number_text(before)}" if then else ""
                self.fault = self.fault or (
                    f"{metric.name} of seed {trial.seed} is {number_text(now)}{alongside}, outside "
                    f"{number_text(expected.low)} to {number_text(expected.high)}, "
                    f"where one more of {expected.seeds} stored seeds falls"
                )

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

    def _summary(self) -> str:
        """A sentence that says what was compared."""
        full = self.here.full
        if self.known.tiny and self.trained.trials and not full:
            count = len(self.not_calm)
            left = f"; not compared, as rounding moves it: {count} other feature{'s' * (count > 1)}" if count else ""
            return f"Compared: {self.seeds} seeds to the end, their first {self.steps} epochs one by one{left}."
        parts = [f"{self.steps} steps of {self.seeds} seeds"] if self.steps else []
        parts += [f"steps from {self.late} late state{'s' * (self.late > 1)}"] if self.late else []
        for anchor in self.anchors[:1] if not full else ():
            parts.append(
                f"seed {anchor.seed} to the end {number_text(anchor.now)}, stored {number_text(anchor.before)}"
            )
        if full:
            parts.append(f"{len(self.anchors)} seeds to the end")
        if self.epochs:
            parts.append(f"{self.epochs} epochs one by one")
        return f"Compared: {'; '.join(parts)}."

    def _canonical(self) -> bool:
        """Compares the canonical trials. False if either side has none."""
        compared = [self._from(state, canonical=True) for state in self._states]
        return any(compared)

    def _other_numbers(self) -> TrainingOutcome:
        """The outcome if another version draws other random numbers.

        The start is reproduced if the canonical trace and the distribution over seeds are.
        """
        then = self.known.sessions[-1].fingerprint
        pairs = ((key, then.get(key), self.here.fingerprint.get(key)) for key in VERSIONS)
        versions = ", ".join(f"{key} {before} → {now}" for key, before, now in pairs if before != now)
        canonical, others = dataclasses.replace(self), dataclasses.replace(self)
        why = "" if canonical._canonical() else "there is no canonical trace to compare"
        if why := why or str(canonical.fault):
            told = f", and {why}."
        else:
            others.fault = others._other_start()
            if not others.fault and self.trained.trials:
                others._ended(paired=False)
            told = f", and the distribution moved: {others.fault}." if others.fault else ""
        begin = f"This version draws other random numbers ({versions})"
        if told:
            return self._outcome(TrainingState.MOVED, begin + told)
        self.fault = ""
        reason = f"{begin}; the canonical trace and the distribution over seeds are reproduced."
        return self._outcome(TrainingState.START_REPRODUCED, reason)

    def _other_start(self) -> str:
        """Describes how the loss of step 1, or its mean over T steps, moved over the seeds; "" if neither did."""
        steps = self._steps
        if not steps:
            return ""
        for what, first in (("step 1", 1), (f"{steps} steps", steps)):
            metric = Metric(f"training loss of {what}", "lower", "nats", LIMIT, scale="log")
            now, then = (
                {seed: geometric_mean(list(map(value, trial.losses[:first]))) for seed, trial in side.plain.items()}
                for side in (self.trained, self.known)
            )
            if moved := of_equal_variance(metric, now, then, STARTS / (2 * self.here.trainings)):
                return moved
        return ""


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
