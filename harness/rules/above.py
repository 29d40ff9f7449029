"""Above: a number measured on one variant is greater than a stated value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.rules.arguments import check_names, check_number
from harness.rules.effects import effect, outlook, sentence
from harness.rules.evidence import Evidence
from harness.rules.levels import FEWEST_SEEDS, ONE_SIDED
from harness.rules.pairs import Pairs
from harness.rules.seeds import UnusableError, by_seed, noise, score
from harness.rules.sides import sides
from harness.verdict import Decision, Effect, Verdict


@dataclass(frozen=True)
class Above:
    """SUPPORTED when Student's interval of the mean (2.5 % per direction) lies wholly above ``value``, REFUTED when
    wholly below, else INCONCLUSIVE.

    The one-sample form of ``Exceeds``, for what is compared within a trial: a rise from its own minimum, a ratio of two
    of its own norms. ``value`` is in the metric's unit; on a log scale the geometric mean is tested, and the effect is
    the ratio to ``value``. Assumes that the mean over seeds is about normal (Student 1908); where a trial diverged or
    was censored it counts as the worst value, and an exact signed-rank test decides (Wilcoxon 1945).
    """

    variant: str
    metric: str
    value: float = 0.0

    def __post_init__(self) -> None:
        check_names("Above", "variant", (self.variant,), fewest=1)
        check_names("Above", "metric", (self.metric,), fewest=1)
        check_number("Above", "value", self.value)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{self.metric} of {self.variant} > {self.value:g}"

    def decide(self, evidence: Evidence) -> Decision:
        try:
            pairs = self._against(evidence)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        if pairs.n < FEWEST_SEEDS:
            found = self._effect(pairs, effect(pairs, None, 0.0))
            reason = f"{sentence(found)}; nothing is decided below {FEWEST_SEEDS} seeds"
            return Decision(Verdict.INCONCLUSIVE, reason, (found,))
        tested = sides(pairs, 0.0)
        found = self._effect(pairs, effect(pairs, tested, 0.0))
        if tested.greater <= ONE_SIDED:
            return Decision(Verdict.SUPPORTED, f"{sentence(found)}: above it", (found,), p=tested.p)
        if tested.less <= ONE_SIDED:
            return Decision(Verdict.REFUTED, f"{sentence(found)}: below it", (found,), p=tested.p)
        reason = f"{sentence(found)}: not told from it{outlook(found, pairs.metric.smallest_effect)}"
        return Decision(Verdict.INCONCLUSIVE, reason, (found,), p=tested.p)

    def _against(self, evidence: Evidence) -> Pairs:
        """The variant's values less ``value``, on the metric's scale, as pairs with a constant."""
        metric = evidence.metrics[self.metric]
        scores = [score(trial, metric) for trial in by_seed(evidence, self.variant).values()]
        if metric.scale == "log" and self.value <= 0:
            raise UnusableError(f"{self.metric!r} is compared on a log scale, but {self.value:g} is not positive")
        null = math.log(self.value) if metric.scale == "log" else self.value
        differences = tuple(value - null for value in scores)
        return Pairs(
            self.variant, f"{self.value:g}", metric, differences, noise([*scores, null], metric), evidence.look
        )

    def _effect(self, pairs: Pairs, found: Effect) -> Effect:
        """Named by the variant alone where the constant changes nothing."""
        neutral = 1.0 if pairs.metric.scale == "log" else 0.0
        return replace(found, of=self.variant) if self.value == neutral else found
