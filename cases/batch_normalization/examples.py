"""5. Batch Normalization: the three printed networks.

The slides list where BatchNormalization stands in a multilayer perceptron, a recurrent and a convolutional network,
each ending in Dense(1), without input or task. Each is built as printed and gets the smallest input and the simplest
task that fit it: the targets are means of the inputs.
"""

from typing import Any

import numpy as np

from cases.networks import adam
from harness.claim import Claim
from harness.model import Dataset, Experiment, Metric, Size, Variant
from harness.rules import Converges

EXAMPLES, STEPS, SIDE = 256, 8, 8
LEFT = 0.5  # of the targets' variance, 1


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((EXAMPLES, *shape)).astype("float32")


def columns() -> Dataset:
    """Sixteen columns; the target is √16 times their mean, so its variance is 1. Shapes (256, 16) and (256, 1)."""
    x = random(16)
    return Dataset(x, x.mean(axis=1, keepdims=True) * 4)


def sequences() -> Dataset:
    """Eight steps of two features; the target is √16 times their mean. Shapes (256, 8, 2) and (256, 1)."""
    x = random(STEPS, 2)
    return Dataset(x, x.mean(axis=(1, 2))[:, None] * 4)


def images() -> Dataset:
    """8 × 8 images of one channel, shapes (256, 8, 8, 1) and (256, 2, 2, 1).

    The target of each of the network's 2 × 2 outputs is √16 times the mean of the 4 × 4 pixels of its quarter.
    """
    x = random(SIDE, SIDE, 1)
    quarters = x.reshape(EXAMPLES, 2, SIDE // 2, 2, SIDE // 2, 1)
    return Dataset(x, quarters.mean(axis=(2, 4)) * 4)


def mlp() -> Any:
    import keras
    from keras.layers import BatchNormalization, Dense, Input

    return keras.Sequential([Input((16,)), Dense(32, activation="relu"), BatchNormalization(), Dense(1)])


def rnn() -> Any:
    import keras
    from keras.layers import LSTM, BatchNormalization, Dense, Input

    return keras.Sequential([Input((STEPS, 2)), LSTM(32), BatchNormalization(), Dense(1)])


def cnn() -> Any:
    import keras
    from keras.layers import BatchNormalization, Conv2D, Dense, Input, MaxPooling2D

    return keras.Sequential(
        [
            Input((SIDE, SIDE, 1)),
            Conv2D(32, (3, 3), activation="relu"),
            Conv2D(32, (3, 3), activation="relu"),
            BatchNormalization(),
            MaxPooling2D(),
            Dense(1),
        ]
    )


LOSS = Metric("loss", better="lower", unit="squared units", smallest_effect=0.05, scale="log")

PRINTED = Experiment(
    id="batch-normalization-examples",
    optimizer=adam,
    loss="mean_squared_error",
    size=Size(epochs=20, batch_size=32),
    metrics=(LOSS,),
    accuracy=False,
    variants=(Variant("mlp", mlp, columns), Variant("rnn", rnn, sequences), Variant("cnn", cnn, images)),
)


def trains(variant: str, name: str, quote: str, *notes: str) -> Claim:
    return Claim(
        id=f"bn-{variant}-example",
        slide="5. Batch Normalization (cont.), Batch Normalization Example",
        source="read",
        quote=quote,
        reading="that the listing, printed to be run, trains; the slide prints it without input, task or a call of fit",
        shown=f"The loss falls to at most {LEFT:g}, half of what a constant answer has, in {{0}}; its mean is "
        f"{{{variant}}}.",
        statement=f"The printed {name} with batch normalization trains.",
        rule=Converges(variant, metric="loss", at_most=LEFT),
        experiment=PRINTED,
        deviations=(
            "input and task are ours: the mean of 16 random numbers, scaled to variance 1; Adam, mean squared error, "
            "256 examples in batches of 32, 20 epochs",
            f"'trains' is a loss of at most {LEFT:g}, half of what a network that always answers with the mean has, in "
            "every seed: a listing that is printed to be run has to train each time",
        ),
        notes=(
            *notes,
            "Changed: the loss is compared with that of a constant answer; before with that of the first epoch, of "
            "which a constant may be less than half. And every seed has to train, not only most.",
        ),
    )


CLAIMS = (
    trains("mlp", "multilayer perceptron", "model.add(Dense(32, activation='relu'))"),
    trains(
        "rnn",
        "LSTM",
        "model.add(LSTM(32))",
        "Keras' LSTM had a hard sigmoid as recurrent activation in 2.2; today it is the sigmoid.",
    ),
    trains(
        "cnn",
        "convolutional network",
        "model.add(Conv2D(32, (3,3), activation='relu'))",
        "It has no Flatten: Dense(1) acts on the channels of every pixel, so the output is a map of shape (2, 2, 1).",
    ),
)
