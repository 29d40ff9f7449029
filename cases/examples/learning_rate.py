"""Example 1. Learning rate.

Eight points in three classes, one softmax layer, SGD(0.1), 200 epochs of one full batch. The slide prints the last
epochs, then asks what other learning rates do ("learning phenomena by learning rate").
"""

from __future__ import annotations

import functools

from cases.data.arrays import EXAMPLE_1_X, EXAMPLE_1_X_VAL, EXAMPLE_1_Y, EXAMPLE_1_Y_VAL
from cases.metrics import LOSS_RATIO, RISING_EPOCHS
from cases.networks import dense_softmax, sgd
from harness.domain.claim import Claim
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.plots import Plots
from harness.domain.published import Published
from harness.statistics import All, Best, Converges, Diverges, Exceeds, Reproduces

SLIDE = "Example 1. Learning rate"


def eight_points() -> Dataset:
    return Dataset(EXAMPLE_1_X, EXAMPLE_1_Y, EXAMPLE_1_X_VAL, EXAMPLE_1_Y_VAL)


# Losses are positive and skewed over seeds: compared as ratios.
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01, scale="log")
VAL_LOSS = Metric("val_loss", better="lower", unit="nats", smallest_effect=0.01, scale="log")
# one of eight training points, one of three evaluation points
ACCURACY = Metric("accuracy", better="higher", unit="fraction", smallest_effect=1 / 8)
VAL_ACCURACY = Metric("val_accuracy", better="higher", unit="fraction", smallest_effect=1 / 3)

SIZE = Size(epochs=200, batch_size=32)

EIGHT_POINTS = Experiment(
    id="example-1",
    data=eight_points,
    model=functools.partial(dense_softmax, 3, 3),
    loss="categorical_crossentropy",
    size=SIZE,
    metrics=(LOSS, ACCURACY, VAL_LOSS, VAL_ACCURACY, LOSS_RATIO, RISING_EPOCHS),
    variants=tuple(
        Variant(f"rate {rate}", optimizer=functools.partial(sgd, float(rate)))
        for rate in ("1e-5", "0.1", "10", "1e6", "1e38")
    ),
    plots=Plots(
        printed={
            "rate 0.1": {
                # the slide prints the last four of 200 epochs only
                "loss": (float("nan"),) * 196 + (0.6118, 0.6110, 0.6102, 0.6094),
                "val_loss": (float("nan"),) * 196 + (0.0300, 0.0296, 0.0293, 0.0289),
            }
        },
    ),
)

SOFTMAX_EIGHT_POINTS = Claim(
    id="softmax-eight-points",
    slide=SLIDE,
    statement="One softmax layer learns the evaluation set of Example 1 in 200 epochs of SGD(0.1).",
    rule=All(
        (
            Converges("rate 0.1", share=0.5, metric="val_accuracy", at_least=1.0),
            Reproduces("rate 0.1", metric="accuracy"),
            Reproduces("rate 0.1", metric="loss"),
            Reproduces("rate 0.1", metric="val_accuracy"),
            Reproduces("rate 0.1", metric="val_loss"),
        )
    ),
    experiment=EIGHT_POINTS,
    published=(
        Published({"rate 0.1": "0.7500"}, metric="accuracy"),
        Published({"rate 0.1": "0.6094"}, metric="loss"),
        Published({"rate 0.1": "1.0000"}, metric="val_accuracy"),
        Published({"rate 0.1": "0.0289"}, metric="val_loss"),
    ),
    deviations=("'learns' is asked of more than half of the seeds: the slide prints one run",),
    notes=(
        "The three evaluation points are of one class, so a constant answer would get them right too; the four printed "
        "figures, which are part of the rule, tell it apart.",
    ),
)

RATE_PHENOMENA = Claim(
    id="softmax-rate-phenomena",
    slide=SLIDE + " (learning phenomena by learning rate)",
    statement="A too small rate learns nothing, a right one learns, and a too large one oscillates.",
    rule=All(
        (
            Best("rate 0.1", among=("rate 1e-5", "rate 10"), metric="loss"),
            Converges("rate 1e-5", metric="loss_ratio", at_least=0.95),
            Exceeds("rate 10", "rate 0.1", metric="rising_epochs", failures="count"),
        )
    ),
    alongside=(Diverges("rate 10"), Diverges("rate 1e6"), Diverges("rate 1e38")),
    experiment=EIGHT_POINTS,
    deviations=(
        "the slide shows only a picture: 1e-5 stands for too small, 0.1 for right, 10 for too large",
        "'learns nothing' is a training loss that falls by less than 5 % in 200 epochs",
        "'oscillates' is more epochs at which the training loss rises",
    ),
    notes=(
        "Whether nan is ever reached depends on how a backend computes the loss: from logits (TensorFlow's compiled "
        "graph) or from clipped probabilities (JAX). The rates 1e6 and 1e38 look for it: the rules alongside name what "
        "each ends in, and ask it of every seed.",
        "Changed: at 1e-5 no seed may learn, before it was most of them.",
    ),
)

CLAIMS = (SOFTMAX_EIGHT_POINTS, RATE_PHENOMENA)
