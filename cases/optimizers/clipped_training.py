"""4. Optimizers: clipping, against a training that diverges.

The slides introduce ``clipnorm`` and ``clipvalue`` as control over gradients. On Example 2's raw data the loss is inf
after three epochs. With clipped gradients steps have a bounded length, which keeps the loss finite but need not make
training converge.
"""

from __future__ import annotations

import functools
from typing import Any

from cases.examples.normalization import raw
from cases.networks import dense_linear
from harness.domain.claim import Claim
from harness.domain.model import Experiment, Metric, Size, Variant
from harness.rules import All, Converges, Diverges


def clipped_sgd(clipnorm: float | None = None, clipvalue: float | None = None) -> Any:
    """SGD(0.01), as in Example 2, with the slide's clipping."""
    import keras

    return keras.optimizers.SGD(learning_rate=0.01, clipnorm=clipnorm, clipvalue=clipvalue)


SIZE = Size(epochs=10, batch_size=32)
LOSS = Metric("loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log")

CLIPPED = Experiment(
    id="example-2-clipped",
    data=raw,
    model=functools.partial(dense_linear, 4, 1),
    loss="mean_squared_error",
    size=SIZE,
    metrics=(LOSS,),
    accuracy=False,
    variants=(
        Variant("unclipped", optimizer=clipped_sgd),
        Variant("clipnorm 1", optimizer=functools.partial(clipped_sgd, clipnorm=1.0)),
        Variant("clipvalue 0.5", optimizer=functools.partial(clipped_sgd, clipvalue=0.5)),
    ),
)

CLIPPING_PREVENTS_DIVERGENCE = Claim(
    id="clipping-prevents-divergence",
    slide="4. Optimizers, Parameters common to all Keras optimizers",
    statement="Gradient clipping can keep a training finite that diverges without it.",
    rule=All((Diverges("unclipped"), Converges("clipnorm 1"), Converges("clipvalue 0.5"))),
    experiment=CLIPPED,
    source="ours",
    quote="The parameters clipnorm and clipvalue can be used with all optimizers to control gradient clipping",
    shown="Without clipping the loss does not stay finite in {0}; it does with clipnorm=1 in {1}, and with "
    "clipvalue=0.5 in {2}.",
    deviations=("the slide names no training: Example 2's raw data with its SGD(0.01), 10 epochs",),
    notes=(
        "The slide names no purpose of clipping.",
        "Finite is not converged: steps of length 0.01 are far too short for these data in ten epochs.",
        "Changed: every seed has to diverge without clipping and stay finite with it, not only most. Without it the "
        "loss is inf from epoch 3 and nan from epoch 6, see raw-data-diverges.",
    ),
)

CLAIMS = (CLIPPING_PREVENTS_DIVERGENCE,)
