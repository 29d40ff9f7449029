"""Which panels a figure of learning curves has, how wide each is, and the legend under them. All lengths in inches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.trial import Trial
from reports.curve_data import Arm, mixed
from reports.style import INK, Look, shorten
from reports.text import printed

PANEL, THIRD, ALONE, STRIP, TICKS, GAP = 3.5, 3.1, 5.2, 1.7, 0.6, 0.2
"""A panel of curves, one of three, one alone, the narrow panel; the figures left of a panel, the space right of one."""
LETTER = 0.065
"""A letter's width, on the safe side."""

Slides = Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Column:
    """One panel: its curve, the variants in it (empty: the narrow panel of last epochs), and where it lies."""

    curve: str
    variants: tuple[str, ...]
    slides: Slides
    left: float
    width: float
    note: str = ""

    @property
    def end(self) -> float:
        """Where the next one may begin: right of the slide's labels."""
        longest = max((len(f"slide: {printed(text)}") for text, _ in self.slides.values()), default=0)
        return self.left + self.width + (0.4 + LETTER * longest if longest else GAP)


def columns(arms: Mapping[str, Sequence[Arm]], slides: Mapping[str, Slides]) -> list[Column]:
    """The panels from left to right.

    Where some variants diverged with every seed and others did not, a loss has a second panel for the others, and an
    accuracy leaves the lost ones out. Else the narrow panel of last epochs follows the first curve, an accuracy.
    """
    placed: list[Column] = []
    losses = [of for curve, of in arms.items() if not curve.endswith("accuracy")]
    narrow = not any(map(mixed, losses))
    wide = len(arms) + (not narrow)
    width = ALONE if wide == 1 else PANEL if wide == 2 else THIRD

    def place(curve: str, variants: Sequence[str], marked: Sequence[str], width: float, note: str = "") -> None:
        left = (placed[-1].end if placed else 0.0) + TICKS
        figures = {variant: figure for variant, figure in slides[curve].items() if variant in marked}
        placed.append(Column(curve, tuple(variants), figures, left, width, note))

    for index, (curve, of) in enumerate(arms.items()):
        every = [one.variant for one in of]
        kept = [one.variant for one in of if not one.lost]
        if not mixed(of):
            place(curve, every, every, width)
        elif curve.endswith("accuracy"):
            place(curve, kept, kept, width)
        else:
            place(curve, every, [name for name in every if name not in kept], width)
            place(curve, kept, kept, width, ", without the diverged")
        if index == 0 and narrow and curve.endswith("accuracy"):
            place(curve, (), (), STRIP)
    return placed


def legend_columns(labels: Sequence[str], width: float) -> int:
    """How many entries fit side by side, four at most."""
    entry = 0.75 + LETTER * max(map(len, labels))
    return max(1, min(4, len(labels), int(width / entry)))


def labels(group: Sequence[str], trials: Mapping[str, Sequence[Trial]]) -> dict[str, str]:
    """What the legend says of each variant of a group, with how many of its seeds diverged."""
    failed = {name: sum(trial.divergence is not None for trial in trials[name]) for name in group}
    return {
        name: shorten(name, 44) + (f" (× {failed[name]} of {len(trials[name])} diverged)" if failed[name] else "")
        for name in group
    }


def legend(block: Any, entries: Mapping[str, str], looks: Mapping[str, Look], dots: bool, ncols: int) -> None:
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
        loc="lower center",
        ncols=ncols,
        fontsize=8.5,
        handlelength=3.4,
        columnspacing=1.6,
        borderaxespad=0.3,
    )


DOTS = "slide's own curve"
