"""The layout of a figure of learning curves: its panels, their widths, and the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.domain.trial import Trial
from reports.figures.curve_data import Arm, mixed
from reports.figures.style import INK, Theme, shorten

LETTER = 0.065
"""Width of a letter in a legend in inches, rounded up."""

Slides = Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Column:
    """One panel.

    Attributes:
        curve: the curve's name.
        variants: the variants in it; empty for the narrow panel of final values.
        slides: the slide's figures in it, by variant.
        width: relative to a panel of curves.
        note: appended to the title.
    """

    curve: str
    variants: tuple[str, ...]
    slides: Slides
    width: float = 1.0
    note: str = ""


def columns(arms: Mapping[str, Sequence[Arm]], slides: Mapping[str, Slides]) -> list[Column]:
    """The panels from left to right.

    If some variants are lost and others are not (see ``mixed``), a loss gets a second panel without the lost ones, and
    an accuracy leaves them out. Otherwise a narrow panel of final values follows the first curve if it is an accuracy.
    """
    placed: list[Column] = []
    narrow = not any(mixed(of) for curve, of in arms.items() if not curve.endswith("accuracy"))

    def place(curve: str, variants: Sequence[str], marked: Sequence[str], note: str = "") -> None:
        figures = {variant: figure for variant, figure in slides[curve].items() if variant in marked}
        placed.append(Column(curve, tuple(variants), figures, note=note))

    for index, (curve, of) in enumerate(arms.items()):
        every = [one.variant for one in of]
        kept = [one.variant for one in of if not one.lost]
        if not mixed(of):
            place(curve, every, every)
        elif curve.endswith("accuracy"):
            place(curve, kept, kept)
        else:
            place(curve, every, [name for name in every if name not in kept])
            place(curve, kept, kept, ", without the diverged")
        if index == 0 and narrow and curve.endswith("accuracy"):
            placed.append(Column(curve, (), {}, width=0.5))
    return placed


def legend_columns(labels: Sequence[str], width: float) -> int:
    """How many legend entries fit side by side in a figure of ``width`` inches; at most four."""
    entry = 0.75 + LETTER * max(map(len, labels))
    return max(1, min(4, len(labels), int(width / entry)))


def labels(group: Sequence[str], trials: Mapping[str, Sequence[Trial]]) -> dict[str, str]:
    """The legend's label of each variant, with the number of its seeds that diverged."""
    failed = {name: sum(trial.divergence is not None for trial in trials[name]) for name in group}
    return {
        name: shorten(name, 44) + (f" (× {failed[name]} of {len(trials[name])} diverged)" if failed[name] else "")
        for name in group
    }


def legend(block: Any, entries: Mapping[str, str], looks: Mapping[str, Theme], dots: bool, ncols: int) -> None:
    """Draws the legend below the panels; ``dots``: with an entry for the slide's own curve."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=looks[n].colour, marker=looks[n].marker, linestyle=looks[n].line, label=label)
        for n, label in entries.items()
    ]
    if dots:
        style: dict[str, Any] = {"marker": "o", "markersize": 3.6, "markerfacecolor": "white", "markeredgecolor": INK}
        handles.append(Line2D([], [], linestyle="", label=DOTS, **style))
    block.legend(
        handles=handles,
        loc="outside lower center",
        ncols=ncols,
        fontsize=8.5,
        handlelength=3.4,
        columnspacing=1.6,
        borderaxespad=0.3,
    )


DOTS = "slide's own curve"
