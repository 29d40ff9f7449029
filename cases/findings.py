"""Findings about the lecture's claims by cause, in the order of the reports and of README's table."""

from __future__ import annotations

from harness.domain.claim import Cause, Finding

FINDINGS = (
    Finding(
        "The printed softmax figures are those of Adam with a rate of 1e-4", ("tips-softmax", "tips-linear-layers-help")
    ),
    Finding("A nonlinearity helps, depth alone does not", ("tips-relu-beats-linear", "tips-deeper-is-not-better")),
    Finding("Dropout helps a deep network", ("tips-dropout-helps", "dropout-reduces-gap")),
    Finding("The best rate of dropout takes more seeds to find", ("tips-dropout-rate",)),
    Finding(
        "The activity penalty is summed over the batch, whose size the slide does not print",
        ("tips-figures-reproduce/l1 1e-6, epochs 16 to 20",),
    ),
    Finding("The best model was saved, and the last one was evaluated", ("best-model-score",)),
    Finding("Data without scaling diverge", ("raw-data-diverges", "minmax-losses-reproduce")),
    Finding("A long training overfits", ("overfitting-happens",)),
    Finding("A smaller gap is not yet a better network", ("l2-reduces-gap", "fewer-features-help")),
    Finding(
        "Batch normalization keeps gradients from vanishing and from exploding",
        ("bn-keeps-gradients/exploding", "bn-keeps-gradients/vanishing"),
    ),
    Finding(
        "Batch normalization fits the training data sooner, and is no substitute for dropout",
        (
            "bn-faster-than-dropout/training data",
            "bn-faster-than-dropout/validation data",
            "bn-trains-faster/Example 4, training data",
            "bn-trains-faster/Example 4, validation data",
            "bn-replaces-dropout",
            "bn-effect-equals-dropout",
        ),
    ),
    Finding(
        "Adam and AdaDelta are close", ("adam-converges-fastest/printed rates", "adam-converges-fastest/tuned rates")
    ),
    Finding(
        "Keras has changed since the slides were printed",
        ("clipnorm-clips", "decay-rule", "defaults-as-printed/adagrad", "defaults-as-printed/adadelta"),
    ),
)

EVERY_METRIC = ("loss", "accuracy", "val_loss", "val_accuracy", "loss_ratio", "rising_epochs")
"""Of Example 1."""

CAUSES = (
    Cause(
        "Keras clips probabilities at 1e-7 there, so no loss of one example exceeds 16.1; on TensorFlow it computes "
        "the loss from logits.",
        ("jax-*", "torch-*"),
        (
            ("example-1", "rate 10", EVERY_METRIC),
            ("example-1", "rate 1e6", EVERY_METRIC),
            ("batch-normalization-rates", "plain, rate 2", ("val_loss", "val_accuracy")),
            ("batch-normalization-rates", "plain, rate 8", ("val_loss", "val_accuracy")),
            ("batch-normalization-rates", "normalised, rate 8", ("val_loss", "val_accuracy")),
            ("optimizers", "adam 0.01", ("loss", "val_accuracy")),
        ),
        "with the loss as a stack computes it NumPy gets that stack's figures, and with the other loss it does not. "
        "Those of example-1 are compared over 100 seeds, those of batch-normalization-rates over six steps from the "
        "same weights. With clipped probabilities on TensorFlow, adam 0.01 of optimizers ended with a larger training "
        "loss in 5 of 5 seeds than in each of 30 with logits.",
    ),
)
