"""effects.svg: every effect on an accuracy with its interval and verdict, in one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.domain.verdict import Effect
from harness.record.run import ClaimDecided, Run
from reports.figures.picture import Picture
from reports.figures.style import FAINT, GRID, INK, VERDICT_LOOKS, fitting, shorten, styled, svg
from reports.labels import backend_name, verdict_text
from reports.sections.effects import effects_by_relevance
from reports.text import effect_text, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "effects.svg"
LINEAR_WITHIN = 0.01
WIDE = 0.12
"""If an effect is larger than this, the axis is logarithmic beyond ±LINEAR_WITHIN."""
WIDTH, HEAD_AND_FOOT, ROW = 11.5, 1.3, 0.36
"""Inches: the figure's width, its height without rows, and the height of a row."""
TEXT = 0.01
"""Relative width of a column of text; the layout makes room for the text itself."""

Row = tuple[ClaimDecided, Effect]


def forest(run: Run) -> Picture | None:
    """One row per claim whose verdict rests on a difference of fractions with an interval; None without rows."""
    rows = [(claim, effect) for claim in run.claims.values() if (effect := _drawable(claim)) is not None]
    if not rows:
        return None
    slides = [slide_difference(run, *row) for row in rows]
    with styled():
        content = _draw(run, rows, slides)
    words = [f"{c.key} {number(e.estimate, 'fraction')} {c.verdict.lower()}" for c, e in rows]
    caption = (
        "Difference in accuracy between the two variants of each claim, with the interval that decides. Filled circle: "
        "supported; cross: refuted; hollow diamond: inconclusive."
    )
    if any(slide is not None for slide in slides):
        caption += " Grey stroke: the difference between the slide's own figures, one run each."
    if any(margin(claim) for claim, _ in rows):
        caption += " Grey bar: the margin within which the claim takes two variants as equal."
    alt = fitting(f"Effects on accuracy, with intervals, of {plural(len(rows), 'claim')}", words)
    return Picture(NAME, content, "Effects on accuracy", alt, caption)


def slide_difference(run: Run, claim: ClaimDecided, effect: Effect) -> float | None:
    """The same difference between the slides' figures of both variants; None unless both have a figure."""
    first, minus, second = effect.of.partition(" − ")
    found = {
        figure.variant: figure.value
        for other in run.claims.values()
        if other.experiment == claim.experiment is not None
        for figure in other.published
        if figure.metric == effect.metric
    }
    return found[first] - found[second] if minus and first in found and second in found else None


def margin(claim: ClaimDecided) -> float | None:
    """The equivalence margin of a claim, read from the text of its rule; None if it has none."""
    found = re.search(r" ± ([0-9.]+(?:e-?\d+)?)", claim.rule)
    return float(found.group(1)) if found else None


def _drawable(claim: ClaimDecided) -> Effect | None:
    for effect in effects_by_relevance(claim):
        difference = effect.unit == "fraction" and "published" not in effect.details
        if difference and len(_numbers(effect)) == 3:
            return effect
    return None


def _numbers(effect: Effect) -> list[float]:
    """Low, high and estimate of an effect, without those that are None."""
    return [value for value in (effect.low, effect.high, effect.estimate) if value is not None]


def _draw(run: Run, rows: Sequence[Row], slides: Sequence[float | None]) -> bytes:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(WIDTH, HEAD_AND_FOOT + ROW * len(rows)), layout=ConstrainedLayoutEngine(w_pad=0.1))
    columns = figure.subplots(1, 5, sharey=True, width_ratios=[TEXT, 1, TEXT, TEXT, TEXT])
    claims, axes, effects, printed, verdicts = columns
    _scale(axes, [*(value for _, effect in rows for value in _numbers(effect)), *(s for s in slides if s)])
    counts = {effect.n for _, effect in rows}
    for y, ((claim, effect), slide) in enumerate(zip(rows, slides, strict=True)):
        _marks(axes, y, claim, effect, slide)
        claims.text(0, y, shorten(claim.key, 36), va="bottom", fontsize=8.5, fontweight="bold", color=INK)
        claims.text(0, y, shorten(effect.of, 46), va="top", fontsize=7.5, color=FAINT)
        n = f", n = {effect.n}" if len(counts) > 1 else ""
        effects.text(0, y, effect_text(effect) + n, va="center", fontsize=8, color=INK)
        if slide is not None:
            text = ("+" if slide > 0 else "") + number(slide, "fraction")
            printed.text(0, y, text, va="center", fontsize=8, color=FAINT)
        look, text = VERDICT_LOOKS[claim.verdict], verdict_text(claim.verdict)
        verdicts.text(0, y, text, va="center", fontsize=8.5, fontweight="bold", color=look.colour)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("difference in accuracy (fraction)")
    heads = {claims: "claim", effects: "effect [interval]", verdicts: "verdict"}
    if any(slide is not None for slide in slides):
        heads[printed] = "slide"
    for column, text in heads.items():
        column.set_title(text, color=FAINT, fontsize=8.5)
    axes.set_title("← the first is worse", loc="left", color=FAINT, fontsize=8.5)
    axes.set_title("the first is better →", loc="right", color=FAINT, fontsize=8.5)
    for column in (claims, effects, printed, verdicts):
        column.set_axis_off()
    seeds = f", {plural(min(counts), 'seed')}" if len(counts) == 1 else ""
    source = backend_name(run.header.backend) if run.header.full else "stored trials"
    figure.suptitle(f"Effects on accuracy: {source}{seeds}", x=0.005, ha="left", fontsize=11, fontweight="bold")
    return svg(figure)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """Scales the x axis: linear, but logarithmic away from zero if an effect exceeds WIDE."""
    reach = max(map(abs, values)) or LINEAR_WITHIN
    low, high = min(*values, 0.0), max(*values, 0.0)
    if reach <= WIDE:
        pad = 0.05 * (high - low) or reach
        axes.set_xlim(low - pad, high + pad)
        axes.locator_params(axis="x", nbins=7)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:+.4g}".replace("-", "−") if abs(x) > 1e-9 else "0")
        return
    axes.set_xscale("symlog", linthresh=LINEAR_WITHIN, linscale=1)
    axes.set_xlim(min(1.5 * low, -LINEAR_WITHIN), max(1.5 * high, LINEAR_WITHIN))
    ticks = [0.0] + [sign * size for size in (0.005, 0.01, 0.05, 0.2, 1) for sign in (-1, 1)]
    inside = sorted(tick for tick in ticks if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1])
    axes.set_xticks(inside, [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in inside])
    axes.set_xticks([], minor=True)


def _marks(axes: Axes, y: int, claim: ClaimDecided, effect: Effect, slide: float | None) -> None:
    look = VERDICT_LOOKS[claim.verdict]
    decided = claim.verdict.decided
    within = margin(claim)
    if within is not None:
        axes.barh(y, 2 * within, height=0.62, left=-within, color=GRID, zorder=0.5)
    if slide is not None:
        axes.plot([slide] * 2, [y - 0.27, y + 0.27], color=FAINT, linewidth=1.6, solid_capstyle="butt", zorder=2)
    low, high, estimate = _numbers(effect)
    axes.plot([low, high], [y, y], color=look.colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    axes.plot(
        [estimate],
        [y],
        marker=look.marker,
        markersize=7,
        color=look.colour,
        markerfacecolor=look.colour if decided else "white",
        linestyle="",
        zorder=3,
    )
