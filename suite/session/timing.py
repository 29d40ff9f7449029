"""Timing runs: each piece of work is measured with all engines in alternation, compared with stored times, and told."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterator

from harness.record import timings as stored_times
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import Timed
from harness.record.timings import Measurement, Provenance, Timings
from harness.timing.measure import measure, sized
from harness.timing.slower import CHANGED, conditions, confirmed, slower, times
from harness.training.backend import check_on_gpu
from harness.training.engines import ENGINES
from reports.times import images_per_second, ratios, speed
from reports.words import duration, factor
from suite.catalogue import COURSE, EXPERIMENTS, training_name
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


def engines_of(run: Session) -> list[str]:
    """The engines to time: all that the backend has, or the one of --engine. The reference comes first."""
    asked = run.options.engine
    return [e for e in TIMED if run.options.backend in ENGINES[e].backends and asked in ("auto", e)]


def measured(run: Session, work: str) -> dict[str, Timed]:
    """A work's times by engine. The first call for a work measures and records them; further calls return the same."""
    engines = engines_of(run)
    if (work, engines[0]) not in run.timed:
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
            run.timed[work, engine] = record
    return {engine: run.timed[work, engine] for engine in engines}


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
    if not run.timed:
        return
    yield "times per epoch, steady state (median of rounds in alternation):"
    headers, rows = HEADERS, [_row(record) for record in run.timed.values()]
    whole = list(table(headers, rows, sys.maxsize, headers[2:-1]))
    if max(map(width, whole)) > columns:
        headers = tuple(name for name in HEADERS if name != "compile")
        whole = list(table(headers, [(*row[:2], *row[3:]) for row in rows], columns, headers[2:-1]))
    yield from whole
    for work, what, slow, fast, (estimate, ends) in ratios(run.timed.values()):
        interval = f" [{', '.join(map(factor, ends))}]" if ends else ""
        yield f"  {work}, {what}: {speed(slow, fast, estimate)}; {slow} / {fast} {factor(estimate)}{interval}"
    yield from _moved(run)


def update(run: Session) -> Iterator[str]:
    """Stores the times of this run and lists what changed in each case; nothing if nothing was timed.

    A case that has not moved gets one more repeat. A case that has moved, or has another fingerprint, begins anew. A
    case that is no longer declared is removed. A case that was not timed in this run stays.
    """
    if not run.timed:
        return
    changes = []

    def change(old: Timings | None) -> Timings:
        new = old or Timings(stack=run.stored.stack, cases={})
        for record in run.timed.values():
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
    blind, reasons, new = [], dict[str, list[str]](), 0
    for record in run.timed.values():
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
        yield f"  no time is stored on {run.stored.stack} for {new} of {len(run.timed)} cases. Store this run: {STORE}"
    if stored := _stored(run):
        for case in sorted(_undeclared(stored, run)):
            yield f"  missing: {case} has stored times and is no longer timed"
        timed = {record.case for record in run.timed.values()}
        left = {f"{work}/{engine}" for work in WORK for engine in engines_of(run)} & set(stored.cases) - timed
        if left:
            yield f"  not timed in this run, although stored: {', '.join(sorted(left))}"
