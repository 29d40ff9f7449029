"""The accuracies: the slide's figure, ours, and how they compare with the evidence or with other stacks."""

from __future__ import annotations

from collections.abc import Mapping

from harness.record.run import Run, TrainingCompared
from reports.cards import Card, Row, failures
from reports.labels import state_text
from reports.sections.claims import row_value
from reports.text import escape, mean_std, number, plural, table
from reports.wording import points, power_of_ten

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
            compared(run, key, found[key]),
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


def compared(run: Run, key: tuple[str, str], row: Row) -> str:
    """A training here, as it was stored and as it is; in a report of evidence its result on other stacks."""
    if run.header.evidence:
        wanted = (*key, row.metric)
        others = [one for one in run.header.other_stacks if (one.experiment, one.variant, one.metric) == wanted]
        values = [
            f"{escape(one.stack, 40)}: {mean_std(one.mean, one.std, row.unit)}, {plural(one.n, 'seed')}"
            for one in others
        ]
        return "<br>".join(values) or "–"
    training = run.trainings.get(key)
    if training is None:
        return "not trained"
    outcome = training.outcome
    state = state_text(outcome.state, training.red)
    if not outcome.to_the_end:
        return state + (
            f", {plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')}" if outcome.steps else ""
        )
    anchors = [(one, _unit(run, key[0], one.metric)) for one in outcome.anchors[:3]]
    seeds = [f"seed {a.seed}: {number(a.before, unit)} → {number(a.now, unit)}" for a, unit in anchors]
    return "<br>".join([state, *seeds])
