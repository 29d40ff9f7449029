"""effects.svg: every effect on an accuracy with its interval and verdict, in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.store import Run
from reports.curves import Picture
from reports.evidence import telling_effects
from reports.style import FAINT, INK, VERDICT_LOOKS, shorten, styled, svg
from reports.text import effect_text, plural
from reports.words import verdict_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "effects.svg"
LINEAR_WITHIN = 0.002
"""On a wide axis, effects smaller than this are drawn to scale and larger ones by their logarithm."""

Row = tuple[Mapping[str, Any], Mapping[str, Any]]


def forest(run: Run) -> Picture | None:
    """One row per claim: the effect its verdict rests on, where that is a difference of fractions with an interval."""
    rows = [(claim, effect) for claim in run.claims if (effect := _drawable(claim)) is not None]
    if not rows:
        return None
    with styled():
        content = _draw(run, rows)
    words = "; ".join(f"{claim['key']} {effect_text(effect)} {claim['verdict']}" for claim, effect in rows[:12])
    return Picture(
        NAME,
        content,
        "Effects on accuracy",
        f"Effects with intervals of {plural(len(rows), 'claim')}: {words}{'; …' if len(rows) > 12 else ''}.",
        f"Each claim's effect with the interval its rule decides by, {run.header['setting']} setting, "
        f"{run.header['backend']}. Filled circle: supported; cross: refuted; hollow diamond: inconclusive.",
    )


def _drawable(claim: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for effect in telling_effects(claim):
        difference = effect["unit"] == "fraction" and "published" not in effect["details"]
        if difference and None not in (effect["estimate"], effect["low"], effect["high"]):
            return effect
    return None


def _draw(run: Run, rows: Sequence[Row]) -> bytes:
    from matplotlib.figure import Figure

    row_height, head, foot = 0.36, 0.5, 0.62
    height = head + foot + row_height * len(rows)
    figure = Figure(figsize=(10.4, height))
    axes = figure.add_axes((0.27, foot / height, 0.36, 1 - (head + foot) / height))
    _scale(axes, [effect[part] for _, effect in rows for part in ("low", "high", "estimate")])
    for y, (claim, effect) in enumerate(rows):
        _row(axes, y, claim, effect)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("difference in accuracy (fraction)")
    heads = ((-0.74, "claim"), (0, "← less"), (1, "more →"), (1.06, "effect [interval]"), (1.72, "verdict"))
    for x, text in heads:
        axes.annotate(
            text,
            (x, 1),
            (0, 7),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right" if x == 1 else "left",
            color=FAINT,
            fontsize=8.5,
            annotation_clip=False,
        )
    title = f"What the measurement says ({run.header['setting']} setting, {run.header['backend']})"
    figure.text(0.005, 1 - 0.2 / height, title, fontsize=11, va="center", fontweight="bold")
    return svg(figure)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """To scale where the effects are of one size; else logarithmic away from zero, on both sides of it."""
    reach = max(map(abs, values)) or LINEAR_WITHIN
    low, high = min(*values, 0.0), max(*values, 0.0)
    if reach <= 10 * LINEAR_WITHIN:
        pad = 0.08 * (high - low) or reach
        axes.set_xlim(low - pad, high + pad)
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:+.4g}".replace("-", "−") if x else "0")
        return
    axes.set_xscale("symlog", linthresh=LINEAR_WITHIN, linscale=0.8)
    axes.set_xlim(min(1.5 * low, -LINEAR_WITHIN), max(1.5 * high, LINEAR_WITHIN))
    ticks = [0.0] + [sign * size for size in (0.002, 0.01, 0.05, 0.2, 1) for sign in (-1, 1)]
    inside = sorted(tick for tick in ticks if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1])
    axes.set_xticks(inside, [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in inside])
    axes.set_xticks([], minor=True)


def _row(axes: Axes, y: int, claim: Mapping[str, Any], effect: Mapping[str, Any]) -> None:
    verdict = claim["verdict"]
    look = VERDICT_LOOKS[verdict]
    decided = verdict in ("SUPPORTED", "REFUTED")
    axes.plot(
        [effect["low"], effect["high"]], [y, y], color=look.colour, linewidth=2.2, solid_capstyle="butt", zorder=2
    )
    axes.plot(
        [effect["estimate"]],
        [y],
        marker=look.marker,
        markersize=7,
        color=look.colour,
        markerfacecolor=look.colour if decided else "white",
        linestyle="",
        zorder=3,
    )
    across = axes.get_yaxis_transform()

    def write(x: float, dy: float, text: str, **how: Any) -> None:
        axes.text(x, y + dy, text, transform=across, va="center", **how)

    write(-0.74, -0.19, shorten(claim["key"], 42), fontsize=8.5, fontweight="bold", color=INK)
    write(-0.74, 0.21, shorten(effect["of"], 50), fontsize=7.5, color=FAINT)
    write(1.06, 0, f"{effect_text(effect)}  n = {effect['n']}", fontsize=8, color=INK)
    write(1.72, 0, verdict_text(verdict), fontsize=8.5, fontweight="bold", color=look.colour)
