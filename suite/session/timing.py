"""Timing runs: each piece of work is measured with all engines in alternation, compared with stored times, and told."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterator

from harness.domain.model import Experiment
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import Timed
from harness.record.timings import Measurement, Provenance, Timings
from harness.timing import stored_times
from harness.timing.measure import measure, sized
from harness.timing.slower import CHANGED, conditions, confirmed, slower, times
from harness.training.backend import check_on_gpu
from harness.training.engines import ENGINES
from reports.times import images_per_second, ratios, speed
from reports.words import duration, factor
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.session.screen import table, width
from suite.session.session import Session

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
HEADERS = ("work", "engine", "compile", "epoch", "images/s", "stored")
NARROW = ("work", "engine", "epoch", "images/s", "stored")
"""The columns of a narrow terminal."""


def engines_of(run: Session) -> list[str]:
    """The engines to time: all that the backend has, or the one of --engine. The reference comes first."""
    asked = run.options.engine
    return [e for e in TIMED if run.options.backend in ENGINES[e].backends and asked in ("auto", e)]


def measured(run: Session, work: str) -> dict[str, Timed]:
    """A work's times by engine. The first call for a work measures and records them; further calls return the same."""
    engines = engines_of(run)
    if (work, engines[0]) not in run.timed:
        stored = stored_times.read(stored_times.path_of(run.stored.root, run.stored.stack))
        name, variant, epochs = WORK[work]
        experiment = sized(EXPERIMENTS[name], epochs)
        measurements, comparisons = _series(run, work, experiment, stored)
        if any(comparison.state in CHANGED for comparison in comparisons.values()):
            time.sleep(PAUSE)
            first = comparisons
            measurements, comparisons = _series(run, work, experiment, stored, ", again to confirm a change")
            comparisons = {engine: confirmed(first[engine], second) for engine, second in comparisons.items()}
        if run.options.require_gpu:
            check_on_gpu(measurement.trained_on for measurement in measurements.values())
        for engine in engines:
            record = Timed(
                work=work,
                experiment=name,
                variant=variant,
                engine=engine,
                measured=measurements[engine],
                comparison=comparisons[engine],
                red=_red(run, comparisons[engine]),
            )
            run.file.append(record)
            run.timed[work, engine] = record
    return {engine: run.timed[work, engine] for engine in engines}


def _red(run: Session, comparison: TimeComparison) -> bool:
    """Slower in seconds is red on a GPU, and on a CPU with --gate-timing; no time is red in a run that stores it."""
    gated = run.device.kind == "gpu" or run.options.gate_timing
    slow = comparison.state is TimeState.SLOWER and not comparison.of_fit
    unknown = comparison.state is TimeState.NEW and run.options.require_baselines
    return run.options.update is None and ((slow and gated) or unknown)


def _series(
    run: Session, work: str, experiment: Experiment, stored: Timings | None, why: str = ""
) -> tuple[dict[str, Measurement], dict[str, TimeComparison]]:
    """Measures a work once with all its engines, and compares each engine with its stored times."""
    engines = engines_of(run)
    run.progress.note(f"{work}: {' and '.join(engines)} in alternation{why}")
    provenance = Provenance(
        commit=run.header.commit or "unknown",
        date=datetime.date.today().isoformat(),
        reason=run.options.update or "a run without --update-baselines",
        fingerprint={key: value for key, value in run.header.fingerprint.items() if key != "engine"},
    )
    measurements = measure(experiment, WORK[work][1], engines, provenance)
    comparisons = {
        engine: slower(
            measurement,
            stored.cases.get(f"{work}/{engine}", ()) if stored else (),
            len(WORK) * len(engines),
            conditions(engine, provenance.fingerprint),
        )
        for engine, measurement in measurements.items()
    }
    return measurements, comparisons


def lines(run: Session, columns: int = sys.maxsize) -> Iterator[str]:
    """The lines for the terminal; none if nothing was timed. A table wider than ``columns`` has fewer columns."""
    if not run.timed:
        return
    yield "times per epoch, steady state (median of rounds in alternation):"
    rows = [_row(run, *key) for key in run.timed]
    whole = list(table(HEADERS, rows, sys.maxsize, HEADERS[2:-1]))
    if max(map(width, whole)) > columns:
        narrow = [[row[HEADERS.index(name)] for name in NARROW] for row in rows]
        whole = list(table(NARROW, narrow, columns, NARROW[2:-1]))
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
    path, changes = stored_times.path_of(run.stored.root, run.stored.stack), []

    def change(old: Timings | None) -> Timings:
        new = old or Timings(stack=run.stored.stack, cases={})
        for record in run.timed.values():
            before = new.cases.get(record.case, ())
            new = new.added(record.case, record.measured, replaces=record.comparison.moved)
            then = f"{duration(before[-1].median)} → " if before else ""
            how = "begins anew" if record.comparison.moved else f"repeat {len(new.cases[record.case])}"
            now = f"{then}{duration(record.measured.median)} per epoch"
            changes.append(f"  {record.case}: {record.comparison.state}, {how}, {now}")
        gone = undeclared(new, run)
        changes.extend(f"  {name}: removed, no longer timed" for name in sorted(gone))
        return new.without(gone)

    stored_times.update(path, change)
    yield f"timings ({run.stored.stack}):"
    yield from changes


def undeclared(stored: Timings, run: Session) -> set[str]:
    """The stored cases whose work or engine a timing run no longer has."""
    declared = {
        f"{work}/{engine}" for work in WORK for engine in TIMED if run.options.backend in ENGINES[engine].backends
    }
    return set(stored.cases) - declared


def _row(run: Session, work: str, engine: str) -> tuple[str, ...]:
    record = run.timed[work, engine]
    comparison, measured = record.comparison, record.measured
    state = "no change shown" if comparison.state is TimeState.WITHIN else str(comparison.state)
    if comparison.ratio:
        state += f" ({times(comparison.ratio)}{', in epochs of fit' if comparison.of_fit else ''})"
    return work, engine, duration(measured.compile), duration(measured.median), images_per_second(measured), state


def _moved(run: Session) -> Iterator[str]:
    """The slower, faster and incomparable cases with their reasons, the number of new ones, and the missing ones."""
    records = list(run.timed.values())
    reasons: dict[str, list[str]] = {}
    for record in records:
        comparison = record.comparison
        if comparison.state in (TimeState.SLOWER, TimeState.FASTER, TimeState.DISTURBED):
            advisory = ""
            if comparison.state is TimeState.SLOWER and not record.red:
                advisory = " (advisory)" if comparison.of_fit else " (advisory on a CPU: --gate-timing)"
            yield f"  {comparison.state}: {record.case}: {comparison.reason}{advisory}"
        elif comparison.state is TimeState.NOT_COMPARABLE:
            reasons.setdefault(comparison.reason, []).append(record.case)
    blind = [
        f"{record.case} (only {factor(limit)} ×, with {record.comparison.repeats} stored)"
        for record in records
        if (limit := record.comparison.limit) is not None and limit > SEEN
    ]
    if blind:
        yield (
            f"  a slowdown of {SEEN - 1:.0%} would not be seen in {', '.join(blind)}: store repeats until there are "
            'ten, of other hours too (-m timing --update-baselines "reason")'
        )
    for reason, cases in reasons.items():
        yield f"  not comparable: {', '.join(cases)}: {reason}"
    if new := sum(record.comparison.state is TimeState.NEW for record in records):
        yield (
            f"  no time is stored on {run.stored.stack} for {new} of {len(records)} cases. "
            'Store this run: -m timing --update-baselines "reason"'
        )
    stored = stored_times.read(stored_times.path_of(run.stored.root, run.stored.stack))
    if stored:
        for case in sorted(undeclared(stored, run)):
            yield f"  missing: {case} has stored times and is no longer timed"
        timed = {record.case for record in records}
        left = {f"{work}/{engine}" for work in WORK for engine in engines_of(run)} & set(stored.cases) - timed
        if left:
            yield f"  not timed in this run, although stored: {', '.join(sorted(left))}"
