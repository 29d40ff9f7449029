"""5. Batch Normalization: it regularises, and replaces dropout and weight regularization.

The slides: batch normalization has a regularising effect of its own, so the usual weight regularization can be left out
and so can dropout, because both have the same effect. Dropout works well but slows training down, so leaving it out
makes training faster.

'Can be left out' is non-inferiority: without it the accuracy is not worse by more than a margin.
"""

from __future__ import annotations

from cases.batch_normalization.epochs import BEHIND, SLIDE
from cases.metrics import VAL_ACCURACY
from cases.overfitting.regularization import (
    FITTED,
    GAP_MEANS,
    NETWORK,
    REGULARIZATION,
    USUAL_L2,
)
from harness.domain.claim import Claim
from harness.domain.verdict import Verdict
from harness.rules import All, Equivalent, Exceeds

MARGIN = 0.0015
"""Margin of accuracy: at most half of the gain by dropout 0.2, 0.0042 on the slide and 0.0032 in stored trainings."""
SAME_GAP = 0.0009
"""Margin of the gap: at most half of the 0.0019 by which dropout 0.2 lowers it in ten stored trainings."""
L2_MARGIN = VAL_ACCURACY.smallest_effect
"""Margin for L2: five test images, the smallest effect of interest, because the gain by L2 is not known beforehand."""
EXPLORED = "Exploratory (JAX, 4,000 images in batches of 128, seeds 2000 to 2007)"
AS_ACCURATE = f"the accuracy is not worse than without by {L2_MARGIN} or more, five test images"
STATED = (
    f"the margin is {MARGIN}: the slide states none; dropout's own gain is 0.0042 on the slide and 0.0032 in ten "
    "stored trainings, and half of the smaller is 0.0016"
)

BN_REGULARISES = Claim(
    id="bn-regularises",
    slide=SLIDE,
    quote="Batch Normalization의 경우 자체적인 regularization 효과가 있다.",
    statement="Batch normalization has a regularising effect.",
    rule=All(
        (
            Exceeds("none", "batch normalization", metric="gap"),
            Exceeds("batch normalization", "none", margin=-L2_MARGIN),
        )
    ),
    experiment=REGULARIZATION,
    shown="The gap between training and validation accuracy is {none} without batch normalization and {batch "
    "normalization} with it, a difference of {0}. Validation accuracy with it less without: {1}.",
    say={
        Verdict.INCONCLUSIVE: "Whether batch normalization regularises is open. Here the gap between training and "
        "validation accuracy is {none} without it and {batch normalization} with it.",
        Verdict.NEGLIGIBLE: "Here batch normalization hardly regularises: the gap between training and validation "
        "accuracy is {none} without it and {batch normalization} with it.",
        Verdict.REFUTED: "Here batch normalization does not regularise: without less with it the gap is {0}, the "
        "accuracy with it less without {1}.",
    },
    deviations=(NETWORK, BEHIND, GAP_MEANS, AS_ACCURATE),
    notes=(
        "Changed after verdicts were seen: the accuracy may not suffer. Before, it had to be above 0.8947, which a "
        "softmax layer is.",
        f"{EXPLORED}: in front of the ReLU, as in the paper, the gap without it less that with it is no larger, −0.015 "
        "[−0.022, −0.008] against −0.014; with batches of 16 (seeds 2000 to 2004) it is −0.003 [−0.011, +0.004].",
    ),
)

BN_REPLACES_DROPOUT = Claim(
    id="bn-replaces-dropout",
    slide=SLIDE,
    quote="나아가 Dropout을 제외할 수 있게 한다",
    statement="With batch normalization dropout can be left out.",
    shown="Accuracy with batch normalization less with dropout 0.2: {0}; with neither less with dropout 0.2: {a0}.",
    say={
        Verdict.REFUTED: "Here batch normalization does not replace dropout: it reaches {batch normalization}, dropout "
        "0.2 reaches {dropout 0.2}.",
        Verdict.INCONCLUSIVE: "Whether batch normalization replaces dropout is open: it reaches {batch normalization}, "
        "dropout 0.2 reaches {dropout 0.2}.",
    },
    rule=Exceeds("batch normalization", "dropout 0.2", margin=-MARGIN),
    alongside=(Exceeds("none", "dropout 0.2", margin=-MARGIN),),
    experiment=REGULARIZATION,
    deviations=(NETWORK, BEHIND, STATED),
    notes=(
        "Changed: the margin was 0.002. The rule alongside says whether a network with neither would pass as well.",
    ),
)

BN_REPLACES_L2 = Claim(
    id="bn-replaces-l2",
    slide=SLIDE,
    quote="이는 기존에 사용하던 weight regularization term 등을 제외할 수 있게 하며",
    statement="With batch normalization the usual weight regularization can be left out.",
    shown="Accuracy with batch normalization alone less that with L2 besides (λ = 1e-4): {0}.",
    say={
        Verdict.INCONCLUSIVE: "Whether L2 can be left out is open: with batch normalization alone the network reaches "
        "{batch normalization}, with L2 besides {batch normalization, l2 1e-4}.",
        Verdict.REFUTED: "Keep L2 beside batch normalization: alone the network reaches {batch normalization}, with L2 "
        "besides {batch normalization, l2 1e-4}.",
    },
    rule=Exceeds("batch normalization", "batch normalization, l2 1e-4", margin=-L2_MARGIN),
    alongside=(Exceeds("batch normalization, l2 1e-4", "batch normalization"),),
    experiment=REGULARIZATION,
    deviations=(
        NETWORK,
        BEHIND,
        f"the usual weight regularization is L2 on every kernel with λ = {USUAL_L2:g}, that of the residual networks "
        "(He et al. 2016); the slide states none",
        f"the margin is {L2_MARGIN}, five test images, the smallest effect of interest: what L2 gains is not known "
        "beforehand",
    ),
    notes=(
        "Changed after verdicts were seen: λ was 1e-6, the best of a grid on three pilot seeds, which chose it from "
        "noise; it is too weak to be the usual regularization. Before that it was the slide's 0.001.",
    ),
)

DROPOUT_SLOWS_TRAINING = Claim(
    id="dropout-slows-training",
    slide=SLIDE,
    quote="Dropout의 경우 효과는 좋지만 학습 속도가 다소 느려진다는 단점이 있는데",
    statement="Dropout slows training down a little.",
    shown="Epochs to a training loss of 0.1 with dropout 0.2 over those without: {0}.",
    say={
        Verdict.INCONCLUSIVE: "Whether dropout slows training is open: it takes {0} as many epochs to a training loss "
        "of 0.1.",
        Verdict.NEGLIGIBLE: "Dropout hardly slows training: it takes {0} as many epochs to a training loss of 0.1.",
        Verdict.REFUTED: "Dropout does not slow training here: it takes {0} as many epochs to a training loss of 0.1.",
    },
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
    source="read",
    quote="Dropout의 효과와 Batch Normalization의 효과가 같기 때문.",
    reading="the effect is read as that on the gap between training and validation accuracy; the slide may only mean "
    "that both regularise",
    statement="Batch normalization has the same effect as dropout.",
    shown="Gap between training and validation accuracy: {none} with neither, {dropout 0.2} with dropout 0.2, {batch "
    "normalization} with batch normalization; the last two differ by {0}.",
    say=dict.fromkeys(
        (Verdict.REFUTED, Verdict.INCONCLUSIVE),
        "Both are said to regularise, but here the gap between training and validation accuracy is {none} with "
        "neither, "
        "{dropout 0.2} with dropout and {batch normalization} with batch normalization.",
    ),
    rule=Equivalent("batch normalization", "dropout 0.2", margin=SAME_GAP, metric="gap"),
    alongside=(Equivalent("none", "dropout 0.2", margin=SAME_GAP, metric="gap"),),
    experiment=REGULARIZATION,
    deviations=(
        NETWORK,
        BEHIND,
        GAP_MEANS,
        f"'the same' is a gap within {SAME_GAP}: the slide states no margin; dropout itself lowers the gap by 0.0019 "
        "in ten stored trainings, and this is less than half of it",
    ),
    notes=(
        "Changed: the margin was 0.005, 2.6 times dropout's own effect, which a network with neither passes too. The "
        "rule alongside says whether it would still.",
    ),
)

CLAIMS = (
    BN_REGULARISES,
    BN_REPLACES_L2,
    BN_REPLACES_DROPOUT,
    BN_EFFECT_EQUALS_DROPOUT,
    DROPOUT_SLOWS_TRAINING,
)
