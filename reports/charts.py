"""The charts of a report and of its page: Altair specifications of one style, and the report's SVG.

Colours suit colour-blind readers; with its dash and its mark each identifies a variant. Text stays text. Coordinates
rest on the font that vl-convert brings along, so that the bytes are the same on every machine.
"""

from __future__ import annotations

import functools
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

import altair as alt
import numpy as np

from harness.domain.verdict import Verdict

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


def svg(chart: Any) -> bytes:
    """The chart as SVG, the same bytes every time: clip paths are numbered in this file, not in this process."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version="6.4")
    clips = {name: f"clip-{number}" for number, name in enumerate(dict.fromkeys(re.findall(r'id="(clip\d+)"', drawn)))}
    return re.sub(r"clip\d+", lambda clip: clips[clip[0]], drawn).encode() + b"\n"


def figure(title: str, source: str, panels: Sequence[Any], across: bool = False) -> bytes:
    """The SVG of panels below (or beside) one another, with a title and lines that name the source."""
    chart = (alt.hconcat if across else alt.vconcat)(*panels, spacing=14)
    heading = alt.TitleParams(textwrap.wrap(title, 80), subtitle=source.split("\n"))
    return svg(chart.properties(title=heading).resolve_scale(color="independent").configure(**STYLE))


@dataclass(frozen=True)
class Span:
    """The range of an axis."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def of(cls, values: np.ndarray, log: bool | None = None) -> Span:
        """The range of the finite values, with a margin.

        ``log``: whether the axis is logarithmic; None: if the values are not negative and span more than a decade. Then
        it starts at FLOOR or above.
        """
        values = values[np.isfinite(values)]
        if not values.size:
            return cls(0, 1)
        low, high = float(values.min()), float(values.max())
        positive = values[values > 0]
        decades = low >= 0 and positive.size > 0 and bool(high / positive.min() > 10)
        if high > 0 and (decades if log is None else log):
            bottom = float(np.maximum(positive, min(FLOOR, high)).min() if log is None else positive.min())
            pad = 10 ** (0.06 * math.log10(high / bottom) or 0.1)
            return cls(bottom / pad, min(high, 1e300) * pad, True)
        pad = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
        return cls(low - pad, high + pad)

    def scale(self) -> alt.Scale:
        return alt.Scale(type="log" if self.log else "linear", domain=[self.low, self.high], nice=False, zero=False)

    def axis(self, **more: Any) -> alt.Axis:
        if not self.log:
            return alt.Axis(tickCount=5, **more)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first < 4 else (1,)
        ticks = [step * 10.0**power for power in range(first, last, max(1, (last - first) // 6)) for step in steps]
        return alt.Axis(values=[tick for tick in ticks if self.low <= tick <= self.high], labelExpr=NUMBER, **more)

    def fraction(self, value: float | None) -> float:
        """Where a value lies on the axis: 0 at its beginning, 1 at its end or for no finite number."""
        if value is None or not math.isfinite(value):
            return 1.0
        value = min(max(value, self.low), self.high)
        low, high, value = (math.log(of) if self.log else of for of in (self.low, self.high, value))
        return (value - low) / (high - low)

    def value(self, fraction: float) -> float:
        """The value at a place on the axis."""
        return float(self.low * (self.high / self.low) ** fraction if self.log
                     else self.low + fraction * (self.high - self.low))  # fmt: skip


def looks(names: Sequence[str], like: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The channels colour, dash and shape of variants. ``like``: the colour of another name."""
    place = {name: index % len(COLOURS) for index, name in enumerate(dict.fromkeys((like or {}).values()))}
    places = [place[like[name]] if like else index % len(COLOURS) for index, name in enumerate(names)]
    return {
        channel: kind("variant:N", legend=None, scale=alt.Scale(domain=list(names), range=[of[at] for at in places]))
        for channel, kind, of in (
            ("color", alt.Color, COLOURS), ("strokeDash", alt.StrokeDash, DASHES), ("shape", alt.Shape, SHAPES)
        )
    }  # fmt: skip


def dots(
    seeds: Rows | str, slides: Rows | str, row: alt.Y, seed_colour: Mapping[str, Any], slide_colour: Mapping[str, Any],
    tip: Mapping[str, Any] = MappingProxyType({}), **value: Any,
) -> Panel:  # fmt: skip
    """A dot for each seed, a row for each variant; a stroke marks the slide's figure.

    Args:
        seeds: variant, value, lane (from −1 to 1, so that dots do not hide one another).
        slides: variant, value.
        row: the variants.
        seed_colour, slide_colour: the channels of their colours.
        tip: a channel of the text that stands at the pointer.
        value: scale, axis and title of the values.
    """
    across = alt.X("value:Q", **{"title": None, "scale": alt.Scale(zero=False), **value})
    lane = alt.YOffset("lane:Q", scale=alt.Scale(domain=[-1.1, 1.1]))
    seeds_of, slides_of = (rows_of(of).encode(x=across, y=row, **tip) for of in (seeds, slides))
    return alt.layer(
        seeds_of.mark_circle(size=24, opacity=0.75).encode(yOffset=lane, **seed_colour),
        slides_of.mark_tick(thickness=3, size=26, opacity=1, style="slide").encode(**slide_colour),
    )


def curves(
    bands: Rows | str, seeds: Rows | str, slides: Rows | str, looks: Mapping[str, Any], value: Mapping[str, Any],
    hover: Mapping[str, Any] = MappingProxyType({}), **epoch: Any,
) -> Panel:  # fmt: skip
    """The mean of each variant and a band about it, seeds as thin lines, the slide's curve as hollow dots.

    Args:
        bands: variant, epoch, mean; low and high where there is a band.
        seeds: variant, epoch, value, line (one name for each line).
        slides: variant, epoch, value.
        looks: the channels of a variant, see ``looks``.
        hover: further channels of the seeds' lines.
        value, epoch: scale, axis and title of both axes.
    """
    x = alt.X("epoch:Q", **{"title": "epoch", **epoch})
    color, y = looks["color"], lambda field: alt.Y(f"{field}:Q", **value)
    of_band, of_seed, of_slide = (rows_of(of).encode(x=x, color=color) for of in (bands, seeds, slides))
    return alt.layer(
        of_band.mark_area(opacity=0.16, clip=True).encode(y=y("low"), y2="high:Q"),
        of_seed.mark_line(strokeWidth=0.8, opacity=0.45, clip=True).encode(y=y("value"), detail="line:N", **hover),
        of_band.mark_line(strokeWidth=2.2, clip=True).encode(y=y("mean"), strokeDash=looks["strokeDash"]),
        of_slide.mark_point(size=32, shape="circle", opacity=1, style="hollow").encode(y=y("value")),
    )


@functools.cache
def of_page() -> dict[str, dict[str, Any]]:
    """The specifications of the page's charts by name. They name their data, which the page puts in.

    Colours, scales and the size of the text depend on the reader, so ``page.js`` sets them. A row of ``seeds`` or
    ``slides`` also has a ``name``, which stands at the pointer; ``points`` have date, value and name.
    """
    value: dict[str, Any] = {"title": None, "scale": alt.Scale(zero=False)}
    tip: dict[str, Any] = {"tooltip": "name:N"}
    color, dash = alt.Color("variant:N", legend=None), alt.StrokeDash("variant:N", legend=None)
    over = alt.selection_point(name="hovered", on="pointerover", clear="pointerout", fields=["line"], empty=False)
    hover = {"opacity": alt.condition(over, alt.value(1), alt.value(0.3)),
             "strokeWidth": alt.condition(over, alt.value(2.5), alt.value(1))}  # fmt: skip
    epoch: dict[str, Any] = {"scale": alt.Scale(nice=False), "axis": alt.Axis(tickMinStep=1, format="d")}
    axes = {"x": alt.X("epoch:Q", title="epoch", **epoch), "y": alt.Y("value:Q", **value)}
    targets = rows_of("seeds").mark_circle(size=90, opacity=0).encode(color=color, **axes, **tip).add_params(over)
    date = alt.X("date:T", title=None, axis=alt.Axis(format="%d %b %Y", labelOverlap=True, tickCount=5))
    trend = rows_of("points").mark_line(point=True).encode(x=date, y=alt.Y("value:Q", **value), **tip)
    rows = alt.Y("variant:N", sort=None, title=None)
    drawn = {
        "dots": dots("seeds", "slides", rows, {"color": color}, {}, tip, **value),
        "curves": curves("bands", "seeds", "slides", {"color": color, "strokeDash": dash}, value, hover, **epoch)
        .properties(height=220) + targets,
        "trend": trend.properties(height=120),
    }  # fmt: skip
    return {name: chart.properties(width="container").to_dict() for name, chart in drawn.items()}


@dataclass(frozen=True)
class Label:
    """A label at the right of a panel: the value that it belongs to, its text, and whose colour and mark it has.

    ``kind``: "slide" has a hollow circle, "failed" a cross.
    """

    value: float | None
    text: str
    variant: str
    kind: str = ""


def end_labels(labels: Sequence[Label], span: Span, looks: Mapping[str, Any], width: int, height: int) -> Panel:
    """Labels at the right of a panel at the heights of their values, moved apart, each with a line to its value."""
    places = spread_out([span.fraction(label.value) for label in labels], 14 / height)
    rows = [
        {"value": span.value(span.fraction(label.value)), "place": span.value(place), "text": shorten(label.text, 48),
         "variant": label.variant, "kind": label.kind}
        for label, place in zip(labels, places, strict=True)
    ]  # fmt: skip
    y = alt.Y("place:Q", scale=span.scale())
    lead = rows_of(rows).mark_rule(strokeWidth=0.6).encode(
        x=alt.value(width), x2=alt.value(width + 9), y=alt.Y("value:Q", scale=span.scale()), y2="place:Q"
    )  # fmt: skip
    text = rows_of(rows).mark_text().encode(x=alt.value(width + 22), y=y, text="text:N")
    marks = [
        rows_of(chosen).mark_point(size=34, strokeWidth=1.6, opacity=1, **more).encode(
            x=alt.value(width + 14), y=y, color=looks["color"], **({} if kind else {"shape": looks["shape"]})
        )
        for kind, more in (
            ("", {"filled": True}), ("slide", {"shape": "circle", "fill": "white"}), ("failed", {"shape": FAILED})
        )
        if (chosen := [row for row in rows if row["kind"] == kind])
    ]  # fmt: skip
    return alt.layer(lead, text, *marks)


def spread_out(positions: Sequence[float], gap: float) -> list[float]:
    """The positions, in the given order, moved so that they are at least ``gap`` apart and none is above 1.

    If they do not fit between 0 and 1, the lowest are below 0.
    """
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    placed: list[float] = []
    for index in order:
        placed.append(max(positions[index], placed[-1] + gap) if placed else positions[index])
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], placed[index + 1] - gap if index + 1 < len(placed) else 1.0)
    return [placed[order.index(index)] for index in range(len(positions))]


def shorten(text: str, most: int) -> str:
    """Text of at most ``most`` characters; an ellipsis replaces the rest."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


@dataclass(frozen=True)
class Picture:
    """A figure's file name and SVG content, with its heading, and as plain text its alternative text and caption."""

    name: str
    content: bytes
    heading: str
    alt: str
    caption: str


def failed(name: str, heading: str, error: Exception) -> Picture:
    """What a report shows in place of a figure that cannot be drawn: a small image that says so, and why."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    printable = "".join(letter if letter.isprintable() else "?" for letter in reason)
    content = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="60" viewBox="0 0 640 60">\n'
        '<rect width="640" height="60" fill="white"/>\n<g font-family="sans-serif" font-size="13" fill="#1f2328">\n'
        f'<text x="12" y="24">The figure {escape(name)} could not be drawn.</text>\n'
        f'<text x="12" y="44" font-size="11">{escape(printable[:100])}</text>\n</g>\n</svg>\n'
    )
    caption = (
        f"The figure {name} could not be drawn ({printable}). The numbers in this report do not depend on it. "
        "Please report this as a fault of the suite."
    )
    return Picture(name, content.encode(), heading, f"The figure {name} could not be drawn.", caption)


def file_name(experiment: str, *parts: str) -> str:
    """The name of a figure's file: "example-2-surface.svg"."""
    stem = re.sub(r"[^a-z0-9]+", "-", experiment.lower()).strip("-")
    return "-".join([stem, *parts]).replace("_", "-") + ".svg"


def fitting(start: str, items: Sequence[str], most: int = 280) -> str:
    """``start`` and as many items as fit into ``most`` characters, then the number of the others."""
    text = shorten(start, most - 20)
    for index, item in enumerate(items):
        left = len(items) - index
        longer = text + ("; " if index else ": ") + item
        if len(longer) > most - (14 if left > 1 else 1):
            return f"{text}{'; ' if index else ': '}{left} more."
        text = longer
    return text + "."
