"""What is trained of a variant: shortened trials, and all that a task gives back."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.domain.trial import Trial
from harness.record.evidence import Hashes
from harness.record.numbers import Number


class ShortTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first steps of one variant with one seed; never evidence, never reused.

    Attributes:
        experiment, variant, seed: what was trained.
        engine: which engine trained it.
        losses: the training loss of step 1, 2, … as the step began, penalties included.
        val_loss: the validation loss after the last step, without penalties; None where not asked for.
        observed: what the experiment observes of the model as initialised; of validated seeds only.
        perturbed: 0, or which perturbation of the initial weights' last bits it started from.
        canonical: whether the weights were drawn by NumPy and dropout was off.
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
        hashes: of seed 0's random numbers; None where they were not taken.
        short: shortened trials, the canonical one among them.
        trials: to the end: a tiny training's, anchors, or those of a run to the end.
    """

    configuration: dict[str, Any]
    hashes: Hashes | None = None
    short: tuple[ShortTrial, ...] = ()
    trials: tuple[Trial, ...] = ()
