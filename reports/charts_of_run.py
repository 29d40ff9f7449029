"""The figures of a run's report: for the whole run, and for each experiment, in the order of the lecture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from harness.course import course
from harness.model import Experiment
from harness.plots import Landscape, Sweep
from harness.record.run import Run
from reports.cards import declared
from reports.charts import (
    FAILED,
    FAINT,
    INK,
    NUMBER,
    VERDICTS,
    Panel,
    Picture,
    curves,
    dots,
    failed,
    figure,
    file_name,
    fitting,
    looks,
    rows_of,
    text_of,
    value_axis,
)
from reports.charts_data import (
    MANY,
    Curve,
    Trials,
    band_text,
    curve_of,
    datasets,
    failed_sentences,
    failures,
    numbers,
    section,
    slide_figures,
    source,
    thinned,
    trials_of,
    turning_points,
)
from reports.charts_of_effects import by_seeds, effects
from reports.words import mean_std, metric_label, number, plural, printed

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
            drawn.append(_attempt(name, experiment.id, functools.partial(surface, run, experiment)))
    return [picture for picture in drawn if picture is not None]


def _first(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    kinds = (slide_and_seeds, overfitting, sweep, learning_curves)
    return next((picture for kind in kinds if (picture := kind(run, experiment, trials)) is not None), None)


def _attempt(name: str, heading: str, draw: Callable[[], Picture | None]) -> Picture | None:
    try:
        return draw()
    except Exception as error:  # one figure is no reason to lose the report
        return failed(name, heading, error)


def _picture(
    run: Run, experiment: Experiment, title: str, panels: Sequence[Panel], seeds: Iterable[int], said: str,
    caption: Iterable[str], across: bool = False,
) -> Picture:  # fmt: skip
    """The experiment's figure. ``seeds``: how many the variants have; ``said``: the alternative text."""
    content = figure(title, source(run, seeds, experiment), panels, across)
    return Picture(file_name(experiment.id), content, experiment.id, said, " ".join(caption))


def named(run: Run, experiment: Experiment) -> str:
    """The section of the experiment's first claim; the experiment's id if it has no claim."""
    claims = [claim for claim in run.claims.values() if claim.experiment == experiment.id]
    return section(declared(claims[0]).slide) if claims else experiment.id


def learning_curves(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """The mean of each variant, its seeds, and the slide's own curve; None if no curve has two or more epochs."""
    every = {name: curves_of(trials, name) for name in shown(experiment)}
    kept = {name: of for name, of in every.items() if any(curve.epochs.size > 1 for curve in of)}
    if not kept:
        return None
    counts = [sum(any(trial.history.get(name) for name in kept) for trial in of) for of in trials.values()]
    most = max(map(len, trials.values()))
    spread = f"; {band_text(max(counts))}" if len(trials) <= MOST_SPREAD else ", without their spread"
    text = [f"Thick line: mean over the seeds that trained{spread}."]
    if max(counts) < most:
        text.append(f"Of {most:,} seeds the curves of {max(counts)} are stored.")
    if any(name in of for of in experiment.plots.printed.values() for name in kept):
        text.append("Hollow dots: the slide's own curve.")
    if any(curve.band is None for of in kept.values() for curve in of):
        text.append("Variants without a trained seed do not stretch the axes and may leave the panel.")
    what = " and ".join(map(_title, kept))
    ends = [f"{curve.variant} fails in every seed" if curve.band is None
            else f"{curve.variant} ends at {number(float(curve.band[0][-1]))}"
            for curve in next(iter(kept.values()))]  # fmt: skip
    return _picture(
        run, experiment, f"{named(run, experiment)}: {what} by epoch",
        [_curves(run, experiment, trials, name, of) for name, of in kept.items()], filter(None, counts),
        fitting(f"{what.capitalize()} by epoch, {plural(len(trials), 'variant')} of {experiment.id}", ends),
        [*text, *failed_sentences(trials)],
    )  # fmt: skip


def curves_of(trials: Trials, name: str) -> list[Curve]:
    return [curve for variant, of in trials.items() if (curve := curve_of(variant, of, name)) is not None]


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
    slides = {variant: curves[name] for variant, curves in experiment.plots.printed.items() if name in curves}
    slides = {variant: slides[variant] for variant in trials if variant in slides}
    figures = slide_figures(run, experiment.id, name)
    trained = {curve.variant for curve in of if curve.band is not None} or set(trials)
    values = [curve.values for curve in of if curve.variant in trained]
    values += [np.array(slides[variant], "float64") for variant in slides if variant in trained]
    lost = {variant: f" (× {failures(seeds)})" for variant, seeds in trials.items() if failures(seeds)}
    slide = {variant: f", slide: {printed(figure.printed)}" for variant, figure in figures.items()}
    texts = {variant: variant + lost.get(variant, "") + slide.get(variant, "") for variant in trials}
    return _panel(of, slides, np.concatenate(values), looks(texts), _title(name), len(trials) <= MOST_SPREAD)


def _panel(
    of: Sequence[Curve], slides: Mapping[str, Sequence[float]], values: np.ndarray, channels: Mapping[str, Any],
    title: str, spread: bool = True,
) -> Panel:  # fmt: skip
    """Curves, with bands if ``spread``, and the slide's, over their epochs; ``values``: what the axis spans."""
    last = max([2, *(int(curve.epochs[-1]) for curve in of), *map(len, slides.values())])
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[1, last], nice=False, padding=6),
              axis=alt.Axis(tickMinStep=1, tickCount=6, format=",d"))  # fmt: skip
    data = datasets(of, slides, spread=spread, seeds=False)
    return curves(data, channels, x, {**value_axis(values), "title": title}).properties(width=WIDTH, height=HEIGHT)


def overfitting(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """Training and validation loss in one panel, with a ring where the validation loss is least.

    None if the experiment declares no turning point, or none of its variants trained.
    """
    declared = experiment.plots.turning_point
    if declared is None:
        return None
    trials = {name: of for name, of in trials.items() if name in declared.variants or not declared.variants}
    turns = turning_points(trials, declared.validation)
    losses = (declared.validation, declared.training)
    drawn = {(curve.variant, curve.name): curve for name in losses for curve in curves_of(trials, name)
             if curve.band is not None and curve.variant in turns}  # fmt: skip
    if not drawn:
        return None
    channels = looks({name: name for name in turns})
    dashes = alt.Scale(domain=losses, range=[[1, 0], [6, 3]])
    channels["strokeDash"] = alt.StrokeDash("curve:N", scale=dashes, legend=None)
    panel = _panel([*drawn.values()], {}, np.concatenate([curve.values for curve in drawn.values()]), channels, "loss")
    least = [{"variant": name, "epoch": turn.epoch, "mean": float(np.interp(turn.epoch, curve.epochs, curve.band[0]))}
             for name, turn in turns.items()
             if turn.turned and (curve := drawn[name, declared.validation]).band is not None]  # fmt: skip
    rings = rows_of(least).mark_point(size=150, strokeWidth=2, opacity=1, shape="circle")
    panel += rings.encode(x="epoch:Q", y=alt.Y("mean:Q", title="loss"), color=channels["color"])
    counts = [sum(bool(trial.history.get(declared.validation)) for trial in trials[name]) for name in turns]
    turned = [f"{name} {turn.text}" for name, turn in turns.items() if turn.turned]
    falling = [name for name, turn in turns.items() if not turn.turned]
    text = [f"Solid: {_title(declared.validation)}; dashed: {_title(declared.training)}; {band_text(max(counts))}."]
    text += ["Ring: the epoch of the least mean validation loss, in brackets those of the seeds: "
             f"{'; '.join(turned)}."] * bool(turned)  # fmt: skip
    text += [f"Least at the last epoch, so without a ring: {'; '.join(falling)}."] * bool(falling)
    return _picture(
        run, experiment, f"{named(run, experiment)}: where the validation loss turns", [panel], counts,
        fitting("Training and validation loss by epoch; the validation loss is least at epoch", turned or ["the last"]),
        [*text, *failed_sentences(trials)],
    )  # fmt: skip


def sweep(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """A metric over a hyper-parameter: a mark for each variant, a line for each series, a cross where seeds failed.

    None if the experiment declares no sweep, or fewer than two of its points were trained.
    """
    declared = experiment.plots.sweep
    points = swept(experiment, trials, declared.metric) if declared else []
    if declared is None or len(points) < 2:
        return None
    better = {metric.name: metric.better for metric in experiment.metrics}
    further = course().sweeps_also.get(experiment.id, "")
    panels = [
        _swept(declared, name, swept(experiment, trials, name), better.get(name, "lower") == "lower")
        for name in (declared.metric, further)
        if name == declared.metric or name in better
    ]
    kept = {point["name"]: trials[point["name"]] for point in points}
    text = ["Mark: mean over the seeds that trained; bar: from the smallest to the largest of them.",
            "Cross at the edge: seeds failed, and are left out.", *failed_sentences(kept)]  # fmt: skip
    silent = {name: sum(not trial.divergence and trial.metrics.get(declared.metric) is None for trial in of)
              for name, of in kept.items()}  # fmt: skip
    never = [f"{name} ({count})" for name, count in silent.items() if count]
    text += [f"Seeds that never had a value: {', '.join(never)}."] * bool(never)
    ends = [f"{point['name']}: {'no seed has a value' if point['mean'] is None else number(point['mean'])}"
            for point in points]  # fmt: skip
    title = declared.title.rstrip(".")
    return _picture(run, experiment, title, panels, map(len, kept.values()), fitting(title, ends), text)


def swept(experiment: Experiment, trials: Trials, metric: str) -> list[dict[str, Any]]:
    """The points by series, from left to right: mean, low and high over the seeds that trained, and how others failed.

    A logarithmic axis leaves out zero.
    """
    positive = experiment.plots.sweep is not None and experiment.plots.sweep.y_scale == "log"
    points = []
    for variant in experiment.variants:
        of = trials.get(variant.name, ())
        if not of or variant.at is None:
            continue
        known = [trial.metrics.get(metric) for trial in of if trial.divergence is None]
        values = [value for value in known if value is not None and (value > 0 or not positive)]
        points.append({
            "variant": variant.series, "name": variant.name, "at": variant.at, "failed": failures(of),
            "mean": float(np.mean(values)) if values else None,
            "low": min(values, default=None), "high": max(values, default=None),
        })  # fmt: skip
    series = [*dict.fromkeys(point["variant"] for point in points)]
    return sorted(points, key=lambda point: (series.index(point["variant"]), point["at"]))


def _swept(declared: Sweep, metric: str, points: Sequence[Mapping[str, Any]], bad_is_high: bool) -> Panel:
    """A panel of one metric, whose line is broken between 0 and the next value of a logarithmic axis.

    Series stand a little beside one another, so that they do not hide each other.
    """
    names = [*dict.fromkeys(point["variant"] for point in points)]
    places = sorted({point["at"] for point in points})
    least, log = min((at for at in places if at > 0), default=1.0), declared.x_scale != "linear"
    beside = []
    for point in points:
        aside = names.index(point["variant"]) - (len(names) - 1) / 2
        at = point["at"] * 1.06**aside if log else point["at"] + 0.014 * (places[-1] - places[0]) * aside
        beside.append({**point, "beside": at})
    kind = {"type": "symlog", "constant": least / 3} if log else {"zero": False}
    axis = alt.Axis(values=places, labelExpr=NUMBER, labelOverlap=True)
    ends = [point[name] for point in points for name in ("low", "high") if point[name] is not None]
    across = value_axis(np.array(ends), declared.y_scale == "log")
    y = functools.partial(alt.Y, scale=across["scale"], axis=across["axis"], title=metric_label(metric))
    channels = looks({name: name for name in names}, symbol="")
    x = alt.X("beside:Q", title=declared.over, scale=alt.Scale(**kind, padding=16, nice=False), axis=axis)
    known, line, lost = (
        rows_of(point for point in beside if kept(point)).encode(x=x, color=channels["color"])
        for kept in (lambda of: of["mean"] is not None, lambda of: of["at"] or not log, lambda of: of["failed"])
    )
    return alt.layer(
        known.mark_rule(strokeWidth=5, opacity=0.35).encode(y=y("low:Q"), y2="high:Q"),
        line.transform_filter("isValid(datum.mean)")
        .mark_line()
        .encode(y=y("mean:Q"), strokeDash=channels["strokeDash"]),
        known.mark_point(filled=True, size=45, opacity=1).encode(y=y("mean:Q"), shape=channels["shape"]),
        lost.mark_point(shape=FAILED, size=60, strokeWidth=2, opacity=1).encode(
            y=alt.value(4 if bad_is_high else HEIGHT - 4)
        ),
    ).properties(width=WIDTH, height=HEIGHT)


STEPS, DIRECTIONS = 10, 90
"""Contours of a surface, and points of each."""


def surface(run: Run, experiment: Experiment) -> Picture | None:
    """Contours of a quadratic loss, side by side, each with its condition number; None if no surface is declared."""
    if experiment.plots.surface is None:
        return None
    declared = experiment.plots.surface()
    title = declared.title.rstrip(".")
    panels = [_contours(landscape, declared.x, declared.y) for landscape in declared.landscapes]
    content = figure(title, f"{source(run)} · computed from the data, no seeds", panels, across=True)
    said = [f"{of.name}, condition number {number(of.condition)}" for of in declared.landscapes]
    ranges = [f"{of.name}: loss from {number(of.least)} to {number(of.most)} here" for of in declared.landscapes]
    caption = (
        f"{title}. Cross: the minimum; ellipses: equal steps of the square root of the loss above it. "
        f"{'; '.join(ranges)}. Gradient descent follows the flattest direction in about as many steps as the condition "
        "number of the Hessian says."
    )
    return Picture(file_name(experiment.id, "surface"), content, experiment.id, fitting(title, said), caption)


def _contours(landscape: Landscape, x: str, y: str) -> Panel:
    """Ellipses about the minimum: in each direction as far as the loss needs to rise by the same amount."""
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS + 1)
    directions, reach = np.stack([np.cos(angles), np.sin(angles)]), landscape.reach
    rise = np.maximum(landscape.above(*directions), 1e-300)
    rows = []
    for step in range(1, STEPS + 1) if landscape.most > landscape.least else ():
        radius = np.minimum(step / STEPS * np.sqrt((landscape.most - landscape.least) / rise), 3 * reach)
        ends = dict(zip("xy", map(numbers, radius * directions), strict=True))
        rows.append({"step": step, "order": [*range(len(angles))], **ends})
    scale, axis = alt.Scale(domain=[-reach, reach], nice=False), alt.Axis(tickCount=5, labelFlush=False)
    of = {"x": alt.X("x:Q", scale=scale, axis=axis, title=x), "y": alt.Y("y:Q", scale=scale, axis=axis, title=y)}
    depth = alt.Color("step:Q", legend=None, scale=alt.Scale(range=["#9ecae1", "#08519c"]))
    lines = rows_of(rows).transform_flatten(["x", "y", "order"]).mark_line(clip=True, strokeWidth=1.5)
    least = rows_of([{"x": 0, "y": 0}]).mark_point(shape="cross", size=90, color=INK, filled=True, opacity=1)
    layers = [lines.encode(**of, color=depth, order="order:Q", detail="step:N"), least.encode(**of)]
    title = alt.TitleParams(f"{landscape.name}: condition number {number(landscape.condition)}", fontSize=12, offset=6)
    return alt.layer(*layers).properties(width=260, height=260, title=title)


def slide_and_seeds(run: Run, experiment: Experiment, trials: Trials) -> Picture | None:
    """The slide's accuracies among our seeds; None unless the slide prints those of FEWEST_NETWORKS trained ones."""
    claims = [
        (claim, list(declared(claim).figures)) for claim in run.claims.values() if claim.experiment == experiment.id
    ]
    verdicts = {of[0][0]: claim.verdict for claim, of in claims if len(of) == 1 and of[0][1] == ACCURACY}
    figures = slide_figures(run, experiment.id, ACCURACY)
    figures = {name: figures[name] for name in trials if name in figures}
    known = {name: [trial.metrics.get(ACCURACY) for trial in trials[name] if trial.divergence is None]
             for name in figures}  # fmt: skip
    values = {name: [value for value in of if value is not None] for name, of in known.items()}
    if len(figures) < FEWEST_NETWORKS or not any(values.values()):
        return None
    ours = {name: _ours(of) or failures(trials[name]) or "–" for name, of in values.items()}
    said = {name: f"{name} slide {printed(of.printed)}, ours {ours[name]}" for name, of in figures.items()}
    labels = {name: [name, text.removeprefix(f"{name} ")] for name, text in said.items()}
    colours = {name: VERDICTS.get(verdicts[name], FAINT) if name in verdicts else INK for name in figures}
    scale = alt.Scale(domain=[*figures], paddingInner=0.2, paddingOuter=0.1)
    panels = list[Panel]()
    for low, high in (spans := parts([(*values[name], of.value) for name, of in figures.items()])):
        inside = {name: [value for value in thinned(of) if value is not None and low <= value <= high]
                  for name, of in values.items()}  # fmt: skip
        slides = [{"variant": name, "value": of.value, "colour": colours[name]}
                  for name, of in figures.items() if low <= of.value <= high]  # fmt: skip
        means = [{"variant": name, "value": mean} for name, of in values.items()
                 if of and low <= (mean := float(np.mean(of))) <= high]  # fmt: skip
        axis = alt.Axis(ticks=False, domain=False, labels=not panels, labelLimit=280, labelOffset=-6,
                        labelExpr=text_of(labels))  # fmt: skip
        row = alt.Y("variant:N", title=None, scale=scale, axis=axis)
        across = {"title": metric_label(ACCURACY), "axis": alt.Axis(tickCount=4),
                  "scale": alt.Scale(padding=8, nice=False, zero=False)}  # fmt: skip
        seeds = [{"variant": name, "value": of} for name, of in inside.items()]
        chart = dots(seeds, slides, row, alt.value(FAINT), alt.Color("colour:N", scale=None), across)
        chart += rows_of(means).mark_tick(thickness=1.6, size=16, opacity=1).encode(x="value:Q", y=row)
        panels.append(chart.properties(width=WIDTH // len(spans), height=34 * len(figures)))
    many = f"; {MANY} quantiles stand for more seeds" if any(len(of) > MANY for of in values.values()) else ""
    looks_like = ", blue where it reproduces and orange where it does not" if verdicts else ""
    caption = (
        f"{metric_label(ACCURACY).capitalize()} after the last epoch, with mean ± standard deviation. Dot: a seed"
        f"{many}; short stroke: their mean; long stroke: the slide's figure{looks_like}."
    )
    kept = {name: trials[name] for name in figures}
    return _picture(
        run, experiment, f"{named(run, experiment)}: the slide's accuracies among ours", panels,
        map(len, kept.values()),
        fitting(f"The slide's accuracies among our seeds, {plural(len(figures), 'network')}", [*said.values()]),
        [caption, *failed_sentences(kept)], across=True,
    )  # fmt: skip


def _ours(values: Sequence[float]) -> str:
    """Mean and standard deviation of accuracies; "" of none."""
    if not values:
        return ""
    return mean_std(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, "fraction")


def parts(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The range of all values, in two parts if a gap of more than GAP of it lies between, but within no row."""
    ordered = np.sort(np.concatenate(rows))
    gaps = np.diff(ordered)
    at, (first, last) = int(gaps.argmax()), ordered[[0, -1]].tolist()
    below, above = ordered[at : at + 2].tolist()
    apart = above - below > GAP * (last - first) > 0
    if apart and not any(min(row) <= below and max(row) >= above for row in rows):
        return [(first, below), (above, last)]
    return [(first, last)]
