"""What the page has beyond the cards: numbers behind its charts, thinned to keep it small, and the code of claims."""

from __future__ import annotations

import ast
import functools
import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.course import course, folder
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
    in_words,
    numbers,
    slide_figures,
    thinned,
    trials_of,
)
from reports.history import History
from reports.sentences import variant_words
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

    experiments, used = course().experiments, {card.experiment for card in cards.values()}
    trials = {name: trials_of(run, experiment) for name, experiment in experiments.items() if name in used}
    wanted = {name: _curves(experiments[name], of) for name, of in trials.items()}
    lists = sum((4 + 2 * FEW) * len(wanted[name]) * len(of) for name, of in trials.items())
    points = min(MOST_POINTS, max(FEWEST_POINTS, NUMBERS // max(lists, 1)))
    return {
        "charts": of_page(),
        "claims": {anchors[key]: _claim(run, card) for key, card in cards.items() if card.rows},
        "experiments": {
            name: {
                "variants": [experiments[name].words(variant.name) for variant in experiments[name].variants],
                "curves": {curve: _curve(experiments[name], of, curve, points) for curve in wanted[name]},
            }
            for name, of in trials.items()
        },
        "trend": _trend(history),
    }


def to_json(data: Any) -> str:
    """JSON without ``<``, so that nothing in it ends the script element that holds it."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _claim(run: Run, card: Card) -> dict[str, Any]:
    """What the charts of a claim need: the seeds of its variants, the slide's figures, and whose curves it shows."""
    metric, known = card.rows[0].metric, card.record.variants
    figures = slide_figures(run, card.experiment, metric)
    own = {name: summary.values for name, summary in known.items() if summary.metric == metric}
    names = [row.variant for row in card.rows if row.metric == metric and row.variant in own]
    slides = {variant_words(card.experiment, name): figures[name] for name in names if name in figures}
    return {
        "experiment": card.experiment,
        "metric": metric,
        "label": metric_label(metric),
        "log": metric in card.metrics and card.metrics[metric].scale == "log",
        "seeds": [
            {
                "variant": variant_words(card.experiment, name),
                "value": numbers(thinned(own[name])),
                "many": len(own[name]) > MANY,
            }
            for name in names
        ],
        "slides": [
            {"variant": name, "value": figure.value, "text": f"{name}, the slide: {printed(figure.printed)}"}
            for name, figure in slides.items()
        ],
        "variants": list(dict.fromkeys(row.words for row in card.rows)),
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
    trials = in_words(experiment, trials)
    drawn = [curve for variant, of in trials.items() if (curve := curve_of(variant, of, name, most)) is not None]
    slides = {experiment.words(of): curves[name] for of, curves in experiment.plots.printed.items() if name in curves}
    notes = {
        curve.variant: [plural(curve.count, "seed")] * (curve.band is not None) + [failures(trials[curve.variant])]
        for curve in drawn
    }
    return {
        "label": metric_label(name),
        "band": band_text(max((curve.count for curve in drawn), default=0)),
        "notes": {variant: ", ".join(filter(None, of)) for variant, of in notes.items()},
        **datasets(drawn, slides),
    }


def _trend(history: History | None) -> dict[str, Any]:
    """The values of the first MOST_SERIES series with several values, by run; those that moved come first."""
    history = history or History()
    moved = [change.series for change in history.moved(len(history.runs) - 1)] if history.runs else []
    several = [(series, history.values[series]) for series in dict.fromkeys([*moved, *history.values])]
    several = [(series, values) for series, values in several if len(values) > 1]
    return {
        "runs": [{"date": run.header.started, "machine": machine(run.header.fingerprint)} for run in history.runs],
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


class Code(NamedTuple):
    """The code that declares a claim: ``path`` from the repository's root, ``line`` from 1."""

    path: str
    line: int
    code: str


def sources(ids: Collection[str], root: Path | None = None) -> dict[str, Code]:
    """The code of each claim by its id, without claims that no file declares. ``root``: by default the course's folder.

    Files are parsed, not run; those that cannot be read or parsed are left out.
    """
    declared = _declared(root or folder())
    places = {name: [code for pattern, code in declared if pattern.fullmatch(name)] for name in ids}
    return {name: of[0] for name, of in places.items() if of}


@functools.cache
def _declared(root: Path) -> tuple[tuple[re.Pattern[str], Code], ...]:
    """Every claim below ``root``: a pattern of its id, and its code."""
    declared = []
    for path in sorted(root.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue
        for statement in tree.body:
            for pattern, call in _claims(statement):
                node = statement if isinstance(statement, ast.Assign) and statement.value is call else call
                code = textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]))
                declared.append((pattern, Code(path.relative_to(root.parent).as_posix(), node.lineno, code)))
    return tuple(declared)


def _claims(statement: ast.stmt) -> Iterator[tuple[re.Pattern[str], ast.Call]]:
    """The calls of ``Claim(id=…, slide=…)`` in a statement, each with a pattern of its id.

    ``make("some-id", …)`` outside of a function counts too: a function of the course that makes a claim of this id.
    """
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            pattern = _pattern(given["id"]) if given.keys() >= {"id", "slide"} else ""
            if not pattern and len(node.args) > 1 and not isinstance(statement, ast.FunctionDef):
                pattern = _pattern(node.args[0])
            if pattern:
                yield re.compile(pattern), node


def _pattern(value: ast.expr) -> str:
    """A pattern of the text that an expression gives: a literal, or one with gaps; "" for any other."""
    if isinstance(value, ast.JoinedStr):
        return "".join(_pattern(part) or ".+" for part in value.values)
    return re.escape(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
