"""The summary of a timing run: a table, ratios, doubts and what moved; and the update of the stored timings."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from harness.check import timings as files
from harness.check.slowdown import times
from harness.record.outcomes import TimeState
from harness.record.timings import Timings
from harness.training.engines import ENGINES
from reports.sections.timing_runs import factor, gflops, of_products, percent, speed
from reports.words import duration
from suite.session.screen import table, width
from suite.session.session import Session
from suite.session.timed import WorkTimed
from suite.session.times import TIMED, WORK, case, engines_of

SEEN = 1.10
"""The slowdown that each stored case should show. The summary names the cases that cannot show it."""

HEADERS = ("work", "engine", "compile", "epoch", "images/s", "GFLOP/s", "of peak (best)", "products alone", "stored")

NARROW = ("work", "engine", "epoch", "images/s", "stored")
"""The columns of a narrow terminal. The report has all of them."""


def lines(run: Session, columns: int = sys.maxsize) -> Iterator[str]:
    """The lines for the terminal; none if nothing was timed. A table wider than ``columns`` has fewer columns."""
    if not run.timed:
        return
    yield "times per epoch, steady state (median of rounds in alternation):"
    rows = [row for timed in run.timed for row in _rows(timed)]
    whole = list(table(HEADERS, rows, sys.maxsize, HEADERS[2:-1]))
    if max(map(width, whole)) > columns:
        narrow = [[row[HEADERS.index(name)] for name in NARROW] for row in rows]
        whole = list(table(NARROW, narrow, columns, NARROW[2:-1]))
    yield from whole
    for timed in run.timed:
        for row in next(iter(timed.records.values())).ratios:
            interval = "" if row.low is None else f" [{factor(row.low)}, {factor(row.high)}]"
            exact = f"{row.slow} / {row.fast} {factor(row.estimate)}{interval}"
            yield f"  {timed.work}, {row.of}: {speed(row)}; {exact}"
    yield from _peak_line(run.timed)
    yield from _moved(run)
    yield from _doubts(run.timed)


def update(run: Session) -> Iterator[str]:
    """Stores the times of this run and lists what changed in each case; nothing if nothing was timed.

    A case that has not moved gets one more repeat. A case that has moved, or has another fingerprint, begins anew. A
    case that is no longer declared is removed. A case that was not timed in this run stays.
    """
    if not run.timed:
        return
    path, changes = files.path_of(run.stored.root, run.stored.stack), []

    def change(old: Timings | None) -> Timings:
        new = old or Timings(stack=run.stored.stack, cases={})
        for timed in run.timed:
            for engine, repeat in timed.repeats.items():
                name, comparison = case(timed.work, engine), timed.comparisons[engine]
                before = new.cases.get(name, ())
                new = new.with_repeat(name, repeat, replaces=comparison.moved)
                then = f"{duration(before[-1].median)} → " if before else ""
                kept = len(new.cases[name])
                how = "begins anew" if comparison.moved else f"repeat {kept}"
                changes.append(f"  {name}: {comparison.state}, {how}, {then}{duration(repeat.median)} per epoch")
        gone = undeclared(new, run)
        changes.extend(f"  {name}: removed, no longer timed" for name in sorted(gone))
        return new.without(gone)

    files.update(path, change)
    yield f"timings ({run.stored.stack}):"
    yield from changes


def undeclared(stored: Timings, run: Session) -> set[str]:
    """The stored cases whose work or engine a timing run no longer has."""
    declared = {
        case(work, engine) for work in WORK for engine in TIMED if run.options.backend in ENGINES[engine].backends
    }
    return set(stored.cases) - declared


def _rows(timed: WorkTimed) -> Iterator[tuple[str, ...]]:
    for record in timed.records.values():
        comparison = record.comparison
        state = "no change shown" if comparison.state is TimeState.WITHIN else str(comparison.state)
        if comparison.ratio:
            state += f" ({times(comparison.ratio)})"
        yield (
            timed.work,
            record.engine,
            duration(record.compile),
            duration(record.steady_epoch),
            f"{record.images_per_second or 0:,.0f}",
            gflops(record.gflops),
            percent(record.share_of_peak, record.best_share_of_peak),
            of_products(record),
            state,
        )


def _peak_line(timings: Sequence[WorkTimed]) -> Iterator[str]:
    first, rest = timings[0].before, [timed.after for timed in timings]
    libraries = ", ".join(f"{name} {value:.0f}" for name, value in first.by_library.items())
    later = ", ".join(f"{peak.gflops:.0f}" for peak in rest)
    yield f"  matrix-product peak, {first.precision}: {libraries} GFLOP/s; {first.library} after each work: {later}"


def _moved(run: Session) -> Iterator[str]:
    """The slower, faster and incomparable cases with their reasons, the number of new ones, and the missing ones."""
    compared = [
        (case(timed.work, engine), comparison, timed.records[engine].red)
        for timed in run.timed
        for engine, comparison in timed.comparisons.items()
    ]
    reasons: dict[str, list[str]] = {}
    for name, comparison, red in compared:
        if comparison.state in (TimeState.SLOWER, TimeState.FASTER):
            advisory = "" if red or comparison.state is TimeState.FASTER else " (advisory on a CPU: --gate-timing)"
            yield f"  {comparison.state}: {name}: {comparison.reason}{advisory}"
        elif comparison.state is TimeState.DISTURBED:
            yield f"  {comparison.state}: {name}: {comparison.reason}"
        elif comparison.state is TimeState.NOT_COMPARABLE:
            reasons.setdefault(comparison.reason, []).append(name)
    blind = [
        f"{name} (only {factor(comparison.limit)}x, with {comparison.repeats} stored)"
        for name, comparison, _ in compared
        if comparison.limit is not None and comparison.limit > SEEN
    ]
    if blind:
        yield (
            f"  a slowdown of {SEEN - 1:.0%} would not be seen in {', '.join(blind)}: store repeats until there are "
            'ten, of other hours too (-m timing --update-baselines "reason")'
        )
    for reason, names in reasons.items():
        yield f"  not comparable: {', '.join(names)}: {reason}"
    new = sum(comparison.state is TimeState.NEW for _, comparison, _ in compared)
    if new:
        yield (
            f"  no time is stored on {run.stored.stack} for {new} of {len(compared)} cases. "
            'Store this run: -m timing --update-baselines "reason"'
        )
    stored = files.read(files.path_of(run.stored.root, run.stored.stack))
    if stored:
        for name in sorted(undeclared(stored, run)):
            yield f"  missing: {name} has stored times and is no longer timed"
        engines = engines_of(run)
        left = {case(work, engine) for work in WORK for engine in engines} & set(stored.cases)
        left -= {name for name, _, _ in compared}
        if left:
            yield f"  not timed in this run, although stored: {', '.join(sorted(left))}"


def _doubts(timings: Sequence[WorkTimed]) -> Iterator[str]:
    if any(timed.doubts for timed in timings):
        yield "  The result may be unstable:"
    advice: dict[str, None] = {}
    for timed in timings:
        for record in list(timed.records.values())[:1]:
            for doubt in record.doubts:
                yield f"    {timed.work}: {doubt.what}"
                advice[doubt.advice] = None
    for text in advice:
        yield f"  try: {text}"
