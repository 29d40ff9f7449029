"""The error rates and sizes at which rules decide: fixed once, before any verdict was looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Levels:
    """Chances of a false verdict that the rules accept.

    Attributes:
        one_sided: in each direction, rules on means (and on the share of failures in them).
        share: in each direction, rules on the share of seeds (``Diverges``, ``Converges``).
        prediction: two-sided chance that one more run falls outside the interval of ``Reproduces``.
    """

    one_sided: float
    share: float
    prediction: float

    def divided(self, parts: int) -> Levels:
        """The levels of each of several comparisons whose false verdicts add up (Bonferroni)."""
        return Levels(self.one_sided / parts, self.share / parts, self.prediction / parts)


PLAIN = Levels(one_sided=0.025, share=0.025, prediction=0.01)
"""One reader's experiment."""

STORED = Levels(one_sided=0.0025, share=0.0025, prediction=0.005)
"""Verdicts that rest on evidence: of 100 claims, at most 0.25 false ones per direction are expected."""

ADJUSTED = 0.05
"""Family-wise error rate over the whole catalogue (Holm)."""

POWER = 0.80
"""Power at which detectable effects and numbers of seeds are stated."""

FEWEST_SEEDS = 5
"""Below this nothing is decided."""

MANY_SEEDS = 30
"""From this on, the skewness of the seeds is known well enough to correct for it, and a figure inside the prediction
interval says something."""

LARGEST = 1e150
"""Larger numbers cannot be squared in float64: they count as infinite, and only their rank is used."""

FLOAT_NOISE = 1e-6
"""Relative difference that two float32 computations of one number may have; smaller ones count as equal."""
