"""Lab 10 of *Deep Learning Zero to All*: seven networks for MNIST, each with the costs and accuracies that it prints.

Labs 10-1 to 10-5 go from one softmax layer to a deep network with dropout, lab 10-6 compares batch normalization with
none. Every printed figure is a claim, and so is every lesson that the labs draw from these figures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.claim import Claim, Finding
from harness.course import Course
from harness.errors import SuiteError
from harness.model import Dataset, Experiment, History, Metric, Published, Size, Variant
from harness.plots import Plots
from harness.rules import Above, All, Best, Comparison, Exceeds, NotBetter, Reproduces
from harness.verdict import Verdict

SOFTMAX = "Lab 10-1. Softmax"
TWO_LAYERS = "Lab 10-2. Two hidden layers"
XAVIER = "Lab 10-3. Xavier initialization"
DEEP = "Lab 10-4. Four wide hidden layers"
DROPOUT = "Lab 10-5. Dropout"
NORMALIZATION = "Lab 10-6. Batch normalization"

IMAGES = Path(__file__).with_name("mnist.npz")
VALIDATION = 5000
"""The first training images are the validation images, as in TensorFlow's tutorial of that time."""

KEEP = 0.7
"""The labs give the share of units that dropout keeps. Keras' rate is the share that it drops."""


@functools.cache
def mnist() -> Dataset:
    """All 60,000 training images, and the 10,000 test images: rows of 784 pixels in [0, 1], one-hot labels."""
    try:
        with np.load(IMAGES, allow_pickle=False) as file:
            x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except FileNotFoundError:
        fix = "It is a link to the file of the repository: copy that file here if you moved the course."
        raise SuiteError(f"The images {IMAGES} are missing. {fix}") from None
    one_hot = np.eye(10, dtype="float32")
    return Dataset(pixels(x), one_hot[y], pixels(x_test), one_hot[y_test])


def pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), 784).astype("float32") / np.float32(255)


def tested() -> Dataset:
    """Labs 10-1 to 10-5: 55,000 training images, measured on the 10,000 test images."""
    every = mnist()
    return Dataset(every.x[VALIDATION:], every.y[VALIDATION:], every.x_val, every.y_val)


def validated() -> Dataset:
    """Lab 10-6: 55,000 training images, measured on the 5,000 validation images."""
    every = mnist()
    return Dataset(every.x[VALIDATION:], every.y[VALIDATION:], every.x[:VALIDATION], every.y[:VALIDATION])


def network(*units: int, xavier: bool = False, keep: float = 1.0) -> Any:
    """Labs 10-1 to 10-5: hidden layers with ReLU, and a softmax. Biases are drawn from N(0, 1).

    Args:
        units: of each hidden layer.
        xavier: weights from Xavier's uniform distribution, not from N(0, 1).
        keep: the share of units that dropout behind each hidden layer keeps; 1 for no dropout.
    """
    import keras
    from keras import initializers, layers

    def dense(width: int, activation: str) -> Any:
        normal = initializers.RandomNormal(stddev=1.0)
        kernel = initializers.GlorotUniform() if xavier else normal
        return layers.Dense(width, activation, kernel_initializer=kernel, bias_initializer=normal)

    stack: list[Any] = [layers.Input((784,))]
    for width in units:
        stack.append(dense(width, "relu"))
        if keep < 1:
            stack.append(layers.Dropout(1 - keep))
    return keras.Sequential([*stack, dense(10, "softmax")])


def small_network(normalized: bool) -> Any:
    """Lab 10-6: two hidden layers of 32 units, with batch normalization before the ReLU or without."""
    import keras
    from keras import layers

    stack: list[Any] = [layers.Input((784,))]
    for _ in range(2):
        stack.append(layers.Dense(32))
        if normalized:
            stack.append(layers.BatchNormalization(momentum=0.99, epsilon=0.001))
        stack.append(layers.ReLU())
    return keras.Sequential([*stack, layers.Dense(10, "softmax")])


def adam(rate: float) -> Any:
    """TensorFlow 1's Adam: its ε is 1e-8, Keras' default is 1e-7."""
    import keras

    return keras.optimizers.Adam(learning_rate=rate, epsilon=1e-8)


def at_epoch(curve: str, epoch: int, history: History) -> float | None:
    """The value of a curve at an epoch, from 1; None if the training ended before."""
    return history[curve][epoch - 1] if len(history[curve]) >= epoch else None


def gap(history: History) -> float:
    """Training accuracy, as Keras logs it, less test accuracy, both of the last epoch."""
    return history["accuracy"][-1] - history["val_accuracy"][-1]


def accuracy(images: int, name: str = "val_accuracy", epoch: int = 0) -> Metric:
    """The accuracy over a number of images, at the last epoch (0) or another. Five images are the smallest effect."""
    of = functools.partial(at_epoch, "val_accuracy", epoch) if epoch else None
    return Metric(name, better="higher", unit="fraction", smallest_effect=5 / images, examples=images, of=of)


def cost(name: str, curve: str = "loss", epoch: int = 0) -> Metric:
    """A loss at the last epoch (0) or another. Costs are positive and skewed: they are compared as ratios, from 5 %."""
    of = functools.partial(at_epoch, curve, epoch) if epoch else None
    return Metric(name, better="lower", unit="nats", smallest_effect=0.05, scale="log", of=of)


GAP = Metric("gap", better="lower", unit="fraction", smallest_effect=5 / 10_000, of=gap)
LABS = (accuracy(10_000), cost("first_loss", epoch=1), cost("loss"))
"""What labs 10-1 to 10-5 print. The loss that Keras logs is the mean over an epoch's batches, as in the labs."""

PRINTED: Mapping[str, tuple[str, str, str, str]] = {
    "softmax": (SOFTMAX, "5.745170949", "0.269054370", "0.9194"),
    "two layers": (TWO_LAYERS, "141.207671860", "0.454633765", "0.9455"),
    "Xavier": (XAVIER, "0.301498963", "0.004707661", "0.9783"),
    "four layers": (DEEP, "0.266061549", "0.004342310", "0.9742"),
    "dropout": (DROPOUT, "0.447322626", "0.043621063", "0.9804"),
}
"""By network: the lab, the cost of the first and of the last epoch, and the accuracy on the 10,000 test images."""

PRINTED_BY_EPOCH: Mapping[str, Mapping[int, tuple[str, str]]] = {
    "batch normalization": {1: ("0.19054", "0.9410"), 5: ("0.10588", "0.9696"), 10: ("0.08275", "0.9766")},
    "none": {1: ("0.31920", "0.9100"), 5: ("0.19816", "0.9486"), 10: ("0.19641", "0.9574")},
}
"""Lab 10-6, by network and epoch, from 1: loss and accuracy on the 5,000 validation images."""


def points(epochs: int, values: Mapping[int, str]) -> tuple[float, ...]:
    """A curve with values at some epochs, and nan at the others."""
    return tuple(float(values.get(epoch, "nan")) for epoch in range(1, epochs + 1))


def curves(name: str, epochs: int) -> Mapping[str, tuple[float, ...]]:
    _, first, last, reached = PRINTED[name]
    return {"loss": points(epochs, {1: first, epochs: last}), "val_accuracy": points(epochs, {epochs: reached})}


LAST_BATCH = "an epoch ends with a batch of 24 images: 55,000 is no multiple of 32"
ADAM = functools.partial(adam, 0.001)

SOFTMAX_ONLY = Experiment(
    id="softmax",
    data=tested,
    optimizer=ADAM,
    loss="categorical_crossentropy",
    size=Size(epochs=50, batch_size=100),
    metrics=LABS,
    variants=(Variant("softmax", network),),
    anchors=("softmax",),
    plots=Plots(printed={"softmax": curves("softmax", 50)}),
)

NETWORKS = Experiment(
    id="networks",
    data=tested,
    optimizer=ADAM,
    loss="categorical_crossentropy",
    size=Size(epochs=15, batch_size=100),
    metrics=(*LABS, GAP),
    variants=(
        Variant("softmax, 15 epochs", network),
        Variant("two layers", functools.partial(network, 256, 256)),
        Variant("Xavier", functools.partial(network, 256, 256, xavier=True)),
        Variant("four layers", functools.partial(network, 512, 512, 512, 512, xavier=True)),
        Variant("dropout", functools.partial(network, 512, 512, 512, 512, xavier=True, keep=KEEP)),
    ),
    plots=Plots(printed={name: curves(name, 15) for name in PRINTED if name != "softmax"}),
)

TWO_SMALL = Experiment(
    id="batch-normalization",
    data=validated,
    optimizer=functools.partial(adam, 0.01),
    loss="categorical_crossentropy",
    size=Size(epochs=10, batch_size=32),
    metrics=(
        accuracy(VALIDATION),
        cost("val_loss"),
        *(accuracy(VALIDATION, f"val_accuracy_{epoch}", epoch) for epoch in (1, 5)),
        *(cost(f"val_loss_{epoch}", "val_loss", epoch) for epoch in (1, 5)),
    ),
    variants=(
        Variant("batch normalization", functools.partial(small_network, True)),
        Variant("none", functools.partial(small_network, False)),
    ),
    plots=Plots(
        printed={
            name: {
                "val_loss": points(10, {epoch: loss for epoch, (loss, _) in rows.items()}),
                "val_accuracy": points(10, {epoch: reached for epoch, (_, reached) in rows.items()}),
            }
            for name, rows in PRINTED_BY_EPOCH.items()
        }
    ),
)


def printed(experiment: Experiment, name: str, lab: str, what: str, metric: str, figure: str) -> Claim:
    """The claim that a printed figure could be one more training of ours."""
    return Claim(
        id="printed",
        case=f"{name}, {what}",
        slide=lab,
        statement=f"The network {name!r} has {figure} as its {what}.",
        rule=Reproduces(name, metric=metric),
        shown=f"{what.capitalize()} of one more training: {{0}}.",
        say={Verdict.REFUTED: f"The {what} is about {{0:short}}, and not {figure}."},
        experiment=experiment,
        published=(Published({name: figure}, metric=metric),),
    )


FIGURES = tuple(
    printed(SOFTMAX_ONLY if name == "softmax" else NETWORKS, name, lab, what, metric, figure)
    for name, (lab, *figures) in PRINTED.items()
    for (what, metric), figure in zip(
        (("first cost", "first_loss"), ("last cost", "loss"), ("accuracy", "val_accuracy")), figures, strict=True
    )
)

FIGURES_BY_EPOCH = tuple(
    printed(TWO_SMALL, name, NORMALIZATION, f"{what} of epoch {epoch}", metric, figure)
    for name, rows in PRINTED_BY_EPOCH.items()
    for epoch, figures in rows.items()
    for (what, metric), figure in zip(
        (
            ("loss", "val_loss" if epoch == 10 else f"val_loss_{epoch}"),
            ("accuracy", "val_accuracy" if epoch == 10 else f"val_accuracy_{epoch}"),
        ),
        figures,
        strict=True,
    )
)


def check_split() -> Iterator[Comparison]:
    for labs, data, others in (("10-1 to 10-5", tested(), 10_000), ("10-6", validated(), 5_000)):
        assert data.x_val is not None
        yield Comparison(f"labs {labs}: training images", data.x.shape, (55_000, 784))
        yield Comparison(f"labs {labs}: other images", data.x_val.shape, (others, 784))
        yield Comparison(f"labs {labs}: range of pixels", (data.x.min(), data.x.max()), (0.0, 1.0))


def check_xavier() -> Iterator[Comparison]:
    """Weights are uniform between ± √(6 / (inputs + outputs)) (Glorot & Bengio 2010)."""
    import keras

    drawn = np.abs(keras.ops.convert_to_numpy(keras.initializers.GlorotUniform(seed=0)((784, 256))))
    limit = math.sqrt(6 / (784 + 256))
    yield Comparison("largest weight", float(drawn.max()), limit, tolerance=1e-4 * limit)
    yield Comparison("share below half of the limit", float((drawn < limit / 2).mean()), 0.5, tolerance=0.01)


def check_dropout() -> Iterator[Comparison]:
    """Ones behind a layer that keeps 0.7: 70 % of them are left, and their mean stays 1."""
    import keras

    layer = keras.layers.Dropout(1 - KEEP, seed=0)
    behind = keras.ops.convert_to_numpy(layer(np.ones((1000, 100), "float32"), training=True))
    kept = behind[behind > 0]
    yield Comparison("share of units kept", kept.size / behind.size, KEEP, tolerance=0.01)
    yield Comparison("outputs of the units kept", kept, np.full(kept.size, 1 / KEEP), tolerance=1e-6)


CLAIMS = (
    Claim(
        id="split",
        slide=SOFTMAX,
        statement="There are 55,000 training, 5,000 validation and 10,000 test images, with pixels from 0 to 1.",
        check=check_split,
    ),
    Claim(
        id="network-beats-softmax",
        slide=TWO_LAYERS,
        statement="A network with two hidden layers beats softmax only.",
        rule=All((Exceeds("two layers", "softmax, 15 epochs"), Above("two layers", "val_accuracy", 0.9194))),
        experiment=NETWORKS,
        deviations=(
            "softmax trains for 15 epochs, as the network does; the accuracy that the lab prints after 50 epochs, "
            "0.9194, has to be beaten too",
        ),
    ),
    Claim(
        id="xavier-uniform",
        slide=XAVIER,
        statement="Xavier's uniform initialization draws weights between ± √(6 / (inputs + outputs)).",
        check=check_xavier,
    ),
    Claim(
        id="xavier-lifts-accuracy",
        slide=XAVIER,
        statement="Good initialization lifts the accuracy (0.9455 → 0.9783).",
        rule=Exceeds("Xavier", "two layers", margin=0.0164),
        experiment=NETWORKS,
        deviations=("'lifts' is a gain of more than 0.0164, half of the printed one",),
    ),
    Claim(
        id="xavier-lowers-first-cost",
        slide=XAVIER,
        statement="Good initialization lowers the cost of the first epoch (141 → 0.30).",
        rule=Exceeds("two layers", "Xavier", metric="first_loss", margin=math.log(20)),
        experiment=NETWORKS,
        deviations=("'lowers' is a factor of more than 20; the printed one is 468, and √468 is 21.6",),
    ),
    Claim(
        id="deeper-is-no-better",
        slide=DEEP,
        statement="Four layers of 512 units are no better than two of 256.",
        rule=NotBetter("four layers", "Xavier", margin=0.0005),
        alongside=(Exceeds("Xavier", "four layers"),),
        experiment=NETWORKS,
        deviations=("'no better' is a gain of less than 0.0005, five test images",),
    ),
    Claim(
        id="deeper-overfits",
        slide=DEEP,
        statement="The deeper network overfits: its training accuracy is farther above its test accuracy.",
        rule=Exceeds("four layers", "Xavier", metric="gap"),
        experiment=NETWORKS,
        deviations=("the training accuracy is the mean over the batches of the last epoch, while the weights change",),
    ),
    Claim(
        id="keep-and-rate",
        slide=DROPOUT,
        statement="To keep 0.7 of the units is Keras' rate of 0.3: the others are 0, and the kept ones are scaled.",
        check=check_dropout,
    ),
    Claim(
        id="dropout-helps-deep-network",
        slide=DROPOUT,
        statement="Dropout makes the deep network better (0.9742 → 0.9804).",
        rule=Exceeds("dropout", "four layers"),
        experiment=NETWORKS,
    ),
    Claim(
        id="dropout-is-best",
        slide=DROPOUT,
        statement="The deep network with dropout is the best of all.",
        rule=Best("dropout", among=("softmax, 15 epochs", "two layers", "Xavier", "four layers")),
        experiment=NETWORKS,
        deviations=("softmax trains for 15 epochs, as the networks do",),
    ),
    Claim(
        id="normalized-is-faster",
        slide=NORMALIZATION,
        statement="The network with batch normalization trains faster: its loss is lower after the first epoch.",
        rule=Exceeds("none", "batch normalization", metric="val_loss_1"),
        alongside=(Exceeds("batch normalization", "none", metric="val_accuracy_1"),),
        experiment=TWO_SMALL,
        deviations=(LAST_BATCH,),
    ),
    Claim(
        id="normalized-ends-better",
        slide=NORMALIZATION,
        statement="The network with batch normalization ends with a lower loss and a higher accuracy.",
        rule=All(
            (
                Exceeds("none", "batch normalization", metric="val_loss"),
                Exceeds("batch normalization", "none", metric="val_accuracy"),
            )
        ),
        experiment=TWO_SMALL,
        deviations=(LAST_BATCH,),
    ),
    *FIGURES,
    *FIGURES_BY_EPOCH,
)

FINDINGS = (
    Finding("Good initialization makes the difference", ("xavier-lifts-accuracy", "xavier-lowers-first-cost")),
    Finding(
        "Printed last costs are lower than ours",
        ("printed/four layers, last cost", "printed/two layers, last cost", "printed/Xavier, last cost"),
    ),
    Finding(
        "Batch normalization trains faster and ends better",
        ("normalized-ends-better", "normalized-is-faster"),
    ),
    Finding(
        "Without batch normalization the printed first epoch is worse than ours",
        ("printed/none, accuracy of epoch 1", "printed/none, loss of epoch 1"),
    ),
)

COURSE = Course(
    title="Deep Learning Zero to All, lab 10",
    author="Sung Kim",
    slides=(SOFTMAX, TWO_LAYERS, XAVIER, DEEP, DROPOUT, NORMALIZATION),
    claims=CLAIMS,
    findings=FINDINGS,
)
