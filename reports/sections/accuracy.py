"""The accuracies: the slide's figure, ours, and how they compare with the evidence or with other stacks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from harness.record.run import Run, TrainingCompared
from reports.cards import Card, Row, failures
from reports.sections.claims import row_value
from reports.text import escape, table
from reports.words import mean_std, metric_label, number, plural, points, power_of_ten, seconds, state_text

METRICS = ("val_accuracy", "accuracy")
MOST = 40
"""Rows; those without a figure of the slide go first. The files of the sections have all."""


def accuracy(run: Run, cards: Mapping[str, Card], most: int) -> str:
    """The section; empty without a classifier. ``most``: characters of a name."""
    found = {key: row for key, row in _rows(run, cards).items() if row.mean is not None or row.seeds}
    if not found:
        return ""
    shown = set(sorted(found, key=lambda key: not found[key].slide)[:MOST])
    rows = [
        [
            f"{escape(key[1], most)}<br>{escape(key[0], most)}",
            *slide_and_ours(found[key]),
            compared(run, key[0], found[key]),
        ]
        for key in found
        if key in shown
    ]
    last = "other stacks" if run.header.evidence else "evidence → here"
    rest = len(found) - len(shown)
    text = "Ours: the mean over seeds ± their standard deviation, and its difference to the slide's figure."
    if rest:
        text += f" {plural(rest, 'further variant')}: see the claims' details."
    headers = ["variant", "slide", "ours", last]
    return "## Accuracy\n\n" + table(headers, rows, right=headers[1:]) + f"\n\n{text}"


def trained_here(run: Run, most: int) -> str:
    """What this machine trained to the end, beside the same seeds of the evidence; empty for a report of evidence.

    ``most``: characters of a name.
    """
    from pandas import DataFrame

    ended = [one for one in run.trainings.values() if one.n and run.trials.get(one.key)]
    if run.header.evidence or not ended:
        return ""
    ended.sort(key=lambda one: (not one.red, one.metric not in METRICS))
    rows = []
    for one in ended[:MOST]:
        unit = _unit(run, one.experiment, one.metric)
        here = statistics.fmean(trial.seconds.total for trial in run.trials[one.key])
        ratio = f"{here / one.stored_seconds:.2f}" if one.stored_seconds and here else "–"
        rows.append(
            [
                escape(f"{one.experiment}/{one.variant}", most),
                escape(metric_label(one.metric)),
                number(one.stored_mean, unit),
                number(one.mean, unit),
                state_text(one.outcome.state, one.red),
                seconds(one.stored_seconds),
                seconds(here),
                ratio,
            ]
        )
    headers = ["training", "metric", "stored", "here", "state", "s stored", "s here", "ratio"]
    made = DataFrame(rows, columns=headers).to_markdown(
        index=False,
        disable_numparse=True,
        colalign=["left", "left", "right", "right", "left", "right", "right", "right"],
    )
    others = len(run.trainings) - len(ended)
    texts = [
        "The mean over the seeds that were trained to the end here, and over the same seeds of the evidence. Seconds "
        "are those of one training. The stored ones may come from another machine: the ratio compares machines then."
    ]
    if len(ended) > MOST:
        texts.append(f"{plural(len(ended) - MOST, 'further training')}: see the claims' details.")
    if others:
        texts.append(f"Of {plural(others, 'other training')} the first steps were compared.")
    return f"## What this machine trained to the end\n\n{made}\n\n{' '.join(texts)}"


def _rows(run: Run, cards: Mapping[str, Card]) -> dict[tuple[str, str], Row]:
    """The accuracy of each variant: of its claims, else of its training."""
    found: dict[tuple[str, str], Row] = {}
    for card in cards.values():
        for row in card.rows:
            key = (card.experiment or "", row.variant)
            known = found.get(key, row)
            if row.metric in METRICS and (bool(known.slide), known.seeds) <= (bool(row.slide), row.seeds):
                found[key] = row
    for key, training in run.trainings.items():
        if key not in found and training.metric in METRICS:
            found[key] = of_training(run, training)
    return found


def of_training(run: Run, training: TrainingCompared) -> Row:
    """The result of the seeds that a run trained to the end."""
    diverged, collapsed = failures(run.trials.get(training.key, ()))
    return Row(
        variant=training.variant,
        metric=training.metric,
        unit=_unit(run, training.experiment, training.metric),
        mean=training.mean,
        std=training.std,
        seeds=training.n,
        diverged=diverged,
        collapsed=collapsed,
    )


def _unit(run: Run, experiment: str, metric: str) -> str:
    declared = run.experiments.get(experiment)
    return next((one.unit for one in declared.metrics if one.name == metric), "") if declared else ""


def slide_and_ours(row: Row) -> list[str]:
    """Two cells: the slide's figure, and ours with its difference to it."""
    difference = ""
    if row.difference is not None:
        sign = "+" if row.difference > 0 else ""
        text = points(row.difference) if row.unit == "fraction" else sign + power_of_ten(row.difference)
        difference = f"<br>{text} to the slide"
    return [escape(row.slide, 40) or "–", row_value(row) + difference]


def compared(run: Run, experiment: str, row: Row) -> str:
    """A training here, as it was stored and as it is; in a report of evidence its result on other stacks."""
    if run.header.evidence:
        wanted = (experiment, row.variant, row.metric)
        others = [one for one in run.header.other_stacks if (one.experiment, one.variant, one.metric) == wanted]
        values = [
            f"{escape(one.stack, 40)}: {mean_std(one.mean, one.std, row.unit)}, {plural(one.n, 'seed')}"
            for one in others
        ]
        return "<br>".join(values) or "–"
    training = run.trainings.get((experiment, row.variant))
    if training is None:
        return "not trained"
    outcome = training.outcome
    state = state_text(outcome.state, training.red)
    if not outcome.to_the_end:
        return state + (
            f", {plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')}" if outcome.steps else ""
        )
    anchors = [(one, _unit(run, experiment, one.metric)) for one in outcome.anchors[:3]]
    seeds = [f"seed {a.seed}: {number(a.before, unit)} → {number(a.now, unit)}" for a, unit in anchors]
    return "<br>".join([state, *seeds])
