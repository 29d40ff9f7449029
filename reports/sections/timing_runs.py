"""Timing runs (-m timing): times of each engine, and their ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from harness.record.run import Run, Timed
from harness.record.timings import Measurement
from harness.timing.slower import Estimate, ratio
from reports.text import code, escape, table
from reports.words import duration, factor, state_text

MOST = 100
"""Characters of a name."""


def timing(run: Run) -> str:
    """The section of a timing run. Empty if nothing was timed."""
    if not run.timings:
        return ""
    parts = ["## Timing runs", _times(run), _reasons(run), _ratios(run)]
    return "\n\n".join(part for part in parts if part)


def _times(run: Run) -> str:
    rows = [
        [
            state_text(record.comparison.state, record.red),
            f"{code(record.work, MOST)}, {escape(record.engine, MOST)}",
            f"{duration(record.measured.median)}<br>{len(record.measured.rounds)} rounds",
            f"{images_per_second(record.measured)}<br>compile {duration(record.measured.compile)}",
            _against(record),
        ]
        for record in run.timings.values()
    ]
    headers = ["state", "work, engine", "per epoch", "images/s", "against stored"]
    text = (
        "At the lecture's own size. Per epoch: the median over rounds of the median over a round's epochs, validation "
        "included, compilation and first epoch left out. The engines took turns in one process. Against stored: the "
        "fastest rounds over the stored ones, and the factor that a change has to exceed."
    )
    return table(headers, rows, right=headers[2:]) + "\n\n" + text


def _against(record: Timed) -> str:
    """The ratio to the stored times, its threshold, and how much is stored: "1.20 × (limit 1.10, 5 repeats)"."""
    comparison = record.comparison
    if comparison.ratio is None:
        return "–"
    limit = "" if comparison.limit is None else f"limit {comparison.limit:.2f}, "
    unit = ", in epochs of fit" if comparison.of_fit else ""
    return f"{comparison.ratio:.2f} × ({limit}{comparison.repeats} stored{unit})"


def _reasons(run: Run) -> str:
    """Why times moved or could not be compared: each reason once, with its cases."""
    reasons: dict[str, list[str]] = {}
    for record in run.timings.values():
        comparison = record.comparison
        apart, limit = comparison.ratio or 1.0, comparison.limit or math.inf
        unsure = max(apart, 1 / apart) > limit  # its rounds cannot tell
        if comparison.state not in ("new", "within") or comparison.of_fit or unsure:
            reason = f"**{comparison.state}**: {escape(comparison.reason)}"
            reasons.setdefault(reason, []).append(code(record.case, MOST))
    return "\n".join(f"- {reason} ({', '.join(cases)})" for reason, cases in reasons.items())


def _ratios(run: Run) -> str:
    rows = [
        [
            code(work, MOST),
            f"{what}: {escape(slow, MOST)} / {escape(fast, MOST)}",
            factor(estimate),
            " to ".join(map(factor, ends)) if ends else "–",
        ]
        for work, what, slow, fast, (estimate, ends) in ratios(run.timings.values())
    ]
    if not rows:
        return ""
    headers = ["work", "seconds of", "times as long", "95 % interval"]
    return (
        "### Engines against each other\n\n"
        + table(headers, rows, right=headers[2:])
        + "\n\nMeasured in alternation, so that what disturbs one disturbs the other: on a noisy machine a ratio holds "
        "better than seconds do, although a program that waits for all its threads suffers more from a busy core. "
        "Epochs: the median over all pairs of rounds, with the interval of the Mann–Whitney test; it is about this "
        "process. Trainings: of the medians."
    )


def ratios(records: Iterable[Timed]) -> Iterator[tuple[str, str, str, str, Estimate]]:
    """(work, what was timed, its first engine, another engine, how many times as long the first one takes)."""
    references: dict[str, Timed] = {}
    for record in records:
        reference = references.setdefault(record.work, record)
        if reference is record:
            continue
        slow, fast = reference.measured, record.measured
        estimates: dict[str, Estimate] = {"steady epoch": ratio(slow.rounds, fast.rounds)}
        whole = f"training of {slow.epochs} epochs"
        if slow.first_training and fast.first_training:
            estimates[f"first {whole}, with compilation"] = slow.first_training / fast.first_training, None
        if slow.training and fast.training:
            estimates[f"further {whole}"] = slow.training / fast.training, None
        for what, estimate in estimates.items():
            yield record.work, what, reference.engine, record.engine, estimate


def images_per_second(measured: Measurement) -> str:
    """In the median round: "40,123"."""
    return "–" if measured.images is None else f"{measured.images / measured.median:,.0f}"


def speed(slow: str, fast: str, estimate: float) -> str:
    """A ratio in words: "compiled 15.3 × as fast as fit", "compiled 1.46 × slower than fit"."""
    if estimate < 1:
        return f"{fast} {factor(1 / estimate)} × slower than {slow}"
    return f"{fast} {factor(estimate)} × as fast as {slow}"
