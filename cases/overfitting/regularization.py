"""3. Overfitting: what it is; 4. Overfitting: regularization and dropout against it.

The slides: after some epochs training still improves while evaluation no longer does. Against it: more data, fewer
features, regularization, dropout. Regularization keeps the weights small:

    Loss = D(H(X | W, B), Y) + λ Σ W²,   with λ = 0, 1 and 0.001 on the slide,

and a listing has ``l1_l2(l1=0.01, l2=0.01)``. The penalty that Keras adds to the data's loss is compared with the sums
in NumPy.

A gap is training minus validation accuracy, both in inference mode, because Keras' logged training accuracy includes
dropout and is averaged over the epoch.
"""

import functools
import itertools
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cases.data.mnist import mnist
from cases.metrics import VAL_ACCURACY, VAL_LOSS, epochs_to
from cases.networks import adam, mlp
from cases.references import ROUNDING
from harness.claim import Claim
from harness.model import Experiment, History, Metric, Size, Variant
from harness.plots import Plots, Sweep, TurningPoint
from harness.rules import Above, All, Comparison, Exceeds, Monotone
from harness.verdict import Verdict

STRENGTHS = (0.0, 1.0, 0.001)  # the slide's
ELASTIC = 0.01


def two_layers(regularizer: Any) -> Any:
    """Dense(5) and Dense(1) on four inputs, with random weights and biases and the regularizer on both kernels."""
    import keras
    from keras import layers

    stack = [layers.Dense(units, kernel_regularizer=regularizer) for units in (5, 1)]
    model = keras.Sequential([layers.Input((4,)), *stack])
    rng = np.random.default_rng(6)
    model.set_weights([rng.standard_normal(weights.shape) for weights in model.get_weights()])
    return model


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Shapes (16, 4) and (16, 1)."""
    rng = np.random.default_rng(7)
    return rng.standard_normal((16, 4)).astype("float32"), rng.standard_normal((16, 1)).astype("float32")


def added(regularizer: Any, l1: float, l2: float, name: str) -> Comparison:
    """Compares Keras' loss less the mean squared error of the data with l1 Σ abs(W) + l2 Σ W² over the kernels."""
    model, (x, y) = two_layers(regularizer), examples()
    model.compile(loss="mse")
    obtained = float(model.evaluate(x, y, batch_size=16, verbose=0))
    first, b1, second, b2 = (weights.astype("float64") for weights in model.get_weights())
    of_data = float(np.mean(((x @ first + b1) @ second + b2 - y) ** 2))
    penalty = sum(l1 * float(np.sum(np.abs(kernel))) + l2 * float(np.sum(kernel**2)) for kernel in (first, second))
    rounding = 64 * ROUNDING * (of_data + penalty)  # sums of at most 16 examples and 25 weights
    return Comparison(f"{name}: the loss less that of the data", obtained - of_data, penalty, rounding)


def check_l2() -> Iterator[Comparison]:
    import keras

    for strength in STRENGTHS:
        yield added(keras.regularizers.L2(l2=strength), 0.0, strength, f"λ = {strength:g}")


def check_l1_l2() -> Iterator[Comparison]:
    import keras

    regularizer = keras.regularizers.l1_l2(l1=ELASTIC, l2=ELASTIC)
    yield added(regularizer, ELASTIC, ELASTIC, f"l1_l2(l1={ELASTIC}, l2={ELASTIC})")


FITTED = 0.1  # nats of training loss: well below that of the first epoch; every variant without a penalty reaches it


def gap(history: History) -> float:
    """Training minus validation accuracy at the end, in inference mode."""
    return history["train_accuracy"][-1] - history["val_accuracy"][-1]


def turning_epoch(history: History) -> int:
    """The epoch, from 0, at which the loss of the even validation images is least."""
    even = history["even_val_loss"]
    return min(range(len(even)), key=lambda epoch: even[epoch])


def trend(curve: Sequence[float]) -> float:
    """How much a curve rises from its first to its last epoch; 0 for fewer than two epochs.

    It is the median slope between all pairs of epochs (Theil 1950, Sen 1968), times the number of epochs minus 1. Up to
    29 % of the epochs may be outliers, such as the spikes of Adam's loss.
    """
    pairs = list(itertools.combinations(enumerate(curve), 2))
    return statistics.median((b - a) / (j - i) for (i, a), (j, b) in pairs) * (len(curve) - 1) if pairs else 0.0


def rise(history: History) -> float:
    """The trend of the loss of the odd validation images over the epochs after the turning epoch.

    The turning epoch is chosen on the other half of the images, and is excluded, so that choosing a minimum does not
    by itself cause a rise.
    """
    return trend(history["odd_val_loss"][turning_epoch(history) + 1 :])


def training_fall(history: History) -> float:
    """How much the trend of the training loss, in inference mode, falls over the same epochs."""
    return -trend(history["train_loss"][turning_epoch(history) + 1 :])


def epochs_to_fit(history: History) -> float | None:
    """Interpolated number of epochs until the training loss in inference mode is FITTED; None if it never is."""
    return epochs_to(history["train_loss"], FITTED, falls=True)


def sum_of_squares(weights: Sequence[Any]) -> Any:
    """Σ W² over the kernels of all layers."""
    from keras import ops

    return sum(ops.sum(ops.square(weight)) for weight in weights if len(weight.shape) == 2)


GAP = Metric("gap", better="lower", unit="fraction", smallest_effect=0.001, of=gap)
RISE = Metric("rise", better="lower", unit="nats", smallest_effect=0.005, of=rise)
TRAINING_FALL = Metric("training_fall", better="higher", unit="nats", smallest_effect=0.005, of=training_fall)
EPOCHS_TO_FIT = Metric(
    "epochs_to_fit", better="lower", unit="epochs", smallest_effect=0.05, scale="log", of=epochs_to_fit
)
SUM_OF_SQUARES = Metric("sum_of_squares", better="lower", unit="Σ W²", smallest_effect=0.05, scale="log")

USUAL_L2 = 1e-4
"""The weight decay of the residual networks, which have batch normalization (He et al. 2016, section 3.4)."""

deep = functools.partial(mlp, 5)

REGULARIZATION = Experiment(
    id="regularization",
    data=mnist,
    optimizer=adam,
    loss="categorical_crossentropy",
    size=Size(epochs=20, batch_size=512),
    metrics=(VAL_ACCURACY, VAL_LOSS, GAP, RISE, TRAINING_FALL, EPOCHS_TO_FIT, SUM_OF_SQUARES),
    inference=True,
    halves=True,
    follow={"sum_of_squares": sum_of_squares},
    variants=(
        Variant("none", deep, at=0.0),
        Variant("l2 0.001", functools.partial(deep, l2=0.001), at=0.001),
        Variant("l2 1", functools.partial(deep, l2=1.0), at=1.0),
        Variant("dropout 0.2", functools.partial(deep, dropout=0.2)),
        Variant("batch normalization", functools.partial(deep, batch_normalization=True)),
        Variant("batch normalization, l2 1e-4", functools.partial(deep, batch_normalization=True, l2=USUAL_L2)),
    ),
    plots=Plots(
        sweep=Sweep(
            over="λ",
            metric="sum_of_squares",
            title="The sum of the squared weights after training, by regularization strength.",
            x_scale="symlog",
            y_scale="log",
        ),
        turning_point=TurningPoint(("none", "dropout 0.2")),  # no penalty in their loss
        words={
            "none": "no regularization",
            "l2 0.001": "L2, λ = 0.001",
            "l2 1": "L2, λ = 1",
            "batch normalization, l2 1e-4": "batch normalization and L2, λ = 1e-4",
        },
    ),
)

NETWORK = (
    "Example 4's network of five hidden layers, trained as there: Adam, 60,000 images, batches of 512, 20 epochs. "
    "These are other trainings than Example 4's: a mean accuracy may differ from theirs by 0.0002"
)
GAP_MEANS = (
    "the gap is training less validation accuracy after the last epoch, both in inference mode, as evaluate gives them"
)

LEARNT = 0.8947
"""The accuracy that the slides print for the simplest network, one softmax layer."""
NO_WORSE = VAL_ACCURACY.smallest_effect
AS_ACCURATE = (
    f"the validation accuracy may not be worse by {NO_WORSE}, five test images, the smallest effect of interest"
)
SOLUTIONS = (
    "Solutions for overfitting - More training data! - Reduce the number of features - Regularization(일반화) - Dropout"
)
REDUCES = (
    "a solution makes the gap between training and validation accuracy smaller, and costs no validation accuracy; the "
    "weaker reading is a smaller gap alone"
)
GUARDED = (
    "Changed after verdicts were seen: the accuracy may not suffer. Before, it had to be above 0.8947, which a softmax "
    "layer is."
)


def as_accurate(variant: str, than: str = "none") -> Exceeds:
    """The rule that a variant's validation accuracy is not worse than that of another one by NO_WORSE."""
    return Exceeds(variant, than, margin=-NO_WORSE)


TWO_LAYERS = "two linear layers of random weights on random data, mean squared error: the slide names no model"


CLAIMS = (
    Claim(
        id="l2-loss-formula",
        slide="4. Overfitting, Regularization",
        quote=r"Loss(X, Y) = D(H(X|W, B), Y) + \lambda \sum W^2",
        statement="With regularization the loss is D(H(X | W, B), Y) + λ Σ W².",
        check=check_l2,
        deviations=(TWO_LAYERS,),
        notes=("Only what a layer's kernel_regularizer is given for is summed: the biases are not.",),
    ),
    Claim(
        id="l1-l2-formula",
        slide="4. Overfitting, Regularization",
        source="read",
        quote="reg = l1_l2(l1=0.01, l2=0.01)",
        reading="the listing stands under the formula of the penalty, and gives none for the absolute values",
        statement="l1_l2(l1=0.01, l2=0.01) adds 0.01 Σ abs(W) + 0.01 Σ W².",
        check=check_l1_l2,
        deviations=(TWO_LAYERS,),
    ),
    Claim(
        id="overfitting-happens",
        slide="3. Overfitting",
        source="read",
        quote="어느정도 반복 훈련한 후에 훈련데이터에 대해서는 학습이 계속 잘되지만 평가데이터에 대해서는 학습이 더 "
        "이상 안되는 현상을 의미한다.",
        reading="that it happens, in Example 4's network; the slide defines the word and names no network",
        statement="After some epochs the training data are still learnt better, the evaluation data no longer.",
        rule=All((Above("none", metric="rise", value=RISE.smallest_effect), Above("none", metric="training_fall"))),
        experiment=REGULARIZATION,
        shown="After the turning epoch the validation loss rises by {none}, {0} more than the 0.005 that count; "
        "the training loss falls by {1}.",
        say={
            Verdict.INCONCLUSIVE: "Whether this network overfits in 20 epochs is open: its validation loss rises by "
            "{none} after the turning epoch.",
        },
        deviations=(
            NETWORK,
            "the turning epoch is chosen on half of the evaluation images; behind it the loss of the other half has to "
            f"rise by more than {RISE.smallest_effect} nats, the smallest effect of interest, and the training loss "
            "fall",
            "both by their trend (Theil–Sen): the median slope between two epochs, times the number of epochs",
        ),
        notes=(
            "Changed: the trend of all epochs behind the turning epoch decides. Before, the mean of the last three "
            "did, among which Adam's loss has spikes.",
        ),
    ),
    Claim(
        id="l2-shrinks-weights",
        slide="4. Overfitting, Regularization",
        quote="W becomes small value",
        statement="The larger λ, the smaller the weights.",
        rule=Monotone(("none", "l2 0.001", "l2 1"), metric="sum_of_squares", direction="falls", failures="count"),
        experiment=REGULARIZATION,
        shown="Σ W² without a penalty is {0} that with λ = 0.001, which is {1} that with λ = 1.",
        deviations=(
            NETWORK,
            "Σ W² over the kernels of all layers, after the last epoch; λ = 0, 0.001 and 1 are the slide's",
        ),
        notes=("With λ = 1 the weights are all but 0, and the network answers one digit for every image.",),
    ),
    Claim(
        id="l2-reduces-gap",
        slide="3. Overfitting (cont.), Regularization",
        source="read",
        quote=SOLUTIONS,
        reading=REDUCES,
        statement="Regularization with λ = 0.001 reduces overfitting.",
        rule=All((Exceeds("none", "l2 0.001", metric="gap"), as_accurate("l2 0.001"))),
        alongside=(Exceeds("l2 0.001", "l2 1"),),
        experiment=REGULARIZATION,
        shown="With λ = 0.001 the gap falls by {0}, and the validation accuracy changes by {1}.",
        say=dict.fromkeys(
            (Verdict.REFUTED, Verdict.INCONCLUSIVE),
            "λ = 0.001 makes the gap between training and validation accuracy smaller by {0:short} and changes the "
            "validation accuracy by {1}. A smaller gap is no gain if accuracy is lost: choose λ by the validation "
            "accuracy.",
        ),
        deviations=(
            NETWORK,
            GAP_MEANS,
            "λ = 0.001, the weaker of the two that the slide prints beside a picture, without a word on which is good",
            AS_ACCURATE,
        ),
        notes=(GUARDED, "The rule alongside compares it with λ = 1, with which no network learns."),
    ),
    Claim(
        id="dropout-reduces-gap",
        slide="3. Overfitting (cont.), Dropout",
        source="read",
        quote=SOLUTIONS,
        reading=REDUCES,
        statement="Dropout reduces overfitting.",
        rule=All((Exceeds("none", "dropout 0.2", metric="gap"), as_accurate("dropout 0.2"))),
        experiment=REGULARIZATION,
        shown="With dropout 0.2 the gap falls by {0}, and the validation accuracy changes by {1}.",
        say={
            Verdict.INCONCLUSIVE: "Whether dropout 0.2 reduces overfitting is open: with it the gap falls by {0}, and "
            "the validation accuracy changes by {1}.",
        },
        deviations=(NETWORK, GAP_MEANS, "dropout 0.2, the rate that Example 4 finds best", AS_ACCURATE),
        notes=(GUARDED,),
    ),
)
