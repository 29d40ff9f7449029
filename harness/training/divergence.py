"""Divergence: whether, when and how a training failed."""

from __future__ import annotations

import math

import numpy as np

from harness.model import Dataset, Divergence, History

BLOW_UP = 1000.0
"""A finite loss at the end of training that is more than this many times the first step's loss is a blow-up."""

CHANCE_MIN = 100
"""The fewest evaluation examples that distinguish an accuracy from chance. With fewer, no training counts as stuck."""


def classify(history: History, data: Dataset, losses: np.ndarray, steps: int) -> Divergence | None:
    """The divergence of a finished training, or None.

    Args:
        history: its curves, with nan and inf.
        data: its training and validation data.
        losses: of every step; empty for a training whose steps were all finite and low.
        steps: number of optimizer steps per epoch.
    """
    with np.errstate(over="ignore"):  # a limit above float32 is inf
        high = _first(losses > BLOW_UP * losses[0]) if len(losses) else 0
    if broken := _first(~np.isfinite(losses)):
        is_nan = np.isnan(losses[broken - 1])
        return Divergence("nan" if is_nan else "inf", epoch=(broken - 1) // steps + 1, step=broken)
    if high and history["loss"][-1] > BLOW_UP * float(losses[0]):
        return Divergence("blow-up", epoch=(high - 1) // steps + 1, step=high)
    stuck = stuck_at_chance(history, data)
    return Divergence("stuck at chance", epoch=stuck) if stuck else None


def _first(bad: np.ndarray) -> int:
    """The first bad step, counted from 1; 0 for none."""
    return int(bad.argmax()) + 1 if bad.any() else 0


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
