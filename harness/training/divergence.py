"""Divergence: whether, when and how a training failed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.domain.model import Dataset, Divergence, History

BLOW_UP = 1000.0
"""A finite loss at the end of training that is more than this many times the first step's loss is a blow-up."""

CHANCE_MIN = 100
"""The fewest evaluation examples that distinguish an accuracy from chance. With fewer, no training counts as stuck."""


def first_bad(losses: Sequence[float]) -> tuple[int, int]:
    """The first step with a non-finite loss, and the first with a loss above BLOW_UP × the first loss.

    Steps count from 1; 0 means none.
    """
    limit = BLOW_UP * losses[0] if losses else math.inf
    broken = next((step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)), 0)
    high = next((step for step, loss in enumerate(losses, 1) if loss > limit), 0)
    return broken, high


def classify(
    history: History, data: Dataset, *, broken: int, broken_is_nan: bool, high: int, initial: float, steps: int
) -> Divergence | None:
    """The divergence of a finished training, or None.

    Args:
        history: its curves, with nan and inf.
        data: its training and validation data.
        broken, high: the first steps with a non-finite loss, and with a loss above BLOW_UP × ``initial``; 0 for none.
        broken_is_nan: whether the first non-finite loss was nan (else inf).
        initial: the loss of the first step.
        steps: number of optimizer steps per epoch.
    """
    if broken:
        return Divergence("nan" if broken_is_nan else "inf", epoch=(broken - 1) // steps + 1, step=broken)
    if high and history["loss"][-1] > BLOW_UP * initial:
        return Divergence("blow-up", epoch=(high - 1) // steps + 1, step=high)
    stuck = stuck_at_chance(history, data)
    return Divergence("stuck at chance", epoch=stuck) if stuck else None


def stuck_at_chance(history: History, data: Dataset) -> int | None:
    """The number of the last epoch if its accuracy is at chance, else None.

    Chance is the accuracy of always predicting the most frequent class, plus 3 standard errors.
    """
    curve, targets = ("val_accuracy", data.y_val) if "val_accuracy" in history else ("accuracy", data.y)
    if curve not in history or targets is None or len(targets) < CHANCE_MIN:
        return None
    chance = float(targets.mean(axis=0).max())
    limit = chance + 3 * math.sqrt(chance * (1 - chance) / len(targets))
    return len(history[curve]) if history[curve][-1] <= limit else None
