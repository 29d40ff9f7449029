"""The protocol of rules, and the sample that they decide from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from harness.domain.metric import Metric
from harness.domain.published import Figure
from harness.domain.trial import Trial
from harness.domain.verdict import Decision
from harness.rules.levels import PLAIN, Levels
from harness.rules.looks import ONLY, Look


@dataclass(frozen=True)
class Sample:
    """What a rule decides from.

    ``sides``, ``decide_share`` and ``predict`` give p-values of the whole design, so rules need not consider the look.

    Attributes:
        trials: by variant.
        metrics: by name.
        figures: the slide's figures, by (variant, metric).
        look: the look of the design.
        levels: the error rates.
    """

    trials: Mapping[str, tuple[Trial, ...]]
    metrics: Mapping[str, Metric]
    figures: Mapping[tuple[str, str], Figure] = field(default_factory=dict)
    look: Look = ONLY
    levels: Levels = PLAIN


@runtime_checkable
class Rule(Protocol):
    """Turns trials into a Decision. A rule is frozen, and raises SuiteError on construction for bad arguments."""

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants it needs, without repetition."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics it reads."""

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """The (variant, metric) pairs whose published figure it needs."""

    def describe(self) -> str:
        """The rule in one line, for reports: "dropout 0.2 > no dropout (val_accuracy)"."""

    def decide(self, sample: Sample) -> Decision:
        """Decides. It never raises for trials that diverged, are censored, too few or identical."""
