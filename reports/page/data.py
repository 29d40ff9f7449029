"""The numbers behind the page's charts: each experiment's seeds and curves once, thinned to keep the page small."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.course import course
from harness.model import Experiment
from harness.record.run import Run
from reports.cards import Card
from reports.charts_data import (
    FEW,
    MANY,
    Trials,
    band_text,
    curve_of,
    datasets,
    failures,
    numbers,
    slide_figures,
    thinned,
    trials_of,
)
from reports.history import History
from reports.words import machine, metric_label, plural, printed

MOST_POINTS, FEWEST_POINTS = 60, 12
NUMBERS = 190_000
"""About as many numbers may stand in the curves of a page; curves have fewer points if there are many."""
MOST_CURVES = 4
MOST_SERIES = 120


def page_data(
    run: Run, cards: Mapping[str, Card], anchors: Mapping[str, str], history: History | None
) -> dict[str, Any]:
    """Everything that ``page.js`` draws from. ``anchors``: by claim key, the id of its card on the page."""
    from reports.charts import of_page

    used = {card.experiment for card in cards.values()}
    declared = [experiment for name, experiment in course().experiments.items() if name in used]
    wanted = [
        (experiment, trials := trials_of(run, experiment), _curves(experiment, trials)) for experiment in declared
    ]
    lists = sum((4 + 2 * FEW) * len(curves) * len(trials) for _, trials, curves in wanted)
    points = min(MOST_POINTS, max(FEWEST_POINTS, NUMBERS // max(lists, 1)))
    return {
        "charts": of_page(),
        "claims": {anchors[key]: _claim(run, card) for key, card in cards.items() if card.rows},
        "experiments": {
            experiment.id: {
                "variants": [variant.name for variant in experiment.variants],
                "curves": {name: _curve(experiment, trials, name, points) for name in curves},
            }
            for experiment, trials, curves in wanted
        },
        "trend": _trend(history),
    }


def to_json(data: object) -> str:
    """JSON that can stand in a ``<script>`` element: every "<" is escaped."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _claim(run: Run, card: Card) -> dict[str, Any]:
    """What the charts of a claim need: the seeds of its variants, the slide's figures, and whose curves it shows."""
    metric, known = card.rows[0].metric, card.record.variants
    figures = slide_figures(run, card.experiment, metric)
    names = [row.variant for row in card.rows
             if row.metric == metric and row.variant in known and known[row.variant].metric == metric]  # fmt: skip
    return {
        "experiment": card.experiment,
        "metric": metric,
        "label": metric_label(metric),
        "log": metric in card.metrics and card.metrics[metric].scale == "log",
        "seeds": [
            {"variant": name, "value": numbers(thinned(known[name].values)), "many": len(known[name].values) > MANY}
            for name in names
        ],
        "slides": [
            {
                "variant": name,
                "value": figures[name].value,
                "text": f"{name}, the slide: {printed(figures[name].printed)}",
            }
            for name in names
            if name in figures
        ],
        "variants": list(dict.fromkeys(row.variant for row in card.rows)),
    }


def _curves(experiment: Experiment, trials: Trials) -> list[str]:
    """The names of the curves to show, the most telling first: of two epochs or more, at most MOST_CURVES."""
    recorded = {
        name for of in trials.values() for trial in of for name, curve in trial.history.items() if len(curve) > 1
    }
    slides = [name for curves in experiment.plots.printed.values() for name in curves]
    order = ["val_accuracy", *slides, *(metric.name for metric in experiment.metrics), "loss", "val_loss"]
    if turning := experiment.plots.turning_point:
        order[:0] = [turning.training, turning.validation]
    return [name for name in dict.fromkeys(order) if name in recorded][:MOST_CURVES]


def _curve(experiment: Experiment, trials: Trials, name: str, most: int) -> dict[str, Any]:
    """One curve of all variants, and the slide's own; ``notes``: by variant, how many seeds it is drawn from."""
    drawn = [curve for variant, of in trials.items() if (curve := curve_of(variant, of, name, most)) is not None]
    notes = {
        curve.variant: [plural(curve.count, "seed")] * (curve.band is not None) + [failures(trials[curve.variant])]
        for curve in drawn
    }
    slides = {variant: of[name] for variant, of in experiment.plots.printed.items() if name in of}
    return {
        "label": metric_label(name),
        "band": band_text(max((curve.count for curve in drawn), default=0)),
        "notes": {variant: ", ".join(filter(None, of)) for variant, of in notes.items()},
        **datasets(drawn, slides),
    }


def _trend(history: History | None) -> dict[str, Any]:
    """The values of the first MOST_SERIES series with several values, by run."""
    runs = history.runs if history else []
    several = [(series, values) for series, values in (history.values if history else {}).items() if len(values) > 1]
    return {
        "runs": [{"date": run.header.started, "machine": machine(run.header.fingerprint)} for run in runs],
        "series": [
            {
                "name": f"{series.case}, {series.name.replace('_', ' ')}, {series.stack}",
                "unit": series.unit,
                "runs": list(values),
                "values": numbers(values.values()),
            }
            for series, values in several[:MOST_SERIES]
        ],
    }
