"""The numbers behind the page's charts: each experiment's seeds and curves once, thinned to keep the page small."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared, Run
from reports.cards import Card
from reports.history import History
from reports.words import machine, metric_label, plural

MANY = 100
"""With more seeds than this, as many quantiles are drawn as dots."""
LINES = 5
"""The number of seeds whose curves are drawn one by one."""
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
    from reports.page.charts import specifications

    values = Values()
    used = {card.experiment for card in cards.values() if card.experiment in run.experiments}
    declared = {name: one for name, one in run.experiments.items() if name in used}
    wanted = {name: _curves(one, _trials(run, one)) for name, one in declared.items()}
    arrays = sum(
        (3 + LINES) * len(curves) * len(_trials(run, declared[name])) for name, curves in wanted.items() if curves
    )
    points = min(MOST_POINTS, max(FEWEST_POINTS, NUMBERS // max(arrays, 1)))
    return {
        "charts": specifications(),
        "claims": {anchors[key]: _claim(run, card, values) for key, card in cards.items() if card.rows},
        "values": values.kept,
        "experiments": {
            name: {
                "variants": list(one.variants),
                "curves": {
                    curve: _curve(one, _trials(run, one), curve, points) | {"label": metric_label(curve)}
                    for curve in wanted[name]
                },
            }
            for name, one in declared.items()
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
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return []
    return [rounded(float(value)) for value in np.quantile(known, (np.arange(MANY) + 0.5) / MANY)]


def _claim(run: Run, card: Card, values: Values) -> dict[str, Any]:
    """What the charts of a claim need: its variants with their seeds, the slide's figures, and its curves."""
    summaries = run.claims[card.key].variants
    figures = {(one.variant, one.metric): one for claim in run.claims.values() for one in claim.published
               if claim.experiment == card.experiment}  # fmt: skip
    metric = card.rows[0].metric
    declared = run.experiments.get(card.experiment or "")
    scale = next((one.scale for one in declared.metrics if one.name == metric), "") if declared else ""
    rows = []
    for row in card.rows:
        summary = summaries.get(row.variant)
        if row.metric != metric or summary is None or summary.metric != metric:
            continue
        slide = figures.get((row.variant, metric))
        rows.append(
            {
                "variant": row.variant,
                "values": values.place(dots(summary.values)),
                "quantiles": len(summary.values) > MANY,
                "slide": rounded(slide.value) if slide else None,
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


def _trials(run: Run, experiment: ExperimentDeclared) -> dict[str, Sequence[Trial]]:
    """The trials of an experiment by variant, without variants that have none."""
    known = {name: run.trials.get((experiment.id, name), ()) for name in experiment.variants}
    return {name: trials for name, trials in known.items() if trials}


def _curves(experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]]) -> list[str]:
    """The names of the curves to show, the most telling first: of two epochs or more, at most MOST_CURVES."""
    recorded = {name for of in trials.values() for one in of for name, curve in one.history.items() if len(curve) > 1}
    printed = [name for curves in experiment.printed.values() for name in curves]
    order = ["val_accuracy", *printed, *(one.name for one in experiment.metrics), "loss", "val_loss"]
    if experiment.turning_point:
        order[:0] = [experiment.turning_point.training, experiment.turning_point.validation]
    return [name for name in dict.fromkeys(order) if name in recorded][:MOST_CURVES]


def spaced(count: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` epochs: half spaced evenly, half denser at the beginning."""
    if count <= most:
        return np.arange(count)
    half = most // 2
    kept = np.concatenate([np.linspace(0, count - 1, most - half), np.geomspace(1, count, half) - 1])
    return np.unique(np.round(kept).astype(int))


def _curve(
    experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]], curve: str, points: int
) -> dict[str, Any]:
    """One curve of all variants: the kept epochs, and for each variant the median, an 80 % band and the first seeds."""
    length = max((len(one.history.get(curve, ())) for of in trials.values() for one in of), default=0)
    kept = spaced(length, points)
    variants = {}
    for name, of in trials.items():
        recorded = [one for one in of if one.history.get(curve)]
        if not recorded:
            continue
        table = np.full((len(recorded), kept.size), np.nan)
        for line, one in zip(table, recorded, strict=True):
            values = np.array(one.history[curve], "float64")
            inside = kept < values.size
            line[inside] = values[kept[inside]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an epoch without a finite value
            low, median, high = np.nanquantile(table, (0.1, 0.5, 0.9), axis=0)
        failed = sum(one.divergence is not None for one in recorded)
        variants[name] = {
            "note": plural(len(recorded), "seed") + (f", {failed} failed" if failed else ""),
            "median": _list(median),
            "low": _list(low),
            "high": _list(high),
            "seeds": {str(one.seed): _list(line) for one, line in zip(recorded[:LINES], table, strict=False)},
        }
    slides = {
        name: [[epoch, rounded(value)] for epoch, value in enumerate(curves[curve], 1) if value is not None]
        for name, curves in experiment.printed.items()
        if curve in curves
    }
    return {"epochs": (kept + 1).tolist(), "variants": variants, "slides": slides}


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
