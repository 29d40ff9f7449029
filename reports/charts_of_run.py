"""The figures of a run's report: for the whole run, and for each experiment, in the order of the lecture."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from harness.course import course
from harness.model import Experiment
from harness.plots import Landscape, Sweep
from harness.record.run import Run
from harness.verdict import Verdict
from reports.cards import anchor, declared
from reports.charts import (
    FAILED,
    FAINT,
    INK,
    NUMBER,
    VERDICTS,
    Drawing,
    Panel,
    Picture,
    curves,
    dots,
    fitting,
    looks,
    picture,
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
    in_words,
    numbers,
    section,
    slide_figures,
    source,
    thinned,
    trials_of,
    turning_points,
)
from reports.charts_of_effects import GAP, effects
from reports.sentences import variant_words
from reports.times import STEADY, ratios
from reports.words import (
    cut,
    duration,
    factor,
    mean_std,
    metric_label,
    number,
    plural,
    printed,
    standing,
    standing_word,
)

WIDTH, HEIGHT = 430, 190
"""Pixels of a panel."""
MOST_SPREAD = 5
"""With more variants than this, a panel shows their means without the spread of the seeds."""
FEWEST_NETWORKS = 3
"""Fewer networks with a figure on the slide make no picture of their own."""
MOST_TIMED = 40
"""Times of a figure."""
MOST_APART = 2
"""With more slide's figures outside our seeds than this, a title does not name them."""
SPLIT = 0.4
"""Where neighbouring accuracies are further apart than this share of their range, the axis is split."""
ACCURACY = "val_accuracy"
LONG = 100
"""A training of so many epochs may have a logarithmic axis of epochs."""
TITLES = {"loss": "training loss", "val_loss": "validation loss", "train_loss": "training loss, inference mode"}

STEPS, DIRECTIONS = 10, 90
"""Contours of a surface, and points of each."""


def pictures(run: Run) -> list[Picture]:
    """The figures of a run: those of the whole run (heading ""), then those of each experiment (its id).

    An experiment has one figure, the first that suits it, and one of its surface.
    """
    drawn = [
        picture("effects.svg", "", functools.partial(effects, run)),
        picture("times.svg", "", functools.partial(engines, run)),
    ]
    for id, experiment in course().experiments.items():
        trials = trials_of(run, experiment)
        if trials and id not in course().without_curves:
            drawn.append(picture(f"{anchor(id)}.svg", id, functools.partial(_first, run, experiment, trials)))
        if trials and experiment.plots.surface:
            drawn.append(picture(f"{anchor(id)}-surface.svg", id, functools.partial(surface, run, experiment)))
    return [made for made in drawn if made is not None]


def _first(run: Run, experiment: Experiment, trials: Trials) -> Drawing | None:
    kinds = (slide_and_seeds, overfitting, sweep, learning_curves)
    return next(filter(None, (kind(run, experiment, trials) for kind in kinds)), None)


def named(run: Run, experiment: Experiment) -> str:
    """The section of the experiment's first claim; the experiment's id if it has no claim."""
    slides = (declared(claim).slide for claim in run.claims.values() if claim.experiment == experiment.id)
    return next(map(section, slides), experiment.id)


def learning_curves(run: Run, experiment: Experiment, trials: Trials) -> Drawing | None:
    """The mean of each variant, its seeds, and the slide's own curve; None if no curve has two or more epochs."""
    every = {name: curves_of(trials, name) for name in shown(experiment)}
    kept = {name: of for name, of in every.items() if any(curve.epochs.size > 1 for curve in of)}
    if not kept:
        return None
    counts = [sum(any(trial.history.get(name) for name in kept) for trial in of) for of in trials.values()]
    most, stored = max(map(len, trials.values())), max(counts)
    spread = f"; {band_text(stored)}" if len(trials) <= MOST_SPREAD else ", without their spread"
    caption = [f"Thick line: mean over the seeds that trained{spread}."]
    if stored < most:
        caption.append(f"Of {most:,} seeds the curves of {stored} are stored.")
    slides = any(name in of for of in experiment.plots.printed.values() for name in kept)
    if slides:
        caption.append("Hollow dots: the slide's own curve.")
    if any(curve.band is None for of in kept.values() for curve in of):
        caption.append("Variants without a trained seed do not stretch the axes and may leave the panel.")
    what = " and ".join(map(_title, kept))
    ends = [
        f"{experiment.words(curve.variant)} "
        + ("fails in every seed" if curve.band is None else f"ends at {number(curve.band[0][-1])}")
        for curve in next(iter(kept.values()))
    ]
    return Drawing(
        finding(run, experiment, f"{what} by epoch"),
        source(run, filter(None, counts), experiment) + "\n○ the slide's own curve" * slides,
        [_curves(run, experiment, trials, name, of) for name, of in kept.items()],
        fitting(f"{what.capitalize()} by epoch, {plural(len(trials), 'variant')} of {experiment.id}", ends),
        " ".join([*caption, *failed_sentences(in_words(experiment, trials))]),
    )


def finding(run: Run, experiment: Experiment, otherwise: str) -> str:
    """The section of an experiment's first claim, and what was found out about it.

    That is what the course found about claims whose first training is one of the experiment; else what the claim of
    most of its variants says, and how that stands; else ``otherwise``. Only claims that this run decides as they are
    stored count; of the course's findings those that are decided.
    """
    as_stored = {key: claim for key, claim in run.claims.items()
                 if claim.verdict is claim.comparison.expected is not Verdict.NOT_RUN and not claim.red}  # fmt: skip
    said = otherwise
    if own := [claim for claim in as_stored.values() if claim.experiment == experiment.id]:
        claim = max(own, key=lambda of: len(of.variants))
        said, how = cut(declared(claim).statement.rstrip("."), 160), standing(claim.verdict, claim.decision.basis)
        said = said if how == Verdict.SUPPORTED else f"“{said}” is {standing_word(how)}"
    for known in course().findings:
        claims = [as_stored.get(key) for key in known.claims]
        of = next((claim.experiment for claim in claims if claim and claim.experiment), "")
        if of == experiment.id and all(claim and claim.verdict is not Verdict.INCONCLUSIVE for claim in claims):
            said = known.cause
            break
    return f"{named(run, experiment)}: {said}"


def curves_of(trials: Trials, name: str) -> list[Curve]:
    return [curve for variant, of in trials.items() if (curve := curve_of(variant, of, name)) is not None]


def _title(curve: str) -> str:
    return TITLES.get(curve) or metric_label(curve)


def shown(experiment: Experiment) -> tuple[str, ...]:
    """The curves to draw: the training loss; before it a classifier's validation accuracy.

    The accuracy is left out if the slide prints other curves only.
    """
    printed = {name for curves in experiment.plots.printed.values() for name in curves}
    return (ACCURACY, "loss") if experiment.accuracy and (not printed or ACCURACY in printed) else ("loss",)


def _curves(run: Run, experiment: Experiment, trials: Trials, name: str, of: Sequence[Curve]) -> Panel:
    """A panel of one curve. The axes are those of the variants that trained, and of the slide's values of them."""
    of_slides = experiment.plots.printed
    slides = {variant: of_slides[variant][name] for variant in trials if name in of_slides.get(variant, ())}
    trained = {curve.variant for curve in of if curve.band is not None} or set(trials)
    values = [curve.values for curve in of if curve.variant in trained]
    values += [np.array(slide, "float64") for variant, slide in slides.items() if variant in trained]
    figures = slide_figures(run, experiment.id, name)
    lost = {variant: f" (× {failures(seeds)})" for variant, seeds in trials.items() if failures(seeds)}
    slide = {variant: f", slide: {printed(figure.printed)}" for variant, figure in figures.items()}
    texts = {variant: experiment.words(variant) + lost.get(variant, "") + slide.get(variant, "") for variant in trials}
    return _panel(of, slides, values, looks(texts), _title(name), len(trials) <= MOST_SPREAD)


def _panel(
    of: Sequence[Curve], slides: Mapping[str, Sequence[float]], values: Sequence[np.ndarray],
    channels: Mapping[str, Any], title: str, spread: bool = True,
) -> Panel:  # fmt: skip
    """Curves, with bands if ``spread``, and the slide's, over their epochs; ``values``: what the axis spans."""
    last = max([2, *(int(curve.epochs[-1]) for curve in of), *map(len, slides.values())])
    scale, axis = alt.Scale(domain=[1, last], nice=False, padding=6), alt.Axis(tickMinStep=1, tickCount=6, format=",d")
    title_of_epochs = "epoch"
    if early(of):
        ticks = [step * 10**power for power in range(6) for step in (1, 2, 5) if step * 10**power <= last]
        scale, axis = alt.Scale(type="log", domain=[1, last], nice=False), alt.Axis(values=ticks, format=",d")
        title_of_epochs = "epoch (logarithmic)"
    x, value = alt.X("epoch:Q", title=title_of_epochs, scale=scale, axis=axis), value_axis(np.concatenate(values))
    data = datasets(of, slides, spread=spread, seeds=False)
    return curves(data, channels, x, {**value, "title": title}).properties(width=WIDTH, height=HEIGHT)


def early(of: Iterable[Curve]) -> bool:
    """Whether half of the curves of a long training, or more, have nine tenths of their way behind them in its first
    twentieth."""
    means = [(curve.epochs, curve.band[0]) for curve in of if curve.band is not None and curve.epochs[-1] >= LONG]
    soon = [
        epochs[np.argmax(np.abs(mean - mean[-1]) <= abs(mean[0] - mean[-1]) / 10)] <= epochs[-1] / 20
        for epochs, mean in means
        if abs(mean[0] - mean[-1]) > 0.01 * abs(mean[0])
    ]
    return bool(soon) and 2 * sum(soon) >= len(soon)


def overfitting(run: Run, experiment: Experiment, trials: Trials) -> Drawing | None:
    """Training and validation loss in one panel, with a ring where the validation loss is least.

    None if the experiment declares no turning point, or none of its variants trained.
    """
    declared = experiment.plots.turning_point
    if declared is None:
        return None
    trials = {name: of for name, of in trials.items() if name in declared.variants or not declared.variants}
    turns = turning_points(trials, declared.validation)
    losses = (declared.validation, declared.training)
    drawn = [
        curve for name in losses for curve in curves_of(trials, name)
        if curve.band is not None and curve.variant in turns
    ]  # fmt: skip
    if not drawn:
        return None
    channels = looks({name: experiment.words(name) for name in turns})
    dashes = alt.Scale(domain=losses, range=[[1, 0], [6, 3]])
    channels["strokeDash"] = alt.StrokeDash("curve:N", scale=dashes, legend=None)
    panel = _panel(drawn, {}, [curve.values for curve in drawn], channels, "loss")
    rings = [
        {"variant": curve.variant, "epoch": turns[curve.variant].epoch,
         "mean": float(np.interp(turns[curve.variant].epoch, curve.epochs, curve.band[0]))}
        for curve in drawn
        if curve.name == declared.validation and curve.band is not None and turns[curve.variant].turned
    ]  # fmt: skip
    ring = rows_of(rings).mark_point(size=150, strokeWidth=2, opacity=1, shape="circle")
    panel += ring.encode(x="epoch:Q", y=alt.Y("mean:Q", title="loss"), color=channels["color"])
    counts = [sum(bool(trial.history.get(declared.validation)) for trial in trials[name]) for name in turns]
    turned = [f"{experiment.words(name)} {turn.text}" for name, turn in turns.items() if turn.turned]
    falling = [experiment.words(name) for name, turn in turns.items() if not turn.turned]
    caption = [f"Solid: {_title(declared.validation)}; dashed: {_title(declared.training)}; {band_text(max(counts))}."]
    if turned:
        least = "Ring: the epoch of the least mean validation loss, in brackets those of the seeds: "
        caption.append(f"{least}{'; '.join(turned)}.")
    if falling:
        caption.append(f"Least at the last epoch, so without a ring: {'; '.join(falling)}.")
    return Drawing(
        finding(run, experiment, "where the validation loss turns"),
        f"{source(run, counts, experiment)}\nsolid: validation, dashed: training; ○ least validation loss",
        [panel],
        fitting("Training and validation loss by epoch; the validation loss is least at epoch", turned or ["the last"]),
        " ".join([*caption, *failed_sentences(in_words(experiment, trials))]),
    )


def sweep(run: Run, experiment: Experiment, trials: Trials) -> Drawing | None:
    """A metric over a hyper-parameter: a mark for each variant, a line for each series, a cross where seeds failed.

    None if the experiment declares no sweep, or fewer than two of its points were trained.
    """
    declared = experiment.plots.sweep
    points = swept(experiment, trials, declared.metric) if declared else []
    if declared is None or len(points) < 2:
        return None
    better = {metric.name: metric.better for metric in experiment.metrics}
    further = course().sweeps_also.get(experiment.id)
    panels = [_swept(declared, declared.metric, points, better.get(declared.metric, "lower") == "lower")]
    if further in better:
        panels.append(_swept(declared, further, swept(experiment, trials, further), better[further] == "lower"))
    trials = in_words(experiment, trials)
    kept = {point["name"]: trials[point["name"]] for point in points}
    marks = "\nmark: mean over the seeds; bar: smallest to largest seed" + "; × seeds failed" * any(
        p["failed"] for p in points
    )
    caption = ["Mark: mean over the seeds that trained; bar: from the smallest to the largest of them.",
               "Cross at the edge: seeds failed, and are left out.", *failed_sentences(kept)]  # fmt: skip
    silent = {name: sum(not trial.divergence and trial.metrics.get(declared.metric) is None for trial in of)
              for name, of in kept.items()}  # fmt: skip
    if never := [f"{name} ({count})" for name, count in silent.items() if count]:
        caption.append(f"Seeds that never had a value: {', '.join(never)}.")
    ends = [f"{point['name']}: {'no seed has a value' if point['mean'] is None else number(point['mean'])}"
            for point in points]  # fmt: skip
    title = finding(run, experiment, declared.title.rstrip("."))
    where = source(run, map(len, kept.values()), experiment)
    return Drawing(title, where + marks, panels, fitting(title, ends), " ".join(caption))


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
            "variant": variant.series, "name": experiment.words(variant.name), "at": variant.at, "failed": failures(of),
            "mean": float(np.mean(values)) if values else None,
            "low": min(values, default=None), "high": max(values, default=None),
        })  # fmt: skip
    series = [*dict.fromkeys(point["variant"] for point in points)]
    return sorted(points, key=lambda point: (series.index(point["variant"]), point["at"]))


def _swept(declared: Sweep, metric: str, points: Sequence[Mapping[str, Any]], bad_is_high: bool) -> Panel:
    """A panel of one metric, whose line is broken between 0 and the next value of a logarithmic axis."""
    names = [*dict.fromkeys(point["variant"] for point in points)]
    places = sorted({point["at"] for point in points})
    least, log = min((at for at in places if at > 0), default=1.0), declared.x_scale != "linear"

    kind = {"type": "symlog", "constant": least / 3} if log else {"zero": False}
    axis = alt.Axis(values=places, labelExpr=NUMBER, labelOverlap=True)
    x = alt.X("at:Q", title=declared.over, scale=alt.Scale(**kind, padding=16, nice=False), axis=axis)
    ends = [point[name] for point in points for name in ("low", "high") if point[name] is not None]
    of_gap = {"labelExpr": "format(100 * datum.value, '~g')"} if metric == GAP and declared.y_scale != "log" else {}
    across = value_axis(np.array(ends), declared.y_scale == "log", **of_gap)

    def y(field: str) -> alt.Y:
        return alt.Y(field, **across, title=metric_label(metric) + ", percentage points" * bool(of_gap))

    channels = looks({name: name for name in names}, symbol="")
    known, line, lost = (
        rows_of(point for point in points if kept(point)).encode(x=x, color=channels["color"])
        for kept in (lambda of: of["mean"] is not None, lambda of: of["at"] or not log, lambda of: of["failed"])
    )
    line = line.transform_filter("isValid(datum.mean)").mark_line()
    lost = lost.mark_point(shape=FAILED, size=60, strokeWidth=2, opacity=1)
    return alt.layer(
        known.mark_rule(strokeWidth=5, opacity=0.35).encode(y=y("low:Q"), y2="high:Q"),
        line.encode(y=y("mean:Q"), strokeDash=channels["strokeDash"]),
        known.mark_point(filled=True, size=45, opacity=1).encode(y=y("mean:Q"), shape=channels["shape"]),
        lost.encode(y=alt.value(4 if bad_is_high else HEIGHT - 4)),
    ).properties(width=WIDTH, height=HEIGHT)


def surface(run: Run, experiment: Experiment) -> Drawing | None:
    """Contours of a quadratic loss, side by side, each with its condition number; None if no surface is declared."""
    if experiment.plots.surface is None:
        return None
    declared = experiment.plots.surface()
    what = declared.title.rstrip(".")
    said = [f"{of.name}, condition number {number(of.condition)}" for of in declared.landscapes]
    ranges = [f"{of.name}: loss from {number(of.least)} to {number(of.most)} here" for of in declared.landscapes]
    caption = (
        f"{what}. Cross: the minimum; ellipses: equal steps of the square root of the loss above it. "
        f"{'; '.join(ranges)}. Gradient descent follows the flattest direction in about as many steps as the condition "
        "number of the Hessian says."
    )
    where = f"{source(run)} · computed from the data, no seeds"
    panels = [_contours(landscape, declared.x, declared.y) for landscape in declared.landscapes]
    title = f"{named(run, experiment)}: {'; '.join(said)}"
    return Drawing(title, where, panels, fitting(what, said), caption, across=True)


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
    title = alt.TitleParams(f"{landscape.name}: condition number {number(landscape.condition)}", fontSize=12, offset=6)
    layers = [lines.encode(**of, color=depth, order="order:Q", detail="step:N"), least.encode(**of)]
    return alt.layer(*layers).properties(width=260, height=260, title=title)


def slide_and_seeds(run: Run, experiment: Experiment, trials: Trials) -> Drawing | None:
    """The slide's accuracies among our seeds; None unless the slide prints those of FEWEST_NETWORKS trained ones."""
    figures = slide_figures(run, experiment.id, ACCURACY)
    figures = {name: figures[name] for name in trials if name in figures}
    values = {name: _accuracies(trials[name]) for name in figures}
    if len(figures) < FEWEST_NETWORKS or not any(values.values()):
        return None
    ours = {name: _mean_std(of) or failures(trials[name]) or "–" for name, of in values.items()}
    said = {name: f"slide {printed(figure.printed)}, ours {ours[name]}" for name, figure in figures.items()}
    verdicts = {}
    for claim in run.claims.values():
        of = [*declared(claim).figures] if claim.experiment == experiment.id else []
        if len(of) == 1 and of[0][1] == ACCURACY:
            verdicts[of[0][0]] = VERDICTS.get(claim.verdict, FAINT)
    scale = alt.Scale(domain=[*figures], paddingInner=0.2, paddingOuter=0.1)
    across = {"title": metric_label(ACCURACY), "axis": alt.Axis(tickCount=4),
              "scale": alt.Scale(padding=8, nice=False, zero=False)}  # fmt: skip
    panels = list[Panel]()
    for low, high in (spans := parts([(*values[name], of.value) for name, of in figures.items()])):
        lines = text_of({name: [experiment.words(name), text] for name, text in said.items()})
        axis = alt.Axis(ticks=False, domain=False, labels=not panels, labelLimit=280, labelOffset=-6, labelExpr=lines)
        row = alt.Y("variant:N", title=None, scale=scale, axis=axis)
        seeds = [{"variant": name, "value": [value for value in thinned(of) if low <= (value or 0.0) <= high]}
                 for name, of in values.items()]  # fmt: skip
        slides = [{"variant": name, "value": of.value, "colour": verdicts.get(name, INK)}
                  for name, of in figures.items() if low <= of.value <= high]  # fmt: skip
        means = [{"variant": name, "value": mean} for name, of in values.items()
                 if of and low <= (mean := float(np.mean(of))) <= high]  # fmt: skip
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
    apart = [
        experiment.words(name) for name, of in values.items() if of and not min(of) <= figures[name].value <= max(of)
    ]
    among = "among ours" + f", except {' and '.join(apart)}" * bool(apart) if len(apart) <= MOST_APART else "and ours"
    return Drawing(
        f"{named(run, experiment)}: the slide's accuracies {among}",
        source(run, map(len, kept.values()), experiment)
        + "\ndot: a seed; short stroke: their mean; long stroke: the slide"
        + "; the axis is broken" * (len(panels) > 1),
        panels,
        fitting(
            f"The slide's accuracies among our seeds, {plural(len(figures), 'network')}",
            [f"{experiment.words(name)} {text}" for name, text in said.items()],
        ),
        " ".join([caption, *failed_sentences(in_words(experiment, kept))]),
        across=True,
    )


def engines(run: Run) -> Drawing | None:
    """Seconds per epoch of each engine, a row for each piece of work; None if nothing was timed."""
    rows, labels = list[dict[str, Any]](), dict[str, list[str]]()
    for record in list(run.timings.values())[:MOST_TIMED]:
        of, _, variant = record.work.rpartition("/")
        label = labels.setdefault(record.work, [cut(f"{of}: {variant_words(of, variant)}", 60), ""])
        label[1] += f"{', ' if label[1] else ''}{record.engine} {duration(record.measured.median)}"
        rows += [{"work": record.work, "variant": record.engine, "value": value} for value in record.measured.rounds]
    if not rows:
        return None
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _, what, slow, fast, (estimate, ends) in ratios(run.timings.values()):
        if what == STEADY:
            spans.setdefault((slow, fast), []).append((estimate, ends[0] if ends else 0.0))
    said = []
    for (slow, fast), pairs in spans.items():
        if min(low for _, low in pairs) > 1:
            span = " to ".join(dict.fromkeys(factor(end(pairs)[0]) for end in (min, max)))
            said.append(f"{slow} takes {span} × as long as one of {fast}")
    axis = alt.Axis(ticks=False, domain=False, labelLimit=280, labelOffset=-6, labelExpr=text_of(labels))
    y = alt.Y("work:N", sort=[*labels], title=None, axis=axis)
    values = np.array([row["value"] for row in rows])
    x = alt.X("value:Q", **value_axis(values, log=True), title="seconds per epoch (logarithmic)")
    look = looks({row["variant"]: row["variant"] for row in rows}, symbol="")
    panel = rows_of(rows).mark_point(filled=True, size=55, opacity=0.6)
    panel = panel.encode(x=x, y=y, color=look["color"], shape=look["shape"])
    return Drawing(
        f"An epoch of {'; '.join(said)}" if said else "Seconds per epoch, by engine",
        source(run) + "\nmark: a round of a steady epoch; beside the names: the median round",
        [panel.properties(width=WIDTH, height=34 * len(labels))],
        fitting("Seconds per epoch, by engine", [": ".join(label) for label in labels.values()]),
        "Mark: the median epoch of a round, compilation left out. The engines took turns. The axis is logarithmic.",
    )


def _accuracies(trials: Iterable[Any]) -> list[float]:
    known = (trial.metrics.get(ACCURACY) for trial in trials if trial.divergence is None)
    return [value for value in known if value is not None]


def _mean_std(values: Sequence[float]) -> str:
    """Mean and standard deviation of accuracies; "" of none."""
    if not values:
        return ""
    return mean_std(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, "fraction")


def parts(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The range of all values, in two parts if a gap of more than SPLIT of it lies between, but within no row."""
    ordered = np.sort(np.concatenate(rows))
    gaps = np.diff(ordered)
    at, (first, last) = int(gaps.argmax()), ordered[[0, -1]].tolist()
    below, above = ordered[at : at + 2].tolist()
    apart = above - below > SPLIT * (last - first) > 0
    if apart and not any(min(row) <= below and max(row) >= above for row in rows):
        return [(first, below), (above, last)]
    return [(first, last)]
