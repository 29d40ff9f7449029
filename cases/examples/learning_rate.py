"""Example 1. Learning rate.

Eight points in three classes, one softmax layer, SGD(0.1), 200 epochs of one full batch. The slide prints the last
epochs, then asks what other learning rates do ("learning phenomena by learning rate").
"""

import functools

from cases.data.arrays import EXAMPLE_1_X, EXAMPLE_1_X_VAL, EXAMPLE_1_Y, EXAMPLE_1_Y_VAL
from cases.metrics import LOSS_RATIO, RISING_EPOCHS
from cases.networks import dense_softmax, sgd
from cases.rules import ReproducesCurve
from harness.claim import Claim
from harness.model import Dataset, Experiment, Metric, Published, Size, Variant
from harness.plots import Plots
from harness.rules import All, Best, Converges, Diverges, Exceeds, Reproduces
from harness.verdict import Verdict

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
BEFORE = (float("nan"),) * 196
PRINTED = {"loss": (*BEFORE, 0.6118, 0.6110, 0.6102, 0.6094), "val_loss": (*BEFORE, 0.0300, 0.0296, 0.0293, 0.0289)}
"""The slide prints the last four of 200 epochs only."""
OSCILLATES = SIZE.epochs // 10

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
    plots=Plots(printed={"rate 0.1": PRINTED}),
)


CLAIMS = (
    Claim(
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
        quote="## Accuracy : 1.0",
        shown="The evaluation set is learnt in {0}. One more run is expected at an accuracy of {1} (slide 0.75) and a "
        "loss of {2} (slide 0.6094), and on the evaluation set at {3} (slide 1.0) and {4} (slide 0.0289).",
        deviations=("'learns' is asked of more than half of the seeds: the slide prints one run",),
        notes=(
            "The three evaluation points are of one class, so a constant answer would get them right too; the four "
            "printed figures, which are part of the rule, tell it apart.",
        ),
    ),
    Claim(
        id="softmax-eight-points",
        case="epochs 197 to 200",
        slide=SLIDE,
        statement="The eight printed losses of epochs 197 to 200 come back: 0.6118 to 0.6094 in training, 0.0300 to "
        "0.0289 on the evaluation set.",
        rule=All(tuple(ReproducesCurve("rate 0.1", name, printed, decimals=4) for name, printed in PRINTED.items())),
        experiment=EIGHT_POINTS,
        quote="loss: 0.6118 - acc: 0.7500 - val_loss: 0.0300 - val_acc: 1.0000",
        shown="In the epoch whose printed loss lies farthest from ours, one more run is expected at {0} in training, "
        "and at {2:short} on the evaluation set.",
        notes=(
            "The four losses of a curve hardly differ from seed to seed but in their level: they say little more "
            "than the last one. Those on the evaluation set are skewed over seeds, 0.004 to 0.18, so their band is "
            "wide, and reaches below 0, where no loss is.",
            "New, after verdicts were seen: two of the eight losses had a case.",
        ),
    ),
    Claim(
        id="softmax-rate-phenomena",
        slide=SLIDE + " (learning phenomena by learning rate)",
        statement="A too small rate learns nothing, a right one learns, and a too large one oscillates.",
        rule=All(
            (
                Best("rate 0.1", among=("rate 1e-5", "rate 10"), metric="loss"),
                Converges("rate 1e-5", metric="loss_ratio", at_least=0.95),
                Exceeds("rate 10", "rate 0.1", metric="rising_epochs", margin=OSCILLATES, failures="count"),
            )
        ),
        alongside=(Diverges("rate 10"), Diverges("rate 1e6"), Diverges("rate 1e38")),
        experiment=EIGHT_POINTS,
        source="read",
        quote="Learning rate에 따른 학습 현상",
        reading="the slide has a title, 'learning phenomena by learning rate', and a picture without words: it is read "
        "by the slides on large and small rates",
        shown="After 200 epochs the training loss is {0} that of the rate 0.1 at 1e-5, and {1} at 10. At 1e-5 it falls "
        "by less than 5 % in {2}. At 10 it rises in {3} more of the 200 epochs than at 0.1.",
        say={
            Verdict.REFUTED: "At the rate 10 the loss rises in {3} more of the 200 epochs than at 0.1: it does not "
            "oscillate. On JAX and PyTorch Keras computes it from probabilities clipped at 1e-7, so an example "
            "that is far off has no gradient, and the training gets stuck. Computed from logits, as on TensorFlow, it "
            "oscillates.",
        },
        deviations=(
            "1e-5 stands for too small, 0.1 for right, 10 for too large",
            "'learns nothing' is a training loss that falls by less than 5 % in 200 epochs",
            f"'oscillates' is a training loss that rises in {OSCILLATES} epochs more than at 0.1, a tenth of the 200",
        ),
        notes=(
            "Whether nan is ever reached depends on how a backend computes the loss: from logits (TensorFlow's "
            "compiled graph) or from clipped probabilities (JAX). The rates 1e6 and 1e38 look for it: the rules "
            "alongside name what each ends in, and ask it of every seed.",
            "Changed: at 1e-5 no seed may learn, before it was most of them.",
            "Changed after verdicts were seen: 'oscillates' was more rising epochs by any margin; one or two were "
            "enough.",
        ),
    ),
)
