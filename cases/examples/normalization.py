"""Example 2. Dataset normalization.

Eight days of a share price: four columns predict the fifth with one linear layer, mean squared error, SGD(0.01), ten
epochs of one full batch. Raw, one column is a thousand times the others, and the loss is inf at epoch 3 and nan at
epoch 6; scaled to [0, 1] it falls from 1.5456 to 0.8204.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from cases.data.arrays import EXAMPLE_2_SCALED, EXAMPLE_2_XY
from cases.examples.loss_surface import side_by_side
from cases.metrics import LOSS_RATIO, RISING_EPOCHS, first_inf_epoch, first_loss, first_nan_epoch, second_loss
from cases.networks import dense_linear, sgd
from cases.preprocessing import standardise
from harness.claim import Claim
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.metric import Metric
from harness.published import Published
from harness.rules import All, Converges, Diverges, Exact, Exceeds, Reproduces
from harness.rules.exact import Comparison

SLIDE = "Example 2. Dataset normalization"


def slide_scaler(data: np.ndarray) -> np.ndarray:
    """The slide's MinMaxScaler, with its 1e-5 against division by zero."""
    return (data - np.min(data, 0)) / (np.max(data, 0) - np.min(data, 0) + 1e-5)


def shares(scaled: np.ndarray) -> Dataset:
    """The first four columns as features, the last as target."""
    return Dataset(scaled[:, :-1], scaled[:, -1:])


def raw() -> Dataset:
    return shares(EXAMPLE_2_XY)


def min_max() -> Dataset:
    return shares(slide_scaler(EXAMPLE_2_XY))


def standardised() -> Dataset:
    return shares(standardise(EXAMPLE_2_XY))


# Losses are positive and skewed over seeds: compared as ratios.
LOSS = Metric("loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log")
FIRST_LOSS = Metric(
    "first_loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log", of=first_loss
)
SECOND_LOSS = Metric(
    "second_loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log", of=second_loss
)
INF_EPOCH = Metric("first_inf_epoch", better="higher", unit="epochs", smallest_effect=1.0, of=first_inf_epoch)
NAN_EPOCH = Metric("first_nan_epoch", better="higher", unit="epochs", smallest_effect=1.0, of=first_nan_epoch)

SIZE = Size(epochs=10, batch_size=32, seeds=30)

SHARES = Experiment(
    id="example-2",
    model=functools.partial(dense_linear, 4, 1),
    optimizer=functools.partial(sgd, 0.01),
    loss="mean_squared_error",
    sizes={"quick": SIZE, "lecture": SIZE},
    metrics=(LOSS, FIRST_LOSS, SECOND_LOSS, LOSS_RATIO, RISING_EPOCHS, INF_EPOCH, NAN_EPOCH),
    accuracy=False,
    variants=(
        Variant("raw", data=raw),
        Variant("min-max", data=min_max),
        Variant("standardised", data=standardised),
    ),
    surface=functools.partial(side_by_side, {"raw": raw, "min-max": min_max}),
    printed={
        "min-max": {
            "loss": (1.5456, 1.4379, 1.3383, 1.2460, 1.1607, 1.0817, 1.0086, 0.9410, 0.8784, 0.8204),
        },
        "raw": {"loss": (488792391680.0, 537026667766010684231828476264448.0)},
    },
)


def check_min_max_table(setting: str) -> Iterator[Comparison]:
    """Every printed digit of the 8 × 5 matrix; NumPy prints eight decimals and drops trailing zeros."""
    printed = np.array([[float(number) for number in row] for row in EXAMPLE_2_SCALED])
    yield Comparison("the 40 printed numbers", slide_scaler(EXAMPLE_2_XY), printed, 0.5e-8)
    text = np.array2string(slide_scaler(EXAMPLE_2_XY), floatmode="maxprec", precision=8)
    digits = "\n".join(" ".join(line.strip("[] ").split()) for line in text.splitlines())
    # as one text: numbers as strings would be compared as numbers, trailing zeros and all
    yield Comparison("the text NumPy prints", digits, "\n".join(map(" ".join, EXAMPLE_2_SCALED)))


MINMAX_TABLE = Claim(
    id="minmax-table",
    slide=SLIDE,
    statement="Min–max scaling gives the printed 8 × 5 matrix.",
    rule=Exact(),
    check=check_min_max_table,
)

RAW_DATA_DIVERGES = Claim(
    id="raw-data-diverges",
    slide=SLIDE,
    statement="Without scaling, SGD(0.01) diverges: the loss is inf, then nan.",
    rule=Diverges("raw"),
    beside=tuple(
        Reproduces("raw", metric=metric)
        for metric in ("first_loss", "second_loss", "first_inf_epoch", "first_nan_epoch")
    ),
    experiment=SHARES,
    published=(
        Published({"raw": "488792391680.0000"}, metric="first_loss"),
        Published({"raw": "537026667766010684231828476264448.0000"}, metric="second_loss"),
        Published({"raw": "3"}, metric="first_inf_epoch"),
        Published({"raw": "6"}, metric="first_nan_epoch"),
    ),
)

MINMAX_FIXES_DIVERGENCE = Claim(
    id="minmax-fixes-divergence",
    slide=SLIDE,
    statement="Min–max scaling fixes it: the loss stays finite and falls at every epoch.",
    rule=All((Converges("min-max", metric="rising_epochs", at_most=0.0), Exceeds("raw", "min-max", metric="loss"))),
    experiment=SHARES,
)

MINMAX_LOSSES_REPRODUCE = Claim(
    id="minmax-losses-reproduce",
    slide=SLIDE,
    statement="On min–max scaled data the loss falls from 1.5456 to 0.8204 in ten epochs.",
    rule=All(
        (
            Reproduces("min-max", metric="first_loss"),
            Reproduces("min-max", metric="loss"),
            Reproduces("min-max", metric="loss_ratio"),
        )
    ),
    experiment=SHARES,
    published=(
        Published({"min-max": "1.5456"}, metric="first_loss"),
        Published({"min-max": "0.8204"}, metric="loss"),
        # 0.8204 / 1.5456 = 0.53080, to the four digits that the quotient of two such figures carries
        Published({"min-max": "0.5308"}, metric="loss_ratio"),
    ),
)

ZSCORE_FIXES_DIVERGENCE = Claim(
    id="zscore-fixes-divergence",
    slide=SLIDE,
    statement="Standardisation fixes the divergence too.",
    rule=Converges("standardised", metric="rising_epochs", at_most=0.0),
    experiment=SHARES,
    deviations=("the slide runs min–max scaling only; the same network and rate are used here",),
)

CLAIMS = (
    MINMAX_TABLE,
    RAW_DATA_DIVERGES,
    MINMAX_FIXES_DIVERGENCE,
    MINMAX_LOSSES_REPRODUCE,
    ZSCORE_FIXES_DIVERGENCE,
)
