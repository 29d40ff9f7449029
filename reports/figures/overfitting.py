"""Overfitting in one panel: training and validation loss, with a ring where the validation loss is least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.record.run import ExperimentDeclared, Run
from reports.figures.curves import HEIGHT, PANEL, TITLES, WIDTH, Trials, curve_of, draw, failed_sentences, named
from reports.figures.many import band_text
from reports.figures.picture import Picture, file_name
from reports.figures.style import THEMES, Label, Theme, canvas, end_labels, fitting, scale, source, styled, svg


@dataclass(frozen=True)
class Turn:
    """Where a curve is least; epochs count from 1.

    Attributes:
        epoch: where the mean over seeds is least.
        seeds: where the curve of each seed is least.
        last: the last epoch.
    """

    epoch: int
    seeds: tuple[int, ...]
    last: int

    @property
    def turned(self) -> bool:
        """Whether the mean has risen since its least value."""
        return self.epoch < self.last

    @property
    def text(self) -> str:
        low, high = min(self.seeds), max(self.seeds)
        return f"{self.epoch} ({low if low == high else f'{low} to {high}'})"


def turning_points(trials: Trials, curve: str) -> dict[str, Turn]:
    """The turning point of each variant, over the seeds that trained to the end; without variants that have none."""
    found = {}
    for name, of_variant in trials.items():
        whole = [t.history[curve] for t in of_variant if t.divergence is None and t.history.get(curve)]
        values = np.array([of_seed for of_seed in whole if None not in of_seed], "float64")
        if values.size:
            least = tuple(int(epoch) + 1 for epoch in values.argmin(axis=1))
            found[name] = Turn(int(values.mean(axis=0).argmin()) + 1, least, values.shape[1])
    return found


def picture(run: Run, experiment: ExperimentDeclared, trials: Trials) -> Picture | None:
    """The figure of an experiment's turning points; None if it declares none, or none of their variants trained."""
    declared = experiment.turning_point
    if declared is None:
        return None
    trials = {name: of for name, of in trials.items() if name in declared.variants or not declared.variants}
    turns = turning_points(trials, declared.validation)
    drawn = {
        (name, curve): found
        for name in turns
        for curve in (declared.training, declared.validation)
        if (found := curve_of(name, trials[name], curve)) is not None and found.mean.size
    }
    if not drawn:
        return None
    counts = [sum(bool(t.history.get(declared.validation)) for t in trials[name]) for name in turns]
    with styled():
        title = f"{named(run, experiment)}: where the validation loss turns"
        figure, inner = canvas(title, source(run, counts, experiment), WIDTH, HEIGHT + 1.2 * PANEL)
        axes = inner.subplots()
        scale(axes, np.concatenate([curve.trained for curve in drawn.values()]))
        labels = []
        for (name, kind), curve in drawn.items():
            validation = kind == declared.validation
            theme = THEMES[list(turns).index(name) % len(THEMES)]
            look = Theme(theme.colour, theme.marker, "-" if validation else (0, (4, 2)))
            draw(axes, curve, look)
            word = "validation" if validation else "training"
            labels.append(Label((float(curve.epochs[-1]), float(curve.mean[-1])), f"{name}: {word}", look))
            if validation and turns[name].turned:
                at = turns[name].epoch
                ring: dict[str, Any] = {
                    "markersize": 11,
                    "markerfacecolor": "none",
                    "markeredgewidth": 1.8,
                    "zorder": 6,
                }
                axes.plot([at], [np.interp(at, curve.epochs, curve.mean)], "o", markeredgecolor=look.colour, **ring)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        axes.locator_params(axis="x", integer=True)
        end_labels(axes, labels)
        content = svg(figure)
    rings = [f"{name} {turn.text}" for name, turn in turns.items() if turn.turned]
    falling = [name for name, turn in turns.items() if not turn.turned]
    text = [f"Solid: {TITLES[declared.validation]}; dashed: {TITLES[declared.training]}; {band_text(max(counts))}."]
    if rings:
        text.append(
            f"Ring: the epoch of the least mean validation loss, in brackets those of the seeds: {'; '.join(rings)}."
        )
    if falling:
        text.append(f"Least at the last epoch, so without a ring: {'; '.join(falling)}.")
    alt = fitting("Training and validation loss by epoch; the validation loss is least at epoch", rings or ["the last"])
    caption = " ".join([*text, *failed_sentences(trials)])
    return Picture(file_name(experiment.id), content, experiment.id, alt, caption)
