"""Timing runs (-m timing): times of each engine, their ratios, the machine's peak, and doubts about the numbers."""

from __future__ import annotations

from harness.record.run import Run, Timed
from harness.timing.ratio import Ratio
from reports.labels import backend_name, state_text
from reports.text import code, escape, number, plural, seconds, table

NUMBERS = (
    "rounds",
    "compile",
    "first epoch",
    "steady epoch",
    "images/s",
    "GFLOP/s",
    "of peak",
    "products alone",
    "memory peak",
)


def timing_title(run: Run) -> str:
    """The heading and summary of a report that is about times only."""
    header = run.header
    works = {work for work, _ in run.timings}
    engines = sorted({engine for _, engine in run.timings})
    red = [f"{work}/{engine}" for (work, engine), one in run.timings.items() if one.red]
    elapsed = f" in {seconds(run.end.seconds)} s" if run.end and run.end.seconds is not None else ""
    parts = [
        f"# Times on {escape(backend_name(header.backend))}, {escape(header.started[:10])}",
        f"**{plural(len(works), 'piece')} of work, {plural(len(engines), 'engine')} ({escape(', '.join(engines))})**"
        f"{elapsed} on {escape(header.fingerprint.get('device_model') or 'this device')}. "
        + (
            f"**Slower, or without the stored times it should have: {code(', '.join(red))}.**"
            if red
            else "No case is red."
        )
        + " Nothing was trained for a claim; that is `pytest suite/` without `-m timing`.",
    ]
    if run.partial:
        parts.append("> **Partial run.** It was interrupted or killed: pieces of work may be missing.")
    return "\n\n".join(parts)


def timing(run: Run, picture: str = "") -> str:
    """The section of a timing run; ``picture``: its figure as Markdown. Empty if nothing was timed."""
    if not run.timings:
        return ""
    parts = ["## Timing runs", _doubts(run), picture, _cases(run), _ratios(run), _peaks(run), _command(run)]
    return "\n\n".join(part for part in parts if part)


def _cases(run: Run) -> str:
    rows = []
    for record in run.timings.values():
        memory, rate = record.memory_peak, record.images_per_second
        rows.append(
            [
                code(record.work),
                escape(record.engine),
                str(len(record.rounds)),
                *map(duration, (record.compile, record.first_epoch, record.steady_epoch)),
                "–" if rate is None else f"{rate:,.0f}",
                gflops(record.gflops),
                percent(record.share_of_peak, record.best_share_of_peak),
                of_products(record),
                "–" if memory is None else f"{memory / 1e6:,.0f} MB",
                _state(record),
            ]
        )
    headers = ["work", "engine", *NUMBERS, "vs stored"]
    text = (
        "At the lecture's own size. Steady epoch: the median over rounds of the median over a round's epochs, "
        "validation included, compilation and first epoch left out. The engines took turns in one process. GFLOP/s: "
        "of the matrix products alone. Of peak: their share of this machine's best matrix product alongside the same "
        "work; in brackets the share of the best round, the one that other programs disturbed least. Products alone: "
        "the seconds of an epoch's matrix products in one program of this backend, and their share of the epoch. At "
        "100% only faster products would help; their distance from the peak comes from their sizes. Memory: the most "
        "that the process (on a GPU: the device) held during a round, libraries and the data of all engines included. "
        "Compile and first epoch: of one training that compiles. An engine that trains in one launch has no first "
        "epoch of its own. The comparison with stored times uses the fastest rounds."
    )
    return table(headers, rows, right=NUMBERS) + "\n\n" + text + _reasons(run)


def _state(timed: Timed) -> str:
    ratio, text = timed.comparison.ratio, state_text(timed.comparison.state, timed.red)
    if ratio is None:
        return text
    return f"{text} ({max(ratio, 1 / ratio):.2f}x {'slower' if ratio > 1 else 'faster'})"


def _reasons(run: Run) -> str:
    """Why times moved or could not be compared: each reason once, with its cases."""
    reasons: dict[str, list[str]] = {}
    for record in run.timings.values():
        found = record.comparison
        if found.state not in ("new", "within"):
            reason = f"**{found.state}**: {escape(found.reason)}"
            reasons.setdefault(reason, []).append(code(f"{record.work}/{record.engine}"))
    return "".join(f"\n\n- {reason} ({', '.join(cases)})" for reason, cases in reasons.items())


def _ratios(run: Run) -> str:
    rows = [
        [
            code(record.work),
            escape(row.of),
            f"{escape(row.slow)} / {escape(row.fast)}",
            factor(row.estimate),
            "too few rounds" if row.low is None else f"{factor(row.low)} to {factor(row.high)}",
        ]
        for record in run.timings.values()
        for row in record.ratios
    ]
    if not rows:
        return ""
    return (
        "### Engines against each other\n\n"
        + table(["work", "seconds of", "engines", "times as long", "95 % interval"], rows, right=["times as long"])
        + "\n\nMeasured in alternation, so that what disturbs one disturbs the other: on a noisy machine a ratio holds "
        "better than seconds do, although a program that waits for all its threads suffers more from a busy core. The "
        "median over all pairs of rounds, with the interval of the Mann–Whitney test; it is about this process."
    )


def duration(value: float | None) -> str:
    """Seconds in a unit that needs no exponent: "7.4 µs", "0.12 s", "125 s"."""
    if value is None or value == 0 or value >= 0.1:
        return "–" if value is None else f"{seconds(value)} s"
    unit, scale = ("ms", 1e3) if value >= 1e-3 else ("µs", 1e6)
    return f"{value * scale:.3g} {unit}"


def gflops(value: float | None) -> str:
    """10⁹ operations per second: "1,200", "99.8", "0.52", "< 0.01"."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.01 else "< 0.01"


def percent(share: float | None, best: float | None) -> str:
    """The median share and the best one: "37% (61%)"."""
    if share is None or best is None:
        return "–"
    return f"{share:.0%} ({best:.0%})" if best >= 0.01 else "< 1%"


def of_products(record: Timed) -> str:
    """Seconds of an epoch's matrix products alone, and their share of the epoch: "0.52 s (97%)"."""
    alone, share = record.products_epoch, record.share_of_products
    return "–" if alone is None or share is None else f"{duration(alone)} ({share:.0%})"


def factor(value: float | None) -> str:
    """A factor to three significant digits, whole from 100 on: "1.52", "15.3", "13,042"."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def speed(row: Ratio) -> str:
    """A ratio in words: "compiled 15.3x as fast as fit", "compiled 1.46x slower than fit"."""
    if row.estimate < 1:
        return f"{row.fast} {factor(1 / row.estimate)}x slower than {row.slow}"
    return f"{row.fast} {factor(row.estimate)}x as fast as {row.slow}"


def _peaks(run: Run) -> str:
    peaks = list(run.peaks.values())
    if not peaks:
        return ""
    rows = [
        [
            escape(one.when),
            ", ".join(f"{escape(name)} {number(value)}" for name, value in one.peak.by_library.items()),
            escape(one.peak.library),
            number(one.peak.size),
            number(one.peak.sustained),
        ]
        for one in peaks
    ]
    headers = ["when", "best GFLOP/s", "by", "rows and columns", "median GFLOP/s"]
    return (
        f"### The machine's matrix-product peak ({escape(peaks[0].peak.precision)})\n\n"
        + table(headers, rows, right=["rows and columns", "median GFLOP/s"])
        + "\n\nThe best product of two square matrices; the median of the same size is lower where something "
        "else was running."
    )


def _doubts(run: Run) -> str:
    """What makes the times of each piece of work unreliable, and what to try; empty without doubts."""
    found: dict[str, dict[str, None]] = {}
    advice: dict[str, None] = {}
    for record in run.timings.values():
        for doubt in record.doubts:
            found.setdefault(record.work, {})[doubt.what] = None
            advice[doubt.advice] = None
    if not found:
        return ""
    listed = [f"> - {code(work)}: {escape('; '.join(what))}." for work, what in found.items()]
    tries = [f"> - {escape(text)}." for text in advice]
    return "\n".join(["> **The result may be unstable.**", ">", *listed, ">", "> What to try:", ">", *tries])


def _command(run: Run) -> str:
    command = run.header.command.replace("```", "'''")
    return f"Command:\n\n```sh\n{command}\n```"
