"""A loss over two parameters: landscapes side by side on the same axes, with the condition number of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.trial import Trial
from reports.picture import Picture, file_name
from reports.style import FAINT, INK, fitting, styled, svg
from reports.text import escape, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE, TICKS, HEAD, FOOT, GAP = 2.7, 0.75, 0.5, 0.6, 0.35
"""Inches: a panel, its figures, what is above and below it, and the space to the next."""
STEPS = 10
COLOURS = ("#f4f8fb", "#0072B2")


def picture(experiment: Mapping[str, Any], trials: Mapping[str, Sequence[Trial]]) -> Picture | None:
    """The experiment's surface; None where it declares none, or nothing of it was trained."""
    declared = experiment.get("surface")
    if not declared or not trials:
        return None
    with styled():
        content = _draw(declared)
    title = declared["title"].rstrip(".")
    numbers = [f"{one['name']}, condition number {number(one['condition'])}" for one in declared["landscapes"]]
    return Picture(
        file_name(experiment["id"], "surface"),
        content,
        experiment["id"],
        fitting(title, numbers),
        _caption(title, declared["landscapes"]),
    )


def _draw(declared: Mapping[str, Any]) -> bytes:
    from matplotlib.figure import Figure

    landscapes = declared["landscapes"]
    width, height = len(landscapes) * (SIDE + TICKS) + (len(landscapes) - 1) * GAP + 0.15, HEAD + SIDE + FOOT
    figure = Figure(figsize=(width, height))
    for index, landscape in enumerate(landscapes):
        left = TICKS + index * (SIDE + TICKS + GAP)
        axes = figure.add_axes((left / width, FOOT / height, SIDE / width, SIDE / height))
        _contours(axes, landscape)
        axes.set_title(landscape["name"])
        axes.set_xlabel(declared["x"])
        axes.set_ylabel(declared["y"])
    return svg(figure)


def _contours(axes: Axes, landscape: Mapping[str, Any]) -> None:
    """Levels at equal steps of the root of the loss: of a quadratic loss, at equal distances from its minimum."""
    from matplotlib.colors import LinearSegmentedColormap

    loss = np.array(landscape["loss"], "float64")
    root = np.sqrt(loss - np.nanmin(loss))
    levels = np.linspace(0, float(np.nanmax(root)) or 1.0, STEPS + 1)
    colours = LinearSegmentedColormap.from_list("loss", COLOURS)
    axes.contourf(landscape["x"], landscape["y"], root, levels=levels, cmap=colours)
    axes.contour(landscape["x"], landscape["y"], root, levels=levels[1:], colors=FAINT, linewidths=0.6)
    least = np.unravel_index(int(np.nanargmin(loss)), loss.shape)
    at = landscape["x"][least[1]], landscape["y"][least[0]]
    axes.plot([at[0]], [at[1]], linestyle="", marker="+", markersize=9, markeredgewidth=1.6, color=INK, zorder=4)
    axes.grid(False)
    axes.set_aspect("equal")


def _caption(title: str, landscapes: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for one in landscapes:
        values = [value for row in one["loss"] for value in row if value is not None]
        said.append(
            f"{escape(one['name'])}: condition number of the Hessian {number(one['condition'])}, loss from "
            f"{number(min(values))} to {number(max(values))} here"
        )
    return (
        f"{title}. Cross: the minimum; lines at equal steps of the square root of the loss above it. "
        f"{'; '.join(said)}. "
        "Gradient descent follows the flattest direction in about as many steps as the condition number says."
    )
