"""The step from which on each fault of the table can show, fixed before any check of first steps was measured.

A fault of an optimizer shows in the loss after its first step, any other fault in the first loss, unless it is listed
here. Listed faults need a value (a probability below 0.01, an activation above 6) or an image (two labels of 60,000)
that a training reaches later.
"""

from __future__ import annotations

import dataclasses

from tests.faults.fault import Fault

OF_EVALUATION = {
    "dropout on at evaluation": 1,
    "batch normalization momentum is 0.9": 2,
    "batch normalization momentum is 0.98": 2,
    "batch normalization momentum is 0.999": 2,
    "batch normalization in training mode at evaluation": 1,
    "batch normalization: the moving average of deviations, squared": 2,
    "validation on the first 50.00%": 1,
    "validation on the first 95.00%": 1,
    "validation on the first 99.99%": 1,
    "evaluation in training mode": 1,
    "evaluation without penalties": 1,
    "validation labels shifted by one": 1,
    "validation on the training images": 1,
    "validation on the training data, in the engine": 1,
    "test labels 4 and 9 swapped": 1,
    "500 validation images twice": 1,
    "both halves of the validation images are one": 1,
    "moving statistics are not reset between seeds": 1,
    "the layers' other variables are not kept": 2,
    "what is followed comes an epoch early": 2,
    "gradients are observed on half of the batch": 1,
}
"""Training losses do not show these; an evaluation before that step does."""

OF_RESULTS = {
    "Adam: amsgrad ignored",  # no training uses it
    "accuracy off by a batch",
    "the last value of a curve is the one before",
    "the last value of a curve is its best",
    "a partial batch counts as a whole one",
    "validation values come an epoch late",  # of one launch, which no training with validation is
    "side by side: failures of the first seed",
    "a blow-up is ten times the first loss",
    "stuck at chance: by the rarest class",
    "an epoch's training loss is that of its last batch",
    "a diverged training's metric is its last finite value",
    "long curves are thinned at other epochs",
}
"""No step and no evaluation shows these, but only the curves, the metrics or the failure of a trial that has ended."""

LATER = {
    "learning rate decays by 0.01 a step": 3,
    "learning rate decays by 0.001 a step": 3,
    "learning rate decays by 1e-05 a step": 3,
    "Adam: beta_1 is 0.8": 3,
    "Adam: beta_1 is 0.89": 3,
    "Adam: beta_2 is 0.99": 3,
    "no step at each 10th": 11,
    "no step at each 100th": 101,
    "one gradient in 20 doubled": 21,
    "data order: the same in every epoch": 601,
    "order turned round in every second epoch": 601,
    "odd epochs backwards": 51,
    "the optimizer starts anew in every epoch": 52,
    "the last batch is dropped": 118,  # Example 4; the yardstick has no partial batch
    "epochs -1": 2401,
    "epochs +1": 3001,
    "the optimizer's state is not reset between seeds": 2,
    "the learning rate of the variant before": 2,
    "side by side: the optimizer's state of the block before": 2,
    "side by side: the learning rate of the variant before": 2,
    # alike at the initial weights, where biases are 0 and γ is 1, or alike forwards
    "Dense without its bias": 2,
    "Dense: the bias is added behind the activation": 2,
    "L2 penalises the biases too": 2,
    "batch normalization: γ ignored": 2,
    "batch normalization: no gradient through mean and variance": 2,
    "max pooling: the gradient goes to all pixels": 2,
    "dropout: the gradient knows no mask": 2,
    "a random state that stands still": 2,
}

IN_TURN = {
    "the learning rate of the variant before": (
        ("batch-normalization-rates", "plain, rate 0.02"),
        ("batch-normalization-rates", "plain, rate 0.1"),
    ),
    "the data of the variant before": (("more-data", "500 images"), ("more-data", "2,000 images")),
    "side by side: the optimizer's state of the block before": (("example-1", "rate 1e-5"), ("example-1", "rate 0.1")),
    "side by side: the learning rate of the variant before": (("example-1", "rate 1e-5"), ("example-1", "rate 0.1")),
    "side by side: the data of the variant before": (("example-2", "raw"), ("example-2", "min-max")),
    "side by side: the initializers of the variant before": (("example-1", "rate 1e-5"), ("example-1", "rate 0.1")),
    "the dropout rate of the variant before": (("example-4", "dropout 0.1"), ("example-4", "dropout 0.2")),
}
"""Trainings of faults that act on the second of two variants which share a program."""


def acting(fault: Fault) -> Fault:
    """The fault with ``acts_from_step`` and ``shows``; one that touches no training keeps None and "result".

    A late or small fault, which says what it does, says that of itself.
    """
    if fault.what:
        return fault
    fault = dataclasses.replace(fault, only=IN_TURN.get(fault.name, fault.only))
    if fault.yardstick is None or fault.name in OF_RESULTS:
        return fault
    if fault.name in OF_EVALUATION:
        return dataclasses.replace(fault, acts_from_step=OF_EVALUATION[fault.name], shows="evaluation")
    of_optimizer = all(patch.owner.startswith("keras.src.optimizers") for patch in fault.patches)
    return dataclasses.replace(fault, acts_from_step=LATER.get(fault.name, 2 if of_optimizer else 1), shows="training")
