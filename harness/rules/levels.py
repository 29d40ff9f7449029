"""The error rates and numbers of seeds at which rules decide. They are the same for all claims.

They were chosen once, when the first seeds of most variants had been seen, and have not been changed for a claim since.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Levels:
    """The chances of a false verdict that the rules accept.

    Attributes:
        one_sided: in each direction, for rules on means (and on the share of failures in them).
        share: in each direction, for rules on the share of seeds (``Diverges``, ``Converges``).
        prediction: two-sided chance that one more run falls outside the interval of ``Reproduces``.
    """

    one_sided: float
    share: float
    prediction: float

    def divided(self, parts: int) -> Levels:
        """The levels of each of several comparisons whose false verdicts add up (Bonferroni)."""
        return Levels(self.one_sided / parts, self.share / parts, self.prediction / parts)


PLAIN = Levels(one_sided=0.025, share=0.025, prediction=0.01)
"""For the experiment of one reader."""

STORED = Levels(one_sided=0.0025, share=0.0025, prediction=0.005)
"""For verdicts from evidence: among 100 claims, at most 0.25 false ones are expected per direction."""

ADJUSTED = 0.05
"""Family-wise error rate over the whole catalogue (Holm)."""

POWER = 0.80
"""The power for which detectable effects and numbers of seeds are stated."""

FEWEST_SEEDS = 5
"""Fewer seeds decide nothing."""

MANY_SEEDS = 30
"""With this many seeds, skewness is known well enough to correct for it, and a figure inside the prediction interval is
informative."""

LARGEST = 1e150
"""Larger numbers cannot be squared in float64. They count as infinite, so only their rank matters."""

FLOAT_NOISE = 1e-6
"""The relative difference that two float32 computations of one number may have. Smaller differences count as equal."""
