"""``--trend``: the newest run of a folder against all earlier ones, and TREND.md.

A *series* has the values of one case under one condition, in order of the runs' start. What cannot be compared is never
in one series: another stack, precision or set of seeds, and for times another engine, machine or number of workers. A
series moved if its newest value differs from the median of the earlier ones by more than matters (the metric's smallest
effect of interest, or RELATIVE of a time), and by more than chance explains: ``difference.is_significant`` at ALPHA,
divided by the number of series of the newest run. At least three earlier values are needed. What differs from a single
earlier run, ``harness.check.compare`` says.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.check.compare import Changes, compare
from harness.check.difference import MedianRatio, is_significant
from harness.errors import SuiteError
from harness.record.run import Run, read_run
from harness.record.trials import Fingerprint
from harness.timing.slower import ALPHA, MIN_REPEATS, RELATIVE
from reports.sentences import metrics_of
from reports.words import (
    code,
    cut,
    escape,
    faster_or_slower,
    machine,
    metric_label,
    number,
    plural,
    points,
    seconds,
    table,
)

FILE = "TREND.md"
RECENT = 100
"""The newest runs that a series keeps."""
WEEK = datetime.timedelta(days=6.5)
"""A weekly run may be some hours early."""
MOST_ROWS = 60
LONGEST = 120
"""Characters of a text from outside."""


class Series(NamedTuple):
    """What makes values comparable.

    Attributes:
        case: "experiment/variant"; for ``-m timing`` its work.
        name, unit: of the metric; "seconds per epoch" and "s" of a time.
        condition: seeds, or engine and workers.
        stack, machine: where; the machine of a time only.
        effect, scale: the smallest difference that matters, on this scale.
    """

    case: str
    name: str
    unit: str
    condition: str
    stack: str
    machine: str
    effect: float
    scale: str

    @property
    def time(self) -> bool:
        return bool(self.machine)

    def apart(self, value: float, other: float) -> float:
        return math.log(value / other) if self.scale == "log" and value > 0 < other else value - other


@dataclass(frozen=True)
class Moved:
    """A series whose newest value moved: the median of ``runs`` earlier ones, and the newest."""

    series: Series
    before: float
    now: float
    runs: int

    @property
    def difference(self) -> float:
        return self.series.apart(self.now, self.before)

    @property
    def change(self) -> str:
        """In words: "1.16 × slower", "+0.42 points"."""
        if self.series.time:
            return faster_or_slower(self.now / self.before)
        if self.series.scale == "log":
            return f"{self.now / self.before:.3g} ×"
        apart = self.now - self.before
        return points(apart) if self.series.unit == "fraction" else f"{number(apart)} {self.series.unit}"


@dataclass(frozen=True)
class Speed:
    """The times of a run against those of its machine's earlier ``runs``.

    ``beyond``: whether it is further from them than they are from each other; None if they are too few to tell.
    """

    whole: MedianRatio
    runs: int
    beyond: bool | None

    @property
    def slower(self) -> bool:
        return bool(self.beyond) and self.whole.ratio > 1

    @property
    def faster(self) -> bool:
        return bool(self.beyond) and self.whole.ratio < 1

    def __str__(self) -> str:
        words = {
            None: f"fewer than {MIN_REPEATS} earlier runs do not show whether that is chance",
            True: "more than its runs differ by",
            False: "within what its runs differ by",
        }
        ratio = faster_or_slower(self.whole.ratio, self.whole.low, self.whole.high)
        than = "as" if ratio.startswith("as fast") else "than"
        cases = plural(self.whole.cases, "case")
        return f"{ratio} {than} in {plural(self.runs, 'earlier run')}, {cases}: {words[self.beyond]}."


@dataclass
class History:
    """The finished runs of a course.

    Attributes:
        runs: in order of their start, without trials and claims.
        values: of each series, by index in ``runs``.
        unfinished: number of runs without an end; they are left out.
        unread: why a run could not be read.
    """

    runs: list[Run] = field(default_factory=list)
    values: dict[Series, dict[int, float]] = field(default_factory=dict)
    unfinished: int = 0
    unread: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, runs: Iterable[Run | str]) -> History:
        """The history of these runs, in any order; a text says why a run could not be read."""
        made = cls()
        for run in runs:
            if isinstance(run, str):
                made.unread.append(run)
            elif run.end is None:
                made.unfinished += 1
            elif not run.header.evidence:
                try:
                    started(run)
                    made.runs.append(run)
                except ValueError:
                    name, start = run.header.id[:80], run.header.started[:40]
                    made.unread.append(f"The run {name} has no date as its start: {start!r}.")
        made.runs.sort(key=lambda run: (started(run), run.header.id))
        for index, run in enumerate(made.runs):
            for series, value in measured(run):
                if math.isfinite(value) and (value > 0 or not series.time):
                    made.values.setdefault(series, {})[index] = value
        return made

    def newest(self) -> list[int]:
        """The newest run of each stack and machine, the newest first."""
        places = {(run.header.stack, machine(run.header.fingerprint)): at for at, run in enumerate(self.runs)}
        return sorted(places.values(), reverse=True)

    def of_run(self, at: int) -> dict[Series, list[tuple[int, float]]]:
        """The series that the run ``at`` has, each with its earlier values by run, of the last RECENT."""
        return {
            series: [(index, value) for index, value in [*values.items()][-RECENT:] if index < at]
            for series, values in self.values.items()
            if at in values
        }

    def moved(self, at: int) -> list[Moved]:
        """The series that moved with the run ``at``, the largest change first."""
        own, moved = self.of_run(at), []
        for series, earlier in own.items():
            if earlier:
                values = [value for _, value in earlier]
                change = Moved(series, statistics.median(values), self.values[series][at], len(values))
                residuals = [series.apart(value, change.before) for value in values]
                beyond = is_significant(change.difference, residuals, len(values), ALPHA / len(own))
                if beyond and abs(change.difference) > series.effect:
                    moved.append(change)
        return sorted(moved, key=lambda change: -abs(change.difference) / change.series.effect)

    def speed(self, at: int) -> Speed | None:
        """The times of the run ``at`` against the earlier ones of its machine; None if there are none to compare."""
        ratios: list[float] = []
        deviations: dict[int, list[float]] = defaultdict(list)
        for series, earlier in self.of_run(at).items():
            if series.time and earlier:
                middle = statistics.median(math.log(value) for _, value in earlier)
                ratios.append(self.values[series][at] / math.exp(middle))
                for index, value in earlier:
                    deviations[index].append(math.log(value) - middle)
        if not ratios:
            return None
        whole, runs = MedianRatio.of(ratios), len(deviations)
        noise = [statistics.median(of) for of in deviations.values()]
        beyond = is_significant(math.log(whole.ratio), noise, runs, ALPHA) if runs >= MIN_REPEATS else None
        return Speed(whole, runs, beyond)

    def speed_of(self, run: Run) -> Speed | None:
        """The times of a run against earlier ones; None if there are none, or it is not finished."""
        places = [at for at, other in enumerate(self.runs) if other.header.id == run.header.id]
        return self.speed(places[0]) if places else None


def started(run: Run) -> datetime.datetime:
    """When a run started. ValueError if that is no date."""
    start = datetime.datetime.fromisoformat(run.header.started)
    return start.astimezone(datetime.UTC) if start.tzinfo else start.replace(tzinfo=datetime.UTC)


def measured(run: Run) -> Iterator[tuple[Series, float]]:
    """The values of a run. Trials of earlier runs are no measurement of this one."""
    stack, own = run.header.stack, machine(run.header.fingerprint)
    time = ("seconds per epoch", "s")
    for record in run.trainings.values():
        case, metric = "/".join(record.key), metrics_of(record.experiment).get(record.summary.metric)
        if metric and record.summary.mean is not None and record.reused < record.summary.n:
            condition = seeds_text(record.seeds) + _precision(record.precision)
            effect = metric.smallest_effect, metric.scale
            yield Series(case, metric.name, metric.unit, condition, stack, "", *effect), record.summary.mean
        if not record.reused:
            many = f", {plural(record.summary.n, 'seed')} at once" if record.engine == "vectorized" else ""
            condition = f"{record.engine}{many}, {plural(run.header.workers, 'worker')}{_precision(record.precision)}"
            yield Series(case, *time, condition, stack, own, math.log(RELATIVE), "log"), record.seconds.steady_epoch
    for timed in run.timings.values():
        condition = f"{timed.engine}, -m timing{_precision(run.header.fingerprint.get('precision'))}"
        yield Series(timed.work, *time, condition, stack, own, math.log(RELATIVE), "log"), timed.measured.fastest


def _precision(precision: object) -> str:
    return f", {precision}" if precision not in (None, "", "default", "float32") else ""


def seeds_text(seeds: tuple[int, ...]) -> str:
    """Seeds in words: "seed 3", "seeds 0–9", "7 seeds of 0–20"."""
    if not seeds:
        return "no seed"
    low, high = min(seeds), max(seeds)
    if len(seeds) == 1:
        return f"seed {low}"
    return f"seeds {low}–{high}" if high - low + 1 == len(seeds) else f"{len(seeds)} seeds of {low}–{high}"


def since(run: Run, history: History) -> list[Changes]:
    """What differs from the last comparable run, and from the last one of at least a week before, if there are any.

    Comparable is a run of the same stack, as full, with something in common.
    """
    changes: list[Changes] = []
    for earlier in reversed(history.runs):
        then, now = earlier.header, run.header
        if then.id < now.id and (then.stack, then.full) == (now.stack, now.full):
            with contextlib.suppress(SuiteError, ValueError):  # nothing in common, the file is gone, or no date
                if not changes or started(run) - started(earlier) >= WEEK:
                    changes.append(compare(run, read_run(earlier.path)))
        if len(changes) == 2:
            break
    return changes


def markdown(history: History) -> str:
    """The text of TREND.md."""
    newest = {at: (history.moved(at), history.speed(at)) for at in history.newest()}
    parts = [f"# Trend: {plural(len(history.runs), 'finished run')}", _status(history, newest)]
    speeds = [f"- {_where(history.runs[at])}: {speed}" for at, (_, speed) in newest.items() if speed]
    parts += ["## Is a machine slower than before?", "\n".join(speeds[:MOST_ROWS])] if speeds else []
    if rows := [_row(moved, history.runs[at]) for at, (every, _) in newest.items() for moved in every]:
        moved = table(("series", "before → now", "change", "run"), rows, most=MOST_ROWS)
        parts += ["## What moved with the newest run", moved]
    if history.runs:
        head = ("started", "run", "stack", "commit", "changed since the run before")
        parts += ["## Runs", table(head, _runs(history), most=MOST_ROWS)]
    if history.unread:
        lines = [f"- {escape(cut(why, 300))}" for why in history.unread[:10]]
        lines += [f"- {left} more"] if (left := len(history.unread) - len(lines)) else []
        parts += ["## Runs that could not be read", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _status(history: History, newest: dict[int, tuple[list[Moved], Speed | None]]) -> str:
    count, moved = sum(len(history.of_run(at)) for at in newest), sum(len(every) for every, _ in newest.values())
    left = f" Left out: {plural(history.unfinished, 'run')} without an end." if history.unfinished else ""
    if not count:
        return f"**Nothing to show: no finished run trained to the end or was timed.**{left}"
    mark, how_many = ("⚠", str(moved)) if moved else ("✅", "None")
    return f"**{mark} {how_many} of {plural(count, 'series', 'series')} of the newest runs moved.**{left}"


def _where(run: Run) -> str:
    return f"{code(machine(run.header.fingerprint), LONGEST)} ({code(run.header.stack, LONGEST)})"


def _row(moved: Moved, run: Run) -> tuple[str, ...]:
    series = moved.series
    name = "time" if series.time else metric_label(series.name)
    values = [f"{seconds(v)} s" if series.time else number(v, series.unit) for v in (moved.before, moved.now)]
    title = code(f"{series.case}, {name} ({series.condition})", LONGEST)
    before = f"{escape(' → '.join(values))} ({plural(moved.runs, 'run')})"
    return title, before, escape(moved.change), code(run.header.id, LONGEST)


def _runs(history: History) -> Iterator[tuple[str, ...]]:
    """The runs, the newest first, each with what differs from the run before it on its stack."""
    before: dict[str, Fingerprint] = {}
    rows = []
    for run in history.runs:
        header = run.header
        facts: Fingerprint = {**header.fingerprint, "machine": machine(header.fingerprint)}
        then = before.get(header.stack, facts)
        before[header.stack] = facts
        keys = [key for key in {**then, **facts} if then.get(key) != facts.get(key)]
        changed = "; ".join(f"{key} {then.get(key)} → {facts.get(key)}" for key in keys)
        texts = (code(text, LONGEST) for text in (header.id, header.stack, header.commit or "–"))
        rows.append((escape(header.started[:10]), *texts, escape(cut(changed, LONGEST))))
    return reversed(rows)
