"""Times: of trainings, as rows of pytest-benchmark; and of timing runs, engine by engine, compared with stored times.

pytest-benchmark can only measure one function after another; the suite measures in alternation, or in other processes.
But pytest-benchmark accepts a timer. A timer that replays the measured durations makes the row.
"""

from __future__ import annotations

import datetime
import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from harness.record import timings as stored_times
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import Timed, TrainingCompared
from harness.record.timings import Measurement, Provenance, Timings
from harness.timing.measure import measure, sized
from harness.timing.slower import CHANGED, conditions, confirmed, slower, times
from harness.training.backend import check_on_gpu
from harness.training.engines import ENGINES
from reports.times import images_per_second, ratios, speed
from reports.words import duration, factor
from suite.catalogue import COURSE, EXPERIMENTS, TRAININGS, training_name
from suite.session.session import Session
from suite.session.terminal import table, width

WORK: dict[str, tuple[str, str, int]] = {
    training_name(experiment, variant): (experiment, variant, epochs) for experiment, variant, epochs in COURSE.timed
}
"""Experiment, variant and epochs of a round, at the course's own size."""
TIMED = tuple(name for name, entry in ENGINES.items() if not entry.batched)
"""The engines that train one seed after another. The benchmarks on a GPU measure those that train many at once."""
PAUSE = 5.0
"""Seconds between a series that shows a change and the series that has to confirm it."""
SEEN = 1.10
"""The slowdown that each stored case should show. The summary names the cases that cannot show it."""
HEADERS: tuple[str, ...] = ("work", "engine", "compile", "epoch", "images/s", "stored")
STORE = '-m timing --update-baselines "reason"'


class Replay:
    """A timer that is read twice for each duration: the second reading is later by that duration, in seconds."""

    def __init__(self, durations: Sequence[float]) -> None:
        self.__name__ = "rounds in alternation"  # the JSON has it in place of perf_counter
        self.readings = list(itertools.chain.from_iterable((0.0, duration) for duration in durations))
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return self.readings[min(self.count, len(self.readings)) - 1]


def replay(request: pytest.FixtureRequest, group: str, durations: Sequence[float], extra: dict[str, Any]) -> None:
    """Makes the running test item a row with these rounds, in seconds; no row under --benchmark-disable.

    Warns if pytest-benchmark does not read its timer twice a round: the row is then wrong.
    """
    timer = Replay(durations)
    request.node.add_marker(pytest.mark.benchmark(group=group, timer=timer))
    benchmark = request.getfixturevalue("benchmark")
    benchmark.pedantic(lambda: None, rounds=len(durations), iterations=1)
    benchmark.extra_info.update(extra)
    if not benchmark.disabled and timer.count != len(timer.readings):
        request.node.warn(
            pytest.PytestWarning(
                f"This version of pytest-benchmark read its timer {timer.count} times instead of "
                f"{len(timer.readings)}: its table and benchmark.json are wrong, the report is right."
            )
        )


def training_row(request: pytest.FixtureRequest, run: Session, record: TrainingCompared, extra: dict[str, Any]) -> None:
    """Makes the running test item a row with the times of a training, by the clock of the process that trained it.

    The rounds are the seconds of a steady epoch of each trial that was trained to the end. Where there is none, they
    are the seconds of each short trial, compilation included. Without pytest-benchmark there is no row.
    """
    if not request.config.pluginmanager.hasplugin("benchmark"):
        return
    per, rounds = "epoch", [trial.seconds.steady_epoch for trial in run.trials.done(record.key)]
    if not rounds:
        per, rounds = "short trial", [trial.seconds for trial in run.trials.short(record.key)]
    where = f"{run.header.workers} processes" if run.header.workers > 1 else "this process"
    if rounds:
        replay(request, f"{record.experiment}, seconds per {per}", rounds, {**extra, "per": per, "clock": where})


def training_table(benchmarks: Sequence[Mapping[str, Any]], columns: int) -> list[str]:
    """The lines of one table with the rows of all trainings, in catalogue order; none without such rows.

    Args:
        benchmarks: the rows as pytest-benchmark gives them to ``pytest_benchmark_group_stats``.
        columns: the greatest width of a line.
    """
    order = {training_name(*key): place for place, key in enumerate(TRAININGS)}
    known = [row for row in benchmarks if row["param"] in order and "per" in row["extra_info"]]
    rows = [
        (row["param"], row["extra_info"]["per"], duration(row["mean"]), row["rounds"])
        for row in sorted(known, key=lambda row: order[row["param"]])
    ]
    headers = ("time of a training", "per", "mean", "rounds")
    return list(table(headers, rows, columns, right=headers[2:])) if rows else []


def engines_of(run: Session) -> list[str]:
    """The engines to time: all that the backend has, or the one of --engine. The reference comes first."""
    asked = run.options.engine
    return [e for e in TIMED if run.options.backend in ENGINES[e].backends and asked in ("auto", e)]


def measured(run: Session, work: str) -> dict[str, Timed]:
    """A work's times by engine. The first call for a work measures and records them; further calls return the same."""
    engines = engines_of(run)
    if (work, engines[0]) not in run.run.timings:
        stored = _stored(run)
        measurements, compared = _series(run, work, stored)
        if any(comparison.state in CHANGED for comparison in compared.values()):
            time.sleep(PAUSE)
            measurements, again = _series(run, work, stored, ", again to confirm a change")
            compared = {engine: confirmed(compared[engine], second) for engine, second in again.items()}
        if run.options.require_gpu:
            check_on_gpu(measurement.trained_on for measurement in measurements.values())
        name, variant, _ = WORK[work]
        for engine, comparison in compared.items():
            record = Timed(
                work=work,
                experiment=name,
                variant=variant,
                engine=engine,
                measured=measurements[engine],
                comparison=comparison,
                red=_red(run, comparison),
            )
            run.file.append(record)
    return {engine: run.run.timings[work, engine] for engine in engines}


def _stored(run: Session) -> Timings | None:
    return stored_times.read(stored_times.path_of(run.stored.root, run.stored.stack))


def _red(run: Session, comparison: TimeComparison) -> bool:
    """Slower in seconds is red on a GPU, and on a CPU with --gate-timing; no time is red in a run that stores it."""
    gated = run.device.kind == "gpu" or run.options.gate_timing
    slow = comparison.state is TimeState.SLOWER and not comparison.of_fit
    unknown = comparison.state is TimeState.NEW and run.options.require_baselines
    return run.options.update is None and ((slow and gated) or unknown)


def _series(
    run: Session, work: str, stored: Timings | None, why: str = ""
) -> tuple[dict[str, Measurement], dict[str, TimeComparison]]:
    """Measures a work once with all its engines, and compares each engine with its stored times."""
    engines, (name, variant, epochs) = engines_of(run), WORK[work]
    run.progress.note(f"{work}: {' and '.join(engines)} in alternation{why}")
    provenance = Provenance(
        commit=run.header.commit or "unknown",
        date=datetime.date.today().isoformat(),
        reason=run.options.update or "a run without --update-baselines",
        fingerprint={key: value for key, value in run.header.fingerprint.items() if key != "engine"},
    )
    measurements = measure(sized(EXPERIMENTS[name], epochs), variant, engines, provenance)
    known, cases = stored.cases if stored else {}, len(WORK) * len(engines)
    return measurements, {
        engine: slower(now, known.get(f"{work}/{engine}", ()), cases, conditions(engine, provenance.fingerprint))
        for engine, now in measurements.items()
    }


def lines(run: Session, columns: int = sys.maxsize) -> Iterator[str]:
    """The lines for the terminal; none if nothing was timed. A table wider than ``columns`` has fewer columns."""
    records = run.run.timings.values()
    if not records:
        return
    yield "times per epoch, steady state (median of rounds in alternation):"
    headers, rows = HEADERS, list(map(_row, records))
    whole = list(table(headers, rows, sys.maxsize, headers[2:-1]))
    if max(map(width, whole)) > columns:
        headers = tuple(name for name in HEADERS if name != "compile")
        whole = list(table(headers, [(*row[:2], *row[3:]) for row in rows], columns, headers[2:-1]))
    yield from whole
    for work, what, slow, fast, (estimate, ends) in ratios(records):
        interval = f" [{', '.join(map(factor, ends))}]" if ends else ""
        yield f"  {work}, {what}: {speed(slow, fast, estimate)}; {slow} / {fast} {factor(estimate)}{interval}"
    yield from _moved(run)


def update(run: Session) -> Iterator[str]:
    """Stores the times of this run and lists what changed in each case; nothing if nothing was timed.

    A case that has not moved gets one more repeat. A case that has moved, or has another fingerprint, begins anew. A
    case that is no longer declared is removed. A case that was not timed in this run stays.
    """
    if not run.run.timings:
        return
    changes = []

    def change(old: Timings | None) -> Timings:
        new = old or Timings(stack=run.stored.stack, cases={})
        for record in run.run.timings.values():
            before = new.cases.get(record.case, ())
            new = new.added(record.case, record.measured, replaces=record.comparison.moved)
            then = f"{duration(before[-1].median)} → " if before else ""
            how = "begins anew" if record.comparison.moved else f"repeat {len(new.cases[record.case])}"
            now = f"{then}{duration(record.measured.median)} per epoch"
            changes.append(f"  {record.case}: {record.comparison.state}, {how}, {now}")
        gone = _undeclared(new, run)
        changes.extend(f"  {name}: removed, no longer timed" for name in sorted(gone))
        return new.without(gone)

    stored_times.update(stored_times.path_of(run.stored.root, run.stored.stack), change)
    yield f"timings ({run.stored.stack}):"
    yield from changes


def _undeclared(stored: Timings, run: Session) -> set[str]:
    """The stored cases whose work or engine a timing run no longer has."""
    engines = [engine for engine in TIMED if run.options.backend in ENGINES[engine].backends]
    return set(stored.cases) - {f"{work}/{engine}" for work in WORK for engine in engines}


def _row(record: Timed) -> tuple[str, ...]:
    comparison, now = record.comparison, record.measured
    state = "no change shown" if comparison.state is TimeState.WITHIN else str(comparison.state)
    if comparison.ratio:
        state += f" ({times(comparison.ratio)}{', in epochs of fit' if comparison.of_fit else ''})"
    return record.work, record.engine, duration(now.compile), duration(now.median), images_per_second(now), state


def _moved(run: Session) -> Iterator[str]:
    """The slower, faster and incomparable cases with their reasons, the number of new ones, and the missing ones."""
    blind, reasons, new, timed = [], dict[str, list[str]](), 0, run.run.timings.values()
    for record in timed:
        case, comparison = record.case, record.comparison
        new += comparison.state is TimeState.NEW
        if comparison.state in (*CHANGED, TimeState.DISTURBED):
            advisory = ""
            if comparison.state is TimeState.SLOWER and not record.red:
                advisory = " (advisory)" if comparison.of_fit else " (advisory on a CPU: --gate-timing)"
            yield f"  {comparison.state}: {case}: {comparison.reason}{advisory}"
        elif comparison.state is TimeState.NOT_COMPARABLE:
            reasons.setdefault(comparison.reason, []).append(case)
        if comparison.limit is not None and comparison.limit > SEEN:
            blind.append(f"{case} (only {factor(comparison.limit)} ×, with {comparison.repeats} stored)")
    if blind:
        yield (
            f"  a slowdown of {SEEN - 1:.0%} would not be seen in {', '.join(blind)}: store repeats until there are "
            f"ten, of other hours too ({STORE})"
        )
    for reason, cases in reasons.items():
        yield f"  not comparable: {', '.join(cases)}: {reason}"
    if new:
        yield f"  no time is stored on {run.stored.stack} for {new} of {len(timed)} cases. Store this run: {STORE}"
    if stored := _stored(run):
        for case in sorted(_undeclared(stored, run)):
            yield f"  missing: {case} has stored times and is no longer timed"
        left = {f"{work}/{engine}" for work in WORK for engine in engines_of(run)} & set(stored.cases)
        if left := left - {record.case for record in timed}:
            yield f"  not timed in this run, although stored: {', '.join(sorted(left))}"
