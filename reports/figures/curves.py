"""Learning curves: one figure for each experiment and pair of curves, with its caption and alternative text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.domain.trial import Trial
from harness.record.run import ExperimentDeclared, Run
from reports.figures import final_value_panel, layout, panel
from reports.figures.curve_data import (
    Arm,
    BestEpochs,
    Turn,
    arm,
    best,
    divergences,
    mixed,
    pairs,
    turning_pair,
    turning_points,
)
from reports.figures.many import MANY, SHOWN, band_text
from reports.figures.picture import Picture, file_name
from reports.figures.style import THEMES, fitting, styled, svg
from reports.text import escape, number, plural

PER_PANEL = len(THEMES)
PANEL_INCHES, SMALLEST_INCHES = 5.0, 7.0
"""Width of a panel with its labels, and of the narrowest figure."""
ROW_INCHES, LEGEND_INCHES = 2.85, 0.2
"""Height of a row of panels, and of each line of its legend."""


def pictures(run: Run, experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]]) -> list[Picture]:
    """The learning curves of one experiment, from its trials by variant; pairs that no trial recorded are left out."""
    drawn = (_picture(run, experiment, trials, pair, i) for i, pair in enumerate(pairs(experiment, trials)))
    return [picture for picture in drawn if picture is not None]


def _picture(
    run: Run, experiment: ExperimentDeclared, trials: Mapping[str, Sequence[Trial]], pair: tuple[str, ...], index: int
) -> Picture | None:
    turns: dict[str, Turn] = {}
    declared = experiment.turning_point
    if declared and pair == turning_pair(experiment):
        chosen = declared.variants
        trials = {name: of for name, of in trials.items() if name in chosen or not chosen}
        turns = turning_points(trials, pair[-1])
    arms = {curve: [a for name, t in trials.items() if (a := arm(name, t, curve))] for curve in pair}
    if not any(arms.values()):
        return None
    slides = {curve: _figures(run, experiment.id, curve) for curve in pair}
    bests = _best(run, experiment.id, trials, pair)
    with styled():
        content = _draw(experiment, trials, arms, slides, bests, turns)
    return Picture(
        file_name(experiment.id, *(pair if index else ())),
        content,
        experiment.id,
        _alt(experiment, arms, trials),
        " ".join([_caption(run, experiment, trials, arms, slides, bests), *_turned(turns), *divergences(trials, pair)]),
    )


def _figures(run: Run, experiment: str, curve: str) -> dict[str, tuple[str, float]]:
    """The slide's figures for this curve by variant: (as printed, value)."""
    return {
        figure.variant: (figure.printed, figure.value)
        for claim in run.claims.values()
        if claim.experiment == experiment
        for figure in claim.published
        if figure.metric == curve
    }


def _best(
    run: Run, experiment: str, trials: Mapping[str, Sequence[Trial]], curves: Iterable[str]
) -> dict[str, dict[str, BestEpochs]]:
    """The best epochs by curve and variant; without those that the experiment does not measure."""
    published: dict[str, dict[str, float]] = {}
    for claim in run.claims.values():
        for figure in claim.published if claim.experiment == experiment else ():
            published.setdefault(figure.variant, {})[figure.metric] = figure.value
    return {
        curve: {v: found for v, t in trials.items() if (found := best(curve, t, published.get(v, {}))) is not None}
        for curve in curves
    }


def _draw(
    experiment: ExperimentDeclared,
    trials: Mapping[str, Sequence[Trial]],
    arms: Mapping[str, list[Arm]],
    slides: Mapping[str, Mapping[str, tuple[str, float]]],
    bests: Mapping[str, Mapping[str, BestEpochs]],
    turns: Mapping[str, Turn],
) -> bytes:
    """Draws a row of panels with a legend for each series of variants; a row has at most PER_PANEL variants."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(a.variant for of_curve in arms.values() for a in of_curve))
    groups = rows(names, experiment.series)
    dots = any(set(curves) & set(arms) for curves in experiment.printed.values())
    placed = layout.columns(arms, slides)
    widths = [column.width for column in placed]
    width = max(PANEL_INCHES * sum(widths), SMALLEST_INCHES)
    texts = [layout.labels(group, trials) for group in groups]
    ncols = layout.legend_columns([layout.DOTS, *(text for of in texts for text in of.values())], width)
    heights = [ROW_INCHES + LEGEND_INCHES * -(-(len(group) + dots) // ncols) for group in groups]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    blocks = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for block, entries in zip(blocks, texts, strict=True):
        looks = {name: THEMES[i] for i, name in enumerate(entries)}
        panels = block.subplots(1, len(placed), width_ratios=widths, squeeze=False)[0]
        for axes, column in zip(panels, placed, strict=True):
            curve = column.curve
            if not column.variants:
                final_value_panel.draw(axes, curve, final_value_panel.ends(trials, curve), looks)
                continue
            shown = [a for a in arms[curve] if a.variant in looks and a.variant in column.variants]
            if not shown:
                axes.set_axis_off()
                continue
            inside = {a.variant for a in shown}
            printed = {v: c[curve] for v, c in experiment.printed.items() if curve in c and v in inside}
            marks = {v: mark for v, mark in column.slides.items() if v in inside}
            stars = {v: of for v, of in bests[curve].items() if v in inside}
            panel.draw(axes, curve, shown, looks, marks, printed, stars)
            panel.rings(axes, shown, looks, {v: turn.epoch for v, turn in turns.items() if turn.turned})
            axes.set_title(axes.get_title(loc="left") + column.note)
        own = any(v in looks and set(curves) & set(arms) for v, curves in experiment.printed.items())
        layout.legend(block, entries, looks, own, ncols)
    return svg(figure)


def rows(names: Sequence[str], series: Mapping[str, str]) -> list[list[str]]:
    """The variants of each row of panels: at most PER_PANEL of one series."""
    together: dict[str, list[str]] = {}
    for name in names:
        together.setdefault(series.get(name, ""), []).append(name)
    return [row[i : i + PER_PANEL] for row in together.values() for i in range(0, len(row), PER_PANEL)]


def _alt(experiment: ExperimentDeclared, arms: Mapping[str, list[Arm]], trials: Mapping[str, Sequence[Trial]]) -> str:
    what = " and ".join(panel.TITLES.get(curve, curve).lower() for curve in arms)
    start = f"{what[:1].upper()}{what[1:]} by epoch, experiment {experiment.id}, {plural(len(trials), 'variant')}"
    ends = []
    for one in next(iter(arms.values())):
        if one.lost:
            ends.append(f"{one.variant} diverges")
        elif one.mean.size:
            ends.append(f"{one.variant} ends at {number(float(one.mean[-1]))}")
    return fitting(start, ends)


def _caption(
    run: Run,
    experiment: ExperimentDeclared,
    trials: Mapping[str, Sequence[Trial]],
    arms: Mapping[str, list[Arm]],
    slides: Mapping[str, Mapping[str, tuple[str, float]]],
    bests: Mapping[str, Mapping[str, BestEpochs]],
) -> str:
    size = experiment.size
    images = "All training examples" if size.train is None else f"{size.train:,} training examples"
    drawn = [sum(any(trial.history.get(curve) for curve in arms) for trial in of) for of in trials.values()]
    seeds, most = max(drawn), max(map(len, trials.values()))
    counts = " to ".join(str(count) for count in sorted({min(filter(None, drawn)), seeds}))
    text = [
        f"{images}, {plural(size.epochs, 'epoch')}, batch {size.batch_size}. Line: mean over {counts} "
        f"{'seed' if seeds == 1 else 'seeds'}{f' (of {most:,}, those with a stored curve)' if seeds < most else ''}; "
        f"band: {band_text(seeds)}."
    ]
    if any(slides.values()):
        text.append("Dashed: the slide's figure.")
    if any(set(curves) & set(arms) for curves in experiment.printed.values()):
        text.append("Hollow dots: the slide's own curve.")
    if any(curve.endswith("accuracy") for curve in arms):
        text.append("An axis of accuracies near 1 is stretched towards 1.")
    if any(bests.values()):
        text.append("Stars at the top: the best epoch, filled for each seed, hollow for the slide.")
    if seeds > MANY and any(one.broken for of in arms.values() for one in of):
        text.append(f"Of the seeds that diverged {SHOWN} of each variant are drawn.")
    if any(mixed(of) for of in arms.values()):
        text.append("Variants of which every seed diverged are in the panel of all variants only.")
    return " ".join(text)


def _turned(turns: Mapping[str, Turn]) -> list[str]:
    """Sentences on the epoch at which each variant's validation loss is least, and on variants where it still falls."""
    rings = [f"{escape(name)} {turn.text}" for name, turn in turns.items() if turn.turned]
    falling = [escape(name) for name, turn in turns.items() if not turn.turned]
    sentences = []
    if rings:
        sentences.append(
            f"Ring: the epoch of the least mean validation loss, in brackets those of the seeds: {'; '.join(rings)}."
        )
    if falling:
        sentences.append(f"Least at the last epoch, so without a ring: {'; '.join(falling)}.")
    return sentences
