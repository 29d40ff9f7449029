"""A loss over two parameters: contour plots side by side, each with its condition number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.domain.plots import Landscape, Surface
from harness.record.run import ExperimentDeclared, Run
from reports.figures.curves import Trials
from reports.figures.picture import Picture, file_name
from reports.figures.style import INK, canvas, fitting, source, styled, svg
from reports.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE, HEADING = 3.6, 0.7
"""Inches: width and height of a panel with its labels, and the height of the title."""
STEPS = 10
FINER = 2
COLOURS = ("#f4f8fb", "#0072B2")


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The figure of an experiment's surface; None if it declares none or was not trained."""
    declared = experiment.surface
    if declared is None or not trials:
        return None
    title = declared.title.rstrip(".")
    with styled():
        content = _draw(title, f"{source(run, ())} · computed from the data, no seeds", declared)
    numbers = [f"{one.name}, condition number {number(one.condition)}" for one in declared.landscapes]
    return Picture(
        file_name(experiment.id, "surface"),
        content,
        experiment.id,
        fitting(title, numbers),
        _caption(title, declared.landscapes),
    )


def _draw(title: str, where: str, declared: Surface) -> bytes:
    landscapes = declared.landscapes
    figure, inner = canvas(title, where, SIDE * len(landscapes), SIDE + HEADING)
    panels = inner.subplots(1, len(landscapes), squeeze=False)[0]
    for axes, landscape in zip(panels, landscapes, strict=True):
        _contours(axes, landscape)
        axes.set_title(f"{landscape.name}: condition number {number(landscape.condition)}")
        axes.set_xlabel(declared.x)
        axes.set_ylabel(declared.y)
    return svg(figure)


def _contours(axes: Axes, landscape: Landscape) -> None:
    """Draws contours at equal steps of the root of the loss, which are equally spaced for a quadratic loss."""
    from matplotlib.colors import LinearSegmentedColormap

    x, y, loss = _finer(landscape)
    root = np.sqrt(loss - np.nanmin(loss))
    levels = np.linspace(0, float(np.nanmax(root)) or 1.0, STEPS + 1)
    colours = LinearSegmentedColormap.from_list("loss", COLOURS)
    bands = axes.contourf(x, y, root, levels=levels, cmap=colours)
    bands.set(edgecolor="white", linewidth=0.7)
    least = np.unravel_index(int(np.nanargmin(loss)), loss.shape)
    axes.plot(
        [x[least[1]]], [y[least[0]]], linestyle="", marker="+", markersize=9, markeredgewidth=1.6, color=INK, zorder=4
    )
    axes.grid(False)
    axes.set_aspect("equal")
    axes.locator_params(nbins=5)


def _finer(landscape: Landscape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A finer grid (x, y, loss), interpolated by quadratic splines, which are exact for a quadratic loss."""
    from scipy.interpolate import RectBivariateSpline

    x, y, loss = (np.array(of, "float64") for of in (landscape.x, landscape.y, landscape.loss))
    if np.isnan(loss).any() or min(loss.shape) < 3:
        return x, y, loss
    fine = [np.linspace(along[0], along[-1], FINER * (len(along) - 1) + 1) for along in (y, x)]
    between = RectBivariateSpline(y, x, loss, kx=2, ky=2, s=0)(*fine)
    return fine[1], fine[0], np.clip(between, loss.min(), None)


def _caption(title: str, landscapes: Sequence[Landscape]) -> str:
    texts = []
    for one in landscapes:
        values = [value for row in one.loss for value in row if value is not None]
        texts.append(
            f"{one.name}: condition number of the Hessian {number(one.condition)}, loss from "
            f"{number(min(values))} to {number(max(values))} here"
        )
    return (
        f"{title}. Cross: the minimum; bands: equal steps of the square root of the loss above it. "
        f"{'; '.join(texts)}. "
        "Gradient descent follows the flattest direction in about as many steps as the condition number says."
    )
