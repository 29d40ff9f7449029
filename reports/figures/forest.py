"""effects.svg: every effect on an accuracy with its interval and verdict, in one picture, by section of the lecture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.domain.verdict import Effect
from harness.record.run import ClaimDecided, Run
from reports.figures.picture import Picture
from reports.figures.style import FAINT, GRID, INK, VERDICT_LOOKS, canvas, fitting, shorten, source, styled, svg
from reports.sections.effects import effects_by_relevance
from reports.words import plural, verdict_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "effects.svg"
WIDTH, HEIGHT, ROW = 7.6, 1.4, 0.46
"""Inches: the figure's width, its height without rows, and the height of a row."""
TEXT = 0.01
"""Relative width of a column of text; the layout makes room for the text itself."""
LINEAR = 1.0
"""Percentage points up to which the axis is linear; it is logarithmic beyond."""
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)

Row = tuple[ClaimDecided, Effect]


def forest(run: Run) -> Picture | None:
    """One row per claim whose verdict rests on a difference of accuracies with an interval; None without rows."""
    claims = sorted(run.claims.values(), key=lambda claim: claim.order)
    sections: dict[str, list[Row]] = {}
    for claim in claims:
        if (effect := _drawable(claim)) is not None:
            sections.setdefault(section(claim.slide), []).append((claim, effect))
    sections = dict(sorted(sections.items(), key=lambda item: (not item[0][:1].isdigit(), item[0])))
    rows = [row for of in sections.values() for row in of]
    if not rows:
        return None
    slides = {claim.key: slide_difference(run, claim, effect) for claim, effect in rows}
    with styled():
        content = _draw(run, sections, slides)
    words = [f"{c.key} {points(e.estimate)} {c.verdict.lower()}" for c, e in rows]
    caption = (
        "Differences of accuracies, and of gaps between training and validation accuracy, between the two variants of "
        "each claim, in percentage points, with the interval that decides. Circle: supported; cross: refuted; hollow "
        f"diamond: inconclusive. The axis is linear up to ±{LINEAR:g} point, logarithmic beyond."
    )
    if any(slide is not None for slide in slides.values()):
        caption += " Grey stroke: the difference between the slide's own figures, one run each."
    if any(margin(claim) for claim, _ in rows):
        caption += " Grey bar: the margin within which the claim takes two variants as equal."
    alt = fitting(f"Effects on accuracy, with intervals, of {plural(len(rows), 'claim')}", words)
    return Picture(NAME, content, "", alt, caption)


def section(slide: str) -> str:
    """The section of the lecture that a slide belongs to: "2. Depth (cont.), Dropout" is "2. Depth"."""
    return re.split(r",| \(| \||: ", slide)[0].strip() or slide


def points(value: float | None) -> str:
    """A fraction as percentage points: "+0.42", "−0.33"."""
    return "–" if value is None else f"{100 * value:+.2f}".replace("-", "−")


def slide_difference(run: Run, claim: ClaimDecided, effect: Effect) -> float | None:
    """The same difference between the slides' figures of both variants; None unless both have a figure."""
    if effect.kind != "difference" or effect.unit == "ratio":
        return None
    found = {
        figure.variant: figure.value
        for other in run.claims.values()
        if other.experiment == claim.experiment is not None
        for figure in other.published
        if figure.metric == effect.metric
    }
    return found[effect.a] - found[effect.b] if effect.a in found and effect.b in found else None


def margin(claim: ClaimDecided) -> float | None:
    """The equivalence margin of a claim; None if it has none."""
    return next((effect.margin for effect in claim.decision.effects if effect.margin is not None), None)


def _drawable(claim: ClaimDecided) -> Effect | None:
    """The effect to draw: a difference of fractions between two variants, not between one and a constant."""
    for effect in effects_by_relevance(claim):
        of_two = effect.kind == "difference" or (effect.kind == "mean" and not effect.b)
        difference = effect.unit == "fraction" and of_two
        if difference and None not in (effect.low, effect.high, effect.estimate):
            return effect
    return None


def _numbers(effect: Effect) -> list[float]:
    """Low, high and estimate of an effect in percentage points."""
    return [100 * value for value in (effect.low, effect.high, effect.estimate) if value is not None]


def _draw(run: Run, sections: Mapping[str, Sequence[Row]], slides: Mapping[str, float | None]) -> bytes:
    rows = [row for of in sections.values() for row in of]
    height = HEIGHT + ROW * (len(rows) + 0.9 * len(sections))
    where = f"{source(run, {effect.n for _, effect in rows})} · each experiment at its own size"
    if not run.header.full and not run.header.evidence:
        where += " · the stored trainings"
    where += "\nMark and line: measured, with the interval that decides; grey stroke: the slide, one run each"
    figure, inner = canvas("Effects on accuracy, and what the slides say", where, WIDTH, height)
    names, axes, numbers = inner.subplots(1, 3, sharey=True, width_ratios=[TEXT, 1, TEXT])
    _across(axes, [value for _, effect in rows for value in _numbers(effect)], [100 * s for s in slides.values() if s])
    names.set_zorder(2)  # statements run over the panel
    over: dict[str, Any] = {"in_layout": False, "bbox": {"facecolor": "white", "linewidth": 0, "pad": 1}, "color": INK}
    y = 0.0
    for name, of in sections.items():
        names.text(0, y, shorten(name, 60), va="center", fontsize=9.5, fontweight="bold", **over)
        y += 0.9
        for claim, effect in of:
            slide, look = slides[claim.key], VERDICT_LOOKS[claim.verdict]
            _marks(axes, y + 0.22, claim, effect, slide)
            names.text(0, y - 0.22, shorten(claim.statement, 72), va="center", fontsize=8.5, **over)
            names.text(0, y + 0.22, shorten(effect.of, 36), va="center", fontsize=8, color=FAINT)
            numbers.text(0, y - 0.22, verdict_text(claim.verdict), va="center", fontsize=8.5, fontweight="bold",
                         color=look.colour)  # fmt: skip
            text = f"{points(effect.estimate)} [{points(effect.low)}, {points(effect.high)}]"
            numbers.text(0, y + 0.22, text, va="center", fontsize=8.5, color=INK)
            y += 1.0
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    axes.set_ylim(y - 0.4, -0.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("percentage points, first minus second")
    for column in (names, numbers):
        column.set_axis_off()
    return svg(figure)


def _across(axes: Axes, values: Sequence[float], slides: Sequence[float]) -> None:
    low, high = min(*values, *slides, 0.0), max(*values, *slides, 0.0)
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=1.2)
    edge = 0.1 * LINEAR
    axes.set_xlim(min(1.2 * low, -edge), max(1.4 * high, edge))
    ticks = sorted(sign * tick for tick in TICKS for sign in (-1, 1))
    inside = [0.0, *(tick for tick in ticks if 1.1 * low <= tick <= 1.1 * high)]
    axes.set_xticks(inside, [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in inside])
    axes.set_xticks([], minor=True)


def _marks(axes: Axes, y: float, claim: ClaimDecided, effect: Effect, slide: float | None) -> None:
    look = VERDICT_LOOKS[claim.verdict]
    within = margin(claim)
    if within is not None:
        axes.barh(y, 200 * within, height=0.4, left=-100 * within, color=GRID, zorder=0.5)
    if slide is not None:
        axes.plot([100 * slide] * 2, [y - 0.2, y + 0.2], color=FAINT, linewidth=1.8, solid_capstyle="butt", zorder=2)
    low, high, estimate = _numbers(effect)
    axes.plot([low, high], [y, y], color=look.colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    axes.plot(
        [estimate],
        [y],
        marker=look.marker,
        markersize=7,
        color=look.colour,
        markerfacecolor=look.colour if claim.verdict.decided else "white",
        linestyle="",
        zorder=3,
    )
