"""5. Batch Normalization: it regularises, and replaces dropout and weight regularization.

The slides: batch normalization has a regularising effect of its own, so the usual weight regularization can be left out
and so can dropout, because both have the same effect. Dropout works well but slows training down, so leaving it out
makes training faster.

'Can be left out' is non-inferiority: without it the accuracy is not worse by more than a margin.
"""

from __future__ import annotations

from cases.overfitting.regularization import FITTED, GAP_MEANS, NETWORK, REGULARIZATION
from harness.claim import Claim
from harness.rules import Equivalent, Exceeds

MARGIN = 0.002
SAME_GAP = 0.005
EXPLORED = "Exploratory (JAX, the quick size, seeds 2000 to 2007)"
SLIDE = "5. Batch Normalization"
STATED = f"margin {MARGIN}, twenty test images: the slide states none"
BEHIND = "batch normalization stands behind each hidden layer's ReLU, as in the slides' listings"

BN_REGULARISES = Claim(
    id="bn-regularises",
    slide=SLIDE,
    statement="Batch normalization has a regularising effect.",
    rule=Exceeds("none", "batch normalization", metric="gap"),
    beside=(Exceeds("batch normalization", "none"),),
    experiment=REGULARIZATION,
    deviations=(NETWORK, BEHIND, GAP_MEANS),
    notes=(
        f"{EXPLORED}: in front of the ReLU, as in the paper, the gap without it less that with it is no larger, −0.015 "
        "[−0.022, −0.008] against −0.014; with batches of 16 (seeds 2000 to 2004) it is −0.003 [−0.011, +0.004].",
    ),
)

BN_REPLACES_DROPOUT = Claim(
    id="bn-replaces-dropout",
    slide=SLIDE,
    statement="With batch normalization dropout can be left out.",
    rule=Exceeds("batch normalization", "dropout 0.2", margin=-MARGIN),
    experiment=REGULARIZATION,
    deviations=(NETWORK, BEHIND, STATED),
)

BN_REPLACES_L2 = Claim(
    id="bn-replaces-l2",
    slide=SLIDE,
    statement="With batch normalization the usual weight regularization can be left out.",
    rule=Exceeds("batch normalization", "batch normalization, l2 0.001", margin=-MARGIN),
    experiment=REGULARIZATION,
    deviations=(NETWORK, BEHIND, STATED, "the usual weight regularization is L2 of 0.001 on every kernel"),
)

DROPOUT_SLOWS_TRAINING = Claim(
    id="dropout-slows-training",
    slide=SLIDE,
    statement="Dropout works well but slows training down.",
    rule=Exceeds("dropout 0.2", "none", metric="epochs_to_fit"),
    experiment=REGULARIZATION,
    deviations=(
        NETWORK,
        f"'slows' is more epochs, interpolated, to a training loss of {FITTED}, measured in inference mode",
    ),
    notes=("Seconds per epoch, with and without dropout, stand in the report's table of times.",),
)

BN_EFFECT_EQUALS_DROPOUT = Claim(
    id="bn-effect-equals-dropout",
    slide=SLIDE,
    statement="Batch normalization has the same effect as dropout.",
    rule=Equivalent("batch normalization", "dropout 0.2", margin=SAME_GAP, metric="gap"),
    experiment=REGULARIZATION,
    deviations=(NETWORK, BEHIND, GAP_MEANS, f"'the same' is a gap within {SAME_GAP}: the slide states no margin"),
)

BN_FASTER_THAN_DROPOUT = Claim(
    id="bn-faster-than-dropout",
    slide=SLIDE,
    statement="Batch normalization in the place of dropout makes training faster.",
    rule=Exceeds("dropout 0.2", "batch normalization", metric="epochs_to_fit"),
    experiment=REGULARIZATION,
    deviations=(
        NETWORK,
        BEHIND,
        f"'faster' is fewer epochs, interpolated, to a training loss of {FITTED}, measured in inference mode",
    ),
    notes=(
        f"{EXPLORED}: in inference mode the moving averages count, and at Keras' momentum of 0.99 they lag behind. "
        "With 0.9 the loss is reached after 1.6 epochs, with 0.99 after 7.2; without batch normalization after 3.7.",
    ),
)

CLAIMS = (
    BN_REGULARISES,
    BN_REPLACES_L2,
    BN_REPLACES_DROPOUT,
    BN_EFFECT_EQUALS_DROPOUT,
    DROPOUT_SLOWS_TRAINING,
    BN_FASTER_THAN_DROPOUT,
)
