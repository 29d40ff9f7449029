"""The page's charts as Vega-Lite specifications. They name their data; the page puts the data of a claim in.

Colours, the scale of the values and the size of the text depend on the reader, so ``page.js`` sets them.
"""

from __future__ import annotations

import functools
from typing import Any

import altair as alt


@functools.cache
def specifications() -> dict[str, dict[str, Any]]:
    """The specification of each kind of chart by name: "dots", "curves" and "trend"."""
    return {name: chart.to_dict() for name, chart in (("dots", dots()), ("curves", curves()), ("trend", trend()))}


def dots() -> alt.LayerChart:
    """One dot per seed, a row per variant; a line marks the slide's figure.

    Data: ``seeds`` (variant, value, offset, name) and ``slides`` (variant, value, name).
    """
    row = alt.Y("variant:N", sort=None, title=None)
    value = alt.X("value:Q", title=None, scale=alt.Scale(zero=False))
    colour = alt.Color("variant:N", legend=None)
    offset = alt.YOffset("offset:Q", scale=alt.Scale(domain=[-8, 8]))
    seeds = (
        alt.Chart(alt.NamedData("seeds"))
        .mark_circle(size=26, opacity=0.75)
        .encode(x=value, y=row, yOffset=offset, color=colour, tooltip="name:N")
    )
    slides = (
        alt.Chart(alt.NamedData("slides"))
        .mark_tick(thickness=3, size=34, style="slide")
        .encode(x=value, y=row, tooltip="name:N")
    )
    return (seeds + slides).properties(width="container")


def curves() -> alt.LayerChart:
    """The band and the median of each variant, its first seeds as thin lines, the slide's curve as points.

    Data: ``bands`` (variant, epoch, median, low, high), ``seeds`` (variant, epoch, value, line, name) and ``slides``
    (variant, epoch, value, name).
    """
    epoch = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, format="d"))
    colour = alt.Color("variant:N", legend=None)
    scale = alt.Scale(zero=False)
    band = (
        alt.Chart(alt.NamedData("bands"))
        .mark_area(opacity=0.18)
        .encode(x=epoch, y=alt.Y("low:Q", title=None, scale=scale), y2="high:Q", color=colour)
    )
    hovered = alt.selection_point(name="hovered", on="pointerover", clear="pointerout", fields=["line"], empty=False)
    seeds = alt.Chart(alt.NamedData("seeds")).encode(
        x=epoch, y=alt.Y("value:Q", title=None, scale=scale), color=colour, detail="line:N"
    )
    lines = seeds.mark_line().encode(
        opacity=alt.condition(hovered, alt.value(1), alt.value(0.3)),
        strokeWidth=alt.condition(hovered, alt.value(2.5), alt.value(1)),
    )
    targets = seeds.mark_circle(size=90, opacity=0).encode(tooltip="name:N").add_params(hovered)
    median = (
        alt.Chart(alt.NamedData("bands"))
        .mark_line(strokeWidth=2.2)
        .encode(x=epoch, y=alt.Y("median:Q", title=None, scale=scale), color=colour)
    )
    slides = (
        alt.Chart(alt.NamedData("slides"))
        .mark_point(size=36, shape="diamond", filled=True, style="slide")
        .encode(x=epoch, y=alt.Y("value:Q", title=None, scale=scale), tooltip="name:N")
    )
    return (band + lines + median + slides + targets).properties(width="container", height=220)


def trend() -> alt.Chart:
    """A value over the runs. Data: ``points`` (date, value, name)."""
    date = alt.X("date:T", title=None, axis=alt.Axis(format="%d %b %Y", labelOverlap=True, tickCount=5))
    return (
        alt.Chart(alt.NamedData("points"))
        .mark_line(point=True)
        .encode(x=date, y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)), tooltip="name:N")
        .properties(width="container", height=120)
    )
