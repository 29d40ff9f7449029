"""Which panels a figure of learning curves has, how wide each is, and the legend under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.domain.trial import Trial
from reports.figures.curve_data import Arm, mixed
from reports.figures.style import INK, Theme, shorten

LETTER = 0.065
"""Inches of a letter in a legend, on the safe side."""

Slides = Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Column:
    """One panel: its curve, the variants in it, and the slide's figures in it.

    Attributes:
        variants: empty for the narrow panel of final values.
        width: of the panel, in widths of a panel of curves.
        note: what its title says alongside the name of the curve.
    """

    curve: str
    variants: tuple[str, ...]
    slides: Slides
    width: float = 1.0
    note: str = ""


def columns(arms: Mapping[str, Sequence[Arm]], slides: Mapping[str, Slides]) -> list[Column]:
    """The panels from left to right.

    Where some variants diverged with every seed and others did not, a loss has a second panel for the others, and an
    accuracy leaves the lost ones out. Else the narrow panel of final values follows the first curve, an accuracy.
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
    """How many entries fit side by side in a figure of ``width`` inches, four at most."""
    entry = 0.75 + LETTER * max(map(len, labels))
    return max(1, min(4, len(labels), int(width / entry)))


def labels(group: Sequence[str], trials: Mapping[str, Sequence[Trial]]) -> dict[str, str]:
    """What the legend says of each variant of a group, with how many of its seeds diverged."""
    failed = {name: sum(trial.divergence is not None for trial in trials[name]) for name in group}
    return {
        name: shorten(name, 44) + (f" (× {failed[name]} of {len(trials[name])} diverged)" if failed[name] else "")
        for name in group
    }


def legend(block: Any, entries: Mapping[str, str], looks: Mapping[str, Theme], dots: bool, ncols: int) -> None:
    """Under the panels, so that it covers no data; ``dots``: the slide's own curve is drawn."""
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
