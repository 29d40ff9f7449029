"""One panel of learning curves: bands, diverged seeds, and the slide's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.figures.curve_data import Arm, BestEpochs, spans_decades, spread_out
from reports.figures.style import FAINT, INK, Theme
from reports.text import printed as shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "loss": "Training loss",
    "accuracy": "Training accuracy, as logged",
    "val_loss": "Validation loss",
    "val_accuracy": "Validation accuracy",
    "train_loss": "Training loss, inference mode",
    "train_accuracy": "Training accuracy, inference mode",
}
ACCURACY_TICKS = (0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 1)
FLOOR = 1e-6
"""The lowest start of a logarithmic axis: a smaller loss is zero in single precision."""
STRETCH = 1.0005
"""Accuracies are drawn at −log(STRETCH − accuracy): this separates 0.98 from 0.99 and keeps 1 on the axis."""

Slides = Mapping[str, tuple[str, float]]
"""The slide's figure by variant: as printed, and its value."""


def draw(
    axes: Axes,
    curve: str,
    arms: Sequence[Arm],
    looks: Mapping[str, Theme],
    slides: Slides,
    printed: Mapping[str, Sequence[float | None]],
    best: Mapping[str, BestEpochs],
) -> None:
    """Draws one curve of several variants.

    Args:
        axes: the panel.
        curve: the curve's name, such as "val_loss".
        arms: the curve of each variant.
        looks: colour, marker and line by variant.
        slides: the slide's figures by variant.
        printed: the slide's own curve by variant, one value per epoch.
        best: best epochs by variant.
    """
    from matplotlib.ticker import MaxNLocator

    values = np.concatenate([a.values for a in arms] + [np.array([v for _, v in slides.values()])])
    scale(axes, curve, values)
    last = max([1, *(int(a.epochs[-1]) for a in arms if a.epochs.size)])
    last = max([last, *(int(b.epochs[-1]) for a in arms for b in a.broken if b.epochs.size)])
    last = max([last, *map(len, printed.values())])
    for one in arms:
        _band(axes, one, looks[one.variant])
        for seed in one.broken:
            _cross(axes, seed.epochs, seed.values, looks[one.variant], few=len(one.broken) <= 10)
        if one.failed and not one.broken:
            _cross(axes, one.epochs[-1:], one.mean[-1:], looks[one.variant])
    for variant, dots in printed.items():
        shown = [(i, value) for i, value in enumerate(dots, start=1) if value is not None]
        if shown:
            axes.plot(
                *zip(*shown, strict=True),
                linestyle="",
                marker="o",
                markersize=3.6,
                markerfacecolor="white",
                markeredgecolor=looks[variant].colour,
                markeredgewidth=1.0,
                zorder=4,
            )
    for variant, of in best.items():
        _stars(axes, of, looks[variant])
    axes.set_title(TITLES.get(curve, curve))
    axes.set_xlabel("epoch")
    margin = 0.02 * (last - 1) or 0.5
    axes.set_xlim(1 - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    _mark_slides(axes, slides, looks)


def scale(axes: Axes, curve: str, values: np.ndarray) -> None:
    """Scales the y axis to the values: logarithmic for a loss over decades, stretched for accuracies near 1."""
    from matplotlib.ticker import LogLocator, NullLocator

    values = values[np.isfinite(values)]
    if not values.size:
        return
    low, high = float(values.min()), float(values.max())
    if curve.endswith("accuracy"):
        if high >= 0.9 and low >= 0 and high <= 1 and np.quantile(values, 0.25) >= 0.5:
            axes.set_yscale("function", functions=(_stretch, _unstretch))
            pad = 0.06 * (_stretch(high) - _stretch(low)) or 0.05
            bounds = [float(_unstretch(_stretch(v) + d)) for v, d in ((low, -pad), (high, pad))]
            low, high = max(bounds[0], 0.0), min(bounds[1], 1.0002)
            axes.set_ylim(low, high)
            inside = [tick for tick in ACCURACY_TICKS if low <= tick <= high]
            if len(inside) >= 3:
                axes.set_yticks(inside, [f"{tick:g}" for tick in inside])
            return
    elif spans_decades(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if np.ptp(np.log10(values[values > 0])) < 2.5 else (1,)))
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}" if 1e-3 <= y < 1e4 else power(y))
        axes.yaxis.set_minor_locator(NullLocator())
        positive = np.maximum(values[values > 0], min(FLOOR, values.max()))
        decades = np.log10(positive.max()) - np.log10(positive.min())
        pad = 10 ** (0.05 * decades)
        axes.set_ylim(positive.min() / pad, min(positive.max(), 1e300) * pad)
        return
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    axes.set_ylim(low - pad, high + pad)


def power(value: float) -> str:
    """ "1e5", "2e-7"."""
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _stretch(accuracy: Any) -> Any:
    return -np.log10(np.maximum(STRETCH - np.asarray(accuracy, "float64"), 1e-4))


def _unstretch(drawn: Any) -> Any:
    return STRETCH - 10.0 ** -np.asarray(drawn, "float64")


def _band(axes: Axes, one: Arm, look: Theme) -> None:
    if not one.epochs.size:
        return
    if one.epochs.size > 1:
        axes.fill_between(one.epochs, one.low, one.high, color=look.colour, alpha=0.16, linewidth=0)
    else:
        axes.vlines(one.epochs, one.low, one.high, color=look.colour, alpha=0.5, linewidth=3)
    axes.plot(
        one.epochs,
        one.mean,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markevery=1 if one.epochs.size <= 6 else 0.16,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=3,
    )


def _stars(axes: Axes, best: BestEpochs, look: Theme) -> None:
    """Stars at the top: filled at the best epoch of each seed, hollow and larger at the slide's."""
    style: dict[str, Any] = {"linestyle": "", "marker": "*", "zorder": 6, "transform": axes.get_xaxis_transform()}
    epochs = sorted(set(best.ours))
    axes.plot(epochs, [0.95] * len(epochs), markersize=7, color=look.colour, markeredgewidth=0, **style)
    if best.slide is not None:
        axes.plot([best.slide], [0.95], markersize=12, markerfacecolor="none", markeredgecolor=INK, **style)


def rings(axes: Axes, arms: Sequence[Arm], looks: Mapping[str, Theme], epochs: Mapping[str, int]) -> None:
    """Draws a ring on each variant's mean at the epoch given for it."""
    for one in arms:
        if one.variant in epochs and one.epochs.size:
            at = epochs[one.variant]
            axes.plot(
                [at],
                [float(np.interp(at, one.epochs, one.mean))],
                linestyle="",
                marker="o",
                markersize=12,
                markerfacecolor="none",
                markeredgecolor=looks[one.variant].colour,
                markeredgewidth=1.8,
                zorder=6,
            )


def _cross(axes: Axes, epochs: np.ndarray, values: np.ndarray, look: Theme, few: bool = True) -> None:
    """Draws a diverged seed: a thin line that ends in a cross; the cross is at the top if no value was finite."""
    style: dict[str, Any] = {"marker": "x", "color": look.colour, "zorder": 5, "in_layout": False}
    style |= {"markersize": 7, "markeredgewidth": 1.8} if few else {"markersize": 4.5, "markeredgewidth": 0.9}
    if not epochs.size:
        axes.plot([1], [0.97], transform=axes.get_xaxis_transform(), clip_on=False, **style)
        return
    width = 0.9 if few else 0.5
    axes.plot(epochs, values, color=look.colour, linestyle=look.line, linewidth=width, alpha=0.8, zorder=3)
    axes.plot(epochs[-1:], values[-1:], linestyle="", clip_on=False, **style)


def _mark_slides(axes: Axes, slides: Slides, looks: Mapping[str, Theme]) -> None:
    """Draws a dashed line at each of the slide's figures, and its label to the right of the panel.

    Lines cross the panel if there are at most three. Variants with the same figure share a line in a neutral colour.
    """
    shared: dict[tuple[str, float], list[Theme]] = {}
    for variant, figure in slides.items():
        shared.setdefault(figure, []).append(looks[variant])
    to_fraction = axes.transData + axes.transAxes.inverted()
    heights = [float(to_fraction.transform((1.0, value))[1]) for _, value in shared]
    places = spread_out(heights, gap=0.075, top=0.98)
    for ((text, value), of), height, place in zip(shared.items(), heights, places, strict=True):
        colour = of[0].colour if len(of) == 1 else INK
        axes.plot(
            [0.0 if len(shared) <= 3 else 0.8, 1],
            [value, value],
            transform=axes.get_yaxis_transform(),
            color=colour,
            linestyle=(0, (4, 3)),
            linewidth=0.9,
            zorder=2,
        )
        axes.plot([1, 1.03], [height, place], transform=axes.transAxes, color=FAINT, linewidth=0.6, clip_on=False)
        if len(of) == 1:
            axes.plot([1.05], [place], transform=axes.transAxes, color=colour, marker=of[0].marker, clip_on=False)
        left = 1.08 if len(of) == 1 else 1.04
        axes.text(left, place, f"slide: {shown(text)}", transform=axes.transAxes, va="center", fontsize=8, color=INK)
