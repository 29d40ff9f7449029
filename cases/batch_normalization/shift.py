"""5. Batch Normalization: the internal covariate shift.

The slides: what destabilises training is the internal covariate shift, that the distribution of each layer's inputs
keeps changing while the layers before it learn; batch normalization removes it.

Ioffe & Szegedy 2015, figure 1, show it as the percentiles of one unit's input over training. Here it is a number: how
far the mean input of a unit wanders from epoch to epoch, in units of its own spread over images.
"""

from __future__ import annotations

import functools
import itertools
import statistics
from typing import Any

import numpy as np

from cases.batch_normalization.rates import LECTURE, NETWORK, QUICK, network
from cases.data.mnist import mnist
from cases.metrics import VAL_ACCURACY
from cases.networks import sgd
from harness.claim import Claim
from harness.experiment import Dataset, Experiment, Variant
from harness.metric import History, Metric
from harness.rules import Exceeds

IMAGES = 1000
UNITS = 10


def layer_inputs(model: Any, data: Dataset) -> dict[str, float]:
    """Mean and spread, over the first 1000 training images, of ten inputs of the last hidden layer in training mode.

    Batch normalization is computed from the batch, as in training, and in NumPy, which leaves its averages alone.
    """
    import keras

    last = [index for index, layer in enumerate(model.layers) if isinstance(layer, keras.layers.Dense)][-2]
    before = data.x[:IMAGES]
    for layer in model.layers[:last]:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta = (keras.ops.convert_to_numpy(weights) for weights in (layer.gamma, layer.beta))
            before = gamma * (before - before.mean(axis=0)) / np.sqrt(before.var(axis=0) + layer.epsilon) + beta
        else:
            before = keras.ops.convert_to_numpy(layer(before))
    inputs = before[:, :UNITS].astype("float64")
    means = {f"mean_{unit}": float(value) for unit, value in enumerate(inputs.mean(axis=0))}
    return means | {f"spread_{unit}": float(value) for unit, value in enumerate(inputs.std(axis=0))}


def shift(history: History) -> float:
    """Σ over epochs |mean after − mean before| over the mean spread; the average of the units that are alive."""
    found = []
    for unit in range(UNITS):
        means = [*history[f"initial_mean_{unit}"], *history[f"mean_{unit}"]]
        spread = statistics.fmean([*history[f"initial_spread_{unit}"], *history[f"spread_{unit}"]])
        moved = sum(abs(after - before) for before, after in itertools.pairwise(means))
        if spread > 0:
            found.append(moved / spread)
    return statistics.fmean(found)


SHIFT = Metric("shift", better="lower", unit="of the spread", smallest_effect=0.05, scale="log", of=shift)

COVARIATE_SHIFT = Experiment(
    id="covariate-shift",
    data=mnist,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    sizes={"quick": QUICK, "lecture": LECTURE},
    metrics=(SHIFT, VAL_ACCURACY),
    observe=layer_inputs,
    variants=(
        Variant("plain", functools.partial(network, False)),
        Variant("normalised", functools.partial(network, True)),
    ),
)

BN_REDUCES_SHIFT = Claim(
    id="bn-reduces-shift",
    slide="5. Batch Normalization (cont.), Internal Covariance Shift",
    statement="Batch normalization reduces the internal covariate shift.",
    rule=Exceeds("plain", "normalised", metric="shift"),
    experiment=COVARIATE_SHIFT,
    deviations=(
        NETWORK + ", rate 0.1",
        "the shift is how far the mean of an input of the last hidden layer wanders over training, epoch by epoch, in "
        "units of its standard deviation over 1,000 images; the average of ten inputs",
    ),
    notes=(
        "Behind batch normalization the mean over the batch is β, by construction: it moves only as β is learnt.",
        "The slide writes 'Internal Covariance Shift'; the paper's term is covariate shift.",
    ),
)

CLAIMS = (BN_REDUCES_SHIFT,)
