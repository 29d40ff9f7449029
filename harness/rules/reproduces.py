"""Reproduces: the slide's figure could be one more run of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.metric import Metric
from harness.published import Figure
from harness.rules.arguments import check_names
from harness.rules.effects import on_unit
from harness.rules.evidence import Evidence
from harness.rules.levels import FEWEST_COMPATIBLE, FEWEST_SEEDS, FLOAT_NOISE, PREDICTION
from harness.rules.looks import Look
from harness.rules.prediction import percentile, predict, rank_p
from harness.rules.seeds import UnusableError, by_seed, noise, score
from harness.verdict import Decision, Effect, Verdict


@dataclass(frozen=True)
class Reproduces:
    """The slide's figure against the 99 % prediction interval of one new run, widened by the figure's rounding.

    Outside: REFUTED from 5 seeds. Inside: SUPPORTED ("compatible") from 30 seeds, INCONCLUSIVE below, where the
    interval is too wide to say anything. Assumes that runs are about normal, on the logarithms for a metric on a log
    scale. Runs of zero variance predict their common value, within the rounding and a relative 1e-6 for float32.

    Of several looks (``harness.rules.looks``) each refutes by an interval wide enough for all of them. Compatible is
    still what lies within the 99 % interval of these seeds alone, from 30 on: a wider one would make that easier to
    say. A figure between the two is left INCONCLUSIVE.

    Where a run diverged or was censored it counts as the worst value, no normal interval exists, and the figure's rank
    among the runs decides alone: REFUTED at p <= 0.01, which takes 199 seeds, else INCONCLUSIVE.
    """

    variant: str
    metric: str = "val_accuracy"

    def __post_init__(self) -> None:
        check_names("Reproduces", "variant", (self.variant,), fewest=1)
        check_names("Reproduces", "metric", (self.metric,), fewest=1)

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

    def decide(self, evidence: Evidence) -> Decision:
        metric, figure = evidence.metrics[self.metric], evidence.figures[self.variant, self.metric]
        try:
            values = [score(trial, metric) for trial in by_seed(evidence, self.variant).values()]
            printed, rounding = _on_scale(figure, metric)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        if len(values) < FEWEST_SEEDS:
            text = f"{len(values)} seeds; nothing is decided below {FEWEST_SEEDS}"
            return Decision(Verdict.INCONCLUSIVE, text, (self._effect(values, metric, figure, printed, rounding),))
        if not all(math.isfinite(value) for value in values):
            return self._by_rank(values, metric, figure, printed, rounding, evidence.look)
        found = predict(values, printed, rounding, noise(values, metric), evidence.look)
        note = f"zero variance: the runs' value ± rounding and a relative {FLOAT_NOISE:g}"
        notes = (note,) if found.p is None else ()
        effect = self._effect(values, metric, figure, printed, rounding, found.low, found.high, found.p, notes)
        bounds = f"{_text(effect.low)} to {_text(effect.high)}"
        interval = f"the 99 % prediction interval of one run, {bounds} ({len(values)} seeds)"
        at = f"at percentile {dict(effect.details)['percentile']:.0f} of our seeds"
        if not found.contains(printed, rounding):
            reason = f"{figure.printed} is outside {interval}, {at}"
            return Decision(Verdict.REFUTED, reason, (effect,), p=0.0 if found.p is None else found.p)
        alone = predict(values, printed, rounding, noise(values, metric))
        if not alone.contains(printed, rounding):
            reason = f"{figure.printed} is inside {interval} over all looks, outside that of this look alone, {at}"
            return Decision(Verdict.INCONCLUSIVE, reason, (effect,))
        if len(values) >= FEWEST_COMPATIBLE:
            return Decision(Verdict.SUPPORTED, f"compatible: {figure.printed} is inside {interval}, {at}", (effect,))
        reason = f"{figure.printed} is inside {interval}, {at}; below {FEWEST_COMPATIBLE} seeds that says too little"
        return Decision(Verdict.INCONCLUSIVE, reason, (effect,))

    def _by_rank(
        self, values: list[float], metric: Metric, figure: Figure, printed: float, rounding: float, look: Look
    ) -> Decision:
        p, n = min(1.0, 2 * look.overall(rank_p(values, printed, rounding) / 2)), len(values)
        effect = self._effect(values, metric, figure, printed, rounding, p=p, notes=("rank among the runs decides",))
        failed = sum(not math.isfinite(value) for value in values)
        reason = f"{failed} of {n} runs failed, so only the rank of {figure.printed} among them counts: p = {p:.2g}"
        if p <= PREDICTION:
            return Decision(Verdict.REFUTED, reason, (effect,), p=p)
        return Decision(Verdict.INCONCLUSIVE, reason, (effect,))

    def _effect(
        self,
        values: list[float],
        metric: Metric,
        figure: Figure,
        printed: float,
        rounding: float,
        low: float | None = None,
        high: float | None = None,
        p: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> Effect:
        """The runs' mean (geometric on a log scale; None where a run failed), the interval, and the figure's place."""
        mean = sum(values) / len(values)
        numbers = [mean if math.isfinite(mean) else None, low, high]
        numbers = [on_unit(number, metric) for number in numbers]
        return Effect(
            of=f"{self.variant}, one more run",
            metric=self.metric,
            unit=metric.unit,
            estimate=numbers[0],
            low=numbers[1],
            high=numbers[2],
            p=p,
            n=len(values),
            details=(("published", figure.value), ("percentile", percentile(values, printed, rounding))),
            notes=notes,
        )


def _text(bound: float | None) -> str:
    return "no bound" if bound is None else f"{bound:.5g}"


def _on_scale(figure: Figure, metric: Metric) -> tuple[float, float]:
    """The figure and its rounding on the scale on which runs are compared; to first order, for a logarithm."""
    if metric.scale == "linear":
        return figure.value, figure.rounding
    if figure.value <= 0:
        raise UnusableError(f"{metric.name!r} is compared on a log scale, but the published figure is {figure.printed}")
    return math.log(figure.value), figure.rounding / figure.value
