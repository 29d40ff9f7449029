"""The table of times: one row per trained variant."""

from __future__ import annotations

from harness.record.outcomes import TrainingOutcome
from harness.record.run import Run, TrainingCompared
from reports.labels import state_text
from reports.text import code, escape, mean_std, number, plural, seconds, table

NUMBERS = ("seeds", "total s", "compile s", "first epoch s", "steady epoch s", "images/s")


def times(run: Run) -> str:
    """The table: how long each variant trained, on which device, and its result."""
    if not run.trainings:
        return ""
    rows = []
    for training in run.trainings.values():
        units = {metric.name: metric.unit for metric in run.experiments[training.experiment].metrics}
        clock, rate = training.seconds, training.images_per_second
        result = mean_std(training.mean, training.std, units.get(training.metric, ""))
        if training.diverged:
            result += f"<br>{training.diverged} of {len(training.seeds)} seeds diverged"
        missing = _without_value(run, training)
        if missing:
            result += f"<br>{missing} of {len(training.seeds)} seeds without a value"
        rows.append(
            [
                code(f"{training.experiment}/{training.variant}"),
                escape(training.engine),
                escape(training.backend),
                escape(training.device),
                str(len(training.seeds)),
                f"{code(training.metric)} {result}" if training.seeds else "–",
                *map(seconds, (clock.total, clock.compile, clock.first_epoch, clock.steady_epoch)),
                "–" if rate is None else f"{rate:,.0f}" if rate >= 10 else number(rate),
                state_text(training.outcome.state, training.red) + _compared(training.outcome),
            ]
        )
    headers = ["experiment/variant", "engine", "backend", "device", "seeds", "result"]
    headers += ["total s", "compile s", "first epoch s", "steady epoch s", "images/s", "vs evidence"]
    devices = sorted({f"{t.device} = {t.device_model}, {t.precision}" for t in run.trainings.values()})
    return (
        "## Times\n\n"
        + table(headers, rows, right=NUMBERS)
        + "\n\nSeconds of wall clock, the device synchronised before each reading; total over all seeds, compilation "
        + "and shortened trials included. Seeds: trained to the end. Result: their mean ± standard deviation. "
        + escape("; ".join(devices))
        + "."
        + _shared(run)
    )


def _compared(outcome: TrainingOutcome) -> str:
    """How much was compared if only first steps were: " (16 steps of 5 seeds)"; else ""."""
    if outcome.to_the_end or not outcome.steps:
        return ""
    return f" ({plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')})"


def _shared(run: Run) -> str:
    """The notice that workers shared the machine, so that times are not those of one process; else ""."""
    if run.header.workers == 1:
        return ""
    return f" {run.header.workers} workers shared the machine: not comparable with the times of one process."


def _without_value(run: Run, training: TrainingCompared) -> int:
    """The number of seeds that trained but have no value, because they never reached the target."""
    trials = run.trials.get(training.key, ())
    return sum(trial.divergence is None and trial.metrics.get(training.metric) is None for trial in trials)
