"""The times of a run: of its trainings by experiment, and of ``-m timing``, engine by engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from harness.record.outcomes import TimeState
from harness.record.run import Run, Timed, TrainingCompared
from harness.record.timings import Measurement
from harness.timing.slower import Estimate, ratio
from reports.words import code, duration, escape, factor, plural, seconds, state_text, table

MOST = 40
"""Rows of the table of experiments."""
STEADY = "steady epoch"
LONGEST = 100
"""Characters of a name."""


def times(run: Run, most: int) -> str:
    """The section on trainings; empty if nothing was trained. ``most``: characters of a name."""
    groups: dict[str, list[TrainingCompared]] = {}
    for training in run.trainings.values():
        groups.setdefault(training.experiment, []).append(training)
    if not groups:
        return ""
    rows = [_row(name, group, most) for name, group in list(groups.items())[:MOST]]
    headers = ["experiment", "seconds", "per epoch", "images/s"]
    devices = sorted({f"{of.device} = {of.device_model}, {of.precision}" for of in run.trainings.values()})
    text = (
        "Seconds of wall clock over all trials, the device synchronised before each reading. Per epoch: steady, "
        "from the fastest variant to the slowest. Nothing is compared with stored times here; `-m timing` does that. "
        f"{escape('; '.join(devices), 200)}."
    )
    if run.header.workers > 1:
        text += f" {run.header.workers} workers shared the machine: not comparable with the times of one process."
    if len(groups) > MOST:
        text += f" {len(groups) - MOST:,} more experiments are in `report.json`."
    return f"## Time\n\n{table(headers, rows, right=headers[1:])}\n\n{text}"


def _row(name: str, group: Sequence[TrainingCompared], most: int) -> list[str]:
    engines = escape(", ".join(sorted({training.engine for training in group})), 40)
    total, compiling = (sum(getattr(training.seconds, part) for training in group) for part in ("total", "compile"))
    return [
        f"{escape(name, most)}<br>{plural(len(group), 'variant')}, {engines}",
        f"{seconds(total)}<br>{seconds(compiling)} compiling",
        _range([training.seconds.steady_epoch or None for training in group]),
        _range([training.images_per_second for training in group]),
    ]


def _range(values: Iterable[float | None]) -> str:
    """The least and the greatest value: "0.25 to 0.31"; a dash without a value."""
    known = [value for value in values if value is not None]
    return " to ".join(dict.fromkeys((seconds(min(known)), seconds(max(known))))) if known else "–"


def timing(run: Run) -> str:
    """The section of a timing run; empty if nothing was timed."""
    if not run.timings:
        return ""
    return "\n\n".join(filter(None, ("## Timing runs", _times(run), _reasons(run), _ratios(run))))


def _times(run: Run) -> str:
    rows = [
        [
            state_text(record.comparison.state, record.red),
            f"{code(record.work, LONGEST)}, {escape(record.engine, LONGEST)}",
            f"{duration(record.measured.median)}<br>{len(record.measured.rounds)} rounds",
            f"{images_per_second(record.measured)}<br>compile {duration(record.measured.compile)}",
            _against(record),
        ]
        for record in run.timings.values()
    ]
    headers = ["state", "work, engine", "per epoch", "images/s", "against stored"]
    return table(headers, rows, right=headers[2:]) + (
        "\n\nAt the lecture's own size. Per epoch: the median over rounds of the median over a round's epochs, "
        "validation included, compilation and first epoch left out. The engines took turns in one process. Against "
        "stored: the fastest rounds over the stored ones, and the factor that a change has to exceed."
    )


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
        if comparison.state not in (TimeState.NEW, TimeState.WITHIN) or comparison.of_fit or unsure:
            reason = f"**{comparison.state}**: {escape(comparison.reason)}"
            reasons.setdefault(reason, []).append(code(record.case, LONGEST))
    return "\n".join(f"- {reason} ({', '.join(cases)})" for reason, cases in reasons.items())


def _ratios(run: Run) -> str:
    rows = [
        [
            code(work, LONGEST),
            f"{what}: {escape(slow, LONGEST)} / {escape(fast, LONGEST)}",
            factor(estimate),
            " to ".join(map(factor, ends)) if ends else "–",
        ]
        for work, what, slow, fast, (estimate, ends) in ratios(run.timings.values())
    ]
    if not rows:
        return ""
    headers = ["work", "seconds of", "times as long", "95 % interval"]
    return f"### Engines against each other\n\n{table(headers, rows, right=headers[2:])}" + (
        "\n\nMeasured in alternation, so that what disturbs one disturbs the other: on a noisy machine a ratio holds "
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
        estimates: dict[str, Estimate] = {STEADY: ratio(slow.rounds, fast.rounds)}
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
