"""A metric: one number per trial, with its unit, its direction and its smallest effect of interest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import invalid

History = Mapping[str, Sequence[float]]
"""Per-epoch curves of one trial: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy`` and, in inference mode on the
training set, ``train_loss`` and ``train_accuracy``; each one value per epoch."""


@dataclass(frozen=True)
class Metric:
    """One number per trial.

    Attributes:
        name: the key under which trials carry it.
        better: which direction is good; a diverged or censored trial counts as the worst value of that direction.
        unit: "fraction" for accuracies in [0, 1], "nats", "epochs", "steps", "ratio", …
        smallest_effect: smallest difference that matters in practice, in ``unit`` (for ``scale="log"``: of the natural
            logarithm); 0.0005 for an MNIST accuracy is five test images.
        scale: "log" compares ratios, for skewed positive metrics such as steps to a target.
        of: history -> value; None where the trial never reached what is counted (censored). Without it, the metric is
            the last value of the curve of its name.
    """

    name: str
    better: Literal["higher", "lower"]
    unit: str
    smallest_effect: float
    scale: Literal["linear", "log"] = "linear"
    of: Callable[[History], float | None] | None = None

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise invalid(f"direction of metric {self.name!r}", expected="'higher' or 'lower'", received=self.better)
        if self.scale not in ("linear", "log"):
            raise invalid(f"scale of metric {self.name!r}", expected="'linear' or 'log'", received=self.scale)
        if not self.smallest_effect > 0:
            raise invalid(
                f"smallest effect of metric {self.name!r}", expected="a positive number", received=self.smallest_effect
            )

    def value(self, history: History) -> float | None:
        """The metric of one trial, from its curves; None where it is censored or the curve is absent or empty."""
        if self.of is not None:
            return self.of(history)
        curve = history.get(self.name)
        return float(curve[-1]) if curve else None
