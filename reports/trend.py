"""How accuracy and time changed over runs: a pure function of the runs, ``trend(runs) -> TrendReport``.

A *series* has the values of one case under one condition, in order of the runs' start. What cannot be compared is never
in one series: another stack, engine, precision or set of seeds, and for times another machine or number of workers.
``harness.rules.change_points`` finds the changes of a series. A change counts if it is also large enough to
matter: larger than the metric's smallest effect of interest, or than RELATIVE for times.
"""

from __future__ import annotations

import datetime
import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from harness.record.evidence import Fingerprint
from harness.record.run import Run, TrainingCompared
from harness.rules.change_points import LEAST, change_points
from harness.timing.slower import ALPHA, LEVEL, MIN_REPEATS, RELATIVE, times
from reports.ratios import OF_MACHINE, machine, typical
from reports.words import backend_name, plural

SCHEMA = 1
MOST_POINTS = 200
"""The newest points of a series are kept and searched."""
WEEK = datetime.timedelta(days=7)
NAMES = {"keras": "Keras", "python": "Python", "numpy": "NumPy", "machine": "the machine"}
KNOWN = ("machine", "keras", "backend_version", "python", "numpy")
"""The keys of a fingerprint that come first; "machine" stands for those of OF_MACHINE."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the report: immutable, without unknown fields."""


class TrendRun(Struct, frozen=True, kw_only=True):
    """A run: its id, start (ISO 8601, UTC), commit (None outside git), stack and machine (``reports.ratios``)."""

    id: str
    started: str
    commit: str | None
    stack: str
    machine: str


class Mark(Struct, frozen=True, kw_only=True):
    """Another version, machine or commit.

    Attributes:
        run: index in ``TrendReport.runs`` of the first run with the new value.
        key: of the fingerprint, where the run before on the same stack and machine has another value; "machine" for the
            first run of a machine on its stack; "commit" for another commit than that of the run before on the stack.
        before, now: the values as text; "none" if the key is absent.
    """

    run: int
    key: str
    before: str
    now: str


class Step(Struct, frozen=True, kw_only=True):
    """A change of a series' level.

    Attributes:
        at: index in the series of the first point after the change.
        before, now: the levels, in the series' unit.
        since: what else changed there, in words: "since the change to Keras 3.16.0"; "" if nothing did.
    """

    at: int
    before: float
    now: float
    since: str = ""


class Identity(Struct, frozen=True, kw_only=True):
    """What makes the points of a series comparable.

    Attributes:
        case: "experiment/variant"; for ``-m timing`` its work.
        measure: "metric" for the primary metric, "time" for seconds per epoch.
        name, unit: of the metric: "val_accuracy", "fraction". For times "seconds per epoch", "s".
        better: "higher" or "lower".
        stack: of all points.
        condition: what all points have in common besides, in words: seeds or engine.
        machine: of a time; "" for a metric, whose points may come from several machines.
    """

    case: str
    measure: Literal["metric", "time"]
    name: str
    unit: str
    better: str
    stack: str
    condition: str
    machine: str


class Series(Identity, frozen=True, kw_only=True):
    """The values of one case under one condition, oldest first; at most MOST_POINTS.

    Attributes:
        runs: indices in ``TrendReport.runs``, ascending.
        values: one per run. A metric's mean over the seeds; the mean seconds of a steady epoch; the fastest round of
            ``-m timing``.
        steps: the changes that matter.
    """

    runs: tuple[int, ...]
    values: tuple[float, ...]
    steps: tuple[Step, ...] = ()

    @property
    def size(self) -> float:
        """The largest step relative to its old level, for sorting."""
        return max((abs(one.now - one.before) / (abs(one.before) or 1.0) for one in self.steps), default=0.0)


class MachineTimes(Struct, frozen=True, kw_only=True):
    """Whether a machine became slower.

    Attributes:
        machine, stack: which machine.
        overall: over runs, the median over the machine's time series of value / median of the series. Its steps are
            those of the machine as a whole.
        run: index in ``TrendReport.runs`` of the latest run with times.
        ratio: of that run to the runs of the 7 days before it: the median over cases; above 1 is slower. None if
            nothing could be compared.
        low, high: its 95 % interval over cases; None with fewer than six cases.
        cases, before: number of cases compared, and of runs in those 7 days that have one of them.
        changed: the cases that differ by more than RELATIVE, and by more than a prediction interval from the case's
            earlier runs since its last step allows (at least three, at 5 % over all cases).
        beyond: the same for the ratio, from the machine's earlier runs; None with fewer than three.
        text: all of this in words.
    """

    machine: str
    stack: str
    overall: Series
    run: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    cases: int = 0
    before: int = 0
    changed: tuple[str, ...] = ()
    beyond: bool | None = None
    text: str

    @property
    def slower(self) -> bool:
        """Whether the machine became slower by more than chance."""
        return bool(self.beyond and self.ratio is not None and self.ratio > 1)

    @property
    def faster(self) -> bool:
        """Whether the machine became faster by more than chance."""
        return bool(self.beyond and self.ratio is not None and self.ratio < 1)


class TrendReport(Struct, frozen=True, kw_only=True):
    """The trend of all finished runs.

    Attributes:
        schema: of this struct.
        runs: the finished runs, in order of their start.
        series: those with a change first, the largest first; then by case.
        marks: in order of the runs.
        machines: one for each machine and stack with times, the latest run first.
        unfinished: number of runs without an end; they are left out.
        unread: why a run could not be read, one sentence for each; they are left out.
    """

    schema: int = SCHEMA
    runs: tuple[TrendRun, ...]
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    machines: tuple[MachineTimes, ...]
    unfinished: int = 0
    unread: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Series, ...]:
        """The series with a change."""
        return tuple(one for one in self.series if one.steps)


@dataclass
class _Seen:
    """What is kept of a run."""

    run: TrendRun
    start: datetime.datetime
    fingerprint: Fingerprint
    points: dict[Identity, float]
    effects: dict[Identity, tuple[float, str]] = field(default_factory=dict)


def trend(runs: Iterable[Run | str]) -> TrendReport:
    """The trend over the finished runs.

    Args:
        runs: in any order; a text says why a run could not be read. They are taken one at a time, and only the header,
            the experiments, the trainings, the timings and the end of a run are used.
    """
    seen: list[_Seen] = []
    unfinished, faults = 0, []
    for run in runs:
        if isinstance(run, str):
            faults.append(run)
            continue
        if run.header.evidence:
            continue
        if run.end is None:
            unfinished += 1
            continue
        try:
            seen.append(_seen(run))
        except ValueError:
            faults.append(f"The run {run.header.id[:80]} has no date as its start: {run.header.started[:40]!r}.")
    seen.sort(key=lambda one: (one.start, one.run.id))
    points: dict[Identity, list[int]] = {}
    effects: dict[Identity, tuple[float, str]] = {}
    for index, one in enumerate(seen):
        effects.update(one.effects)
        for identity in one.points:
            points.setdefault(identity, []).append(index)
    series = [
        _series(identity, found, seen, effects.get(identity, (0.0, "linear"))) for identity, found in points.items()
    ]
    return TrendReport(
        runs=tuple(one.run for one in seen),
        series=tuple(sorted(series, key=lambda one: (-one.size, one.case, one.name, one.stack, one.condition))),
        marks=tuple(_marks(seen)),
        machines=tuple(_machines(series, seen)),
        unfinished=unfinished,
        unread=tuple(faults),
    )


def _seen(run: Run) -> _Seen:
    """ValueError if the run's start is no date."""
    header = run.header
    start = datetime.datetime.fromisoformat(header.started)
    start = start.astimezone(datetime.UTC) if start.tzinfo else start.replace(tzinfo=datetime.UTC)
    here = TrendRun(
        id=header.id,
        started=start.isoformat(),
        commit=header.commit,
        stack=header.stack,
        machine=machine(header.fingerprint),
    )
    one = _Seen(here, start, header.fingerprint, {})
    for training in run.trainings.values():
        _add_training(one, run, training)
    for timed in run.timings.values():
        condition = f"{timed.engine}, -m timing{_precision(run.header.fingerprint.get('precision'))}"
        _add_time(one, timed.work, condition, timed.measured.fastest)
    return one


def _add_training(one: _Seen, run: Run, record: TrainingCompared) -> None:
    """Adds the mean and the time of a training, unless all its trials, or some, come from earlier runs."""
    case, experiment = "/".join(record.key), run.experiments.get(record.experiment)
    metric = next((m for m in experiment.metrics if m.name == record.metric), None) if experiment else None
    if record.mean is not None and math.isfinite(record.mean) and record.reused < record.n:
        identity = Identity(
            case=case,
            measure="metric",
            name=record.metric,
            unit=metric.unit if metric else "",
            better=metric.better if metric else "higher",
            stack=one.run.stack,
            condition=seeds_text(record.seeds) + _precision(record.precision),
            machine="",
        )
        one.points[identity] = record.mean
        if metric:
            one.effects[identity] = metric.smallest_effect, metric.scale
    if not record.reused:
        workers = plural(run.header.workers, "worker")
        many = f", {plural(record.n, 'seed')} at once" if record.engine == "vectorized" else ""
        condition = f"{record.engine}{many}, {workers}{_precision(record.precision)}"
        _add_time(one, case, condition, record.seconds.steady_epoch)


def _add_time(one: _Seen, case: str, condition: str, seconds: float) -> None:
    if seconds > 0 and math.isfinite(seconds):
        identity = Identity(
            case=case,
            measure="time",
            name="seconds per epoch",
            unit="s",
            better="lower",
            stack=one.run.stack,
            condition=condition,
            machine=one.run.machine,
        )
        one.points[identity] = seconds


def _precision(precision: object) -> str:
    return f", {precision}" if precision not in (None, "", "default", "float32") else ""


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in words: "seed 3", "seeds 0–9", "7 seeds of 0–20"."""
    if not seeds:
        return "no seed"
    low, high = min(seeds), max(seeds)
    if len(seeds) == 1:
        return f"seed {low}"
    return f"seeds {low}–{high}" if high - low + 1 == len(seeds) else f"{len(seeds)} seeds of {low}–{high}"


def _series(identity: Identity, found: Sequence[int], seen: Sequence[_Seen], effect: tuple[float, str]) -> Series:
    """The series of the runs with these indices; ``effect``: (smallest effect of interest, scale) of a metric."""
    kept = tuple(found[-MOST_POINTS:])
    values = tuple(seen[index].points[identity] for index in kept)
    if identity.measure == "time":
        effect = math.log(RELATIVE), "log"
    return Series(
        **msgspec.structs.asdict(identity),
        runs=kept,
        values=tuple(map(_rounded, values)),
        steps=tuple(_steps(values, kept, seen, effect)),
    )


def _rounded(value: float) -> float:
    """Seven significant digits, which keep trend.json small."""
    return float(f"{value:.7g}")


def _steps(
    values: Sequence[float], runs: Sequence[int], seen: Sequence[_Seen], effect: tuple[float, str]
) -> Iterator[Step]:
    """The changes that matter. Small changes in one direction are added up until their sum matters."""
    changes = change_points(values)
    levels = [statistics.median(values[low:high]) for low, high in itertools.pairwise([0, *changes, len(values)])]
    before = levels[0]
    for at, level in zip(changes, levels[1:], strict=True):
        if abs(_on_scale(level, effect[1]) - _on_scale(before, effect[1])) > effect[0]:
            yield Step(at=at, before=before, now=level, since=_since(at, runs, seen))
            before = level


def _on_scale(value: float, scale: str) -> float:
    return math.log(value) if scale == "log" and value > 0 else value


def _since(at: int, runs: Sequence[int], seen: Sequence[_Seen]) -> str:
    """What else changed at a step, or one run before or after it, in words; else the commits between which it is.

    Something changed if its values in the LEAST runs before differ from all those in the LEAST runs after. Where two
    machines take turns, the machine does not explain a step.
    """
    for offset, word in ((0, "since"), (1, "about"), (-1, "about")):
        before, after = (
            [seen[run] for run in runs[max(low, 0) : max(high, 0)]]
            for low, high in ((at + offset - LEAST, at + offset), (at + offset, at + offset + LEAST))
        )
        if before and after:
            changed = [
                f"{_label(key, after[0])} {_entry(after[0], key)}"
                for key in _differing(before[-1], after[0])
                if not {_entry(one, key) for one in before} & {_entry(one, key) for one in after}
            ]
            if changed:
                more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
                return f"{word} the change to {', '.join(changed[:3])}{more}"
    one, other = seen[runs[at - 1]].run.commit, seen[runs[at]].run.commit
    return "" if one == other else f"between the commits {one or 'unknown'} and {other or 'unknown'}"


def _label(key: str, run: _Seen) -> str:
    return backend_name(str(run.fingerprint.get("backend"))) if key == "backend_version" else NAMES.get(key, key)


def _differing(before: _Seen, now: _Seen) -> list[str]:
    """The keys that differ, "machine" and the versions that a reader knows first."""
    keys = {"machine", *before.fingerprint, *now.fingerprint} - {"engine", *OF_MACHINE}
    order = sorted(keys, key=lambda key: (KNOWN.index(key) if key in KNOWN else len(KNOWN), key))
    return [key for key in order if _entry(before, key) != _entry(now, key)]


def _entry(run: _Seen, key: str) -> str:
    value = run.run.machine if key == "machine" else run.fingerprint.get(key)
    return "none" if value is None else str(value)


def _marks(seen: Sequence[_Seen]) -> Iterator[Mark]:
    last: dict[tuple[str, str], _Seen] = {}
    newest: dict[str, _Seen] = {}
    for index, now in enumerate(seen):
        stack = now.run.stack
        latest, before = newest.get(stack), last.get((stack, now.run.machine))
        newest[stack] = last[stack, now.run.machine] = now
        if latest is None:
            continue
        known = before or latest  # the first run of a machine is compared with the run before
        for key in _differing(known, now):
            yield Mark(run=index, key=key, before=_entry(known, key), now=_entry(now, key))
        if latest.run.commit != now.run.commit:
            yield Mark(run=index, key="commit", before=latest.run.commit or "none", now=now.run.commit or "none")


def _machines(series: Sequence[Series], seen: Sequence[_Seen]) -> list[MachineTimes]:
    groups: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        if one.measure == "time":
            groups.setdefault((one.machine, one.stack), []).append(one)
    found = [_machine_times(name, stack, of, seen) for (name, stack), of in groups.items()]
    return sorted(found, key=lambda one: (-one.run, one.stack))


def _machine_times(name: str, stack: str, of: Sequence[Series], seen: Sequence[_Seen]) -> MachineTimes:
    logs = [dict(zip(one.runs, map(math.log, one.values), strict=True)) for one in of]
    everything = sorted({index for one in logs for index in one})
    ratios = _ratios(logs, everything, everything)
    values = tuple(_rounded(math.exp(ratios[index])) for index in everything)
    overall = Series(
        case="all cases",
        measure="time",
        name="seconds relative to the median run",
        unit="ratio",
        better="lower",
        stack=stack,
        condition=plural(len(of), "case"),
        machine=name,
        runs=tuple(everything[-MOST_POINTS:]),
        values=values[-MOST_POINTS:],
        steps=tuple(_steps(values[-MOST_POINTS:], everything[-MOST_POINTS:], seen, (math.log(RELATIVE), "log"))),
    )
    latest = everything[-1]
    week = [index for index in everything[:-1] if seen[latest].start - seen[index].start <= WEEK]
    begin = MachineTimes(machine=name, stack=stack, overall=overall, run=latest, text="")
    return _against_week(begin, of, logs, week)


def _ratios(logs: Sequence[Mapping[int, float]], runs: Iterable[int], reference: Sequence[int]) -> dict[int, float]:
    """For each run, the median over series of its log ratio to the series' median over the ``reference`` runs."""
    middles = [
        statistics.median(known) if (known := [one[index] for index in reference if index in one]) else None
        for one in logs
    ]
    found = {}
    for index in runs:
        apart = [
            one[index] - middle
            for one, middle in zip(logs, middles, strict=True)
            if middle is not None and index in one
        ]
        if apart:
            found[index] = statistics.median(apart)
    return found


def _against_week(
    found: MachineTimes, of: Sequence[Series], logs: Sequence[Mapping[int, float]], week: Sequence[int]
) -> MachineTimes:
    """Adds the comparison of the latest run with the runs of the week before it."""
    cases: dict[str, float] = {}
    changed: dict[str, bool] = {}
    level = min(LEVEL, ALPHA / len(of))
    for one, log in zip(of, logs, strict=True):
        before = [log[index] for index in week if index in log]
        if found.run in log and before:
            name = f"{one.case} ({one.condition})"
            apart = cases[name] = log[found.run] - statistics.median(before)
            changed[name] = abs(apart) > math.log(RELATIVE) and outside(apart, _noise(one), len(before), level)
    if not cases:
        text = "not compared: no other run of this machine in the 7 days before its latest run has the same cases"
        return msgspec.structs.replace(found, text=f"{text}.")
    whole = typical([math.exp(apart) for apart in cases.values()])
    runs = sum(any(index in log for log in logs) for index in week)
    noise = _noise(found.overall)
    beyond = outside(math.log(whole.ratio), noise, runs, ALPHA) if len(noise) >= MIN_REPEATS else None
    words = {
        None: f"fewer than {MIN_REPEATS} earlier runs do not show whether that is chance",
        True: "more than its runs differ by",
        False: "within what its runs differ by",
    }
    than = "as" if times(whole.ratio) == "as fast" else "than"
    text = (
        f"{whole} {than} in the week before, {plural(runs, 'run')}, {plural(len(cases), 'case')}: {words[beyond]}; "
        f"{plural(sum(changed.values()), 'case')} changed."
    )
    return msgspec.structs.replace(
        found,
        ratio=whole.ratio,
        low=whole.low,
        high=whole.high,
        cases=len(cases),
        before=runs,
        changed=tuple(name for name, one in changed.items() if one),
        beyond=beyond,
        text=text,
    )


def _noise(series: Series) -> list[float]:
    """The log ratios to their median of a time's values since its last step, without the latest."""
    level = [math.log(value) for value in series.values[series.steps[-1].at if series.steps else 0 : -1]]
    middle = statistics.median(level) if level else 0.0
    return [value - middle for value in level]


def outside(apart: float, noise: Sequence[float], week: int, level: float) -> bool:
    """Whether a run is further from the median of ``week`` runs than chance explains at ``level``; False below three.

    By Student's t on ``noise``, the deviations of single runs. The variance of a median of m values is theirs · π/2m.
    """
    if len(noise) < MIN_REPEATS:
        return False
    from harness.rules.inference import t_quantile

    error = statistics.stdev(noise) * math.sqrt(1 + math.pi / (2 * week))
    return abs(apart) > t_quantile(len(noise) - 1, level / 2) * error
