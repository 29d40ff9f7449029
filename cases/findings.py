"""Findings about the lecture's claims by cause, in the order of the reports and of README's table."""

from __future__ import annotations

from harness.domain.finding import Cause, Finding, Instead
from harness.domain.verdict import Verdict

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

INSTEAD = {
    "gd-reaches-minimum/rate 0.001": Instead(
        Verdict.REFUTED, "With α = 0.001 the global minimum is not reached within 1,000 epochs."
    ),
    "l2-strengths": Instead(Verdict.REFUTED, "λ = 0.001 is too strong for this network: it costs accuracy."),
    "defaults-as-printed/adagrad": Instead(
        Verdict.REFUTED, "Today Adagrad's default rate is 0.001. Write learning_rate=0.01 to keep the slide's."
    ),
    "defaults-as-printed/adadelta": Instead(
        Verdict.REFUTED, "Today Adadelta's default rate is 0.001. Write learning_rate=1.0 to keep the slide's."
    ),
    "adam-converges-fastest/printed rates": Instead(
        Verdict.INCONCLUSIVE,
        "With the printed rates AdaDelta is as fast as Adam so far: whether Adam is faster is open.",
    ),
    "adam-converges-fastest/tuned rates": Instead(
        Verdict.INCONCLUSIVE, "With tuned rates AdaDelta is as fast as Adam so far: whether Adam is faster is open."
    ),
    "bn-regularises": Instead(
        Verdict.INCONCLUSIVE, "Whether batch normalization regularises is open: the gap hardly changes."
    ),
    "bn-replaces-l2": Instead(
        Verdict.INCONCLUSIVE, "Whether batch normalization replaces L2 is open: the difference may be chance."
    ),
    "bn-replaces-dropout": Instead(
        Verdict.REFUTED, "Batch normalization does not replace dropout: dropout gives the better accuracy."
    ),
    "bn-effect-equals-dropout": Instead(
        Verdict.REFUTED,
        "Dropout and batch normalization change the gap between training and validation by different amounts.",
    ),
    "bn-faster-than-dropout": Instead(
        Verdict.REFUTED, "Dropout needs fewer epochs than batch normalization for the same accuracy."
    ),
    "bn-keeps-gradients/exploding": Instead(
        Verdict.REFUTED, "In a badly scaled ReLU network gradients grow more with batch normalization than without."
    ),
    "relu-init-keep-gradients/small rate": Instead(
        Verdict.REFUTED, "A small learning rate does not help: at the rate 0.01 gradients vanish more than at 1."
    ),
    "tips-softmax": Instead(Verdict.REFUTED, "The printed loss of softmax only does not come back."),
    "tips-linear-layers-help": Instead(Verdict.REFUTED, "Linear layers alone add nothing."),
    "tips-dropout-rate": Instead(
        Verdict.INCONCLUSIVE, "None of the dropout rates 0.1, 0.2 and 0.3 is shown to be the best."
    ),
    "tips-figures-reproduce/softmax": Instead(
        Verdict.REFUTED, "The printed accuracy of softmax only does not come back."
    ),
    "tips-figures-reproduce/l1 1e-6, epochs 16 to 20": Instead(
        Verdict.REFUTED, "The printed losses do not come back in another training."
    ),
}
"""By claim key. Another verdict than the one here has no such sentence."""

CAUSES = (
    Cause(
        "Keras clips probabilities at 1e-7 there, so no loss of one example exceeds 16.1; on TensorFlow it computes "
        "the loss from logits.",
        ("jax-*", "torch-*"),
        ("batch-normalization-rates", "example-1", "optimizers"),
    ),
)
