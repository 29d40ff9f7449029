"""The times of a run's trainings, by experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.record.run import Run, TrainingCompared
from reports.text import escape, table
from reports.words import plural, seconds

MOST = 40


def times(run: Run, most: int) -> str:
    """The section; empty if nothing was trained. ``most``: characters of a name."""
    groups: dict[str, list[TrainingCompared]] = {}
    for training in run.trainings.values():
        groups.setdefault(training.experiment, []).append(training)
    if not groups:
        return ""
    rows = [_row(name, group, most) for name, group in list(groups.items())[:MOST]]
    headers = ["experiment", "seconds", "per epoch", "images/s"]
    rest = f" {len(groups) - MOST:,} more experiments are in `report.json`." if len(groups) > MOST else ""
    devices = sorted({f"{of.device} = {of.device_model}, {of.precision}" for of in run.trainings.values()})
    shared = (
        f" {run.header.workers} workers shared the machine: not comparable with the times of one process."
        if run.header.workers > 1
        else ""
    )
    return (
        "## Time\n\n"
        + table(headers, rows, right=headers[1:])
        + "\n\nSeconds of wall clock over all trials, the device synchronised before each reading. Per epoch: steady, "
        "from the fastest variant to the slowest. Nothing is compared with stored times here; `-m timing` does that. "
        + escape("; ".join(devices), 200)
        + f".{shared}{rest}"
    )


def _row(name: str, group: Sequence[TrainingCompared], most: int) -> list[str]:
    engines = escape(", ".join(sorted({training.engine for training in group})), 40)
    total, compiling = (sum(getattr(training.seconds, part) for training in group) for part in ("total", "compile"))
    return [
        f"{escape(name, most)}<br>{plural(len(group), 'variant')}, {engines}",
        f"{seconds(total)}<br>{seconds(compiling)} compiling",
        _range(group, lambda training: training.seconds.steady_epoch or None),
        _range(group, lambda training: training.images_per_second),
    ]


def _range(group: Sequence[TrainingCompared], of: Callable[[TrainingCompared], float | None]) -> str:
    """The least and the greatest value: "0.25 to 0.31"; a dash without a value."""
    values = [value for value in map(of, group) if value is not None]
    ends = dict.fromkeys((seconds(min(values)), seconds(max(values)))) if values else {"–": None}
    return " to ".join(ends)
