"""What a rule decides from, and what every rule is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from harness.domain.metric import Metric
from harness.domain.published import Figure
from harness.domain.trial import Trial
from harness.domain.verdict import Decision
from harness.statistics.levels import PLAIN, Levels
from harness.statistics.looks import ONLY, Look


@dataclass(frozen=True)
class Sample:
    """Trials by variant, the metrics by name, the slide's figures by (variant, metric), the look, and the error rates.

    A rule decides at ``levels``. The p-values on which it rests are those of the whole design and allow for the look,
    so that no rule has to (``sides``, ``decide_share``, ``predict``).
    """

    trials: Mapping[str, tuple[Trial, ...]]
    metrics: Mapping[str, Metric]
    figures: Mapping[tuple[str, str], Figure] = field(default_factory=dict)
    look: Look = ONLY
    levels: Levels = PLAIN


@runtime_checkable
class Rule(Protocol):
    """Turns the trials of named variants into a Decision. Frozen; checks its own arguments on construction."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants whose trials it needs, without repetition."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics it reads."""

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """The (variant, metric) pairs for which it needs a published figure."""

    def describe(self) -> str:
        """The rule in one line, as the report prints it: "dropout 0.2 > no dropout (val_accuracy)"."""

    def decide(self, sample: Sample) -> Decision:
        """Never raises on trials that diverged, are censored, too few or identical: those have verdicts."""
