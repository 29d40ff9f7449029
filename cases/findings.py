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

CAUSES = (
    Cause(
        "Keras clips probabilities at 1e-7 there, so no loss of one example exceeds 16.1; on TensorFlow it computes "
        "the loss from logits.",
        ("jax-*", "torch-*"),
        ("batch-normalization-rates", "example-1", "optimizers"),
    ),
)
