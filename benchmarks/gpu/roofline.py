"""roofline.svg: operations per second over operations per byte of memory traffic, below the device's peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures.style import FAINT, INK, THEMES, styled, svg

TERA = 1e12


@dataclass(frozen=True)
class RooflinePoint:
    """One network: floating-point operations, least bytes of traffic, and measured seconds, per seed and epoch."""

    name: str
    operations: float
    traffic: float
    seconds: float


def roofline(points: Sequence[RooflinePoint], flops: float, bandwidth: float) -> bytes:
    """The picture as SVG; the peaks are ``flops`` in operations per second and ``bandwidth`` in bytes per second.

    Source: S. Williams, A. Waterman, D. Patterson: Roofline: an insightful visual performance model, CACM 52 (2009).
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(7.2, 4.2))
        axes = figure.add_axes((0.12, 0.14, 0.84, 0.72))
        axes.set_xscale("log")
        axes.set_yscale("log")
        ridge = flops / bandwidth
        intensities = [point.operations / point.traffic for point in points]
        left, right = min([*intensities, ridge]) / 3, max([*intensities, ridge]) * 3
        roof = [(left, left * bandwidth / TERA), (ridge, flops / TERA), (right, flops / TERA)]
        axes.plot(*zip(*roof, strict=True), color=INK, linewidth=1.5, label="_roof")
        axes.text(
            right, flops * 1.12 / TERA, f"products {flops / 1e12:,.1f} TFLOP/s", ha="right", color=FAINT, fontsize=8
        )
        near = (left * ridge) ** 0.5
        axes.text(near, near * bandwidth * 1.25 / TERA, f"memory {bandwidth / 1e9:,.0f} GB/s", ha="right", color=FAINT)
        for point, intensity, look in zip(points, intensities, THEMES, strict=False):
            most = min(flops, intensity * bandwidth)
            reached = point.operations / point.seconds
            axes.plot([intensity, intensity], [reached / TERA, most / TERA], color=look.colour, linewidth=1, alpha=0.6)
            label = f"{point.name}: {reached / most:.0%} of its roof"
            axes.plot(
                [intensity], [reached / TERA], color=look.colour, marker=look.marker, ls="", markersize=7, label=label
            )
        axes.set_xlim(left, right)
        axes.set_ylim(min(point.operations / point.seconds for point in points) / 4 / TERA, flops * 2 / TERA)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(lambda value, _: "")
        axes.set_xlabel("operations per byte of the least traffic (logarithmic)")
        axes.set_ylabel("TFLOP/s (logarithmic)")
        axes.legend(loc="lower right", fontsize=8)
        figure.text(0.02, 0.94, "Roofline: an epoch of one seed among many", fontsize=11, fontweight="bold")
        return svg(figure)
