"""The charts of a report and of its page: Altair specifications of one style, and the report's SVG, light and dark.

Colours suit colour-blind readers; with its dash and its mark each identifies a variant. Text stays text. Coordinates
rest on the font that vl-convert brings along, so that the bytes are the same on every machine.
"""

from __future__ import annotations

import functools
import json
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import altair as alt
import numpy as np

from harness.verdict import Verdict
from reports.words import cut

INK, FAINT, GRID = "#1f2328", "#59636e", "#d8dee4"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#7F5539")
DASHES = ([1, 0], [7, 2], [7, 2, 1, 2], [2, 2], [1, 0], [4, 1, 1, 1, 1, 1], [10, 3], [3, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
FAILED = "M-1,-1L1,1M-1,1L1,-1"
"""The mark of what failed, a cross, as an SVG path."""
VERDICTS = {
    Verdict.SUPPORTED: COLOURS[0],
    Verdict.REFUTED: COLOURS[1],
    Verdict.OUTDATED: COLOURS[6],
}
"""The colours of verdicts; all others are FAINT."""
MARKS = {Verdict.SUPPORTED: "circle", Verdict.REFUTED: FAILED, Verdict.OUTDATED: FAILED, Verdict.NEGLIGIBLE: "square"}
"""The marks of verdicts; all others have a diamond."""
DARK = {
    "white": "#0d1117", INK: "#e6edf3", FAINT: "#9198a1", GRID: "#30363d", "#000": "#e6edf3",
    "#0072B2": "#56b4e9", "#D55E00": "#ff8c3b", "#009E73": "#2fc79a", "#CC79A7": "#e39cc6", "#000000": "#d0d7de",
    "#56B4E9": "#a5d8f8", "#E69F00": "#f2b632", "#7F5539": "#c39a7c",
}  # fmt: skip
"""What a reader with a dark screen sees in place of each colour."""
DARK_STYLE = "".join(f'[{of}="{light}"] {{{of}: {dark}}}' for light, dark in DARK.items() for of in ("fill", "stroke"))
FLOOR = 1e-6
"""The lowest start of a logarithmic axis: a smaller loss is zero in single precision."""
NUMBER = (
    "!datum.value ? '0' : abs(datum.value) >= 1e-3 && abs(datum.value) < 1e5 ? format(datum.value, ',.6~g') : "
    "replace(replace(format(datum.value, '.0e'), '+', ''), '-', '−')"
)
"""How an axis shows a number: "0.05", "10,000", "2e−7"."""
STYLE: dict[str, Any] = {
    "background": "white",
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "mark": {"aria": False},
    "padding": 8,
    "title": {"aria": False, "anchor": "start", "fontSize": 15,
              "color": INK, "subtitleColor": FAINT, "subtitleFontSize": 11,
              "subtitlePadding": 4, "offset": 12},
    "axis": {"aria": False, "labelColor": INK,
              "titleColor": INK, "gridColor": GRID, "domainColor": FAINT, "tickColor": FAINT,
             "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 240},
    "legend": {"aria": False, "labelColor": INK, "labelFontSize": 11, "labelLimit": 330, "symbolStrokeWidth": 2,
               "symbolOpacity": 1},
    "view": {"stroke": None},
    "text": {"color": INK, "fontSize": 11, "baseline": "middle", "align": "left"},
    "rule": {"color": FAINT},
    "tick": {"color": INK},
    "style": {"hollow": {"fill": "white"}},
}  # fmt: skip

Rows = Iterable[Mapping[str, Any]]
Panel = Any
"""A chart of Altair that has layers."""


def rows_of(rows: Rows | str) -> alt.Chart:
    """A chart of these rows, or of data of that name, which the page puts in."""
    return alt.Chart(alt.NamedData(rows) if isinstance(rows, str) else alt.Data(values=list(rows)))


def value_axis(values: np.ndarray, log: bool | None = None, **axis: Any) -> dict[str, Any]:
    """Scale and axis over the finite values, with more properties of the axis.

    ``log``: whether the axis is logarithmic; None: if the values are not negative and span more than a decade. Then it
    starts at FLOOR or above.
    """
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    positive = values[values > 0]
    decades = low >= 0 and positive.size > 0 and bool(high / positive.min() > 10)
    if not positive.size or not (decades if log is None else log):
        pad = 0 if high > low else abs(high) / 100 or 0.01
        scale = alt.Scale(domain=[low - pad, high + pad], padding=10, nice=False, zero=False)
        return {"scale": scale, "axis": alt.Axis(tickCount=5, **axis)}
    low = float(np.maximum(positive, min(FLOOR, high)).min() if log is None else positive.min())
    low, high = low / 1.15, min(high, 1e300) * 1.15
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first < 4 else (1,)
    ticks = [step * 10.0**power for power in range(first, last, max(1, (last - first) // 6)) for step in steps]
    axis |= {"values": [tick for tick in ticks if low <= tick <= high], "labelExpr": NUMBER}
    return {"scale": alt.Scale(type="log", domain=[low, high], nice=False), "axis": alt.Axis(**axis)}


def text_of(texts: Mapping[str, Any]) -> str:
    """The expression of the text that stands for a label; of two lines, a list of them."""
    return f"({json.dumps(texts)})[datum.label]"


def looks(texts: Mapping[str, str], symbol: str = "stroke") -> dict[str, Any]:
    """The channels colour, dash and shape of variants, with a legend that says the text of each; none for one of ""."""
    legend = None
    if any(texts.values()):
        legend = alt.Legend(title=None, labelExpr=text_of(texts), symbolType=symbol or alt.Undefined,
                            symbolSize=200 if symbol else 60)  # fmt: skip
    kinds: dict[str, Any] = {
        "color": (alt.Color, COLOURS),
        "strokeDash": (alt.StrokeDash, DASHES),
        "shape": (alt.Shape, SHAPES),
    }
    return {
        channel: kind("variant:N", legend=legend, scale=alt.Scale(domain=[*texts], range=list(look)))
        for channel, (kind, look) in kinds.items()
    }


LANE = "(datum.place % 5 - 2) / 4"
WHO = (
    "datum.variant + (datum.many ? ', ' + (datum.seed - 0.5) + ' % of the seeds are below: ' : "
    "', seed ' + (datum.seed - 1) + ': ') + replace(datum.value, '-', '−')"
)


def dots(
    seeds: Rows | str, slides: Rows | str, row: alt.Y, seed_colour: Any, slide_colour: Any, value: Mapping[str, Any]
) -> Panel:
    """A dot for each seed, a row for each variant; a stroke marks the slide's figure.

    Args:
        seeds: variant, the list ``value``, and whether it is ``many`` quantiles. Dots stand in five lanes.
        slides: variant, value and text.
        row: the variants.
        seed_colour, slide_colour: the colours of dots and of strokes.
        value: scale, axis and title of the values.
    """
    across = alt.X("value:Q", **value)
    lane = alt.YOffset("lane:Q", scale=alt.Scale(domain=[-1.1, 1.1]))
    each = rows_of(seeds).transform_flatten(["value"])
    each = each.transform_window(seed="row_number()", groupby=["variant"]).transform_filter("isValid(datum.value)")
    each = each.transform_window(place="row_number()", groupby=["variant"], sort=[alt.SortField("value")])
    each = each.transform_calculate(lane=LANE, name=WHO).mark_circle(size=24, opacity=0.75)
    slide = rows_of(slides).mark_tick(thickness=3, size=26, opacity=1, style="slide")
    return alt.layer(
        each.encode(x=across, y=row, yOffset=lane, color=seed_colour, tooltip="name:N"),
        slide.encode(x=across, y=row, color=slide_colour, tooltip="text:N"),
    )


def curves(data: Mapping[str, Rows | str], looks: Mapping[str, Any], x: alt.X, value: Mapping[str, Any],
           hover: Mapping[str, Any] = MappingProxyType({})) -> Panel:  # fmt: skip
    """The mean of each variant and a band about it, seeds as thin lines, the slide's curve as hollow dots.

    Args:
        data: as of ``charts_data.datasets``.
        looks: the channels of a variant, see ``looks``.
        x, value: the epochs; scale, axis and title of the values.
        hover: further channels of the seeds' lines.
    """

    def each(name: str, *lists: str) -> alt.Chart:
        return rows_of(data[name]).transform_flatten(["epoch", *lists]).encode(x=x, color=looks["color"])

    def said(seed: str) -> str:
        return f"datum.variant + ', {seed}, epoch ' + datum.epoch + ': ' + replace(datum.value, '-', '−')"

    mean, low, y = (alt.Y(f"{field}:Q", **value) for field in ("mean", "low", "value"))
    band, seeds, slides = each("bands", "mean", "low", "high"), each("seeds", "value"), each("slides", "value")
    seeds = seeds.transform_calculate(line="datum.variant + ' ' + datum.seed", name=said("seed ' + datum.seed + '"))
    slides = slides.transform_calculate(name=said("the slide"))
    return alt.layer(
        band.mark_area(opacity=0.16, clip=True).encode(y=low, y2="high:Q", detail="curve:N"),
        seeds.mark_line(strokeWidth=0.8, opacity=0.45, clip=True).encode(y=y, detail="line:N", **hover),
        band.mark_line(strokeWidth=2.2, clip=True).encode(y=mean, strokeDash=looks["strokeDash"]),
        slides.mark_point(size=32, shape="circle", opacity=1, style="hollow", clip=True).encode(y=y, tooltip="name:N"),
    )


@functools.cache
def of_page() -> dict[str, dict[str, Any]]:
    """The specifications of the page's charts by name. They name their data, which the page puts in.

    Colours, scales and the size of the text depend on the reader, so ``page.js`` sets them; ``points`` have date, value
    and name.
    """
    value: dict[str, Any] = {"title": None, "scale": alt.Scale(zero=False), "axis": alt.Axis(labelExpr=NUMBER)}
    channels = {"color": alt.Color("variant:N", legend=None), "strokeDash": alt.StrokeDash("variant:N", legend=None)}
    over = alt.selection_point(name="hovered", on="pointerover", clear="pointerout", fields=["line"], empty=False)
    hover = {"opacity": alt.condition(over, alt.value(1), alt.value(0.3)),
             "strokeWidth": alt.condition(over, alt.value(2.5), alt.value(1))}  # fmt: skip
    epoch = alt.X(
        "epoch:Q", title="epoch", scale=alt.Scale(nice=False, padding=6), axis=alt.Axis(tickMinStep=1, format="d")
    )
    lines = curves({name: name for name in ("bands", "seeds", "slides")}, channels, epoch, value, hover)
    targets = lines.layer[1].copy(deep=True).mark_circle(size=90, opacity=0)
    targets = targets.encode(tooltip="name:N", opacity=alt.value(0), strokeWidth=alt.value(0)).add_params(over)
    date = alt.X("date:T", title=None, axis=alt.Axis(format="%d %b %Y", labelOverlap=True, tickCount=5))
    trend = rows_of("points").mark_line(point=True).encode(x=date, y=alt.Y("value:Q", **value), tooltip="name:N")
    rows = alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelExpr="split(datum.label, ', ')"))
    drawn = {
        "dots": dots("seeds", "slides", rows, channels["color"], alt.Undefined, value),
        "curves": lines.properties(height=220) + targets,
        "trend": trend.properties(height=120),
    }
    return {name: chart.properties(width="container").to_dict() for name, chart in drawn.items()}


CONTROL = re.compile(r"\\+u00[01][0-9a-f]")
"""A control character in JSON, also in a text within a text. No SVG may have one, and drawing it ends the process."""


class Drawing(NamedTuple):
    """A figure before it is drawn: panels below (or beside) one another, a title, and lines that name the source."""

    title: str
    source: str
    panels: Sequence[Panel]
    alt: str
    caption: str
    across: bool = False


class Picture(NamedTuple):
    """A figure's file name and SVG content, with its heading, and as plain text its alternative text and caption."""

    name: str
    content: bytes
    heading: str
    alt: str
    caption: str


def picture(name: str, heading: str, draw: Callable[[], Drawing | None]) -> Picture | None:
    """The figure; None if there is nothing to draw. One that cannot be drawn becomes an image that says so, and why."""
    try:
        drawing = draw()
        return None if drawing is None else Picture(name, svg(drawing), heading, drawing.alt, drawing.caption)
    except Exception as error:  # one figure is no reason to lose the report
        reason, said = cut(f"{type(error).__name__}: {error}", 200), f"The figure {name} could not be drawn"
    content = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="60" font-family="sans-serif" font-size="12">'
        f'<rect width="640" height="60" fill="white"/><text x="12" y="24">{escape(said)}.</text>'
        f'<text x="12" y="44">{escape(reason[:100])}</text></svg>\n'
    )
    more = "The numbers in this report do not depend on it. Please report this as a fault of the suite."
    return Picture(name, content.encode(), heading, f"{said}.", f"{said} ({reason}). {more}")


def svg(drawing: Drawing) -> bytes:
    """The drawing as SVG, the same bytes every time: clip paths are numbered in this file, not in this process."""
    import vl_convert

    chart = (alt.hconcat if drawing.across else alt.vconcat)(*drawing.panels, spacing=14)
    heading = alt.TitleParams(textwrap.wrap(drawing.title, 80), subtitle=drawing.source.split("\n"))
    chart = chart.resolve_scale(color="independent", strokeDash="independent", shape="independent")
    made = chart.properties(title=heading).configure(**STYLE).to_dict()
    drawn = vl_convert.vegalite_to_svg(CONTROL.sub("\ufffd", json.dumps(made)), vl_version="6.4")
    clips = {name: f"clip-{number}" for number, name in enumerate(dict.fromkeys(re.findall(r'id="(clip\d+)"', drawn)))}
    drawn = drawn.replace("><", f"><style>@media (prefers-color-scheme: dark) {{{DARK_STYLE}}}</style><", 1)
    return re.sub(r"clip\d+", lambda clip: clips[clip[0]], drawn).encode() + b"\n"


def fitting(start: str, items: Sequence[str], most: int = 280) -> str:
    """``start`` and as many items as fit into ``most`` characters, then the number of the others."""
    text = cut(start, most - 20)
    for index, item in enumerate(items):
        left, sign = len(items) - index, "; " if index else ": "
        longer = text + sign + item
        if len(longer) > most - (14 if left > 1 else 1):
            return f"{text}{sign}{left} more."
        text = longer
    return text + "."
