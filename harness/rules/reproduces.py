"""Reproduces: the slide's figure could be the result of one more run of ours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.domain.metric import Metric
from harness.domain.published import Figure
from harness.domain.verdict import Basis, Decision, Effect, Verdict
from harness.rules.arguments import check_failures, check_names
from harness.rules.effects import on_unit, percent
from harness.rules.levels import FEWEST_SEEDS, MANY_SEEDS, PLAIN
from harness.rules.pairs import Failures
from harness.rules.prediction import Prediction, discrete, percentile, predict, rank_p
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError, by_seed, noise, score


@dataclass(frozen=True)
class Reproduces:
    """Compares the slide's figure with the prediction interval of one new run, widened by the figure's rounding.

    Outside the interval: REFUTED, from 5 seeds on. Inside: SUPPORTED, from 30 seeds on; with fewer seeds INCONCLUSIVE,
    because the interval is too wide. SUPPORTED means *within prediction*: the figure could be one more run of ours. It
    does not mean that the figure equals our mean. Runs are assumed to be about normal (their logarithms, for a metric
    on a log scale). The interval misses a new run with the chance ``Sample.levels.prediction``.

    With several looks (``harness.rules.looks``) or a stricter level, the interval that refutes is wider. To be
    within prediction, a figure must still lie in the 99 % interval of these seeds alone. In the wider interval only, it
    is INCONCLUSIVE.

    If at least half of the runs have one value, or a run is censored (it counts as the worst value), no normal interval
    exists. Then the figure's rank among the runs decides. It is REFUTED if the p-value is at most
    ``Sample.levels.prediction``, which takes 199 seeds at 1 %. It is within prediction if one of at least 30 runs has
    the figure's value.

    Runs that failed are left out; with ``failures`` "count" every run counts (``pairs.Failures``).
    """

    variant: str
    metric: str = "val_accuracy"
    failures: Failures = "report"

    def __post_init__(self) -> None:
        check_names("Reproduces", "variant", (self.variant,), fewest=1)
        check_names("Reproduces", "metric", (self.metric,), fewest=1)
        check_failures("Reproduces", self.failures, ("report", "count"))

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ((self.variant, self.metric),)

    def describe(self) -> str:
        return f"{self.variant} reproduces the published {self.metric}"

    def decide(self, sample: Sample) -> Decision:
        metric, figure = sample.metrics[self.metric], sample.figures[self.variant, self.metric]
        try:
            trials = by_seed(sample, self.variant).values()
            counted = [one for one in trials if self.failures == "count" or one.divergence is None]
            values = [score(trial, metric) for trial in counted]
            printed, rounding = _on_scale(figure, metric)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        lost = sum(trial.divergence is not None for trial in trials)
        counts = f"{len(values)} seeds"
        notes = []
        if lost:
            notes.append(f"{self.variant} failed on {lost} of {len(trials)} seeds")
            counts += f" that trained; {notes[0]}" if self.failures == "report" else f"; {notes[0]}"
        n, level, look = len(values), sample.levels.prediction, sample.look
        if n < FEWEST_SEEDS:
            effects = (self._effect(values, metric, figure, printed, rounding, notes=notes),) if values else ()
            return Decision(Verdict.INCONCLUSIVE, f"{counts}; nothing is decided below {FEWEST_SEEDS} seeds", effects)
        at = f"at percentile {percentile(values, printed, rounding):.0f} of our seeds"
        censored = not all(math.isfinite(value) for value in values)
        if censored or discrete(values, noise(values, metric)):
            why = "a run is censored" if censored else "at least half of the runs have one value"
            notes.insert(0, f"rank among the runs decides: {why}")
            p = min(1.0, 2 * look.overall(rank_p(values, printed, rounding) / 2))
            effect = self._effect(values, metric, figure, printed, rounding, p=p, notes=notes)
            reason = f"{why}, so the rank of {figure.printed} among them decides: p = {p:.2g} ({counts}), {at}"
            if p <= level:
                return Decision(Verdict.REFUTED, reason, (effect,), p=p, basis=Basis.SHOWN)
            attained = any(abs(value - printed) <= rounding + noise(values, metric) for value in values)
            if n >= MANY_SEEDS and attained and p > PLAIN.prediction:
                reason = f"within prediction: {reason}"
                return Decision(Verdict.SUPPORTED, reason, (effect,), basis=Basis.NOT_CONTRADICTED)
            return Decision(Verdict.INCONCLUSIVE, reason, (effect,))
        found = predict(values, printed, rounding, level, look)
        effect = self._effect(values, metric, figure, printed, rounding, found, p=found.p, notes=notes)
        confidence = percent(1 - 2 * look.level(level / 2))
        bounds = f"{_text(effect.low)} to {_text(effect.high)}"
        interval = f"the {confidence} prediction interval of one run, {bounds} ({counts})"
        if not found.contains(printed, rounding):
            reason = f"{figure.printed} is outside {interval}, {at}"
            return Decision(Verdict.REFUTED, reason, (effect,), p=found.p, basis=Basis.SHOWN)
        if not predict(values, printed, rounding).contains(printed, rounding):
            alone = f"outside the {percent(1 - PLAIN.prediction)} interval of these seeds alone"
            return Decision(
                Verdict.INCONCLUSIVE, f"{figure.printed} is inside {interval}, but {alone}, {at}", (effect,)
            )
        if n >= MANY_SEEDS:
            reason = f"within prediction: {figure.printed} is inside {interval}, {at}; it could be one more run of ours"
            return Decision(Verdict.SUPPORTED, reason, (effect,), basis=Basis.NOT_CONTRADICTED)
        reason = f"{figure.printed} is inside {interval}, {at}; below {MANY_SEEDS} seeds that says too little"
        return Decision(Verdict.INCONCLUSIVE, reason, (effect,))

    def _effect(
        self,
        values: list[float],
        metric: Metric,
        figure: Figure,
        printed: float,
        rounding: float,
        found: Prediction | None = None,
        p: float | None = None,
        notes: Sequence[str] = (),
    ) -> Effect:
        """The Effect: the runs' mean (geometric on a log scale; None if a run is censored) and the interval."""
        mean = sum(values) / len(values)
        numbers = [mean if math.isfinite(mean) else None, *((found.low, found.high) if found else (None, None))]
        estimate, low, high = (on_unit(number, metric) for number in numbers)
        return Effect(
            of=f"{self.variant}, one more run",
            metric=self.metric,
            unit=metric.unit,
            estimate=estimate,
            low=low,
            high=high,
            p=p,
            n=len(values),
            details={"published": figure.value, "percentile": percentile(values, printed, rounding)},
            notes=tuple(notes),
        )


def _text(bound: float | None) -> str:
    return "no bound" if bound is None else f"{bound:.5g}"


def _on_scale(figure: Figure, metric: Metric) -> tuple[float, float]:
    """The figure and its rounding on the metric's scale; the rounding of a logarithm is to first order."""
    if metric.scale == "linear":
        return figure.value, figure.rounding
    if figure.value <= 0:
        raise UnusableError(f"{metric.name!r} is compared on a log scale, but the published figure is {figure.printed}")
    return math.log(figure.value), figure.rounding / figure.value
