"""5. Batch Normalization: it makes training fast, regularises, and replaces dropout and weight regularization.

The slides: batch normalization makes training fast. It has a regularising effect of its own, so the usual weight
regularization can be left out and so can dropout, because both have the same effect. Dropout works well but slows
training down a little, so leaving it out makes training faster. All is measured on Example 4's network.

How many epochs a network takes depends on what it has to reach. So each target stands for itself: a training loss, in
inference mode and as Keras logs it, and a validation accuracy. 'Can be left out' is non-inferiority: without it the
accuracy is not worse by more than a margin.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from cases.data.mnist import mnist
from cases.metrics import CHANCE, VAL_ACCURACY, first_epoch
from cases.networks import adam
from cases.overfitting.regularization import FITTED, GAP, GAP_MEANS, NETWORK, REGULARIZATION, USUAL_L2, deep
from harness.claim import Claim
from harness.model import Experiment, History, Metric, Size, Variant
from harness.plots import Plots
from harness.rules import All, Equivalent, Exceeds
from harness.verdict import Verdict


def epochs_until(curve: str, target: float) -> Callable[[History], float | None]:
    """A metric: the interpolated number of epochs until a curve reaches ``target``; None if it never does.

    A loss has no value before the first epoch, so 1 is the least. An accuracy begins at chance.
    """
    falls = "loss" in curve

    def epochs(history: History) -> float | None:
        values = history[curve] if falls else [CHANCE, *history[curve]]
        place = first_epoch(values, lambda value: value <= target if falls else value >= target)
        if place is None or place == 1:
            return place
        before, after = values[int(place) - 2 : int(place)]
        return place - (not falls) - (target - after) / (before - after)

    return epochs


def epochs_metric(name: str, curve: str, target: float) -> Metric:
    return Metric(
        name, better="lower", unit="epochs", smallest_effect=0.05, scale="log", of=epochs_until(curve, target)
    )


INFERENCE = {target: epochs_metric(f"epochs_to_fit_{target:g}", "train_loss", target) for target in (0.1, 0.05, 0.02)}
"""By training loss in inference mode, in nats."""
LOGGED = {target: epochs_metric(f"epochs_to_logged_{target:g}", "loss", target) for target in (0.1, 0.05)}
"""By training loss as Keras logs it: in training mode, the mean over the epoch's batches."""
VALIDATED = {target: epochs_metric(f"epochs_to_val_{target:g}", "val_accuracy", target) for target in (0.97, 0.975)}
"""By validation accuracy."""

EPOCHS = Experiment(
    id="epochs-to-targets",
    data=mnist,
    optimizer=adam,
    loss="categorical_crossentropy",
    size=Size(epochs=20, batch_size=512),
    metrics=(VAL_ACCURACY, GAP, *INFERENCE.values(), *LOGGED.values(), *VALIDATED.values()),
    inference=True,
    variants=(
        Variant("none", deep),
        Variant("dropout 0.2", functools.partial(deep, dropout=0.2)),
        Variant("batch normalization", functools.partial(deep, batch_normalization=True)),
    ),
    plots=Plots(words={"none": "neither of them"}),
)

SLIDE = "5. Batch Normalization"
BEHIND = "batch normalization stands behind each hidden layer's ReLU, as in the slides' listings"
SEEN = (
    "the targets were chosen after the curves of seeds 0 to 4 were seen. A training loss of 0.1 nats in inference mode "
    "does not decide: batch normalization passes it in epoch 2 or 3, when its moving averages (momentum 0.99, 118 "
    "steps an epoch) still lag behind. It stands alongside"
)


class Goal(NamedTuple):
    """What "faster" is about: the targets that decide, those that stand alongside, and both in words."""

    case: str
    targets: tuple[Metric, ...]
    alongside: tuple[Metric, ...]
    reading: str
    reaches: str
    means: str
    shown: str
    say: str

    def sooner_than(self, slow: str) -> tuple[tuple[Exceeds, ...], ...]:
        """For the targets, and for those alongside, the rules that batch normalization takes fewer epochs to them."""
        fast = "batch normalization"
        return tuple(
            tuple(Exceeds(slow, fast, metric=metric.name) for metric in metrics)
            for metrics in (self.targets, self.alongside)
        )


GOALS = (
    Goal(
        "training data",
        (INFERENCE[0.05], INFERENCE[0.02]),
        (INFERENCE[0.1], *LOGGED.values()),
        reading="fitting the training data in few epochs",
        reaches="fits the training data in fewer epochs",
        means="fewer epochs, interpolated, to training losses of 0.05 and of 0.02 as evaluate gives them, in inference "
        "mode",
        shown="to a training loss as evaluate gives it: {0} for 0.05, {1} for 0.02, and {a0} for 0.1, where the moving "
        "averages lag; as fit logs it: {a1} for 0.1, {a2} for 0.05.",
        say="the network takes {0} as many epochs to a training loss of 0.05 as %s, and {1} as many to 0.02.",
    ),
    Goal(
        "validation data",
        tuple(VALIDATED.values()),
        (),
        reading="reaching a validation accuracy in few epochs",
        reaches="reaches validation accuracies of 0.97 and 0.975 in fewer epochs",
        means="fewer epochs, interpolated, to validation accuracies of 0.97 and of 0.975",
        shown="to a validation accuracy: {0} for 0.97, {1} for 0.975.",
        say="the network takes {0} as many epochs to a validation accuracy of 0.97 as %s, and {1} as many to 0.975. "
        "What fits the training data sooner need not be better on new images sooner.",
    ),
)


def faster(key: str, goal: Goal, slow: str, without: str, with_it: str, **more: Any) -> Claim:
    """The claim that batch normalization takes fewer epochs than the variant ``slow``; ``more``: further fields."""
    targets, alongside = goal.sooner_than(slow)
    return Claim(
        id=key,
        slide=SLIDE,
        shown=f"Epochs {without} over those {with_it}, {goal.shown}",
        rule=All(targets),
        alongside=alongside,
        experiment=EPOCHS,
        deviations=(NETWORK, BEHIND, f"'faster' is {goal.means}", SEEN),
        **more,
    )


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


CLAIMS = (
    *(
        faster(
            "bn-trains-faster",
            goal,
            "none",
            "without batch normalization",
            "with it",
            case=f"Example 4, {goal.case}",
            source="ours",
            quote="이는 빠른 학습을 가능케 한다.",
            statement=f"At one learning rate Example 4's network {goal.reaches} with batch normalization.",
            notes=(
                "The slide draws the speed from the larger rate that batch normalization allows; here both networks "
                "train with Adam at its default rate.",
                "Changed after verdicts were seen: it was told as our reading of the slide.",
                "An epoch with batch normalization takes longer; seconds stand in the report's table of times.",
            ),
        )
        for goal in GOALS
    ),
    *(
        faster(
            "bn-faster-than-dropout",
            goal,
            "dropout 0.2",
            "with dropout 0.2",
            "with batch normalization in its place",
            case=goal.case,
            quote="Dropout의 경우 효과는 좋지만 학습 속도가 다소 느려진다는 단점이 있는데, 이를 제거함으로서 학습 "
            "속도도 향상된다.",
            source="read",
            reading=f"'learning speed' is read as {goal.reading}; it may also mean seconds an epoch",
            say=dict.fromkeys(
                (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NEGLIGIBLE),
                f"With dropout 0.2 {goal.say % 'with batch normalization in its place'}",
            ),
            statement=f"With batch normalization in place of dropout the network {goal.reaches}.",
            notes=(
                "Changed after verdicts were seen: one target decided, a training loss of 0.1 nats in inference mode, "
                "and one claim spoke of the training data and of the validation data at once.",
            ),
        )
        for goal in GOALS
    ),
    Claim(
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
        "normalization} with it: without less with it, {0}. The validation accuracy changes by {1} with it.",
        say={
            Verdict.INCONCLUSIVE: "Whether batch normalization regularises is open: here the gap between training and "
            "validation accuracy is {none} without it and {batch normalization} with it.",
            Verdict.NEGLIGIBLE: "Here batch normalization hardly regularises: the gap between training and validation "
            "accuracy is {none} without it and {batch normalization} with it.",
            Verdict.REFUTED: "Here batch normalization does not regularise: the gap is {none} without it and {batch "
            "normalization} with it, and the accuracy changes by {1} with it.",
        },
        deviations=(NETWORK, BEHIND, GAP_MEANS, AS_ACCURATE),
        notes=(
            "Changed after verdicts were seen: the accuracy may not suffer. Before, it had to be above 0.8947, which a "
            "softmax layer is.",
            f"{EXPLORED}: in front of the ReLU, as in the paper, the gap without it less that with it is no larger, "
            "−0.015 [−0.022, −0.008] against −0.014; with batches of 16 (seeds 2000 to 2004) it is −0.003 [−0.011, "
            "+0.004].",
        ),
    ),
    Claim(
        id="bn-replaces-l2",
        slide=SLIDE,
        quote="이는 기존에 사용하던 weight regularization term 등을 제외할 수 있게 하며",
        statement="With batch normalization the usual weight regularization can be left out.",
        shown="Batch normalization alone reaches an accuracy of {batch normalization}, with L2 (λ = 1e-4) besides "
        "{batch normalization, l2 1e-4}: alone less with L2, {0}.",
        say={
            Verdict.INCONCLUSIVE: "Whether L2 can be left out is open: with batch normalization alone the network "
            "reaches an accuracy of {batch normalization}, with L2 besides {batch normalization, l2 1e-4}.",
            Verdict.REFUTED: "Keep L2 beside batch normalization: alone the network reaches {batch normalization}, "
            "with L2 besides {batch normalization, l2 1e-4}.",
        },
        rule=Exceeds("batch normalization", "batch normalization, l2 1e-4", margin=-L2_MARGIN),
        alongside=(Exceeds("batch normalization, l2 1e-4", "batch normalization"),),
        experiment=REGULARIZATION,
        deviations=(
            NETWORK,
            BEHIND,
            f"the usual weight regularization is L2 on every kernel with λ = {USUAL_L2:g}, that of the residual "
            "networks (He et al. 2016); the slide states none",
            f"the margin is {L2_MARGIN}, five test images, the smallest effect of interest: what L2 gains is not known "
            "beforehand",
        ),
        notes=(
            "Changed after verdicts were seen: λ was 1e-6, the best of a grid on three pilot seeds, which chose it "
            "from noise; it is too weak to be the usual regularization. Before that it was the slide's 0.001.",
        ),
    ),
    Claim(
        id="bn-replaces-dropout",
        slide=SLIDE,
        quote="나아가 Dropout을 제외할 수 있게 한다",
        statement="With batch normalization dropout can be left out.",
        shown="Batch normalization reaches an accuracy of {batch normalization}, dropout 0.2 {dropout 0.2}: a "
        "difference of {0}. With neither it is {none}, and the difference from dropout 0.2 is {a0}.",
        say={
            Verdict.REFUTED: "Here batch normalization does not replace dropout: it reaches an accuracy of {batch "
            "normalization}, dropout 0.2 one of {dropout 0.2}, and the network with neither {none}.",
            Verdict.INCONCLUSIVE: "Whether batch normalization replaces dropout is open: it reaches {batch "
            "normalization}, dropout 0.2 reaches {dropout 0.2}.",
        },
        rule=Exceeds("batch normalization", "dropout 0.2", margin=-MARGIN),
        alongside=(Exceeds("none", "dropout 0.2", margin=-MARGIN),),
        experiment=REGULARIZATION,
        deviations=(NETWORK, BEHIND, STATED),
        notes=(
            "Changed: the margin was 0.002. The rule alongside says whether a network with neither would pass as well.",
        ),
    ),
    Claim(
        id="bn-effect-equals-dropout",
        slide=SLIDE,
        source="read",
        quote="Dropout의 효과와 Batch Normalization의 효과가 같기 때문.",
        reading="the effect is read as that on the gap between training and validation accuracy; the slide may only "
        "mean that both regularise",
        statement="Batch normalization has the same effect as dropout.",
        shown="Gap between training and validation accuracy: {none} with neither, {dropout 0.2} with dropout 0.2, "
        "{batch normalization} with batch normalization; the last two differ by {0}.",
        say=dict.fromkeys(
            (Verdict.REFUTED, Verdict.INCONCLUSIVE),
            "Both are said to regularise, but here the gap between training and validation accuracy is {none} with "
            "neither, {dropout 0.2} with dropout 0.2 and {batch normalization} with batch normalization.",
        ),
        rule=Equivalent("batch normalization", "dropout 0.2", margin=SAME_GAP, metric="gap"),
        alongside=(Equivalent("none", "dropout 0.2", margin=SAME_GAP, metric="gap"),),
        experiment=REGULARIZATION,
        deviations=(
            NETWORK,
            BEHIND,
            GAP_MEANS,
            f"'the same' is a gap within {SAME_GAP}: the slide states no margin; dropout itself lowers the gap by "
            "0.0019 in ten stored trainings, and this is less than half of it",
        ),
        notes=(
            "Changed: the margin was 0.005, 2.6 times dropout's own effect, which a network with neither passes too. "
            "The rule alongside says whether it would still.",
        ),
    ),
    Claim(
        id="dropout-slows-training",
        slide=SLIDE,
        quote="Dropout의 경우 효과는 좋지만 학습 속도가 다소 느려진다는 단점이 있는데",
        statement="Dropout slows training down a little.",
        shown="With dropout 0.2 the network takes {0} as many epochs to a training loss of 0.1 as without.",
        say={
            Verdict.INCONCLUSIVE: "Whether dropout slows training is open: it takes {0} as many epochs to a training "
            "loss of 0.1.",
            Verdict.NEGLIGIBLE: "Dropout hardly slows training: it takes {0} as many epochs to a training loss of 0.1.",
            Verdict.REFUTED: "Dropout does not slow training here: it takes {0} as many epochs to a training loss of "
            "0.1.",
        },
        rule=Exceeds("dropout 0.2", "none", metric="epochs_to_fit"),
        experiment=REGULARIZATION,
        deviations=(
            NETWORK,
            f"'slows' is more epochs, interpolated, to a training loss of {FITTED}, measured in inference mode",
        ),
        notes=(
            "To a lower training loss dropout slows more: 1.19 × as many epochs to 0.05 and 1.32 × to 0.02, in the "
            "trainings of bn-faster-than-dropout.",
            "Seconds per epoch, with and without dropout, stand in the report's table of times.",
        ),
    ),
)
