"""Example 2's printed losses, and those that the closed form of gradient descent gives; nothing is trained for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cases.examples.normalization import (
    OTHER_RATES,
    PRINTED,
    PRINTED_RAW,
    RATE,
    SHARES,
    closest_losses,
    curvatures,
    min_max,
    raw,
)
from harness.record.run import ExperimentDeclared, Run
from reports.figures.curves import Trials
from reports.figures.picture import Picture, file_name
from reports.figures.style import FAINT, GRID, INK, THEMES, Label, Theme, canvas, end_labels, styled, svg
from reports.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROUNDING = 0.5
"""Half a unit of the last printed digit, in units of that digit (1e-4)."""
SLIDE: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 6, "zorder": 5}
SLIDE |= {"markerfacecolor": "white", "markeredgecolor": INK}


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The figure; None for another experiment than Example 2."""
    if experiment.id != SHARES.id:
        return None
    printed = np.array(PRINTED)
    found = {rate: closest_losses(min_max(), rate, printed) for rate in (RATE, *OTHER_RATES)}
    factor = (1 - RATE * curvatures(raw())[0][-1]) ** 2
    with styled():
        source = f"Slide, and mathematics · no training, no seeds · SGD({RATE}), 10 steps on 8 examples, float32"
        title = "Example 2. Dataset normalization: the printed losses are those of gradient descent"
        figure, inner = canvas(title, source, 6.8, 7.0)
        panels = inner.subplot_mosaic([["raw"], ["scaled"], ["off"]], height_ratios=[1.2, 1.2, 1])
        _raw(panels["raw"], float(factor))
        _scaled(panels["scaled"], printed, found[RATE])
        _off(panels["off"], {rate: 1e4 * (losses - printed) for rate, losses in found.items()})
        content = svg(figure)
    worst = {rate: float(np.abs(losses - printed).max()) for rate, losses in found.items()}
    alt = (
        f"Raw data: both printed losses lie on the closed form, the third exceeds float32. Min-max scaled: the ten "
        f"printed losses differ from the closed form at rate {RATE} by at most {number(worst[RATE])}."
    )
    caption = (
        "Hollow dots: printed on the slide. Line: the closed form of gradient descent on this quadratic loss, L* + Σ "
        f"½ λ e² (1 − α λ)^2t. Raw: each step multiplies the loss by (1 − α λmax)² = {number(float(factor))}, so "
        "that the third exceeds the largest number of float32 and is inf. Min-max: from the initial weights that fit "
        "best; below, what remains, in units of the last printed digit. A rate 2 % off fits with no initial weights: "
        + ", ".join(f"{rate} is off by {number(worst[rate])}" for rate in OTHER_RATES)
        + "."
    )
    return Picture(file_name(experiment.id), content, experiment.id, alt, caption)


def _raw(axes: Axes, factor: float) -> None:
    epochs = np.arange(1, 4)
    losses = PRINTED_RAW[0] * factor ** (epochs - 1.0)
    largest = float(np.finfo("float32").max)
    axes.set_yscale("log")
    axes.set_xlim(0.8, 3.2)
    axes.set_ylim(1e3, 1e58)
    axes.axhspan(largest, 1e58, color=GRID, alpha=0.6, linewidth=0)
    axes.plot(epochs, losses, color=THEMES[0].colour, zorder=3)
    axes.plot([1, 2], PRINTED_RAW, **SLIDE)
    axes.plot([3], losses[-1:], "x", color=THEMES[1].colour, markersize=9, markeredgewidth=2, zorder=5)
    for epoch, loss, text in ((1, PRINTED_RAW[0], "printed 4.888e11"), (2, PRINTED_RAW[1], "printed 5.370e32")):
        axes.annotate(text, (epoch, loss), (9, -4), textcoords="offset points", fontsize=8.5, va="top")
    axes.annotate("inf", (3, losses[-1]), (-10, 0), textcoords="offset points", fontsize=9, ha="right", va="center")
    axes.text(0.85, largest * 100, "beyond float32: inf", fontsize=8.5, color=FAINT, va="bottom")
    axes.set_xticks([1, 2, 3])
    axes.set_yticks([10.0**power for power in (10, 20, 30, 40, 50)], [f"1e{power}" for power in (10, 20, 30, 40, 50)])
    axes.set_yticks([], minor=True)
    axes.set_title("Raw data: training loss")


def _scaled(axes: Axes, printed: np.ndarray, found: np.ndarray) -> None:
    epochs = np.arange(1, len(printed) + 1)
    axes.plot(epochs, found, color=THEMES[0].colour)
    axes.plot(epochs, printed, **SLIDE)
    axes.annotate("printed", (3, printed[2]), (8, 6), textcoords="offset points", fontsize=8.5)
    axes.annotate("closed form", (7.5, (printed[6] + printed[7]) / 2), (8, 6), textcoords="offset points", fontsize=8.5,
                  color=THEMES[0].colour)  # fmt: skip
    axes.set_title("Min-max scaled data: training loss")
    axes.set_xlim(0.7, len(printed) + 0.3)
    axes.set_xticks(epochs)
    axes.tick_params(labelbottom=False)


def _off(axes: Axes, differences: dict[float, np.ndarray]) -> None:
    epochs = np.arange(1, len(differences[RATE]) + 1)
    axes.axhspan(-ROUNDING, ROUNDING, color=GRID, linewidth=0)
    labels = []
    for (rate, off), theme in zip(differences.items(), THEMES, strict=False):
        axes.plot(epochs, off, color=theme.colour, linestyle=theme.line, marker=theme.marker, markersize=3.5)
        look = Theme(theme.colour, theme.marker, theme.line)
        labels.append(Label((float(epochs[-1]), float(off[-1])), f"rate {rate:g}", look))
    axes.set_title("Closed form − printed, in 1e−4; grey: rounding", fontsize=8.5)
    axes.set_xlim(0.7, len(epochs) + 0.3)
    axes.set_xticks(epochs)
    axes.set_xlabel("epoch")
    end_labels(axes, labels)
