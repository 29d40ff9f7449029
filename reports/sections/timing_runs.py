"""Timing runs (-m timing): times of each engine, their ratios, the machine's peak, and doubts about the numbers."""

from __future__ import annotations

import math

from harness.record.run import Run, Timed
from harness.timing.ratio import Ratio
from reports.text import code, escape, table
from reports.words import duration, number, state_text

MOST = 100
"""Characters of a name."""


def timing(run: Run, picture: str = "") -> str:
    """The section of a timing run; ``picture``: its figure as Markdown. Empty if nothing was timed."""
    if not run.timings:
        return ""
    parts = [
        "## Timing runs",
        picture,
        _times(run),
        _reasons(run),
        _ratios(run),
        _speeds(run),
        _peaks(run),
    ]
    return "\n\n".join(part for part in parts if part)


def _name(record: Timed) -> str:
    return f"{code(record.work, MOST)}, {escape(record.engine, MOST)}"


def _times(run: Run) -> str:
    rows = [
        [
            state_text(record.comparison.state, record.red),
            _name(record),
            f"{duration(record.steady_epoch)}<br>{len(record.rounds)} rounds",
            _against(record),
        ]
        for record in run.timings.values()
    ]
    headers = ["state", "work, engine", "per epoch", "against stored"]
    text = (
        "At the lecture's own size. Per epoch: the median over rounds of the median over a round's epochs, validation "
        "included, compilation and first epoch left out. The engines took turns in one process. Against stored: the "
        "fastest rounds over the stored ones, and the factor that a change has to exceed."
    )
    return table(headers, rows, right=headers[2:]) + "\n\n" + text


def _against(record: Timed) -> str:
    """The ratio to the stored times, its threshold, and how much is stored: "1.20 × (limit 1.10, 5 repeats)"."""
    found = record.comparison
    if found.ratio is None:
        return "–"
    limit = "" if found.limit is None else f"limit {found.limit:.2f}, "
    return f"{found.ratio:.2f} × ({limit}{found.repeats} stored)"


def _reasons(run: Run) -> str:
    """Why times moved or could not be compared: each reason once, with its cases."""
    reasons: dict[str, list[str]] = {}
    for record in run.timings.values():
        found = record.comparison
        ratio, limit = found.ratio or 1.0, found.limit or math.inf
        if found.state not in ("new", "within") or max(ratio, 1 / ratio) > limit:  # or its rounds cannot tell
            reason = f"**{found.state}**: {escape(found.reason)}"
            reasons.setdefault(reason, []).append(code(f"{record.work}/{record.engine}", MOST))
    return "\n".join(f"- {reason} ({', '.join(cases)})" for reason, cases in reasons.items())


def _ratios(run: Run) -> str:
    rows = [
        [
            code(record.work, MOST),
            f"{escape(row.of, MOST)}: {escape(row.slow, MOST)} / {escape(row.fast, MOST)}",
            factor(row.estimate),
            "too few rounds" if row.low is None else f"{factor(row.low)} to {factor(row.high)}",
        ]
        for record in run.timings.values()
        for row in record.ratios
    ]
    if not rows:
        return ""
    headers = ["work", "seconds of", "times as long", "95 % interval"]
    return (
        "### Engines against each other\n\n"
        + table(headers, rows, right=headers[2:])
        + "\n\nMeasured in alternation, so that what disturbs one disturbs the other: on a noisy machine a ratio holds "
        "better than seconds do, although a program that waits for all its threads suffers more from a busy core. The "
        "median over all pairs of rounds, with the interval of the Mann–Whitney test; it is about this process."
    )


def _speeds(run: Run) -> str:
    rows = []
    for record in run.timings.values():
        rate = "–" if record.images_per_second is None else f"{record.images_per_second:,.0f} images/s"
        memory = "–" if record.memory_peak is None else f"{record.memory_peak / 1e6:,.0f} MB"
        peak = percent(record.share_of_peak, record.best_share_of_peak)
        rows.append(
            [
                _name(record),
                f"{duration(record.compile)}<br>first epoch {duration(record.first_epoch)}",
                f"{rate}<br>{gflops(record.gflops)} GFLOP/s",
                f"{peak} of the peak<br>products {of_products(record)}<br>{memory}",
            ]
        )
    headers = ["work, engine", "compile", "speed", "machine"]
    text = (
        "Compile and first epoch: of one training that compiles; an engine that trains in one launch has no first "
        "epoch of its own. GFLOP/s: of the matrix products alone. Of the peak: their share of this machine's best "
        "matrix product alongside the same work; in brackets that of the best round. Products: the seconds of an "
        "epoch's matrix products in one program of this backend, and their share of the epoch. Memory: the most that "
        "the process (on a GPU: the device) held during a round."
    )
    return "### Speed\n\n" + table(headers, rows, right=headers[1:]) + "\n\n" + text


def doubts(run: Run) -> str:
    """What makes the times of each piece of work unreliable, and what to try; empty without doubts."""
    found: dict[str, dict[str, None]] = {}
    advice: dict[str, None] = {}
    for record in run.timings.values():
        for doubt in record.doubts:
            found.setdefault(record.work, {})[doubt.what] = None
            advice[doubt.advice] = None
    if not found:
        return ""
    listed = [f"> - {code(work, MOST)}: {escape('; '.join(what))}." for work, what in found.items()]
    tries = [f"> - {escape(text)}." for text in advice]
    return "\n".join(["> **The result may be unstable.**", ">", *listed, ">", "> What to try:", ">", *tries])


def _peaks(run: Run) -> str:
    peaks = list(run.peaks.values())
    if not peaks:
        return ""
    rows = [
        [
            escape(one.when, MOST),
            ", ".join(f"{escape(name, MOST)} {number(value)}" for name, value in one.peak.by_library.items()),
            f"{number(one.peak.size)} ({escape(one.peak.library, MOST)})",
            number(one.peak.sustained),
        ]
        for one in peaks
    ]
    headers = ["when", "best GFLOP/s", "rows and columns", "median GFLOP/s"]
    return (
        f"### The machine's matrix-product peak ({escape(peaks[0].peak.precision, MOST)})\n\n"
        + table(headers, rows, right=headers[2:])
        + "\n\nThe best product of two square matrices; the median of the same size is lower where something "
        "else was running."
    )


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
