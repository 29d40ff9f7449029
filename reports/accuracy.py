"""The accuracies: the slide's figure, ours, and how they compare with the evidence or with other stacks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import NamedTuple

from harness.record.run import Run, TrainingCompared
from reports.cards import Card, Row, failures, unit_of
from reports.text import escape
from reports.words import mean_std, metric_label, number, plural, seconds, state_text

METRICS = ("val_accuracy", "accuracy")
MOST = 40
"""Rows of a table; those without a figure of the slide go first. The files of the sections have all."""


class Compared(NamedTuple):
    """How a variant compares: its state here with what was compared, and further lines."""

    state: str = ""
    red: bool = False
    steps: str = ""
    lines: tuple[str, ...] = ()


class TrainedHere(NamedTuple):
    """The table of what this machine trained to the end, and how many trainings it leaves out."""

    table: str
    left: int
    others: int


class Accuracies(NamedTuple):
    """The rows with their experiments, and how many are left out."""

    rows: list[tuple[str, Row]]
    left: int


def accuracies(run: Run, cards: Mapping[str, Card]) -> Accuracies:
    """The accuracy of each variant: of its claims, else of its training."""
    known: dict[tuple[str, str], Row] = {}
    for card in cards.values():
        for row in card.rows:
            key = (card.experiment or "", row.variant)
            other = known.get(key, row)
            if row.metric in METRICS and (bool(other.slide), other.seeds) <= (bool(row.slide), row.seeds):
                known[key] = row
    for key, training in run.trainings.items():
        if key not in known and training.metric in METRICS:
            known[key] = of_training(run, training)
    known = {key: row for key, row in known.items() if row.mean is not None or row.seeds}
    shown = set(sorted(known, key=lambda key: not known[key].slide)[:MOST])
    return Accuracies([(key[0], row) for key, row in known.items() if key in shown], len(known) - len(shown))


def of_training(run: Run, training: TrainingCompared) -> Row:
    """The result of the seeds that a run trained to the end."""
    diverged, collapsed = failures(run.trials.get(training.key, ()))
    return Row(
        variant=training.variant,
        metric=training.metric,
        unit=unit_of(training.experiment, training.metric),
        mean=training.mean,
        std=training.std,
        seeds=training.n,
        diverged=diverged,
        collapsed=collapsed,
    )


def trained_here(run: Run, most: int) -> TrainedHere | None:
    """What this machine trained to the end, beside the same seeds of the evidence; None for a report of evidence.

    ``most``: characters of a name.
    """
    from pandas import DataFrame

    ended = [training for training in run.trainings.values() if training.n and run.trials.get(training.key)]
    if run.header.evidence or not ended:
        return None
    ended.sort(key=lambda training: (not training.red, training.metric not in METRICS))
    rows = []
    for training in ended[:MOST]:
        unit = unit_of(training.experiment, training.metric)
        here = statistics.fmean(trial.seconds.total for trial in run.trials[training.key])
        rows.append(
            {
                "training": escape(f"{training.experiment}/{training.variant}", most),
                "metric": escape(metric_label(training.metric)),
                "stored": number(training.stored_mean, unit),
                "here": number(training.mean, unit),
                "state": state_text(training.outcome.state, training.red),
                "s stored": seconds(training.stored_seconds),
                "s here": seconds(here),
                "ratio": f"{here / training.stored_seconds:.2f}" if training.stored_seconds and here else "–",
            }
        )
    sides = ["left", "left", "right", "right", "left", "right", "right", "right"]
    made = DataFrame(rows).to_markdown(index=False, disable_numparse=True, colalign=sides)
    return TrainedHere(made, max(len(ended) - MOST, 0), len(run.trainings) - len(ended))


def compared(run: Run, experiment: str, row: Row) -> Compared:
    """A training here, as it was stored and as it is; in a report of evidence its result on other stacks."""
    if run.header.evidence:
        wanted = (experiment, row.variant, row.metric)
        others = [
            other for other in run.header.other_stacks if (other.experiment, other.variant, other.metric) == wanted
        ]
        values = [
            f"{other.stack}: {mean_std(other.mean, other.std, row.unit)}, {plural(other.n, 'seed')}" for other in others
        ]
        return Compared(lines=tuple(values) or ("–",))
    training = run.trainings.get((experiment, row.variant))
    if training is None:
        return Compared(lines=("not trained",))
    outcome = training.outcome
    if outcome.to_the_end:
        anchors = [(anchor, unit_of(experiment, anchor.metric)) for anchor in outcome.anchors[:3]]
        seeds = tuple(f"seed {a.seed}: {number(a.before, unit)} → {number(a.now, unit)}" for a, unit in anchors)
        return Compared(outcome.state, training.red, lines=seeds)
    steps = f", {plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')}" if outcome.steps else ""
    return Compared(outcome.state, training.red, steps)
