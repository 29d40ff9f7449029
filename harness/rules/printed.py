"""A printed figure against one more run of ours, which is predicted from the runs that we have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from msgspec.structs import replace

from harness.model import Figure, Metric
from harness.rules.base import Failures, Rule, Sample, UnusableError, noise, on_unit, percent, score, too_few
from harness.rules.inference import one_more, t_tail
from harness.rules.levels import FEWEST_SEEDS, MANY_SEEDS, PLAIN
from harness.verdict import Basis, Decision, Effect, Verdict


@dataclass(frozen=True)
class Reproduces(Rule):
    """Compares the slide's figure with the prediction interval of one new run, widened by the figure's rounding.

    Outside the interval: REFUTED, from 5 seeds on. Inside: SUPPORTED, from 30 seeds on; with fewer seeds INCONCLUSIVE,
    because the interval is too wide. SUPPORTED means *within prediction*: the figure could be one more run of ours. It
    does not mean that the figure equals our mean. Runs are assumed to be about normal (their logarithms, for a metric
    on a log scale). The interval is mean ± t·s·√(1 + 1/n) (Whitmore 1986), and misses a new run with the chance
    ``Sample.levels.prediction``. The p-value is that of the number nearest to the mean among those that round to the
    figure. Over several looks both err less often than allowed, because the figure is the same at each look.

    With several looks (``harness.rules.levels``) or a stricter level, the interval that refutes is wider. To be
    within prediction, a figure must still lie in the 99 % interval of these seeds alone. In the wider interval only, it
    is INCONCLUSIVE.

    If at least half of the runs have one value, or a run is censored (it counts as the worst value), no normal interval
    exists. Then the figure's rank among the runs decides. It is REFUTED if the p-value is at most
    ``Sample.levels.prediction``, which takes 199 seeds at 1 %. It is within prediction if one of at least 30 runs has
    the figure's value.

    Runs that failed are left out; with ``failures`` "count" every run counts (``base.Failures``).
    """

    variant: str
    metric: str = "val_accuracy"
    failures: Failures = "report"

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ((self.variant, self.metric),)

    def fewest(self) -> int:
        return MANY_SEEDS

    def describe(self) -> str:
        return f"{self.variant} reproduces the published {self.metric}"

    def decided(self, sample: Sample) -> Decision:
        import numpy as np

        metric, figure = sample.metrics[self.metric], sample.figures[self.variant, self.metric]
        trials = sample.by_seed(self.variant).values()
        values = [score(trial, metric) for trial in trials if self.failures == "count" or trial.divergence is None]
        printed, rounding = _on_scale(figure, metric)
        lost, n = sum(trial.divergence is not None for trial in trials), len(values)
        notes = (f"{self.variant} failed on {lost} of {len(trials)} seeds",) if lost else ()
        counts = f"{n} seeds" + (" that trained" if lost and self.failures == "report" else "")
        counts = "; ".join((counts, *notes))
        if not values:
            return too_few(counts, ())
        mean, place = sum(values) / n, percentile(values, printed, rounding)
        effect = Effect(
            kind="prediction",
            a=self.variant,
            b="one more run",
            metric=self.metric,
            unit=metric.unit,
            estimate=on_unit(mean if math.isfinite(mean) else None, metric),
            n=n,
            details={"published": figure.value, "percentile": place},
            notes=notes,
        )
        if n < FEWEST_SEEDS:
            return too_few(counts, (effect,))
        level, look = sample.levels.prediction, sample.look
        at, equal = f"at percentile {place:.0f} of our seeds", noise(values, metric)
        censored = not all(math.isfinite(value) for value in values)
        if censored or discrete(values, equal):
            why = "a run is censored" if censored else "at least half of the runs have one value"
            p = min(1.0, 2 * look.overall(rank_p(values, printed, rounding) / 2))
            effect = replace(effect, p=p, notes=(f"rank among the runs decides: {why}", *notes))
            reason = f"{why}, so the rank of {figure.printed} among them decides: p = {p:.2g} ({counts}), {at}"
            outside, attained = p <= level, any(abs(value - printed) <= rounding + equal for value in values)
            inside = n >= MANY_SEEDS and attained and p > PLAIN.prediction
        else:
            run = one_more(np.array(values))
            p = min(1.0, 2 * look.overall(t_tail(run.df, max(0.0, abs(printed - run.value) - rounding) / run.error)))
            interval, alone = run.interval(look.level(level / 2)), run.interval(PLAIN.prediction / 2)
            outside, doubtful = (not low - rounding <= printed <= high + rounding for low, high in (interval, alone))
            inside = not doubtful and n >= MANY_SEEDS
            ends = [on_unit(end, metric) for end in interval]
            effect = replace(effect, low=ends[0], high=ends[1], p=p)
            bounds = " to ".join("no bound" if end is None else f"{end:.5g}" for end in ends)
            reason = (
                f"{figure.printed} is {'outside' if outside else 'inside'} the {percent(1 - 2 * look.level(level / 2))}"
            )
            reason += f" prediction interval of one run, {bounds} ({counts})"
            if doubtful and not outside:
                reason += f", but outside the {percent(1 - PLAIN.prediction)} interval of these seeds alone"
            reason += f", {at}"
            if not doubtful:
                few = f"below {MANY_SEEDS} seeds that says too little"
                reason += f"; {'it could be one more run of ours' if inside else few}"
        if outside:
            return Decision(Verdict.REFUTED, reason, (effect,), p=p, basis=Basis.SHOWN)
        if inside:
            reason = f"within prediction: {reason}"
            return Decision(Verdict.SUPPORTED, reason, (effect,), basis=Basis.NOT_CONTRADICTED)
        return Decision(Verdict.INCONCLUSIVE, reason, (effect,))


def _on_scale(figure: Figure, metric: Metric) -> tuple[float, float]:
    """The figure and its rounding on the metric's scale; the rounding of a logarithm is to first order."""
    if metric.scale == "linear":
        return figure.value, figure.rounding
    if figure.value <= 0:
        raise UnusableError(f"{metric.name!r} is compared on a log scale, but the published figure is {figure.printed}")
    return math.log(figure.value), figure.rounding / figure.value


def discrete(values: list[float], noise: float) -> bool:
    """Whether at least half of the runs have one value, up to ``noise`` (float32 rounding).

    Their spread then does not predict another run, and a normal interval refutes too often.
    """
    import numpy as np

    ordered = np.sort(values)
    half = math.ceil(len(values) / 2)
    within = ordered[half - 1 :] - ordered[: len(values) - half + 1] <= noise
    return bool(within.any()) or float(ordered.std()) == 0


def rank_p(values: list[float], figure: float, rounding: float) -> float:
    """Two-sided p-value of "``figure`` is one more run", by its rank: 2·(1 + runs as far out)/(n + 1), at most 1.

    Assumes only that runs are exchangeable. Values may be infinite (censored runs). It reaches 1 % from n = 199 on.
    """
    above = sum(value >= figure - rounding for value in values)
    below = sum(value <= figure + rounding for value in values)
    return min(1.0, 2 * (1 + min(above, below)) / (len(values) + 1))


def percentile(values: list[float], figure: float, rounding: float) -> float:
    """The figure's percentile among the runs, 0 to 100: the runs below it, and half of those that round to it."""
    below = sum(value < figure - rounding for value in values)
    equal = sum(abs(value - figure) <= rounding for value in values)
    return 100 * (below + equal / 2) / len(values)
