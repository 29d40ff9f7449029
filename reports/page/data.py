"""The numbers behind the page's charts: each experiment's seeds and curves once, thinned to keep the page small."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.course import course
from harness.domain.model import Experiment
from harness.record.run import Run
from reports.cards import Card
from reports.charts_data import FEW, MANY, Trials, band_text, curve_of, failures, slide_figures, thinned, trials_of
from reports.history import History
from reports.words import machine, metric_label, plural

MOST_POINTS, FEWEST_POINTS = 60, 12
NUMBERS = 190_000
"""About as many numbers may stand in the curves of a page; curves have fewer points if there are many."""
MOST_CURVES = 4
MOST_SERIES = 120
DIGITS = 4


def page_data(
    run: Run, cards: Mapping[str, Card], anchors: Mapping[str, str], history: History | None
) -> dict[str, Any]:
    """Everything that ``page.js`` draws from, of plain Python objects.

    Args:
        run, cards: the run and its cards by key.
        anchors: by claim key, the id of its card on the page.
        history: the earlier runs, if there are any.
    """
    from reports.charts import of_page

    values = Values()
    used = {card.experiment for card in cards.values()}
    declared = {name: experiment for name, experiment in course().experiments.items() if name in used}
    trials = {name: trials_of(run, experiment) for name, experiment in declared.items()}
    wanted = {name: _curves(experiment, trials[name]) for name, experiment in declared.items()}
    arrays = sum((4 + FEW) * len(curves) * len(trials[name]) for name, curves in wanted.items())
    points = min(MOST_POINTS, max(FEWEST_POINTS, NUMBERS // max(arrays, 1)))
    return {
        "charts": of_page(),
        "claims": {anchors[key]: _claim(run, card, values) for key, card in cards.items() if card.rows},
        "values": values.kept,
        "experiments": {
            name: {
                "variants": [variant.name for variant in experiment.variants],
                "curves": {curve: _curve(experiment, trials[name], curve, points) for curve in wanted[name]},
            }
            for name, experiment in declared.items()
        },
        "trend": _trend(history),
    }


def to_json(data: object) -> str:
    """JSON that can stand in a ``<script>`` element: every "<" is escaped."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def rounded(value: float | None) -> float | None:
    """The value with DIGITS significant digits; None if it is None or not finite."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short


class Values:
    """Lists of numbers, equal ones kept once."""

    def __init__(self) -> None:
        self.kept: list[list[float | None]] = []
        self._places: dict[tuple[float | None, ...], int] = {}

    def place(self, values: Iterable[float | None]) -> int:
        """The index of the list in ``kept``."""
        of = tuple(values)
        if of not in self._places:
            self._places[of] = len(self.kept)
            self.kept.append(list(of))
        return self._places[of]


def dots(values: Sequence[float | None]) -> list[float | None]:
    """The values that are drawn as dots: all, or MANY quantiles of the finite ones."""
    if len(values) <= MANY:
        return [rounded(value) for value in values]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return [rounded(value) for value in thinned(finite)]


def _claim(run: Run, card: Card, values: Values) -> dict[str, Any]:
    """What the charts of a claim need: its variants with their seeds, the slide's figures, and its curves."""
    summaries = run.claims[card.key].variants
    metric = card.rows[0].metric
    figures = slide_figures(run, card.experiment, metric) if card.experiment else {}
    declared = course().experiments.get(card.experiment or "")
    scale = next((one.scale for one in declared.metrics if one.name == metric), "") if declared else ""
    rows = []
    for row in card.rows:
        summary = summaries.get(row.variant)
        if row.metric != metric or summary is None or summary.metric != metric:
            continue
        rows.append(
            {
                "variant": row.variant,
                "values": values.place(dots(summary.values)),
                "quantiles": len(summary.values) > MANY,
                "slide": rounded(figures[row.variant][1]) if row.variant in figures else None,
                "printed": row.slide,
            }
        )
    return {
        "experiment": card.experiment,
        "metric": metric,
        "label": metric_label(metric),
        "log": scale == "log",
        "rows": rows,
        "variants": list(dict.fromkeys(row.variant for row in card.rows)),
    }


def _curves(experiment: Experiment, trials: Trials) -> list[str]:
    """The names of the curves to show, the most telling first: of two epochs or more, at most MOST_CURVES."""
    recorded = {name for of in trials.values() for one in of for name, curve in one.history.items() if len(curve) > 1}
    printed = [name for curves in experiment.plots.printed.values() for name in curves]
    order = ["val_accuracy", *printed, *(one.name for one in experiment.metrics), "loss", "val_loss"]
    if turning := experiment.plots.turning_point:
        order[:0] = [turning.training, turning.validation]
    return [name for name in dict.fromkeys(order) if name in recorded][:MOST_CURVES]


def _curve(experiment: Experiment, trials: Trials, name: str, most: int) -> dict[str, Any]:
    """One curve of all variants: of each its epochs, mean, band and first seeds; and the slide's own."""
    drawn = [curve for variant, of in trials.items() if (curve := curve_of(variant, of, name, most)) is not None]
    return {
        "label": metric_label(name),
        "band": band_text(max((curve.count for curve in drawn), default=0), fewest=0),
        "variants": {
            curve.variant: {
                "note": ", ".join(filter(None, (plural(curve.count, "seed") if curve.trained else "",
                                                failures(trials[curve.variant])))),
                "epochs": curve.epochs.tolist(),
                "mean": _list(curve.mean), "low": _list(curve.low), "high": _list(curve.high),
                "seeds": {str(seed): _list(values) for seed, values in curve.seeds.items()},
            }
            for curve in drawn
        },
        "slides": {
            variant: [[epoch, rounded(value)] for epoch, value in enumerate(curves[name], 1) if math.isfinite(value)]
            for variant, curves in experiment.plots.printed.items()
            if name in curves
        },
    }  # fmt: skip


def _list(values: np.ndarray) -> list[float | None]:
    return [rounded(value) for value in values.tolist()]


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
                "values": [rounded(value) for value in values.values()],
            }
            for series, values in several[:MOST_SERIES]
        ],
    }
