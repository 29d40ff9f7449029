"""Shortened trials, and the result of training one variant."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.domain.trial import Trial
from harness.record.evidence import Hashes
from harness.record.numbers import Number


class ShortTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first steps of one variant with one seed. It is never evidence, and never reused.

    Attributes:
        experiment, variant, seed: what was trained.
        engine: the engine that trained it.
        losses: the training loss before step 1, 2, …, penalties included.
        val_loss: the validation loss after the last step, without penalties; None if not requested.
        observed: the recorded metrics of the initial model; of validated seeds only.
        perturbed: 0, or the number of the perturbation of its initial weights.
        canonical: whether NumPy drew the weights and dropout was off.
        seconds: wall clock, compilation included.
    """

    experiment: str
    variant: str
    seed: int
    engine: str
    losses: tuple[Number, ...]
    val_loss: Number | None = None
    observed: dict[str, Number] = {}
    perturbed: int = 0
    canonical: bool = False
    seconds: float = 0.0


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was trained here of one variant.

    Attributes:
        configuration: what Keras was given (``harness.training.configuration.configuration``).
        hashes: of seed 0's random numbers; None if unknown.
        short: shortened trials, the canonical one included.
        trials: trained to the end: of a tiny training, of anchors, or of a run to the end.
    """

    configuration: dict[str, Any]
    hashes: Hashes | None = None
    short: tuple[ShortTrial, ...] = ()
    trials: tuple[Trial, ...] = ()
