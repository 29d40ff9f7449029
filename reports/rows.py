"""Variants in tables: the slide's figure, our result, and how that compares with the evidence or with other stacks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

from harness.course import course
from harness.model import Figure
from harness.record.run import Key, Run, Summary
from reports.text import escape
from reports.words import mean_std, metric_label, number, plural, points, printed, quantity, seconds, state_text

METRICS = ("val_accuracy", "accuracy")
MOST = 40
"""Rows of a table; those without a figure of the slide go first. The files of the sections have all."""


class Row(NamedTuple):
    """A metric of one variant: the slide's figure and ours.

    Attributes:
        variant, metric, unit: what was measured.
        mean, std: over the seeds with a value; None with too few.
        seeds: the number of seeds.
        slide: the slide's figure as printed; "" if it prints none.
        difference: our mean minus the slide's figure; None without either.
        diverged, collapsed, censored: number of seeds whose loss was nan or infinite or blew up; whose accuracy stayed
            at chance; that trained and have no value, as they never reached the target (of trials that the run's record
            lacks, all seeds without a value).
    """

    variant: str
    metric: str
    unit: str
    mean: float | None
    std: float | None
    seeds: int
    slide: str = ""
    difference: float | None = None
    diverged: int = 0
    collapsed: int = 0
    censored: int = 0

    @classmethod
    def of(cls, run: Run, key: Key, summary: Summary, figure: Figure | None = None) -> Row:
        """The row of a variant's summary, beside the slide's figure."""
        trials = run.trials.get(key, [])[: summary.n]
        if len(trials) < summary.n:  # the summary is of stored trials, which the run's record lacks
            trials = []
        kinds = [trial.divergence.kind for trial in trials if trial.divergence]
        absent = [trial for trial in trials if not trial.divergence and trial.metrics.get(summary.metric) is None]
        return cls(
            variant=key[1],
            metric=summary.metric,
            unit=unit_of(key[0], summary.metric),
            mean=summary.mean,
            std=summary.std,
            seeds=summary.n,
            slide=printed(figure.printed) if figure else "",
            difference=summary.mean - figure.value if figure and summary.mean is not None else None,
            diverged=len(kinds) - kinds.count("stuck at chance"),
            collapsed=kinds.count("stuck at chance"),
            censored=len(absent) if trials else summary.values.count(None),
        )

    @property
    def name(self) -> str:
        """The variant, and its metric unless that is the validation accuracy."""
        return self.variant + ("" if self.metric == "val_accuracy" else f" ({metric_label(self.metric)})")

    @property
    def value(self) -> str:
        """Mean ± standard deviation, the number of seeds, and how many of them failed."""
        failed = {"diverged": self.diverged, "collapsed": self.collapsed, "without a value": self.censored}
        parts = [mean_std(self.mean, self.std, self.unit), plural(self.seeds, "seed")]
        return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])

    @property
    def to_slide(self) -> str:
        """Our mean minus the slide's figure; "" without either."""
        if self.difference is None:
            return ""
        if self.unit == "fraction":
            return points(self.difference)
        return ("+" if self.difference > 0 else "") + quantity(self.difference)


def unit_of(experiment: str, metric: str) -> str:
    """The unit of a metric; "" if the course no longer has it."""
    declared = course().experiments.get(experiment)
    return next((each.unit for each in declared.metrics if each.name == metric), "") if declared else ""


def accuracies(run: Run, rows: Iterable[tuple[str, Row]]) -> tuple[list[tuple[str, Row]], int]:
    """The accuracy of each variant with its experiment, and how many are left out.

    ``rows``: of the claims, each with its experiment. What has none there has one of its training.
    """
    known: dict[Key, Row] = {}
    for experiment, row in rows:
        key = (experiment, row.variant)
        other = known.get(key, row)
        if row.metric in METRICS and (bool(other.slide), other.seeds) <= (bool(row.slide), row.seeds):
            known[key] = row
    for key, training in run.trainings.items():
        if key not in known and training.metric in METRICS:
            of = Summary(metric=training.metric, mean=training.mean, std=training.std, n=training.n, values=())
            known[key] = Row.of(run, key, of)
    known = {key: row for key, row in known.items() if row.mean is not None or row.seeds}
    shown = set(sorted(known, key=lambda key: not known[key].slide)[:MOST])
    return [(key[0], row) for key, row in known.items() if key in shown], len(known) - len(shown)


def trained_here(run: Run, most: int) -> tuple[Markup, int, int] | None:
    """What this machine trained to the end, beside the same seeds of the evidence; None for a report of evidence.

    Returns a table, how many trainings it leaves out, and how many were not trained to the end. ``most``: characters of
    a name.
    """
    from pandas import DataFrame

    ended = [training for training in run.trainings.values() if training.n and run.trials.get(training.key)]
    if run.header.evidence or not ended:
        return None
    ended.sort(key=lambda training: (not training.red, training.metric not in METRICS))
    rows = []
    for training in ended[:MOST]:
        unit, stored = unit_of(training.experiment, training.metric), training.stored_seconds
        here = statistics.fmean(trial.seconds.total for trial in run.trials[training.key])
        rows.append(
            {
                "training": escape("/".join(training.key), most),
                "metric": escape(metric_label(training.metric)),
                "stored": number(training.stored_mean, unit),
                "here": number(training.mean, unit),
                "state": state_text(training.outcome.state, training.red),
                "s stored": seconds(stored),
                "s here": seconds(here),
                "ratio": f"{here / stored:.2f}" if stored and here else "–",
            }
        )
    sides = ["left", "left", "right", "right", "left", "right", "right", "right"]
    table = DataFrame(rows).to_markdown(index=False, disable_numparse=True, colalign=sides)
    return Markup(table), max(len(ended) - MOST, 0), len(run.trainings) - len(ended)


def elsewhere(run: Run, experiment: str, row: Row) -> Markup:
    """A variant as it was stored and as it is here; in a report of evidence its result on other stacks."""
    if run.header.evidence:
        lines = [
            escape(f"{other.stack}: {mean_std(other.mean, other.std, row.unit)}, {plural(other.n, 'seed')}")
            for other in run.header.other_stacks
            if (other.experiment, other.variant, other.metric) == (experiment, row.variant, row.metric)
        ]
        return Markup("<br>".join(lines) or "–")
    training = run.trainings.get((experiment, row.variant))
    if training is None:
        return Markup("not trained")
    outcome, lines = training.outcome, [state_text(training.outcome.state, training.red)]
    if outcome.to_the_end:
        for anchor in outcome.anchors[:3]:
            before, now = (number(value, unit_of(experiment, anchor.metric)) for value in (anchor.before, anchor.now))
            lines.append(f"seed {anchor.seed}: {before} → {now}")
    elif outcome.steps:
        lines[0] += f", {plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')}"
    return Markup("<br>".join(lines))
