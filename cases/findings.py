"""Findings about the lecture's claims by cause, in the order of the reports and of README's table."""

from __future__ import annotations

from harness.domain.finding import Cause, Finding

FINDINGS = (
    Finding(
        "The slide's softmax was trained too little",
        ("tips-linear-layers-help", "tips-figures-reproduce/softmax", "tips-softmax", "tips-linear-layers-are-softmax"),
    ),
    Finding("A nonlinearity helps, depth alone does not", ("tips-relu-beats-linear", "tips-deeper-is-not-better")),
    Finding("Dropout helps a deep network", ("tips-dropout-helps", "dropout-reduces-gap")),
    Finding("The best rate of dropout takes more seeds to find", ("tips-dropout-rate",)),
    Finding("Printed losses that do not come back", ("tips-figures-reproduce/l1 1e-6, epochs 16 to 20",)),
    Finding("A rate of 0.001 is too small for 1,000 epochs", ("gd-reaches-minimum/rate 0.001",)),
    Finding("Data without scaling diverge", ("raw-data-diverges", "minmax-losses-reproduce")),
    Finding("A long training overfits", ("overfitting-happens",)),
    Finding("A penalty of 0.001 costs accuracy", ("l2-strengths",)),
    Finding(
        "Batch normalization speeds training up, and keeps gradients from vanishing",
        ("bn-trains-faster", "bn-keeps-gradients/vanishing"),
    ),
    Finding(
        "Batch normalization does not explain every gradient",
        ("bn-keeps-gradients/exploding", "relu-init-keep-gradients/small rate"),
    ),
    Finding(
        "Batch normalization is no substitute for dropout",
        ("bn-replaces-dropout", "bn-effect-equals-dropout", "bn-faster-than-dropout"),
    ),
    Finding("Adam's lead takes more seeds to show", ("adam-converges-fastest/printed rates",)),
    Finding(
        "Keras has other defaults than the slides print",
        ("defaults-as-printed/adagrad", "defaults-as-printed/adadelta"),
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
