"""Learning curves: one figure for each experiment and pair of curves, its caption and its text for screen readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.store import Run
from harness.trial import Trial
from reports import panel, strip
from reports.curve_data import Arm, arm, pairs
from reports.style import INK, LOOKS, Look, shorten, styled, svg
from reports.text import escape, plural

PER_PANEL = len(LOOKS)
PANEL, STRIP, TICKS, LABELS = 3.5, 1.7, 0.6, 1.0
"""Widths in inches: a panel of curves, the narrow panel, the figures left of a panel, the slide's right of it."""


@dataclass(frozen=True)
class Picture:
    """A figure's file name and content, with the words around it in the report."""

    name: str
    content: bytes
    heading: str
    alt: str
    caption: str


def pictures(run: Run) -> list[Picture]:
    """All learning curves of a run, experiments in the order of the run."""
    drawn = []
    for key, experiment in run.experiments.items():
        trials = {name: run.trials[key, name] for name in experiment["variants"] if (key, name) in run.trials}
        trials |= {v: t for (e, v), t in run.trials.items() if e == key and v not in trials}
        for index, pair in enumerate(pairs(experiment, trials)):
            drawn.append(_picture(run, experiment, trials, pair, index))
    return drawn


def _picture(
    run: Run, experiment: Mapping[str, Any], trials: Mapping[str, Sequence[Trial]], pair: tuple[str, ...], index: int
) -> Picture:
    arms = {curve: [a for name, t in trials.items() if (a := arm(name, t, curve))] for curve in pair}
    slides = {curve: _figures(run, experiment["id"], curve) for curve in pair}
    with styled():
        content = _draw(experiment, trials, arms, slides)
    name = re.sub(r"[^a-z0-9]+", "-", experiment["id"].lower()).strip("-")
    name += f"-{'-'.join(pair)}.svg".replace("_", "-") if index else ".svg"
    return Picture(
        name,
        content,
        experiment["id"],
        _alt(experiment, arms, trials),
        _caption(experiment, trials, arms, slides),
    )


def _figures(run: Run, experiment: str, curve: str) -> dict[str, tuple[str, float]]:
    """The slide's figures that are values of this curve, by variant; several claims may quote the same one."""
    return {
        figure["variant"]: (figure["printed"], float(figure["value"]))
        for claim in run.claims
        if claim["experiment"] == experiment
        for figure in claim["published"]
        if figure["metric"] == curve
    }


def _draw(
    experiment: Mapping[str, Any],
    trials: Mapping[str, Sequence[Trial]],
    arms: Mapping[str, list[Arm]],
    slides: Mapping[str, Mapping[str, tuple[str, float]]],
) -> bytes:
    """Columns are curves; variants beyond PER_PANEL go to further rows, each with its own legend. Inches throughout."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(a.variant for of_curve in arms.values() for a in of_curve))
    groups = [names[i : i + PER_PANEL] for i in range(0, len(names), PER_PANEL)]
    columns = 4 if max(len(name) for name in names) <= 24 else 2
    places, width = _columns(arms, slides)
    heights = [2.85 + 0.2 * _rows(group, columns, bool(experiment["printed"])) for group in groups]
    figure = Figure(figsize=(width, sum(heights)))
    blocks = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for block, group, height in zip(blocks, groups, heights, strict=True):
        looks = {name: LOOKS[i] for i, name in enumerate(group)}
        foot = (0.2 * _rows(group, columns, bool(experiment["printed"])) + 0.6) / height
        for curve, left, wide in places:
            axes = block.add_axes((left / width, foot, wide / width, 1 - 0.32 / height - foot))
            if wide == STRIP:
                strip.draw(axes, curve, strip.ends(trials, curve), looks)
                continue
            printed = {v: c[curve] for v, c in experiment["printed"].items() if curve in c and v in looks}
            marks = {v: mark for v, mark in slides[curve].items() if v in looks}
            panel.draw(axes, curve, [a for a in arms[curve] if a.variant in looks], looks, marks, printed)
        _legend(block, group, looks, arms, experiment, columns)
    return svg(figure)


def _columns(
    arms: Mapping[str, list[Arm]], slides: Mapping[str, Mapping[str, tuple[str, float]]]
) -> tuple[list[tuple[str, float, float]], float]:
    """(curve, left, width) of each panel, and the figure's width; the narrow panel follows the first, an accuracy."""
    placed, right = [], 0.0
    for index, curve in enumerate(arms):
        placed.append((curve, right + TICKS, PANEL))
        right += TICKS + PANEL + (LABELS if slides[curve] else 0.2)
        if index == 0 and curve.endswith("accuracy"):
            placed.append((curve, right + TICKS, STRIP))
            right += TICKS + STRIP + 0.2
    return placed, max(right, 6.0)


def _rows(group: Sequence[str], columns: int, printed: bool) -> int:
    return -(-(len(group) + printed) // columns)


def _legend(
    block: Any,
    group: Sequence[str],
    looks: Mapping[str, Look],
    arms: Mapping[str, list[Arm]],
    experiment: Mapping[str, Any],
    columns: int,
) -> None:
    """Under the panels, so that it covers no data."""
    from matplotlib.lines import Line2D

    broken = {a.variant: (len(a.broken), a.seeds) for of_curve in arms.values() for a in of_curve if a.broken}
    handles = []
    for name in group:
        look, label = looks[name], shorten(name, 44)
        if name in broken:
            label += " (× {} of {} diverged)".format(*broken[name])
        handles.append(Line2D([], [], color=look.colour, marker=look.marker, linestyle=look.line, label=label))
    if any(name in looks for name, curves in experiment["printed"].items() if set(curves) & set(arms)):
        dots: dict[str, Any] = {"marker": "o", "markersize": 3.6, "markerfacecolor": "white", "markeredgecolor": INK}
        handles.append(Line2D([], [], linestyle="", label="slide's own curve", **dots))
    block.legend(
        handles=handles,
        loc="lower center",
        ncols=min(columns, len(handles)),
        fontsize=8.5,
        handlelength=3.4,
        columnspacing=1.6,
        borderaxespad=0.3,
    )


def _alt(experiment: Mapping[str, Any], arms: Mapping[str, list[Arm]], trials: Mapping[str, Sequence[Trial]]) -> str:
    what = " and ".join(panel.TITLES.get(curve, curve).lower() for curve in arms)
    ends = []
    for one in next(iter(arms.values())):
        if one.mean.size:
            ends.append(f"{one.variant} ends at {one.mean[-1]:.4g}")
    listed = "; ".join(ends[:PER_PANEL])
    return f"{what[:1].upper()}{what[1:]} by epoch, experiment {experiment['id']}, {plural(len(trials), 'variant')}" + (
        f": {listed}." if listed else "."
    )


def _caption(
    experiment: Mapping[str, Any],
    trials: Mapping[str, Sequence[Trial]],
    arms: Mapping[str, list[Arm]],
    slides: Mapping[str, Mapping[str, tuple[str, float]]],
) -> str:
    size = experiment["size"]
    images = "All training examples" if size["train"] is None else f"{size['train']:,} training examples"
    text = [
        f"{images}, {plural(size['epochs'], 'epoch')}, batch {size['batch_size']}. Line: mean over seeds; band: from "
        "the smallest to the largest seed."
    ]
    if any(slides.values()):
        text.append("Dashed: the slide's figure.")
    if any(set(curves) & set(arms) for curves in experiment["printed"].values()):
        text.append("Hollow dots: the slide's own curve.")
    if any(curve.endswith("accuracy") for curve in arms):
        text.append("An accuracy axis that reaches 0.9 is stretched towards 1.")
    text += _divergences(trials)
    return " ".join(text)


def _divergences(trials: Mapping[str, Iterable[Trial]]) -> list[str]:
    """A sentence for each variant with diverged trials: how many, how, and first when."""
    said = []
    for name, of_variant in trials.items():
        failures = [trial.divergence for trial in of_variant if trial.divergence]
        if failures:
            kinds = " or ".join(sorted({failure.kind for failure in failures}))
            first, last = min(f.epoch for f in failures), max(f.epoch for f in failures)
            when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            total = len(list(of_variant))
            said.append(f"{escape(name)}: {len(failures)} of {total} seeds diverged ({kinds}, {when}), marked ×.")
    return said
