"""A metric: one number per trial, with its unit, direction and smallest effect of interest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import invalid

History = Mapping[str, Sequence[float]]
"""The curves of one trial, one value per epoch: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``. ``train_loss``
and ``train_accuracy`` are those of the training set in inference mode."""


@dataclass(frozen=True)
class Metric:
    """One number per trial.

    Attributes:
        name: the key under which trials carry it.
        better: which direction is good; a diverged or censored trial counts as the worst value of that direction.
        unit: "fraction" for accuracies in [0, 1], "nats", "epochs", "steps", "ratio", …
        smallest_effect: smallest difference that matters in practice, in ``unit`` (for ``scale="log"``: of the natural
            logarithm). 0.0005 for an MNIST accuracy is five test images.
        scale: "log" compares ratios, for skewed positive metrics such as steps to a target.
        floor: for ``scale="log"``, the size that differences of smaller values are relative to. A check allows 1e-4 of
            it, so 1e-3 allows what float32 cannot resolve in weights of about 1.
        examples: the number of examples that an accuracy is a mean over, so that a difference can be told in examples;
            None for any other metric.
        of: history -> value, or None if the trial is censored (it never reached the target). By default the metric is
            the last value of the curve of its name.
    """

    name: str
    better: Literal["higher", "lower"]
    unit: str
    smallest_effect: float
    scale: Literal["linear", "log"] = "linear"
    floor: float = 0.0
    examples: int | None = None
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
        if not self.floor >= 0 or (self.floor and self.scale == "linear"):
            raise invalid(
                f"floor of metric {self.name!r}",
                expected='a size of at least 0, and only with scale="log"',
                received=self.floor,
            )

    def value(self, history: History) -> float | None:
        """The metric of one trial, from its curves; None if it is censored, or the curve is absent or empty."""
        if self.of is not None:
            return self.of(history)
        curve = history.get(self.name)
        return float(curve[-1]) if curve else None
