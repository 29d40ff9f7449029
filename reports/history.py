"""``--trend``: the newest run of a folder against all earlier ones, and TREND.md.

A *series* has the values of one case under one condition, in order of the runs' start. What cannot be compared is never
in one series: another stack, precision or set of seeds, and for times another engine, machine or number of workers. A
series moved if its newest value differs from the median of the earlier ones by more than matters (the metric's smallest
effect of interest, or RELATIVE of a time), and by more than chance explains: ``difference.is_significant`` at ALPHA,
divided by the number of series of the newest run. At least three earlier values are needed. What differs from a single
earlier run, ``harness.check.compare`` says.
"""

from __future__ import annotations

import datetime
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.check.compare import Changes, compare
from harness.check.difference import MedianRatio, is_significant
from harness.course import course
from harness.errors import SuiteError
from harness.record.run import HEAVY, Run, parse_run, read_run
from harness.record.run_file import run_files
from harness.timing.slower import ALPHA, MIN_REPEATS, RELATIVE
from reports.folders import of_course
from reports.text import code, cut, escape, table
from reports.words import faster_or_slower, machine, metric_label, number, plural, points, seconds

if TYPE_CHECKING:
    from harness.record.address import Address

FILE = "TREND.md"
RECENT = 100
"""The newest runs that a series keeps."""
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

    def place(self, run: Run) -> int | None:
        """The index of a run; None if it is not finished, or not of this folder."""
        return next((at for at, other in enumerate(self.runs) if other.header.id == run.header.id), None)

    def newest(self) -> dict[int, list[Series]]:
        """The newest run of each stack and machine, with the series that it has."""
        places = {(run.header.stack, machine(run.header.fingerprint)): at for at, run in enumerate(self.runs)}
        return {at: [series for series, values in self.values.items() if at in values] for at in places.values()}

    def earlier(self, series: Series, at: int) -> dict[int, float]:
        return {index: value for index, value in list(self.values[series].items())[-RECENT:] if index < at}

    def moved(self, at: int) -> list[Moved]:
        """The series that moved with the run ``at``, the largest change first."""
        own = [series for series, values in self.values.items() if at in values]
        moved: list[tuple[float, Moved]] = []
        for series in own:
            before = list(self.earlier(series, at).values())
            if not before:
                continue
            middle, value = statistics.median(before), self.values[series][at]
            residuals = [series.apart(other, middle) for other in before]
            apart = series.apart(value, middle)
            if abs(apart) > series.effect and is_significant(apart, residuals, len(before), ALPHA / len(own)):
                moved.append((abs(apart) / series.effect, Moved(series, middle, value, len(before))))
        return [series for _, series in sorted(moved, key=lambda pair: -pair[0])]

    def speed(self, at: int) -> Speed | None:
        """The times of the run ``at`` against the earlier ones of its machine; None if there are none to compare."""
        logs = [
            ({index: math.log(value) for index, value in before.items()}, math.log(self.values[series][at]))
            for series in self.values
            if series.time and at in self.values[series] and (before := self.earlier(series, at))
        ]
        if not logs:
            return None
        middles = [statistics.median(before.values()) for before, _ in logs]
        whole = MedianRatio.of([math.exp(newest - middle) for (_, newest), middle in zip(logs, middles, strict=True)])
        runs = sorted({index for before, _ in logs for index in before})
        noise = [
            statistics.median(
                before[index] - middle for (before, _), middle in zip(logs, middles, strict=True) if index in before
            )
            for index in runs
        ]
        beyond = is_significant(math.log(whole.ratio), noise, len(runs), ALPHA) if len(runs) >= MIN_REPEATS else None
        return Speed(whole, len(runs), beyond)


def started(run: Run) -> datetime.datetime:
    """When a run started. ValueError if that is no date."""
    start = datetime.datetime.fromisoformat(run.header.started)
    return start.astimezone(datetime.UTC) if start.tzinfo else start.replace(tzinfo=datetime.UTC)


def measured(run: Run) -> Iterator[tuple[Series, float]]:
    """The values of a run. Trials of earlier runs are no measurement of this one."""
    stack, own = run.header.stack, machine(run.header.fingerprint)
    time = ("seconds per epoch", "s")
    for record in run.trainings.values():
        case, declared = "/".join(record.key), course().experiments.get(record.experiment)
        metric = next((m for m in declared.metrics if m.name == record.metric), None) if declared else None
        if metric and record.mean is not None and record.reused < record.n:
            condition = seeds_text(record.seeds) + _precision(record.precision)
            effect = metric.smallest_effect, metric.scale
            yield Series(case, metric.name, metric.unit, condition, stack, "", *effect), record.mean
        if not record.reused:
            many = f", {plural(record.n, 'seed')} at once" if record.engine == "vectorized" else ""
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


def runs_of(store: Address | None, folder: Path) -> Iterator[Run | str]:
    """The course's runs of a database, or of a folder's run files, without trials and claims; see ``History.of``.

    SuiteError if the database cannot be used, or there is no run of the course.
    """
    empty = True
    for name, lines in _stored(store) if store else _recorded(folder):
        try:
            run: Run | str = parse_run(lines, folder / f"{name}.jsonl")
        except SuiteError as error:
            run = str(error)
        if isinstance(run, str) or of_course(run.header):
            empty = False
            yield run
    if empty:
        of = "" if course().default else f" of {course().title}"
        fix = f"Run `pytest suite/{course().option}` first."
        raise SuiteError(f"No run{of} is recorded in {store or folder}. {fix}")


def _stored(store: Address) -> Iterator[tuple[str, list[bytes]]]:
    from harness.record.database import readable

    with readable(store) as database:
        yield from database.light()


def _recorded(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Empty files do not count: their process was killed before it wrote the first line."""
    heavy = tuple(start.encode() for start in HEAVY)
    for path in run_files(folder):
        try:
            with path.open("rb") as file:
                lines = [line for line in file if line.endswith(b"\n") and not line.startswith(heavy)]
        except OSError as error:
            raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error
        if lines or path.stat().st_size:
            yield path.stem, lines


def since_last(run: Run, history: History) -> Changes | None:
    """What differs from the last comparable run: of the same stack, as full, with something in common; None if none."""
    for earlier in reversed(history.runs):
        then, now = earlier.header, run.header
        if then.id < now.id and (then.stack, then.full) == (now.stack, now.full):
            try:
                return compare(run, read_run(earlier.path))
            except SuiteError:  # nothing in common, or the file is gone
                continue
    return None


def markdown(history: History) -> str:
    """The text of TREND.md."""
    newest = {at: (history.moved(at), history.speed(at)) for at in sorted(history.newest(), reverse=True)}
    parts = [f"# Trend: {plural(len(history.runs), 'finished run')}", _status(history, newest)]
    speeds = [f"- {_where(history.runs[at])}: {speed}" for at, (_, speed) in newest.items() if speed]
    parts += ["## Is a machine slower than before?", "\n".join(speeds[:MOST_ROWS])] if speeds else []
    rows = [_row(moved, history.runs[at]) for at, (every, _) in newest.items() for moved in every]
    if rows:
        parts += [
            "## What moved with the newest run",
            table(("series", "before → now", "change", "run"), rows, most=MOST_ROWS),
        ]
    if history.runs:
        head = ("started", "run", "stack", "commit", "changed since the run before")
        parts += ["## Runs", table(head, _runs(history), most=MOST_ROWS)]
    if history.unread:
        lines = [f"- {escape(cut(why, 300))}" for why in history.unread[:10]]
        left = len(history.unread) - len(lines)
        parts += ["## Runs that could not be read", "\n".join([*lines, *([f"- {left} more"] if left else [])])]
    return "\n\n".join(parts) + "\n"


def _status(history: History, newest: Mapping[int, tuple[list[Moved], Speed | None]]) -> str:
    count = sum(at in values for at in newest for values in history.values.values())
    moved = sum(len(every) for every, _ in newest.values())
    left = ""
    if history.unfinished:
        left = f" Left out: {plural(history.unfinished, 'run')} without an end."
    if not count:
        return f"**Nothing to show: no finished run trained to the end or was timed.**{left}"
    if not moved:
        return f"**✅ None of {plural(count, 'series', 'series')} of the newest runs moved.**{left}"
    return f"**⚠ {moved} of {plural(count, 'series', 'series')} of the newest runs moved.**{left}"


def _where(run: Run) -> str:
    return f"{code(machine(run.header.fingerprint), LONGEST)} ({code(run.header.stack, LONGEST)})"


def _row(moved: Moved, run: Run) -> tuple[str, ...]:
    series, unit = moved.series, moved.series.unit
    if series.time:
        name, change = "time", faster_or_slower(moved.now / moved.before)
        values = f"{seconds(moved.before)} s → {seconds(moved.now)} s"
    else:
        name, values = metric_label(series.name), f"{number(moved.before, unit)} → {number(moved.now, unit)}"
        if series.scale == "log":
            change = f"{moved.now / moved.before:.3g} ×"
        else:
            apart = moved.now - moved.before
            change = points(apart) if unit == "fraction" else f"{number(apart)} {unit}"
    title = code(f"{series.case}, {name} ({series.condition})", LONGEST)
    return title, f"{escape(values)} ({plural(moved.runs, 'run')})", escape(change), code(run.header.id, LONGEST)


def _runs(history: History) -> Iterator[tuple[str, ...]]:
    """The runs, the newest first, each with what differs from the run before it on its stack."""
    before: dict[str, Run] = {}
    rows = []
    for run in history.runs:
        header, last = run.header, before.get(run.header.stack)
        facts = {**header.fingerprint, "machine": machine(header.fingerprint)}
        then = {**last.header.fingerprint, "machine": machine(last.header.fingerprint)} if last else facts
        keys = [key for key in {**then, **facts} if then.get(key) != facts.get(key)]
        changed = [f"{key} {then.get(key)} → {facts.get(key)}" for key in keys]
        before[header.stack] = run
        texts = (code(text, LONGEST) for text in (header.id, header.stack, header.commit or "–"))
        rows.append((escape(header.started[:10]), *texts, escape(cut("; ".join(changed), LONGEST))))
    return reversed(rows)
