"""Rules for the lecture's claims in addition to ``harness.rules``: every seed, growth, a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import invalid
from harness.rules.base import Failures, Rule, Sample, UnusableError, check_names, percent, recorded, too_few
from harness.rules.comparisons import Contrast
from harness.rules.inference import clopper_pearson, t_quantile, t_tail
from harness.rules.levels import FEWEST_SEEDS, FLOAT_NOISE, MANY_SEEDS, PLAIN
from harness.rules.pairs import Pairs, paired
from harness.verdict import Basis, Decision, Effect, Verdict

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class EverySeed(Rule):
    """Every seed has the metric within the bounds, whether or not its training diverged.

    SUPPORTED from five seeds on; the effect is the lower bound of the share of seeds (Clopper & Pearson 1934). REFUTED
    if one seed is outside: one counterexample decides. A seed without a value (None) is outside. Unlike ``Converges``
    the rule also reads metrics of trainings that diverged, such as the epoch of the divergence.
    """

    variant: str
    metric: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds = [bound for bound in (self.at_least, self.at_most) if math.isfinite(bound)]
        if not bounds or self.at_least > self.at_most:
            raise invalid("bounds of EverySeed", expected="at_least <= at_most, one of them given", received=self)

    def describe(self) -> str:
        if self.at_least == self.at_most:
            return f"{self.metric} = {self.at_least:g} in every seed of {self.variant}"
        least = f"{self.at_least:g} <= " if math.isfinite(self.at_least) else ""
        most = f" <= {self.at_most:g}" if math.isfinite(self.at_most) else ""
        return f"{least}{self.metric}{most} in every seed of {self.variant}"

    def decided(self, sample: Sample) -> Decision:
        values = {seed: recorded(trial, self.metric) for seed, trial in sample.by_seed(self.variant).items()}
        inside = sorted(value for value in values.values() if value is not None and self.holds(value))
        n, outside = len(values), len(values) - len(inside)
        low, high = clopper_pearson(len(inside), n, sample.look.level(sample.levels.one_sided))
        did = f"have {self.metric} within its bounds"
        effect = Effect("seeds", self.variant, did, self.metric, "share of seeds", 1 - outside / n, low, high, n=n)
        if outside:
            seed, value = next((s, value) for s, value in values.items() if value is None or not self.holds(value))
            shown = "none" if value is None else f"{value:g}"
            reason = f"{self.metric} of seed {seed} is {shown}; so in {outside} of {n} seeds"
            return Decision(Verdict.REFUTED, reason, (effect,), basis=Basis.EVERY_SEED)
        bounds = f"{inside[0]:g} to {inside[-1]:g}"
        reason = f"{self.metric} is {bounds} in all {n} seeds, so in a share of at least {low:.3f}"
        if n < FEWEST_SEEDS:
            return too_few(reason, (effect,))
        return Decision(Verdict.SUPPORTED, reason, (effect,), basis=Basis.EVERY_SEED)

    def holds(self, value: float) -> bool:
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class GrowsMore(Contrast):
    """The metric grows more between the variants of one pair than between those of another.

    Each pair is (after, before). On a linear scale the growth is after − before, and (a − b) − (c − d) is tested; on a
    log scale it is the ratio after / before, and the effect is the ratio of the two ratios. SUPPORTED if the growth of
    ``more`` exceeds that of ``less``, REFUTED if it is the smaller one. The test is ``Exceeds``'s with margin 0, paired
    by seed over the four variants; its levels and assumptions hold.

    The mean is over the seeds that trained in all four variants, and the number of failures is reported. With
    ``failures`` "count" every trial counts with its metric (``harness.rules.base.Failures``).
    """

    more: tuple[str, str]
    less: tuple[str, str]
    metric: str
    failures: Failures = "report"

    def __post_init__(self) -> None:
        for what, pair in (("more", self.more), ("less", self.less)):
            check_names("GrowsMore", what, pair, fewest=2)
            if len(pair) != 2:
                raise invalid(f"{what} of GrowsMore", expected="(after, before)", received=pair)
        super().__post_init__()

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.more, *self.less)))

    def describe(self) -> str:
        more, less = (f"growth from {before} to {after}" for after, before in (self.more, self.less))
        return f"{more} > {less} ({self.metric})"

    def pairs(self, sample: Sample) -> Pairs:
        return paired(sample, self.more, self.less, self.metric, self.failures)


HALF = 0.5
"""The share of the level of prediction for single epochs of a curve, and for its level."""


@dataclass(frozen=True)
class ReproducesCurve(Rule):
    """Every printed value of a curve lies in the simultaneous prediction band of one more run, and so does its level.

    Two tests share the level of ``Reproduces`` by halves (Bonferroni). The first is of single epochs: the band at an
    epoch is mean ± t·s·√(1 + 1/n) over the seeds (Whitmore 1986), at half of the level divided by the number of printed
    values. That bounds the chance that one more run leaves the band at any epoch, however epochs depend on each other.

    The second is of the curve's level: the distance of a run from the mean curve, each epoch in standard deviations
    over the seeds, on average over the printed epochs. It is one number of one more run, predicted in the same way at
    the other half of the level. It sees a shift that many epochs share and that is too small for the band. The standard
    deviations come from the same seeds, so the interval is wider by √((n − 1)/(n − 3)), which makes it exact for
    independent epochs and cautious for others. In the curve's own unit the first epochs, whose spread is largest, would
    hide all others. Both intervals are widened by the rounding of the printed values.

    REFUTED from 5 seeds on if a printed value or the average is outside. SUPPORTED, in the sense of *within
    prediction*, from 30 seeds on if all are inside the 99 % intervals of these seeds alone, as in ``Reproduces``.
    INCONCLUSIVE if a training failed, because there is then no band. Assumes that the values of an epoch, and the
    averages, are about normal over seeds.

    The first effect is the farthest epoch, the second the average. ``printed`` has one value per epoch, nan where the
    slide prints none; ``decimals`` is their number of decimals.
    """

    variant: str
    curve: str
    printed: tuple[float, ...]
    decimals: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._epochs:
            raise invalid("printed values of ReproducesCurve", expected="at least one number", received=self.printed)

    @property
    def _epochs(self) -> list[int]:
        return [epoch for epoch, value in enumerate(self.printed) if math.isfinite(value)]

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.curve,)

    def describe(self) -> str:
        return f"{self.variant} reproduces the {len(self._epochs)} printed values of {self.curve}"

    def decided(self, sample: Sample) -> Decision:
        import numpy as np

        trials = sample.by_seed(self.variant)
        curves = {seed: trial.history.get(self.curve, ()) for seed, trial in trials.items()}
        for seed, curve in curves.items():
            if not curve:
                raise UnusableError(f"seed {seed} of {self.variant!r} has no curve {self.curve!r}")
        shortest, n = min(map(len, curves.values())), len(curves)
        if shortest < len(self.printed):
            reason = f"trained for {shortest} epochs, the slide for {len(self.printed)}"
            return Decision(Verdict.INCONCLUSIVE, reason)
        if n < FEWEST_SEEDS:
            return too_few(f"{n} seeds", ())
        runs = np.array(list(curves.values()), "float64")[:, self._epochs]  # None becomes nan
        if not np.isfinite(runs).all():
            return Decision(Verdict.INCONCLUSIVE, "a training failed")
        return self._decide(sample, runs, np.array(self.printed)[self._epochs])

    def _decide(self, sample: Sample, runs: np.ndarray, printed: np.ndarray) -> Decision:
        """The decision by the runs' values at the printed epochs, of shape (seeds, epochs)."""
        import numpy as np

        (n, count), unit = runs.shape, sample.metrics[self.curve].unit
        rounding = np.full(count, 0.5 * 10.0**-self.decimals)  # 0.9266 stands for all numbers that round to it
        middle = runs.mean(axis=0)
        spread = np.maximum(runs.std(axis=0, ddof=1), FLOAT_NOISE * np.abs(middle))
        apart, ours = (((each - middle) / spread).mean(axis=-1, keepdims=True) for each in (printed, runs))
        band = _Predicted(runs, printed, rounding, sample, HALF / count)
        wider = math.sqrt((n - 1) / (n - 3))
        level = _Predicted(ours, apart, (rounding / spread).mean(keepdims=True), sample, HALF, wider)
        worst = int(np.argmax(band.distance))
        where = f"epoch {self._epochs[worst] + 1}"
        far = f"the farthest of {count} printed values, {band.distance[worst]:.2f} standard deviations out"
        average, deviations = f"{count} epochs of one more run on average", "standard deviations"
        each = "each epoch in its standard deviations over the seeds"
        effects = (
            band.effect(worst, self.variant, f"{where} of one more run", self.curve, unit, far),
            level.effect(0, self.variant, average, self.curve, deviations, each),
        )
        text = (
            f"the simultaneous prediction band of one run ({n} seeds); the farthest is "
            f"{printed[worst]:.{self.decimals}f} at {where}, where the band is {effects[0].low:.5g} to "
            f"{effects[0].high:.5g}; on average the printed values lie {apart[0]:+.2f} standard deviations from ours, "
            f"{'outside' if level.outside else 'within'} ± {effects[1].high:.2f}"
        )
        if band.outside or level.outside:
            counts = f"{band.outside} of the {count}" if band.outside else f"none of the {count}"
            reason = f"{counts} printed values {'is' if band.outside < 2 else 'are'} outside {text}"
            p = min(1.0, band.p / HALF, level.p / HALF)
            return Decision(Verdict.REFUTED, reason, effects, p=p, basis=Basis.SHOWN)
        reason = f"all {count} printed values are inside {text}"
        if band.doubtful or level.doubtful:
            reason += f"; outside the {percent(1 - PLAIN.prediction)} intervals of these seeds alone"
            return Decision(Verdict.INCONCLUSIVE, reason, effects)
        if n < MANY_SEEDS:
            return Decision(Verdict.INCONCLUSIVE, f"{reason}; below {MANY_SEEDS} seeds that says too little", effects)
        return Decision(Verdict.SUPPORTED, f"within prediction: {reason}", effects, basis=Basis.NOT_CONTRADICTED)


class _Predicted:
    """Printed numbers against the prediction intervals of one more run, each at ``share`` of the level of prediction.

    ``wider`` is a factor of the intervals.

    Attributes:
        distance: of each number to the runs' mean, less its rounding, in standard deviations of one more run.
        p: two-sided, of the farthest of them (Bonferroni).
        outside: the count of numbers outside their interval.
        doubtful: whether a number is outside the interval at the plain level, of these seeds alone.
    """

    def __init__(
        self,
        runs: np.ndarray,
        printed: np.ndarray,
        rounding: np.ndarray,
        sample: Sample,
        share: float,
        wider: float = 1,
    ) -> None:
        import numpy as np

        n, self._printed, self._mean = len(runs), printed, runs.mean(axis=0)
        least = FLOAT_NOISE * np.maximum(np.abs(self._mean), 1e-6)
        self._spread = wider * np.maximum(runs.std(axis=0, ddof=1) * math.sqrt(1 + 1 / n), least)
        self.distance = np.maximum(np.abs(printed - self._mean) - rounding, 0) / self._spread
        self._limit = t_quantile(n - 1, sample.look.level(sample.levels.prediction / 2 * share))
        tail = sample.look.overall(t_tail(n - 1, float(self.distance.max())))
        self._n, self.p = n, min(1.0, 2 * len(printed) * tail)
        self.outside = int(np.sum(self.distance > self._limit))
        self.doubtful = bool(self.distance.max() > t_quantile(n - 1, PLAIN.prediction / 2 * share))

    def effect(self, place: int, a: str, b: str, metric: str, unit: str, note: str) -> Effect:
        mean, width = float(self._mean[place]), float(self._limit * self._spread[place])
        mean = mean if abs(mean) > FLOAT_NOISE * width else 0.0
        details: dict[str, float | None] = {"published": float(self._printed[place]), "outside": float(self.outside)}
        ends = mean - width, mean + width
        return Effect("prediction", a, b, metric, unit, mean, *ends, self.p, self._n, details=details, notes=(note,))
