"""The figures of a run's report: for the whole run, and for each experiment, in the order of the lecture."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from harness.course import course
from harness.domain.model import Experiment
from harness.domain.plots import Landscape, Sweep
from harness.domain.verdict import Effect
from harness.record.run import ClaimDecided, Run
from harness.rules import PLAIN, STORED, stored_look
from harness.rules.inference import Estimate, mean
from harness.rules.levels import FEWEST_SEEDS, STORED_SIZES, STORED_SPENDING, Look
from reports.cards import figures_of, label_of, statement_of
from reports.charts import (
    FAILED,
    FAINT,
    GRID,
    INK,
    MARKS,
    NUMBER,
    VERDICTS,
    Label,
    Panel,
    Picture,
    Span,
    curves,
    dots,
    end_labels,
    failed,
    figure,
    file_name,
    fitting,
    looks,
    rows_of,
    shorten,
)
from reports.charts_data import (
    MANY,
    Curve,
    Trials,
    band_text,
    curve_of,
    failed_sentences,
    failures,
    slide_figures,
    thinned,
    trials_of,
    turning_points,
)
from reports.effects import effects_by_relevance
from reports.words import backend_name, mean_std, metric_label, number, plural, points, printed, verdict_text

WIDTH, HEIGHT = 430, 190
"""Pixels of a panel."""
MOST_SPREAD = 5
"""With more variants than this, a panel shows their means without the spread of the seeds."""
FEWEST_NETWORKS = 3
"""Fewer networks with a figure on the slide make no picture of their own."""
GAP = 0.4
"""Where neighbouring accuracies are further apart than this share of their range, the axis is split."""
ACCURACY = "val_accuracy"
TITLES = {"loss": "training loss", "val_loss": "validation loss", "train_loss": "training loss, inference mode"}


def pictures(run: Run) -> list[Picture]:
    """The figures of a run: those of the whole run (heading ""), then those of each experiment (its id).

    An experiment has one figure, the first that suits it, and one of its surface. A figure that cannot be drawn is
    replaced by an image that says so.
    """
    drawn = [
        _attempt("effects.svg", "", lambda: effects(run)),
        _attempt("effects-by-seeds.svg", "", lambda: by_seeds(run)),
    ]
    for experiment in course().experiments.values():
        trials = trials_of(run, experiment)
        of = (run, experiment, trials)
        if trials and experiment.id not in course().without_curves:
            drawn.append(_attempt(file_name(experiment.id), experiment.id, functools.partial(_first, *of)))
        if trials and experiment.plots.surface:
            name = file_name(experiment.id, "surface")
            drawn.append(_attempt(name, experiment.id, functools.partial(surface, *of)))
    return [picture for picture in drawn if picture is not None]


def _first(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    kinds = (slide_and_seeds, overfitting, sweep, learning_curves)
    return next((picture for kind in kinds if (picture := kind(run, experiment, trials)) is not None), None)


def _attempt(name: str, heading: str, draw: Callable[[], Picture | None]) -> Picture | None:
    try:
        return draw()
    except Exception as error:  # one figure is no reason to lose the report
        return failed(name, heading, error)


def source(run: Run, seeds: Iterable[int], experiment: Experiment | None = None) -> str:
    """Where a figure comes from: "TensorFlow 2.20.0, cpu · n = 30 seeds · 20 epochs of all examples, batch 512"."""
    header = run.header
    version = header.fingerprint.get("backend_version") or ""
    device = header.stack.partition("-")[2].replace("-", " ") or str(header.fingerprint.get("device") or "")
    counts = sorted(set(seeds))
    text = [" ".join(filter(None, (backend_name(header.backend), str(version)))) + (f", {device}" if device else "")]
    if counts:
        most = plural(counts[-1], "seed")
        text.append(f"n = {most}" if len(counts) == 1 else f"n = {counts[0]:,} to {most}")
    if experiment is not None:
        size = experiment.size
        images = "all examples" if size.train is None else f"{size.train:,} examples"
        trained = f"{plural(size.epochs, 'epoch')} of {images}" if size.epochs else "untrained"
        text.append(f"{trained}, batch {size.batch_size}")
    return " · ".join(text)


def section(slide: str) -> str:
    """The section of the lecture that a slide belongs to: "2. Depth (cont.), Dropout" is "2. Depth"."""
    return re.split(r",| \(| \||: ", slide)[0].strip() or slide


def named(run: Run, experiment: Experiment) -> str:
    """The section of the experiment's first claim; the experiment's id if it has no claim."""
    claims = [claim for claim in run.claims.values() if claim.experiment == experiment.id]
    return section(label_of(claims[0])) if claims else experiment.id


# ---------- learning curves ----------


def learning_curves(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """The mean of each variant, its seeds, and the slide's own curve; None if no curve has two or more epochs."""
    every = {name: [curve_of(variant, of, name) for variant, of in trials.items()] for name in shown(experiment)}
    kept = {name: [curve for curve in of if curve is not None] for name, of in every.items()}
    kept = {name: of for name, of in kept.items() if any(curve.epochs.size > 1 for curve in of)}
    if not kept:
        return None
    counts = [sum(any(trial.history.get(name) for name in kept) for trial in of) for of in trials.values()]
    counts = [count for count in counts if count]
    what = " and ".join(_title(name) for name in kept)
    panels = [_curves(run, experiment, trials, name, of) for name, of in kept.items()]
    few, most = all(len(of) <= MOST_SPREAD for of in kept.values()), max(map(len, trials.values()))
    spread = f"; {band_text(max(counts))}" if few else ", without their spread"
    text = [f"Thick line: mean over the seeds that trained{spread}."]
    if max(counts) < most:
        text.append(f"Of {most:,} seeds the curves of {max(counts)} are stored.")
    if any(name in of for of in experiment.plots.printed.values() for name in kept):
        text.append("Hollow dots: the slide's own curve.")
    if any(not curve.trained for of in kept.values() for curve in of):
        text.append("Variants without a trained seed do not stretch the axes and may leave the panel.")
    ends = [f"{curve.variant} ends at {number(float(curve.mean[-1]))}" if curve.trained
            else f"{curve.variant} fails in every seed" for curve in next(iter(kept.values()))]  # fmt: skip
    return Picture(
        file_name(experiment.id),
        figure(f"{named(run, experiment)}: {what} by epoch", source(run, counts, experiment), panels),
        experiment.id,
        fitting(f"{what.capitalize()} by epoch, {plural(len(trials), 'variant')} of {experiment.id}", ends),
        " ".join([*text, *failed_sentences(trials)]),
    )


def _title(curve: str) -> str:
    return TITLES.get(curve) or metric_label(curve)


def shown(experiment: Experiment) -> tuple[str, ...]:
    """The curves to draw: the training loss; before it a classifier's validation accuracy.

    The accuracy is left out if the slide prints other curves only.
    """
    printed = {name for curves in experiment.plots.printed.values() for name in curves}
    accuracy = experiment.accuracy and (not printed or ACCURACY in printed)
    return (ACCURACY, "loss") if accuracy else ("loss",)


def _curves(run: Run, experiment: Experiment, trials: Trials, name: str, of: Sequence[Curve]) -> Panel:
    """A panel of one curve. The axes are those of the variants that trained, and of the slide's values of them."""
    slides = experiment.plots.printed
    own = {variant: curves[name] for variant, curves in slides.items() if name in curves and variant in trials}
    figures = {variant: at for variant, at in slide_figures(run, experiment.id, name).items() if variant in trials}
    counted = {curve.variant for curve in of if curve.trained} or {curve.variant for curve in of}
    values = [curve.every for curve in of if curve.variant in counted]
    values += [np.array(of_slide, "float64") for variant, of_slide in own.items() if variant in counted]
    values.append(np.array([value for variant, (_, value) in figures.items() if variant in counted]))
    span = Span.of(np.concatenate(values))
    edge = span.low if name.endswith("accuracy") else span.high
    labels = []
    for curve in of:
        lost = failures(trials[curve.variant])
        text = shorten(curve.variant, 34) + (f" (× {lost})" if lost else "")
        end = float(curve.mean[-1]) if curve.trained else edge
        labels.append(Label(end, text, curve.variant, "" if curve.trained else "failed"))
    last_of = {shown: variant for variant, shown in figures.items()}
    labels += [Label(value, f"slide: {printed(text)}", variant, "slide") for (text, value), variant in last_of.items()]
    alike = {of_slide: variant for variant, of_slide in own.items() if variant not in figures}
    labels += [Label(of_slide[-1], "slide's curve", variant, "slide") for of_slide, variant in alike.items()
               if not math.isnan(of_slide[-1])]  # fmt: skip
    last = max([int(curve.epochs[-1]) for curve in of] + [len(of_slide) for of_slide in own.values()])
    return _panel(of, own, labels, span, looks(list(trials)), last, _title(name), spread=len(of) <= MOST_SPREAD)


def _panel(
    of: Sequence[Curve], own: Mapping[str, Sequence[float]], labels: Sequence[Label], span: Span,
    channels: Mapping[str, Any], last: int, title: str, height: int = HEIGHT, spread: bool = True,
) -> Panel:  # fmt: skip
    """Curves, the slide's ``own`` and labels at the right, over the epochs up to the ``last``."""
    drawn_of = [curve.rows(spread) for curve in of]
    bands, lines = ([row for both in drawn_of for row in both[kind]] for kind in (0, 1))
    slides = [{"variant": variant, "epoch": at + 1, "value": values[at]} for variant, values in own.items()
              for at in np.linspace(0, len(values) - 1, min(len(values), 40)).round().astype(int).tolist()
              if span.low <= values[at] <= span.high]  # fmt: skip
    axes: dict[str, Any] = {"scale": alt.Scale(domain=[1, max(last, 2)], nice=False),
            "axis": alt.Axis(tickMinStep=1, tickCount=6, format=",d")}  # fmt: skip
    value = {"scale": span.scale(), "axis": span.axis(), "title": title}
    drawn = curves(bands, lines, slides, channels, value, **axes)
    return (drawn + end_labels(labels, span, channels, WIDTH, height)).properties(width=WIDTH, height=height)


def overfitting(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """Training and validation loss in one panel, with a ring where the validation loss is least.

    None if the experiment declares no turning point, or none of its variants trained.
    """
    declared = experiment.plots.turning_point
    if declared is None:
        return None
    trials = {name: of for name, of in trials.items() if name in declared.variants or not declared.variants}
    turns = turning_points(trials, declared.validation)
    kinds = {"training": declared.training, "validation": declared.validation}
    drawn = {
        f"{name}: {kind}": curve
        for name in turns
        for kind, wanted in kinds.items()
        if (curve := curve_of(f"{name}: {kind}", trials[name], wanted)) is not None and curve.trained
    }
    if not drawn:
        return None
    span = Span.of(np.concatenate([curve.every for curve in drawn.values()]))
    channels = looks(list(drawn), {name: name.rpartition(": ")[0] for name in drawn})
    channels["strokeDash"] = alt.StrokeDash("variant:N", legend=None, scale=alt.Scale(
        domain=list(drawn), range=[[1, 0] if name.endswith("validation") else [6, 3] for name in drawn]
    ))  # fmt: skip
    labels = [Label(float(curve.mean[-1]), name, name) for name, curve in drawn.items()]
    last = max(int(curve.epochs[-1]) for curve in drawn.values())
    panel = _panel([*drawn.values()], {}, labels, span, channels, last, "loss", height=260)
    least = [
        {"variant": curve.variant, "epoch": turn.epoch, "mean": float(np.interp(turn.epoch, curve.epochs, curve.mean))}
        for name, turn in turns.items()
        if turn.turned and (curve := drawn.get(f"{name}: validation"))
    ]
    rings = rows_of(least).mark_point(size=150, strokeWidth=2, opacity=1, shape="circle")
    panel += rings.encode(x="epoch:Q", y=alt.Y("mean:Q", title="loss"), color=channels["color"])
    counts = [sum(bool(trial.history.get(declared.validation)) for trial in trials[name]) for name in turns]
    turned = [f"{name} {turn.text}" for name, turn in turns.items() if turn.turned]
    falling = [name for name, turn in turns.items() if not turn.turned]
    text = [f"Solid: {_title(declared.validation)}; dashed: {_title(declared.training)}; {band_text(max(counts))}."]
    if turned:
        text.append(
            f"Ring: the epoch of the least mean validation loss, in brackets those of the seeds: {'; '.join(turned)}."
        )
    if falling:
        text.append(f"Least at the last epoch, so without a ring: {'; '.join(falling)}.")
    title = f"{named(run, experiment)}: where the validation loss turns"
    said = "Training and validation loss by epoch; the validation loss is least at epoch"
    return Picture(
        file_name(experiment.id),
        figure(title, source(run, counts, experiment), [panel]),
        experiment.id,
        fitting(said, turned or ["the last"]),
        " ".join([*text, *failed_sentences(trials)]),
    )


# ---------- sweeps and surfaces ----------


@dataclass(frozen=True)
class SweptPoint:
    """One variant in a sweep.

    Attributes:
        variant: the variant's name.
        at: the hyper-parameter's value.
        values: the metric of each seed that trained and has one.
        failed: how many seeds failed, in words; "" if none did.
    """

    variant: str
    at: float
    values: tuple[float, ...]
    failed: str

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None


def sweep(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """A metric over a hyper-parameter: a mark for each variant, a line for each series, a cross where seeds failed.

    None if the experiment declares no sweep, or fewer than two of its points were trained.
    """
    declared = experiment.plots.sweep
    if declared is None:
        return None
    of_metric = functools.partial(swept, experiment, trials)
    points = [point for line in of_metric(declared.metric).values() for point in line]
    if len(points) < 2:
        return None
    metrics = {metric.name: metric.better for metric in experiment.metrics}
    further = course().sweeps_also.get(experiment.id, "")
    panels = [
        _swept(declared, name, of_metric(name), metrics.get(name, "lower") == "lower")
        for name in (declared.metric, further)
        if name == declared.metric or name in metrics
    ]
    title = declared.title.rstrip(".")
    text = ["Mark: mean over the seeds that trained; bar: from the smallest to the largest of them."]
    text += ["Logarithmic axis."] * (declared.y_scale == "log")
    text += ["Cross at the edge: seeds failed, and are left out."] * any(point.failed for point in points)
    text += failed_sentences({point.variant: trials[point.variant] for point in points})
    silent = {
        point.variant: sum(
            not of.divergence and of.metrics.get(declared.metric) is None for of in trials[point.variant]
        )
        for point in points
    }
    if any(silent.values()):
        named = ", ".join(f"{name} ({count})" for name, count in silent.items() if count)
        text.append(f"Seeds that never had a value: {named}.")
    ends = [
        f"{point.variant}: {'no seed has a value' if point.mean is None else number(point.mean)}" for point in points
    ]
    counts = [len(trials[point.variant]) for point in points]
    content = figure(title, source(run, counts, experiment), panels)
    return Picture(file_name(experiment.id), content, experiment.id, fitting(title, ends), " ".join(text))


def swept(experiment: Experiment, trials: Trials, metric: str) -> dict[str, list[SweptPoint]]:
    """The points of each series, from left to right. A logarithmic axis leaves out zero."""
    places = [(variant.at, variant) for variant in experiment.variants if variant.at is not None]
    lines: dict[str, list[SweptPoint]] = {variant.series: [] for _, variant in places}
    positive = experiment.plots.sweep is not None and experiment.plots.sweep.y_scale == "log"
    for at, variant in sorted(places, key=lambda place: place[0]):
        if of := trials.get(variant.name, ()):
            values = [trial.metrics.get(metric) for trial in of if trial.divergence is None]
            kept = tuple(value for value in values if value is not None and (value > 0 or not positive))
            lines[variant.series].append(SweptPoint(variant.name, at, kept, failures(of)))
    return {name: line for name, line in lines.items() if line}


def _swept(declared: Sweep, metric: str, lines: Mapping[str, Sequence[SweptPoint]], bad_is_high: bool) -> Panel:
    """A panel of one metric. Series stand beside one another, so that they do not hide each other."""
    points = [point for line in lines.values() for point in line]
    span = Span.of(np.array([value for point in points for value in point.values]), log=declared.y_scale == "log")
    channels, layers, labels = looks([name or " " for name in lines]), [], []
    x, broken = _across(declared, sorted({point.at for point in points}))
    y = functools.partial(alt.Y, scale=span.scale(), axis=span.axis(), title=metric_label(metric))
    for index, (name, line) in enumerate(lines.items()):
        aside = 6 * (index - (len(lines) - 1) / 2)
        rows = [
            {"variant": name or " ", "at": point.at, "mean": point.mean, "low": min(point.values),
             "high": max(point.values)} for point in line if point.mean is not None
        ]  # fmt: skip
        joined = [row | {"mean": None if broken and not row["at"] else row["mean"]} for row in rows]
        of = rows_of(rows).encode(x=x, color=channels["color"])
        layers += [
            of.mark_rule(xOffset=aside, strokeWidth=5, opacity=0.35).encode(y=y("low:Q"), y2="high:Q"),
            rows_of(joined).mark_line(xOffset=aside).encode(x=x, y=y("mean:Q"), color=channels["color"],
                                                            strokeDash=channels["strokeDash"]),
            of.mark_point(xOffset=aside, filled=True, size=45, opacity=1).encode(
                y=y("mean:Q"), shape=channels["shape"]
            ),
        ]  # fmt: skip
        if lost := [{"variant": name or " ", "at": point.at} for point in line if point.failed]:
            cross = rows_of(lost).mark_point(xOffset=aside, shape=FAILED, size=60, strokeWidth=2, opacity=1)
            layers.append(cross.encode(x=x, y=alt.value(4 if bad_is_high else HEIGHT - 4), color=channels["color"]))
        last = next((point for point in reversed(line) if point.mean is not None), None)
        if name and last is not None:
            labels.append(Label(last.mean, shorten(name, 40), name))
    if labels:
        layers.append(end_labels(labels, span, channels, WIDTH, HEIGHT))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _across(declared: Sweep, places: Sequence[float]) -> tuple[alt.X, bool]:
    """The horizontal axis as declared, with a tick at every point, and whether it is broken between 0 and the next."""
    positive = [at for at in places if at > 0]
    broken = declared.x_scale != "linear" and 0 < len(positive) < len(places)
    if declared.x_scale == "linear" or not positive:
        pad = 0.08 * (places[-1] - places[0]) or 1.0
        scale = alt.Scale(domain=[places[0] - pad, places[-1] + pad], nice=False, zero=False)
    elif broken:
        ends = [places[0] - 0.2 * positive[0], places[-1] * 1.5]
        scale = alt.Scale(type="symlog", constant=positive[0] / 3, domain=ends, nice=False)
    else:
        scale = alt.Scale(type="log", domain=[places[0] / 1.4, places[-1] * 1.4], nice=False)
    axis = alt.Axis(values=[*places], labelExpr=NUMBER, labelOverlap=True)
    return alt.X("at:Q", title=declared.over, scale=scale, axis=axis), broken


STEPS, DIRECTIONS = 10, 90
"""Contours of a surface, and points of each."""


def surface(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """Contours of a quadratic loss, side by side, each with its condition number; None if no surface is declared."""
    if experiment.plots.surface is None or not trials:
        return None
    declared = experiment.plots.surface()
    title = declared.title.rstrip(".")
    panels = [_contours(landscape, declared.x, declared.y) for landscape in declared.landscapes]
    content = figure(title, f"{source(run, ())} · computed from the data, no seeds", panels, across=True)
    numbers = [f"{of.name}, condition number {number(of.condition)}" for of in declared.landscapes]
    texts = [f"{of.name}: condition number of the Hessian {number(of.condition)}, loss from {number(of.least)} to "
             f"{number(of.most)} here" for of in declared.landscapes]  # fmt: skip
    caption = (
        f"{title}. Cross: the minimum; ellipses: equal steps of the square root of the loss above it. "
        f"{'; '.join(texts)}. "
        "Gradient descent follows the flattest direction in about as many steps as the condition number says."
    )
    return Picture(file_name(experiment.id, "surface"), content, experiment.id, fitting(title, numbers), caption)


def _contours(landscape: Landscape, x: str, y: str) -> Panel:
    """Ellipses about the minimum: in each direction as far as the loss needs to rise by the same amount."""
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS + 1)
    rise = np.maximum(landscape.above(np.cos(angles), np.sin(angles)), 1e-300)
    reach, rows = landscape.reach, []
    for step in range(1, STEPS + 1):
        radius = np.minimum(step / STEPS * np.sqrt((landscape.most - landscape.least) / rise), 3 * reach)
        ends = (radius * np.cos(angles), radius * np.sin(angles))
        rows += [{"x": float(f"{a:.4g}"), "y": float(f"{b:.4g}"), "step": step, "order": order}
                 for order, (a, b) in enumerate(zip(*ends, strict=True))]  # fmt: skip
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(tickCount=5, labelFlush=False)
    of_x, of_y = (
        kind(f"{at}:Q", scale=scale, axis=axis, title=of) for kind, at, of in ((alt.X, "x", x), (alt.Y, "y", y))
    )
    depth = alt.Color("step:Q", legend=None, scale=alt.Scale(range=["#9ecae1", "#08519c"]))
    lines = rows_of(rows if landscape.most > landscape.least else [])
    least = rows_of([{"x": 0, "y": 0}]).mark_point(shape="cross", size=90, color=INK, filled=True, opacity=1)
    layers = [lines.mark_line(clip=True, strokeWidth=1.5).encode(of_x, of_y, depth, order="order:Q", detail="step:N"),
              least.encode(of_x, of_y)]  # fmt: skip
    title = alt.TitleParams(f"{landscape.name}: condition number {number(landscape.condition)}", fontSize=12, offset=6)
    return alt.layer(*layers).properties(width=260, height=260, title=title)


# ---------- accuracies and effects ----------


def slide_and_seeds(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """The slide's accuracies among our seeds; None unless the slide prints those of FEWEST_NETWORKS trained ones."""
    claims = [(claim, list(figures_of(claim))) for claim in run.claims.values() if claim.experiment == experiment.id]
    verdicts = {of[0][0]: claim.verdict for claim, of in claims if len(of) == 1 and of[0][1] == ACCURACY}
    figures = {name: of for name, of in slide_figures(run, experiment.id, ACCURACY).items() if name in trials}
    figures = {name: figures[name] for name in trials if name in figures}
    values = {
        name: [value for trial in trials[name] if trial.divergence is None
               and (value := trial.metrics.get(ACCURACY)) is not None]
        for name in figures
    }  # fmt: skip
    if len(figures) < FEWEST_NETWORKS or not any(values.values()):
        return None
    ours = {name: _ours(of) or failures(trials[name]) or "–" for name, of in values.items()}
    seeds = [{"variant": shorten(name, 30), "value": value, "lane": (place % 5 - 2) / 4} for name, of in values.items()
             for place, value in enumerate(sorted(thinned(of)))]  # fmt: skip
    means = {name: float(np.mean(of)) if of else None for name, of in values.items()}
    marks = [{"variant": shorten(name, 30), "value": value, "mean": means[name],
              "slide": printed(text), "ours": ours[name],
              "colour": VERDICTS.get(verdicts[name], FAINT) if name in verdicts else INK}
             for name, (text, value) in figures.items()]  # fmt: skip
    spans = parts([(*values[name], value) for name, (_, value) in figures.items()])
    names = alt.Scale(domain=[mark["variant"] for mark in marks], paddingInner=0.2, paddingOuter=0.1)
    row = functools.partial(alt.Y, "variant:N", title=None, scale=names)
    height, panels = 30 * len(marks), list[Panel]()
    for low, high in spans:
        pad = 0.06 * (high - low) or 0.001
        inside = lambda value, low=low - pad, high=high + pad: value is not None and low <= value <= high  # noqa: E731
        axis: dict[str, Any] = {"title": metric_label(ACCURACY), "axis": alt.Axis(tickCount=4),
                "scale": alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False)}  # fmt: skip
        of_row = row(axis=alt.Axis(ticks=False, domain=False, labels=not panels))
        chart = dots([of for of in seeds if inside(of["value"])], [of for of in marks if inside(of["value"])], of_row,
                     {"color": alt.value(FAINT)}, {"color": alt.Color("colour:N", scale=None)}, **axis)  # fmt: skip
        mean_of = rows_of([of for of in marks if inside(of["mean"])]).mark_tick(thickness=1.6, size=16, opacity=1)
        chart += mean_of.encode(x=alt.X("mean:Q", title=metric_label(ACCURACY)), y=of_row)
        panels.append(chart.properties(width=420 // len(spans), height=height))
    columns = rows_of(marks).encode(y=row(axis=None))
    texts = [columns.mark_text(fontWeight="bold").encode(text="slide:N", color=alt.Color("colour:N", scale=None)),
             columns.mark_text().encode(text="ours:N")]  # fmt: skip
    for text, head, width in zip(texts, ("slide", "ours ± sd"), (60, 100), strict=True):
        over = alt.TitleParams(head, fontSize=11, fontWeight="normal", color=FAINT, offset=4)
        panels.append(text.encode(x=alt.value(0)).properties(width=width, height=height, title=over))
    many = f"; {MANY} quantiles stand for more seeds" if any(len(of) > MANY for of in values.values()) else ""
    caption = (
        f"{metric_label(ACCURACY).capitalize()} after the last epoch. Dot: a seed{many}; short stroke: their mean; "
        "long stroke: the slide's figure"
        + (", blue where it reproduces and orange where it does not." if verdicts else ".")
    )
    words = [f"{name} slide {printed(text)}, ours {ours[name]}" for name, (text, _) in figures.items()]
    title = f"{named(run, experiment)}: the slide's accuracies among ours"
    return Picture(
        file_name(experiment.id),
        figure(title, source(run, {len(trials[name]) for name in figures}, experiment), panels, across=True),
        experiment.id,
        fitting(f"The slide's accuracies among our seeds, {plural(len(figures), 'network')}", words),
        " ".join([caption, *failed_sentences({name: trials[name] for name in figures})]),
    )


def _ours(values: Sequence[float]) -> str:
    """Mean and standard deviation of accuracies; "" of none."""
    if not values:
        return ""
    return mean_std(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, "fraction")


def parts(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The range of all values, in two parts if a gap of more than GAP of it lies between, but within no row."""
    ordered = np.sort(np.concatenate([np.asarray(row, "float64") for row in rows]))
    gaps = np.diff(ordered)
    if gaps.size and gaps.max() > GAP * (ordered[-1] - ordered[0]) > 0:
        at = int(gaps.argmax())
        below, above = float(ordered[at]), float(ordered[at + 1])
        if not any(min(row) <= below and max(row) >= above for row in rows):
            return [(float(ordered[0]), below), (above, float(ordered[-1]))]
    return [(float(ordered[0]), float(ordered[-1]))]


POINTS = "datum.value ? format(datum.value, '+.2~g') : '0'"
"""How an axis shows percentage points."""
TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Percentage points on the axis of effects, which is logarithmic beyond about a point."""


def effects(run: Run) -> Picture | None:
    """Every effect on an accuracy with its interval and verdict, by section of the lecture; None without one."""
    sections: dict[str, list[tuple[ClaimDecided, Effect]]] = {}
    for claim in run.claims.values():
        if (effect := _drawable(claim)) is not None:
            sections.setdefault(section(label_of(claim)), []).append((claim, effect))
    sections = dict(sorted(sections.items(), key=lambda item: (not item[0][:1].isdigit(), item[0])))
    shown = [row for of in sections.values() for row in of]
    if not shown:
        return None
    rows: list[dict[str, Any]] = []
    y = 0.0
    for name, of in sections.items():
        rows.append({"y": y + 0.4, "head": shorten(name, 60)})
        y += 0.9
        for claim, effect in of:
            slide, within = slide_difference(run, claim, effect), margin(claim)
            text = f"{_points(effect.estimate)} [{_points(effect.low)}, {_points(effect.high)}]"
            rows.append({
                "y": y + 0.3, "below": y + 0.68, "of": shorten(effect.of, 48),
                "statement": shorten(statement_of(claim), 70), "verdict": verdict_text(claim.verdict), "text": text,
                "colour": VERDICTS.get(claim.verdict, FAINT),
                "mark": MARKS.get(claim.verdict, "diamond"), "fill": VERDICTS.get(claim.verdict, "white"),
                "estimate": _percent(effect.estimate), "low": _percent(effect.low), "high": _percent(effect.high),
                "slide": _percent(slide), "within": _percent(within),
                "without": _percent(None if within is None else -within),
            })  # fmt: skip
            y += 1.0
    values = [row[name] for row in rows for name in ("low", "high", "slide") if row.get(name) is not None]
    where = f"{source(run, {effect.n for _, effect in shown})} · each experiment at its own size"
    if not run.header.full and not run.header.evidence:
        where += " · the stored trainings"
    where += "\nMark and line: measured, with the interval that decides; grey stroke: the slide, one run each"
    content = figure("Effects on accuracy, and what the slides say", where, _forest(rows, values, y), across=True)
    caption = (
        "Differences of accuracies, and of gaps between training and validation accuracy, between the two variants of "
        "each claim, in percentage points, with the interval that decides. Circle: supported; cross: refuted; hollow "
        "diamond: inconclusive. The axis is linear up to about ±1 point, logarithmic beyond."
    )
    if any(row.get("slide") is not None for row in rows):
        caption += " Grey stroke: the difference between the slide's own figures, one run each."
    if any(row.get("within") is not None for row in rows):
        caption += " Grey bar: the margin within which the claim takes two variants as equal."
    words = [f"{claim.key} {_points(effect.estimate)} {claim.verdict.lower()}" for claim, effect in shown]
    described = fitting(f"Effects on accuracy, with intervals, of {plural(len(shown), 'claim')}", words)
    return Picture("effects.svg", content, "", described, caption)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 4)


def _forest(rows: Sequence[Mapping[str, Any]], values: Sequence[float], height: float) -> list[Panel]:
    """Three columns of the same rows: what is claimed, the intervals, and the numbers."""
    pixels = round(37 * height)
    drawn = [row for row in rows if "statement" in row]
    down: dict[str, Any] = {"scale": alt.Scale(domain=[0, height], reverse=True, nice=False), "axis": None}
    upper, lower = alt.Y("y:Q", **down), alt.Y("below:Q", **down)
    low, high = min(*values, 0.0), max(*values, 0.0)
    ticks = sorted({sign * tick for tick in TICKS for sign in (-1, 1)})
    axis = alt.Axis(values=[tick for tick in ticks if 1.1 * low <= tick <= 1.1 * high], domain=False,
                    labelExpr=POINTS, labelFlush=False)  # fmt: skip
    scale = alt.Scale(type="symlog", constant=1, domain=[min(1.2 * low, -0.1), max(1.4 * high, 0.1)], nice=False)
    x = functools.partial(alt.X, scale=scale, axis=axis, title="percentage points, first minus second")
    colour = alt.Color("colour:N", scale=None)

    def text(field: str, y: alt.Y, **more: Any) -> alt.Chart:
        chosen = [row for row in rows if field in row]
        return rows_of(chosen).mark_text(**more).encode(x=alt.value(0), y=y, text=f"{field}:N")

    names = alt.layer(text("head", upper, fontSize=12, fontWeight="bold"), text("statement", upper),
                      text("of", lower, fontSize=10, color=FAINT))  # fmt: skip
    numbers = alt.layer(text("verdict", upper, fontWeight="bold").encode(color=colour), text("text", lower))
    of = rows_of(drawn).encode(y=lower)
    zero = rows_of([{"x": 0}]).mark_rule(strokeWidth=1).encode(x=x("x:Q"))
    layers = [
        of.mark_bar(color=GRID, height=14).encode(x=x("without:Q"), x2="within:Q"),
        zero,
        of.mark_tick(thickness=2, size=15, color=FAINT).encode(x=x("slide:Q")),
        of.mark_rule(strokeWidth=2.6).encode(x=x("low:Q"), x2="high:Q", color=colour),
    ]
    mark = of.mark_point(size=70, strokeWidth=2, opacity=1)
    by_row = {
        "stroke": alt.Stroke("colour:N", scale=None),
        "fill": alt.Fill("fill:N", scale=None),
        "shape": alt.Shape("mark:N", scale=None),
    }
    layers.append(mark.encode(x=x("estimate:Q"), **by_row))
    return [chart.properties(width=width, height=pixels)
            for chart, width in ((names, 360), (alt.layer(*layers), 300), (numbers, 130))]  # fmt: skip


def _points(value: float | None) -> str:
    return "–" if value is None else points(value, unit=False)


def slide_difference(run: Run, claim: ClaimDecided, effect: Effect) -> float | None:
    """The same difference between the slides' figures of both variants; None unless both have a figure."""
    if effect.kind != "difference" or effect.unit == "ratio":
        return None
    figures = slide_figures(run, claim.experiment, effect.metric) if claim.experiment else {}
    both = effect.a in figures and effect.b in figures
    return figures[effect.a][1] - figures[effect.b][1] if both else None


def margin(claim: ClaimDecided) -> float | None:
    """The equivalence margin of a claim; None if it has none."""
    return next((effect.margin for effect in claim.decision.effects if effect.margin is not None), None)


def _drawable(claim: ClaimDecided) -> Effect | None:
    """The effect to draw: a difference of fractions between two variants, not between one and a constant."""
    for effect in effects_by_relevance(claim):
        of_two = effect.kind == "difference" or (effect.kind == "mean" and not effect.b)
        if of_two and effect.unit == "fraction" and None not in (effect.low, effect.high, effect.estimate):
            return effect
    return None


@dataclass(frozen=True)
class Growth:
    """The effect of a claim over growing numbers of seeds, as fractions.

    Attributes:
        claim: the claim.
        slide: the difference between the slide's figures; None if it prints none.
        seeds: the numbers of seeds, from FEWEST_SEEDS on.
        value, low, high: the mean over the first so many seeds, and its interval at the level that decides.
        later: (seeds, low, high) of the interval at each further look at evidence, if estimate and spread stay.
    """

    claim: ClaimDecided
    slide: float | None
    seeds: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    later: tuple[tuple[int, float, float], ...]

    @property
    def closed(self) -> int | None:
        """The number of seeds from which on no interval contains 0; None if the last one does."""
        inside = np.flatnonzero((self.low <= 0) & (self.high >= 0))
        if inside.size and inside[-1] == len(self.seeds) - 1:
            return None
        return int(self.seeds[inside[-1] + 1 if inside.size else 0])

    @property
    def text(self) -> str:
        """When the interval excludes 0: "excludes 0 from 14 seeds on", "would exclude 0 at 300 seeds"."""
        if self.closed is not None:
            return f"excludes 0 from {self.closed} seeds on"
        would = next((n for n, low, high in self.later if low > 0 or high < 0), None)
        return f"would exclude 0 at {would:,} seeds" if would else "contains 0"


def by_seeds(run: Run) -> Picture | None:
    """The interval of some effects as seeds are added; None without FEWEST_SEEDS common seeds of a claim's variants."""
    grown = [growth for key in course().by_seeds if key in run.claims and (growth := growth_of(run, run.claims[key]))]
    if not grown:
        return None
    first = course().experiments.get(grown[0].claim.experiment or "")
    where = source(run, {int(growth.seeds[-1]) for growth in grown}, first)
    where += "\nDifference in accuracy, with its interval" + (
        "; pale: expected with more seeds" if grown[0].later else ""
    )
    content = figure("How many seeds does it take?", where, [_grown(growth) for growth in grown])
    ends = [f"{of.claim.key} {_points(float(of.value[-1]))}, interval {of.text}" for of in grown]
    caption = (
        "Difference in accuracy, in percentage points: line: the mean over the first so many seeds; band: its interval "
        "at the level that decides. " + ("" if not run.header.evidence else
        "Evidence is looked at with 30, 100, 300 and 1,000 seeds only. Pale: the interval at a further look, if the "
        "mean and the spread stay. ") + "Dashed: the difference between the slide's figures, one run each."
    )  # fmt: skip
    return Picture("effects-by-seeds.svg", content, "", fitting("Effects by the number of seeds", ends), caption)


def growth_of(run: Run, claim: ClaimDecided) -> Growth | None:
    """The effect that decides a claim, from the run's trials; None with too few common seeds that trained."""
    effect = next(iter(effects_by_relevance(claim)), None)
    if effect is None or claim.experiment is None or effect.unit == "ratio":
        return None
    first, second = ({trial.seed: value for trial in run.trials.get((claim.experiment, name), ())
                      if trial.divergence is None and (value := trial.metrics.get(effect.metric)) is not None}
                     for name in (effect.a, effect.b))  # fmt: skip
    differences = np.array([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])
    seeds = np.arange(FEWEST_SEEDS, len(differences) + 1)
    if len(seeds) < 2 or np.ptp(differences[:FEWEST_SEEDS]) == 0:
        return None
    evidence = run.header.evidence
    estimates = [mean(differences[:n]) for n in seeds]
    ends = np.array([of.interval(_level(int(n), evidence)) for n, of in zip(seeds, estimates, strict=True)])
    deviation, later = float(differences.std(ddof=1)), []
    for size in STORED_SIZES:
        if evidence and size > seeds[-1]:
            expected = Estimate(estimates[-1].value, deviation / np.sqrt(size), size - 1)
            later.append((size, *expected.interval(_level(size, evidence))))
    slide = slide_difference(run, claim, effect)
    return Growth(claim, slide, seeds, np.array([of.value for of in estimates]), ends[:, 0], ends[:, 1], tuple(later))


def _level(seeds: int, evidence: bool) -> float:
    """The one-sided level of an interval: that of the look at so many seeds, for fewer than 30 that of the first."""
    if not evidence:
        return PLAIN.one_sided
    return (stored_look(seeds) or Look(STORED_SIZES, 0, STORED_SPENDING)).level(STORED.one_sided)


def _grown(growth: Growth) -> Panel:
    name, colour = growth.claim.verdict, VERDICTS.get(growth.claim.verdict, FAINT)
    last, slide = len(growth.seeds) - 1, growth.slide
    columns = (growth.seeds.tolist(), *(100 * of for of in (growth.value, growth.low, growth.high)))
    table = [dict(zip(("seeds", "value", "low", "high"), row, strict=True)) for row in zip(*columns, strict=True)]
    later = [{"seeds": n, "low": 100 * low, "high": 100 * high} for n, low, high in growth.later]
    early = table[last // 6]  # the first few intervals are so wide that they would hide the others
    seen = [0.0, early["low"], early["high"], *([100 * slide] if slide is not None else [])]
    span = Span.of(np.array(seen), log=False)
    ends = [int(growth.seeds[0]), int(growth.seeds[-1]), *(n for n, _, _ in growth.later)]
    x = alt.X("seeds:Q", title="seeds (logarithmic)", axis=alt.Axis(values=sorted({*ends, 10}), format=","),
              scale=alt.Scale(type="log", domain=[ends[0] / 1.05, ends[-1] * 1.15], nice=False))  # fmt: skip
    y = functools.partial(alt.Y, scale=span.scale(), axis=span.axis(labelExpr=POINTS), title="percentage points")
    of, pale = rows_of(table).encode(x=x), rows_of(later).encode(x=x, y=y("low:Q"), y2="high:Q")
    layers = [
        of.mark_area(opacity=0.16, clip=True, color=colour).encode(y=y("low:Q"), y2="high:Q"),
        of.mark_line(strokeWidth=2.2, clip=True, color=colour).encode(y=y("value:Q")),
        rows_of(table[-1:]).mark_rule(strokeWidth=4, color=colour).encode(x=x, y=y("low:Q"), y2="high:Q"),
        pale.mark_rule(strokeWidth=2, opacity=0.6, color=colour),
        rows_of([{"y": 0}]).mark_rule(color=INK).encode(y=y("y:Q")),
    ]
    labels = [Label(100 * float(growth.value[-1]), f"here {_points(float(growth.value[-1]))}", name)]
    if slide is not None:
        layers.append(rows_of([{"y": 100 * slide}]).mark_rule(strokeDash=[4, 3]).encode(y=y("y:Q")))
        labels.append(Label(100 * slide, f"slide {_points(slide)}", "slide", "slide"))
    colours = alt.Scale(domain=[name, "slide"], range=[colour, FAINT])
    channels = {"color": alt.Color("variant:N", legend=None, scale=colours), "shape": alt.value("circle")}
    layers.append(end_labels(labels, span, channels, WIDTH, 140))
    title = alt.TitleParams([shorten(statement_of(growth.claim), 80), f"The interval {growth.text}."], fontSize=11,
                            fontWeight="normal", offset=6)  # fmt: skip
    return alt.layer(*layers).properties(width=WIDTH, height=140, title=title)
