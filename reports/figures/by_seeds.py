"""effects-by-seeds.svg: the interval of an effect as seeds are added, and when it no longer contains 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.course import course
from harness.domain.trial import Trial
from harness.record.run import ClaimDecided, Run
from harness.rules import PLAIN, STORED, stored_look
from harness.rules.inference import Estimate, mean
from harness.rules.levels import FEWEST_SEEDS, STORED_SIZES, STORED_SPENDING, Look
from reports.figures.forest import points, slide_difference
from reports.figures.picture import Picture
from reports.figures.style import (
    FAINT,
    INK,
    VERDICT_LOOKS,
    Label,
    Theme,
    canvas,
    end_labels,
    fitting,
    shorten,
    source,
    styled,
    svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "effects-by-seeds.svg"
WIDTH, HEIGHT, PANEL = 7.2, 1.1, 1.95
"""Inches: the figure's width, its height without panels, and the height of a panel."""


@dataclass(frozen=True)
class Growth:
    """The effect of a claim over growing numbers of seeds, as fractions.

    Attributes:
        claim: the claim.
        slide: the difference between the slide's figures; None if it prints none.
        seeds: the numbers of seeds, from FEWEST_SEEDS on.
        value, low, high: the estimate and its interval with the first so many seeds.
        later: (seeds, low, high) of the interval at each further look at evidence, if estimate and spread stay.
    """

    claim: ClaimDecided
    slide: float | None
    seeds: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    later: tuple[tuple[int, float, float], ...]

    @property
    def closed(self) -> int | None:
        """The number of seeds from which on no interval contains 0; None if the last one does."""
        inside = np.flatnonzero((self.low <= 0) & (self.high >= 0))
        if inside.size and inside[-1] == len(self.seeds) - 1:
            return None
        return int(self.seeds[inside[-1] + 1 if inside.size else 0])

    @property
    def text(self) -> str:
        """When the interval excludes 0: "excludes 0 from 14 seeds on", "would exclude 0 at 300 seeds"."""
        if self.closed is not None:
            return f"excludes 0 from {self.closed} seeds on"
        would = next((n for n, low, high in self.later if low > 0 or high < 0), None)
        return f"would exclude 0 at {would:,} seeds" if would else "contains 0"


def picture(run: Run) -> Picture | None:
    """The figure; None unless the run has more than FEWEST_SEEDS common seeds of a claim's variants."""
    found = [growth for key in course().by_seeds if key in run.claims and (growth := growth_of(run, run.claims[key]))]
    if not found:
        return None
    with styled():
        where = source(
            run, {int(growth.seeds[-1]) for growth in found}, run.experiments[str(found[0].claim.experiment)]
        )
        where += "\nDifference in accuracy, with its interval" + (
            "; pale: expected with more seeds" if found[0].later else ""
        )
        figure, inner = canvas("How many seeds does it take?", where, WIDTH, HEIGHT + PANEL * len(found))
        panels = inner.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
        for axes, growth in zip(panels, found, strict=True):
            _panel(axes, growth)
        panels[-1].set_xlabel("seeds (logarithmic)")
        content = svg(figure)
    ends = [f"{g.claim.key} {points(float(g.value[-1]))}, interval {g.text}" for g in found]
    caption = (
        "Difference in accuracy, in percentage points: line: the mean over the first so many seeds; band: its interval "
        "at the level that decides. " + ("" if not run.header.evidence else
        "Evidence is looked at with 30, 100, 300 and 1,000 seeds only. Pale: the interval at a further look, if the "
        "mean and the spread stay. ") + "Dashed: the difference between the slide's figures, one run each."
    )  # fmt: skip
    return Picture(NAME, content, "", fitting("Effects by the number of seeds", ends), caption)


def growth_of(run: Run, claim: ClaimDecided) -> Growth | None:
    """The effect that decides a claim, from the run's trials; None with too few common seeds that trained."""
    from reports.sections.effects import effects_by_relevance

    effect = next(iter(effects_by_relevance(claim)), None)
    if effect is None or claim.experiment not in run.experiments or effect.unit == "ratio":
        return None
    values = [_by_seed(run.trials.get((claim.experiment, name), ()), effect.metric) for name in (effect.a, effect.b)]
    differences = np.array([values[0][seed] - values[1][seed] for seed in sorted(values[0].keys() & values[1].keys())])
    seeds = np.arange(FEWEST_SEEDS, len(differences) + 1)
    if len(seeds) < 2 or any(np.ptp(differences[:n]) == 0 for n in seeds[:1]):
        return None
    evidence = run.header.evidence
    estimates = [mean(differences[:n]) for n in seeds]
    ends = np.array([one.interval(_level(int(n), evidence)) for n, one in zip(seeds, estimates, strict=True)])
    deviation, later = float(differences.std(ddof=1)), []
    for size in STORED_SIZES:
        if evidence and size > seeds[-1]:
            expected = Estimate(estimates[-1].value, deviation / np.sqrt(size), size - 1)
            later.append((size, *expected.interval(_level(size, evidence))))
    slide = slide_difference(run, claim, effect)
    value = np.array([one.value for one in estimates])
    return Growth(claim, slide, seeds, value, ends[:, 0], ends[:, 1], tuple(later))


def _by_seed(trials: Sequence[Trial], metric: str) -> Mapping[int, float]:
    trained = {t.seed: t.metrics.get(metric) for t in trials if t.divergence is None}
    return {seed: value for seed, value in trained.items() if value is not None}


def _level(seeds: int, evidence: bool) -> float:
    """The one-sided level of an interval: that of the look at so many seeds, for fewer than 30 that of the first."""
    if not evidence:
        return PLAIN.one_sided
    return (stored_look(seeds) or Look(STORED_SIZES, 0, STORED_SPENDING)).level(STORED.one_sided)


def _panel(axes: Axes, growth: Growth) -> None:
    look = VERDICT_LOOKS[growth.claim.verdict]
    value, low, high = 100 * growth.value, 100 * growth.low, 100 * growth.high
    axes.set_xscale("log")
    ends = [growth.seeds[0], *growth.seeds[-1:], *(n for n, _, _ in growth.later)]
    axes.set_xlim(ends[0] / 1.05, ends[-1] * 1.15)
    ticks = sorted({int(n) for n in (*ends, 10) if n <= ends[-1]})
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.set_xticks([], minor=True)
    axes.fill_between(growth.seeds, low, high, color=look.colour, alpha=0.16, linewidth=0)
    axes.plot(growth.seeds, value, color=look.colour, linewidth=1.8)
    axes.plot([growth.seeds[-1]] * 2, [low[-1], high[-1]], color=look.colour, linewidth=3, solid_capstyle="butt")
    for n, bottom, top in growth.later:
        axes.plot([n, n], [100 * bottom, 100 * top], color=look.colour, linewidth=1.6, marker="_", alpha=0.6)
    axes.axhline(0, color=INK, linewidth=1)
    seen = high[len(high) // 6], low[len(low) // 6]  # the first few intervals are so wide that they hide the others
    extremes = [0.0, *seen, *([100 * growth.slide] if growth.slide is not None else [])]
    pad = 0.1 * (max(extremes) - min(extremes))
    axes.set_ylim(min(extremes) - pad, max(extremes) + pad)
    axes.set_title(f"{shorten(growth.claim.statement, 75)}\nThe interval {growth.text}.", fontsize=8.5)
    axes.set_ylabel("points")
    final = growth.later[-1][0] if growth.later else growth.seeds[-1]
    labels = [Label((final, value[-1]), f"here {points(growth.value[-1])}", look)]
    if growth.slide is not None:
        axes.axhline(100 * growth.slide, color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
        labels.append(Label((final, 100 * growth.slide), f"slide {points(growth.slide)}", Theme(FAINT, "o", "-"), True))
    end_labels(axes, labels)
