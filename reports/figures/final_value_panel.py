"""The narrow panel next to an accuracy curve: the final value of each seed, on its own axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.domain.trial import Trial
from reports.figures.many import MANY, quantiles
from reports.figures.panel import scale
from reports.figures.style import INK, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 0.03
"""If final values differ by more than this, the axis is scaled as that of the curves."""

Ends = Mapping[str, tuple[Sequence[float], int]]
"""By variant: the last value of each seed that trained, and the number of seeds that diverged."""


def ends(trials: Mapping[str, Sequence[Trial]], curve: str) -> Ends:
    found = {}
    for name, of_variant in trials.items():
        last = [t.history[curve][-1] for t in of_variant if t.divergence is None and t.history.get(curve)]
        trained = [value for value in last if value is not None]
        found[name] = (trained, sum(t.divergence is not None for t in of_variant))
    return found


def draw(axes: Axes, curve: str, last: Ends, looks: Mapping[str, Theme]) -> None:
    """Draws each variant's final values: a dot per seed, a bar at the mean, and a cross at the foot if some diverged.

    More than MANY seeds are drawn as lines over their middle 50 and 95 %.
    """
    shown = [name for name in looks if name in last]
    for x, name in enumerate(shown):
        trained, failed = last[name]
        look = looks[name]
        if len(trained) > MANY:
            low, quarter, _, three, high = quantiles(trained)
            axes.plot([x, x], [low, high], color=look.colour, linewidth=1.4)
            axes.plot([x, x], [quarter, three], color=look.colour, linewidth=6, solid_capstyle="butt")
        else:
            _dots(axes, x, trained, look)
        if trained:
            axes.plot([x - 0.36, x + 0.36], [float(np.mean(trained))] * 2, color=INK, linewidth=1.6, zorder=4)
        if failed:
            axes.plot(
                [x],
                [0.02],
                transform=axes.get_xaxis_transform(),
                linestyle="",
                marker="x",
                markersize=6,
                markeredgewidth=1.6,
                color=look.colour,
                clip_on=False,
            )
    values = [value for name in shown for value in last[name][0]]
    if values:
        low, high = min(values), max(values)
    if values and high - low > WIDE:
        scale(axes, curve, np.array(values))
    elif values:
        pad = 0.1 * (high - low) or 0.001
        axes.set_ylim(low - pad, high + pad)
        axes.locator_params(axis="y", nbins=6)
        axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_xlim(-0.6, max(len(shown) - 0.4, 0.6))
    axes.set_xticks([])
    many = any(len(last[name][0]) > MANY for name in shown)
    axes.set_title("Last epoch, 50 and 95 % of seeds" if many else "Last epoch, each seed")
    axes.set_xlabel("bar: mean")


def _dots(axes: Axes, x: int, trained: Sequence[float], look: Theme) -> None:
    spread = (np.arange(len(trained)) - (len(trained) - 1) / 2) * min(0.1, 0.5 / max(len(trained), 1))
    axes.plot(
        x + spread,
        trained,
        linestyle="",
        marker=look.marker,
        markersize=4,
        markeredgewidth=0,
        color=look.colour,
        alpha=0.75,
    )
