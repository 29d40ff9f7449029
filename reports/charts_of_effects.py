"""The figure of a run's claims: every effect on an accuracy with its interval."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from harness.course import course
from harness.record.run import ClaimDecided, Run
from harness.rules import All, NotBetter
from harness.rules.base import OPPOSITE
from harness.verdict import Effect, Verdict
from reports.cards import declared
from reports.charts import FAINT, GRID, MARKS, VERDICTS, Drawing, Panel, fitting, text_of
from reports.charts_data import section, slide_figures, source
from reports.headline import counted
from reports.sentences import main_effects
from reports.words import cut, metric_label, plural, points, verdict_text

POINTS = "datum.value ? format(datum.value, '+.2~g') : '0'"
"""How an axis shows percentage points."""
GAP = "gap"
TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Percentage points on the axis of effects, which is logarithmic beyond about a point."""


def effects(run: Run) -> Drawing | None:
    """Every effect on an accuracy with its interval and verdict, by section of the lecture; None without one."""
    drawable = [(claim, effect) for claim in run.claims.values() if (effect := _drawable(claim)) is not None]
    shown = sorted(drawable, key=lambda pair: (not (of := section(declared(pair[0]).slide))[:1].isdigit(), of))
    if not shown:
        return None
    where = f"{source(run, {effect.n for _, effect in shown})} · each experiment at its own size"
    if not run.header.full and not run.header.evidence:
        where += " · the stored trainings"
    where += (
        "\n● supported, × refuted or outdated, ■ a tie, ◇ undecided; line: the interval that decides; grey: the slide"
    )
    where += "\nRight of 0, or in a grey bar, is what the claim says; beyond a point the axis is logarithmic"
    caption = (
        "Differences of accuracies, and below of gaps between training and validation accuracy, between the two "
        "variants of each claim, in percentage points, with the interval that decides. Right of 0 is what a claim "
        "says of a difference. The axis is linear up to about ±1 point, logarithmic beyond. Grey stroke: the "
        "difference between the slide's own figures, one run each. Grey bar: the margin within which the claim takes "
        "two variants as equal."
    )
    words = [f"{claim.key} {_points(effect.estimate)} {claim.verdict.lower()}" for claim, effect in shown]
    described = fitting(f"Effects on accuracy, with intervals, of {plural(len(shown), 'claim')}", words)
    of_gap = [(claim, effect) for claim, effect in shown if effect.metric == GAP]
    others = [pair for pair in shown if pair not in of_gap]
    panels = [
        _forest([_row(run, claim, effect) for claim, effect in of], f"percentage points of {what}")
        for of, what in ((others, "accuracy"), (of_gap, f"the {metric_label(GAP)}"))
        if of
    ]
    title = f"Effects on accuracy: {counted(claim.verdict for claim, _ in shown)}"
    return Drawing(title, where, panels, described, caption)


def _row(run: Run, claim: ClaimDecided, effect: Effect) -> dict[str, Any]:
    """What ``_forest`` shows of an effect; numbers are percentage points."""
    within = next((of.margin for of in claim.decision.effects if of.margin is not None), None)
    sign, ends, names = 1, (effect.low, effect.high), (effect.a, effect.b)
    if claims_less(getattr(declared(claim), "rule", None), effect):  # a claim of another catalogue has no rule here
        sign, ends, names = -1, ends[::-1], names[::-1]
    numbers = (effect.estimate, *ends, slide_difference(run, claim, effect))
    *values, slide = (None if value is None else sign * value for value in numbers)
    estimate, low, high = map(_points, values)
    known = {**dict(zip(("estimate", "low", "high"), values, strict=True)),
             "slide": slide, "within": within, "without": within and -within}  # fmt: skip
    experiment = course().experiments.get(claim.experiment or "")
    said = " − ".join(experiment.words(name) if experiment else name for name in names if name)
    return {
        "key": claim.key,
        "section": cut(section(declared(claim).slide), 60),
        "label": [cut(declared(claim).statement, 70), cut(said, 70)],
        "text": [verdict_text(claim.verdict), f"{estimate} [{low}, {high}]"],
        "colour": VERDICTS.get(claim.verdict, FAINT),
        "fill": VERDICTS.get(claim.verdict, "white"),
        "mark": MARKS.get(claim.verdict, "diamond"),
        **{name: None if value is None else round(100 * value, 4) for name, value in known.items()},
    }


def claims_less(rule: object, effect: Effect) -> bool:
    """Whether a rule says that the first variant of an effect has less than the second."""
    less = isinstance(rule, NotBetter) and (rule.a, rule.b) == (effect.a, effect.b)
    return less or any(claims_less(part, effect) for part in (rule.rules if isinstance(rule, All) else ()))


def _forest(rows: Sequence[Mapping[str, Any]], title: str) -> Panel:
    """What is claimed, the intervals, and the numbers, row by row below the sections; ``title``: of the axis."""
    values = [row[name] for row in rows for name in ("low", "high", "slide") if row[name] is not None]
    low, high = 1.2 * min(*values, -0.1), 1.3 * max(*values, 0.1)
    ticks = [sign * tick for tick in TICKS for sign in (-1, 1) if low <= sign * tick <= high]
    axis = alt.Axis(values=sorted({*ticks}), domain=False, labelExpr=POINTS, labelFlush=False)
    scale = alt.Scale(type="symlog", constant=1, domain=[low, high], nice=False)
    x = functools.partial(alt.X, scale=scale, axis=axis, title=title)
    labels = {row["key"]: row["label"] for row in rows}
    names = alt.Axis(labelExpr=text_of(labels), labelLimit=360, labelOffset=-6, ticks=False, domain=False, grid=False)
    base = alt.Chart().encode(y=alt.Y("key:N", sort=[*labels], title=None, axis=names))
    colour = alt.Color("colour:N", scale=None)
    layers = alt.layer(
        base.mark_bar(color=GRID, height=14).encode(x=x("without:Q"), x2="within:Q"),
        alt.Chart().mark_rule().encode(x=alt.datum(0)),
        base.mark_tick(thickness=2, size=15, color=FAINT).encode(x=x("slide:Q")),
        base.mark_rule(strokeWidth=2.6).encode(x=x("low:Q"), x2="high:Q", color=colour),
        base.mark_point(size=70, strokeWidth=2, opacity=1).encode(
            x=x("estimate:Q"), stroke=alt.Stroke("colour:N", scale=None),
            fill=alt.Fill("fill:N", scale=None), shape=alt.Shape("mark:N", scale=None),
        ),
        base.mark_text(lineHeight=13, dy=-6).encode(x=alt.value(310), text="text:N", color=colour),
        data=alt.Data(values=list(rows)),
    )  # fmt: skip
    head = alt.Header(title=None, labelAngle=0, labelOrient="top", labelAnchor="start", labelFontWeight="bold")
    sections = alt.Row("section:N", sort=None, header=head)
    layers = layers.properties(width=300, height=alt.Step(38))
    return layers.facet(row=sections, spacing=10).resolve_scale(y="independent")


def _points(value: float | None) -> str:
    return "–" if value is None else points(value, unit=False)


def slide_difference(run: Run, claim: ClaimDecided, effect: Effect) -> float | None:
    """The same difference between the slides' figures of both variants; None unless both have a figure."""
    figures = slide_figures(run, claim.experiment, effect.metric)
    if effect.kind != "difference" or effect.unit == "ratio" or not {effect.a, effect.b} <= figures.keys():
        return None
    return figures[effect.a].value - figures[effect.b].value


def _drawable(claim: ClaimDecided) -> Effect | None:
    """The first difference of fractions between two variants, not of one and a constant, that the verdict rests on.

    Of parts those with the claim's verdict count (of a negation, the opposite one), else those that are not supported.
    """
    verdict = OPPOSITE.get(claim.verdict, claim.verdict) if claim.decision.negated else claim.verdict
    parts = sorted(claim.decision.parts, key=lambda of: (of.verdict is not verdict, of.verdict is Verdict.SUPPORTED))
    deciding = [part for part in parts if part.verdict is parts[0].verdict] or [claim.decision]
    for effect in [effect for part in deciding for effect in main_effects(part)]:
        of_two = effect.kind == "difference" or (effect.kind == "mean" and not effect.b)
        if of_two and effect.unit == "fraction" and None not in (effect.low, effect.high, effect.estimate):
            return effect
    return None
