"""What differs between two runs, and whether it is real: ``compare(then, now) -> Comparison``. A pure function.

*Trainings.* The primary metric is compared seed by seed where seeds are shared, else group by group
(``harness.check.difference``). All these p-values are adjusted together by Holm's method, so the chance of any false
difference is at most LEVEL, whatever the number of trainings. A training moved if its difference is real in this sense
and larger than the metric's smallest effect of interest, or if it is red against the evidence now and was not then.
Trainings with shortened trials only are compared by their losses, as a check compares them: they moved if the median
over seeds of the largest relative difference exceeds ``harness.check.rounding.LIMIT``.

*Times* are compared on one machine only, and only with the same engine and number of workers. Rounds of ``-m timing``
are judged case by case by ``harness.timing.slower``. With one run on each side it does not know the spread between
processes, so a single case has to change by WIDE. All cases together show less: their median ratio is beyond noise if
its whole 95 % interval over cases exceeds RELATIVE, and no process was held up by others. A training has no rounds, and
its epoch is not protected from what else runs: that interval of trainings has to exceed WIDE, and a single training is
not judged. Assumed: cases differ independently. A machine that was busy in one run slows all its cases alike.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.check.difference import MIN_SEEDS, MetricDifference, difference
from harness.check.rounding import LIMIT, along
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.numbers import Number
from harness.record.outcomes import TimeState, VerdictState
from harness.record.run import ClaimDecided, Key, MetricDeclared, Summary, Timed
from harness.rules.holm import holm
from harness.rules.inference import pooled, welch
from harness.timing.slower import CHANGED, CONTENTION, RELATIVE, WIDE, ratio, slower
from reports.ratios import OF_MACHINE, Typical, typical
from reports.sides import Side, Training

LEVEL = 0.05
"""The chance of any false difference over all trainings."""


@dataclass(frozen=True)
class TrainingChange:
    """A training that differs.

    Attributes:
        key: (experiment, variant).
        metric: its primary metric.
        difference: of the metric; None if shortened trials, or states, differ.
        p: adjusted by Holm's method; None if it was not tested.
        moved: whether it is a real difference that matters.
        reason: what differs beyond the means, or why it is not tested.
    """

    key: Key
    metric: MetricDeclared
    difference: MetricDifference | None
    p: float | None
    moved: bool
    reason: str = ""


@dataclass(frozen=True)
class VerdictChange:
    """A claim with another verdict. ``red``: whether it regressed."""

    key: str
    state: VerdictState
    then: Verdict
    now: Verdict
    reason: str
    red: bool


@dataclass(frozen=True)
class TimeChange:
    """A case that takes another time.

    Attributes:
        case: "experiment/variant (engine)".
        ratio, low, high: seconds now over then, and its 95 % interval over rounds (None without rounds).
        state: SLOWER, FASTER or DISTURBED.
        reason: of the rule.
    """

    case: str
    ratio: float
    low: float | None
    high: float | None
    state: TimeState
    reason: str


@dataclass(frozen=True)
class Times:
    """The times.

    Attributes:
        source: "-m timing" or "trainings".
        whole: over all cases that were compared; None if there are none.
        state: of all cases together: WITHIN, SLOWER, FASTER, or DISTURBED.
        changed: the cases of ``-m timing`` that changed.
        why_not: why nothing was compared; "" if something was.
    """

    source: str
    whole: Typical | None = None
    state: TimeState = TimeState.WITHIN
    changed: tuple[TimeChange, ...] = ()
    why_not: str = ""

    @property
    def slower(self) -> bool:
        return self.state is TimeState.SLOWER or any(one.state is TimeState.SLOWER for one in self.changed)


@dataclass(frozen=True)
class StateChange:
    """An erratum or a self-check with another state. ``red``: whether it failed only now."""

    what: Literal["erratum", "self-check"]
    name: str
    then: str
    now: str
    reason: str
    red: bool


@dataclass(frozen=True)
class Comparison:
    """What differs from ``then`` to ``now``.

    Attributes:
        then, now: the two sides.
        trainings: those that differ: real differences, and those that could not be tested.
        identical, within: numbers of trainings with identical bits, and with no difference beyond chance.
        unknown: number of trainings in both without anything to compare.
        verdicts: the claims with another verdict.
        same_verdicts: number of the other claims in both.
        states: the errata and self-checks with another state.
        same_states: number of the others in both.
        times: of ``-m timing``, and of trainings.
        fingerprint: (key, then, now) of the entries that differ.
        only: by kind ("trainings", "claims", …), the names that only ``then`` has, and those that only ``now`` has.
    """

    then: Side
    now: Side
    trainings: tuple[TrainingChange, ...] = ()
    identical: int = 0
    within: int = 0
    unknown: int = 0
    verdicts: tuple[VerdictChange, ...] = ()
    same_verdicts: int = 0
    states: tuple[StateChange, ...] = ()
    same_states: int = 0
    times: tuple[Times, ...] = ()
    fingerprint: tuple[tuple[str, str, str], ...] = ()
    only: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    @property
    def same_run(self) -> bool:
        return self.then.header == self.now.header

    @property
    def moved(self) -> tuple[TrainingChange, ...]:
        return tuple(one for one in self.trainings if one.moved)

    @property
    def regressed(self) -> bool:
        """Whether a training moved, a verdict or a state became worse, or times are slower beyond noise."""
        red = any(one.red for one in self.verdicts) or any(one.red for one in self.states)
        return bool(self.moved) or red or any(one.slower for one in self.times)


def compare(then: Side, now: Side) -> Comparison:
    """Compares two sides. SuiteError if they have nothing in common."""
    kinds = ("trainings", "claims", "errata", "self_checks", "timings")
    pairs = {kind: (getattr(then, kind), getattr(now, kind)) for kind in kinds}
    if not any(a.keys() & b.keys() for a, b in pairs.values()):
        raise SuiteError(
            f"Nothing to compare: {then.header.id} and {now.header.id} have no training, claim, erratum, self-check or "
            "timing in common. Name two runs of the same tests."
        )
    trainings, equal = _trainings(then, now)
    verdicts = [_verdict(then, now, key) for key in then.claims if key in now.claims]
    states = list(_states(then, now))
    changed = [one for one in states if one is not None]
    return Comparison(
        then,
        now,
        trainings=tuple(trainings),
        identical=equal["identical"],
        within=equal["within"],
        unknown=equal["unknown"],
        verdicts=tuple(one for one in verdicts if one is not None),
        same_verdicts=sum(one is None for one in verdicts),
        states=tuple(changed),
        same_states=len(states) - len(changed),
        times=tuple(_times(then, now)),
        fingerprint=tuple(_fingerprint(then, now)),
        only={kind: (_missing(a, b), _missing(b, a)) for kind, (a, b) in pairs.items() if a.keys() != b.keys()},
    )


def _missing(here: Mapping[Hashable, object], there: Mapping[Hashable, object]) -> tuple[str, ...]:
    names = (key for key in here if key not in there)
    return tuple("/".join(key) if isinstance(key, tuple) else str(key) for key in names)


def _trainings(then: Side, now: Side) -> tuple[list[TrainingChange], dict[str, int]]:
    """The trainings that differ, and the numbers of the others."""
    equal = {"identical": 0, "within": 0, "unknown": 0}
    rows: dict[Key, tuple[MetricDeclared, MetricDifference]] = {}
    found: dict[Key, TrainingChange] = {}
    for key, before in then.trainings.items():
        after = now.trainings.get(key)
        if after is None:
            continue
        if _identical(before, after):
            equal["identical"] += 1
        elif (row := _difference(before, after)) is not None:
            rows[key] = after.metric, row
        else:
            change = _short(key, before, after)
            if isinstance(change, str):
                equal[change] += 1
            else:
                found[key] = change
    p = holm({(key, name): p for key, (_, row) in rows.items() for name, p in _tests(row)})
    for key, (metric, row) in rows.items():
        judged = _judged(key, metric, row, {name: p[key, name] for name, _ in _tests(row)})
        short = _short(key, then.trainings[key], now.trainings[key])
        if isinstance(short, TrainingChange):  # of the anchors one seed went to the end, which shows less
            reasons = filter(None, (judged.reason if judged else "", short.reason))
            judged = replace(judged or short, moved=True, reason="; ".join(reasons))
        if judged is None:
            equal["within"] += 1
        else:
            found[key] = judged
    for key in then.trainings.keys() & now.trainings.keys():
        turned = _turned_red(then.trainings[key], now.trainings[key])
        if turned:
            known = found.get(key) or TrainingChange(key, now.trainings[key].metric, None, None, True)
            found[key] = replace(known, moved=True, reason=" ".join(filter(None, (known.reason, turned))))
    order = [key for key in now.trainings if key in found]
    return sorted((found[key] for key in order), key=lambda one: not one.moved), equal


def _identical(before: Training, after: Training) -> bool:
    """Whether every shared seed has the same metrics and curves, and every shared seed of a shortened trial its losses.

    A curve counts if both sides have as many values: evidence stores long ones thinned.
    """
    whole = _by_seed(before.trials), _by_seed(after.trials)
    shared = whole[0].keys() & whole[1].keys()
    for seed in shared:
        a, b = whole[0][seed], whole[1][seed]
        curves = (name for name in a.history.keys() & b.history.keys() if len(a.history[name]) == len(b.history[name]))
        if a.metrics != b.metrics or any(a.history[name] != b.history[name] for name in curves):
            return False
    short = _short_pairs(before, after)
    if any(a != b for a, b in short):
        return False
    if shared or short:
        return True
    if not before.values or not after.values:
        return False
    seeds = before.values.keys() & after.values.keys()  # a report.json has no curves
    return bool(seeds) and all(before.values[seed] == after.values[seed] for seed in seeds)


def _by_seed(trials: Iterable[Trial]) -> dict[int, Trial]:
    return {trial.seed: trial for trial in trials}


def _difference(before: Training, after: Training) -> MetricDifference | None:
    """The difference in the primary metric; None if one side has no trial, or another metric."""
    if before.metric.name != after.metric.name:
        return None
    if before.values and after.values:
        one = after.metric
        metric = Metric(one.name, one.better, one.unit, one.smallest_effect, one.scale)  # type: ignore[arg-type]
        return difference(metric, after.values, before.values)
    if before.summary is None or after.summary is None:
        return None
    return _of_means(after.metric, before.summary, after.summary)


def _of_means(metric: MetricDeclared, before: Summary, after: Summary) -> MetricDifference:
    """As ``harness.check.difference`` group by group, from means and standard deviations. Failed trials are unknown."""
    row = MetricDifference(metric.name, metric.unit, before.mean, after.mean, n=after.n)
    if before.mean is None or after.mean is None:
        return row
    row = replace(row, difference=after.mean - before.mean)
    if before.std is None or after.std is None or not before.std + after.std:
        return replace(row, constant=before.std is not None and after.std is not None)
    groups = (after.mean - before.mean, (after.std**2, before.std**2), (after.n, before.n))
    found = welch(*groups)
    low, high = found.interval(0.025)
    return replace(row, low=low, high=high, p=max(found.unequal(0.0), pooled(*groups).unequal(0.0)))


def _tests(row: MetricDifference) -> Iterator[tuple[str, float]]:
    if row.p is not None:
        yield "mean", row.p
    if row.p_absent is not None:
        yield "absent", row.p_absent


def _judged(
    key: Key, metric: MetricDeclared, row: MetricDifference, adjusted: Mapping[str, float]
) -> TrainingChange | None:
    """The change of a training; None if its difference is within chance."""
    p, absent = adjusted.get("mean"), adjusted.get("absent", 1.0)
    real = (p is not None and p <= LEVEL) or (row.constant and row.n >= MIN_SEEDS and bool(row.difference))
    large = row.difference is not None and abs(row.difference) > metric.smallest_effect * (1 + 1e-9)
    failed = f"without a value: {row.absent_baseline[0]} of {row.absent_baseline[1]} seeds then, {row.absent[0]} of "
    failed += f"{row.absent[1]} now"
    if absent <= LEVEL or row.absence_flipped:
        return TrainingChange(key, metric, row, absent, True, failed)
    if real:
        return TrainingChange(key, metric, row, p, large, "" if large else "real, but smaller than what matters")
    if row.difference and p is None and large:
        return TrainingChange(key, metric, row, None, False, f"not tested: too few seeds ({row.n})")
    return None


def _short_pairs(before: Training, after: Training) -> list[tuple[Sequence[Number], Sequence[Number]]]:
    """The losses of the shortened trials that both have, over their common steps."""
    stored = {(one.seed, one.perturbed, one.canonical): one.losses for one in before.short}
    pairs: list[tuple[Sequence[Number], Sequence[Number]]] = []
    for one in after.short:
        losses = stored.get((one.seed, one.perturbed, one.canonical))
        if losses is not None:
            steps = min(len(losses), len(one.losses))
            pairs.append((losses[:steps], one.losses[:steps]))
    return pairs


def _short(key: Key, before: Training, after: Training) -> TrainingChange | str:
    """The change in the losses of shortened trials; else "within" or "unknown"."""
    stored = {one.seed: one.losses for one in before.short if not one.perturbed and not one.canonical}
    sizes = [
        max(along(one.losses, stored[one.seed]), default=0.0)
        for one in after.short
        if one.seed in stored and not one.perturbed and not one.canonical
    ]
    if not sizes:
        return "unknown"
    if (size := statistics.median(sizes)) <= LIMIT:
        return "within"
    seeds = f"median of {len(sizes)} seeds" if len(sizes) > 1 else "one seed"
    text = f"the losses of the first steps differ by {size:.2g} ({seeds}), limit {LIMIT:g}"
    return TrainingChange(key, after.metric, None, None, True, text)


def _turned_red(before: Training, after: Training) -> str:
    """Why a training is red against the evidence now and was not then; "" if it is not."""
    a, b = before.record, after.record
    if a is None or b is None or a.red or not b.red:
        return ""
    return f"against the evidence: {a.outcome.state} → {b.outcome.state} ({b.outcome.reason})"


def _verdict(then: Side, now: Side, key: str) -> VerdictChange | None:
    """The change of a claim's verdict; None if there is none."""
    a, b = then.claims[key], now.claims[key]
    if a.verdict is b.verdict:
        return None
    if b.verdict is Verdict.NOT_RUN:
        state = VerdictState.NOT_RUN
    elif a.verdict.decided and b.verdict.decided:
        state = VerdictState.FLIPPED
    else:
        state = VerdictState.WEAKENED if a.verdict.decided else VerdictState.DECIDED
    seeds = _seeds(a), _seeds(b)
    fewer = state is VerdictState.WEAKENED and seeds[1] < seeds[0]
    notes = [b.decision.reason]
    if seeds[0] != seeds[1]:
        notes.append(f"{seeds[0]} seeds then, {seeds[1]} now")
    if a.rule != b.rule:
        notes.append(f"its rule was: {a.rule}")
    bad = state in (VerdictState.NOT_RUN, VerdictState.FLIPPED, VerdictState.WEAKENED)
    return VerdictChange(key, state, a.verdict, b.verdict, "; ".join(filter(None, notes)), bad and not fewer)


def _seeds(claim: ClaimDecided) -> int:
    """The number of seeds that a verdict rests on."""
    return max((one.n for one in claim.variants.values()), default=0)


def _states(then: Side, now: Side) -> Iterator[StateChange | None]:
    """For each erratum and self-check that both have, its change of state, or None."""
    for name, a in then.errata.items():
        if b := now.errata.get(name):
            same = a.state is b.state
            yield (
                None
                if same
                else StateChange("erratum", name, str(a.state), str(b.state), b.reason, b.red and not a.red)
            )
    for name, before in then.self_checks.items():
        if after := now.self_checks.get(name):
            old, new = ("fails" if check.red else "passes" for check in (before, after))
            change = StateChange("self-check", name, old, new, after.decision.reason if after.red else "", after.red)
            yield None if old == new else change


def _times(then: Side, now: Side) -> Iterator[Times]:
    """The times of ``-m timing``, and of trainings; nothing where the sides have none in common."""
    elsewhere = ""
    if any(then.header.fingerprint.get(key) != now.header.fingerprint.get(key) for key in (*OF_MACHINE, "device")):
        elsewhere = "other machine: not compared"
    timed = [(then.timings[key], one) for key, one in now.timings.items() if key in then.timings]
    if timed:
        yield Times("-m timing", why_not=elsewhere) if elsewhere else _timed(then, now, timed)
    epochs = list(_epochs(then, now))
    if epochs:
        other = "" if then.header.workers == now.header.workers else "other number of workers: not compared"
        whole = typical([after / before for before, after in epochs])
        why_not = elsewhere or other
        yield Times("trainings", why_not=why_not) if why_not else Times("trainings", whole, _state(whole, WIDE))


def _timed(then: Side, now: Side, pairs: Sequence[tuple[Timed, Timed]]) -> Times:
    """The times of ``-m timing``, judged by ``harness.timing.slower`` with one stored repeat; versions may differ."""
    changed, ratios = [], []
    for before, after in pairs:
        judged = slower(after.measured, [before.measured], len(pairs), OF_MACHINE)
        if judged.state is not TimeState.DISTURBED and judged.ratio is not None:
            ratios.append(judged.ratio)
        if judged.state in (*CHANGED, TimeState.DISTURBED):
            case = f"{after.work} ({after.engine})"
            estimate, interval = ratio(after.measured.rounds, before.measured.rounds)
            low, high = interval or (None, None)
            changed.append(TimeChange(case, estimate, low, high, judged.state, judged.reason))
    if not ratios:
        return Times("-m timing", changed=tuple(changed), why_not="" if changed else "no rounds: not compared")
    whole = typical(ratios)
    state = _state(whole, RELATIVE)
    held_up = max(one.measured.contention or 0.0 for pair in pairs for one in pair)
    if state in CHANGED and held_up > CONTENTION:
        state = TimeState.DISTURBED
    return Times("-m timing", whole, state, tuple(changed))


def _state(whole: Typical, limit: float) -> TimeState:
    if whole.low is not None and whole.low > limit:
        return TimeState.SLOWER
    return TimeState.FASTER if whole.high is not None and whole.high < 1 / limit else TimeState.WITHIN


def _epochs(then: Side, now: Side) -> Iterator[tuple[float, float]]:
    """(seconds then, seconds now) of a steady epoch of trainings whose trials are all of their own run."""
    for key, after in now.trainings.items():
        before = then.trainings.get(key)
        a, b = before.record if before else None, after.record
        if a is None or b is None or a.reused or b.reused or (a.engine, a.precision) != (b.engine, b.precision):
            continue
        if a.engine == "vectorized" and a.n != b.n:
            continue
        seconds = a.seconds.steady_epoch, b.seconds.steady_epoch
        if min(seconds) > 0 and math.isfinite(max(seconds)):
            yield seconds


def _fingerprint(then: Side, now: Side) -> Iterator[tuple[str, str, str]]:
    """The entries of the fingerprints and headers that differ."""
    headers = then.header, now.header
    facts = [
        {**one.fingerprint, "stack": one.stack, "commit": one.commit, "workers": one.workers, "engine": one.engine}
        for one in headers
    ]
    for key in {**facts[0], **facts[1]}:
        a, b = (_entry(one.get(key)) for one in facts)
        if a != b:
            yield key, a, b


def _entry(value: object) -> str:
    return "none" if value is None else str(value)
