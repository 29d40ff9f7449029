"""The table of times: one row per trained variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store import Run
from reports.evidence import mean_std
from reports.labels import state_text
from reports.text import code, escape, number, plural, seconds, table

NUMBERS = ("seeds", "total s", "compile s", "first epoch s", "steady epoch s", "images/s")


def times(run: Run) -> str:
    """How long each variant trained, on what, and how accurate it came out."""
    if not run.trainings:
        return ""
    rows = []
    for training in run.trainings:
        experiment = run.experiments.get(training["experiment"])
        units = {m["name"]: m["unit"] for m in experiment["metrics"]} if experiment else {}
        clock = training["seconds"]
        result = mean_std(training["mean"], training["std"], units.get(training["metric"], ""))
        if training["diverged"]:
            result += f"<br>{training['diverged']} of {len(training['seeds'])} seeds diverged"
        missing = _without_value(run, training)
        if missing:
            result += f"<br>{missing} of {len(training['seeds'])} seeds without a value"
        rate = training["images_per_second"]
        rows.append(
            [
                code(f"{training['experiment']}/{training['variant']}"),
                escape(training["engine"]),
                escape(training["backend"]),
                escape(training["device"]),
                str(len(training["seeds"])),
                f"{code(training['metric'])} {result}" if training["seeds"] else "–",
                *(seconds(clock[part]) for part in ("total", "compile", "first_epoch", "steady_epoch")),
                "–" if rate is None else f"{rate:,.0f}" if rate >= 10 else number(rate),
                state_text(training["baseline"]) + _compared(training["baseline"]),
            ]
        )
    headers = ["experiment/variant", "engine", "backend", "device", "seeds", "result"]
    headers += ["total s", "compile s", "first epoch s", "steady epoch s", "images/s", "vs evidence"]
    devices = sorted({f"{t['device']} = {t['device_model']}, {t['precision']}" for t in run.trainings})
    return (
        "## Times\n\n"
        + table(headers, rows, right=NUMBERS)
        + "\n\nSeconds of wall clock, the device synchronised before each reading; total over all seeds, compilation "
        + "and shortened trials included. Seeds: trained to the end. Result: their mean ± standard deviation. "
        + escape("; ".join(devices))
        + "."
        + _shared(run)
    )


def _compared(baseline: Mapping[str, Any]) -> str:
    """What was compared, where that is a start: " (16 steps of 5 seeds)"."""
    steps, seeds = baseline["steps"], baseline["compared"]
    return f" ({plural(steps, 'step')} of {plural(seeds, 'seed')})" if steps and not baseline["to_the_end"] else ""


def _shared(run: Run) -> str:
    """That workers trained side by side: their times are not those of one process."""
    workers = run.header.get("workers") or 1
    if workers == 1:
        return ""
    return f" {workers} workers shared the machine (`-n`): not comparable with the times of one process."


def _without_value(run: Run, training: Mapping[str, Any]) -> int:
    """The seeds that trained and have no value nevertheless: they never reached the target."""
    trials = run.trials.get((training["experiment"], training["variant"]), ())
    return sum(t.divergence is None and t.metrics.get(training["metric"]) is None for t in trials)
