"""The lecture: its title, author and slides, and what reports and timing runs take from it."""

from harness.claim import Cause, Finding

TITLE = "Deep Learning · Keras · Application & Tips"
AUTHOR = "Yoon Joong Kim, Hanbat National University"

SLIDES = (
    "1. Learning rate",
    "1.1 Gradient descent algorithm",
    "1.2 Large learning rate: overshooting",
    "1.3 Small learning rate",
    "1.4 Optimizers",
    "2.1 Too big difference in value among elements of dataset",
    "2.2 Distribution of the elements of a dataset",
    "2.3 Mean, std normalization",
    "2.4 Min-max normalization",
    "3. Overfitting",
    "4. Overfitting",
    "4. Optimizers",
    "5. Batch Normalization",
    "Example 1. Learning rate",
    "Example 2. Dataset normalization",
    "Example 3. MNIST 10 digit image classifier",
    "Example 4. Tips of NN for the Mnist digit classifier",
)
"""The titles of the slides with claims or code, in lecture order. A slide and its continuations are one."""

TIMED = (
    ("example-1", "rate 0.1", 200),
    ("example-4", "softmax", 2),
    ("example-4", "5 relu xavier", 2),
    ("example-4", "dropout 0.2", 2),
)
"""What ``-m timing`` times: experiment, variant and epochs of a round, at the lecture's size. Two of the 20 epochs of
Example 4 are enough, because its epochs take equally long."""

ON_DEMAND = (
    ("more-data", "2,000 images"),
    ("optimizers", "adam"),
    ("batch-normalization-rates", "normalised, rate 0.5"),
    ("covariate-shift", "normalised"),
    ("example-4", "2 linear"),
    ("example-4", "2 relu xavier"),
    ("example-4", "5 relu xavier"),
    ("example-4", "dropout 0.2"),
)
"""Anchors that a check of everything leaves out. They took most of its time, and late states see what they saw."""

WITHOUT_CURVES = (
    "double-well",
    "long-valley",
    "usage-of-optimizers",
    "scale-gap",
    "centring",
    "fewer-features",
    "example-2-clipped",
    "covariate-shift",
    "batch-normalization-examples",
)
"""Experiments whose claims compare one number each, which a learning curve does not make clearer."""

SWEEPS_ALSO = {"deep-gradients": "initial_gradient_norm", "more-data": "val_accuracy"}
"""By experiment, a second metric in its figure of a sweep. The ratio of gradients shows that they vanish, the norm also
that they explode. A smaller gap says more next to the accuracy."""

FINDINGS = (
    Finding(
        "The printed softmax figures fit Adam with a rate of 1e-4, not its default",
        ("tips-softmax", "tips-linear-layers-help"),
    ),
    Finding("A nonlinearity helps, depth alone does not", ("tips-relu-beats-linear", "tips-deeper-is-not-better")),
    Finding("Dropout helps a deep network", ("tips-dropout-helps", "dropout-reduces-gap")),
    Finding("The best rate of dropout takes more seeds to find", ("tips-dropout-rate",)),
    Finding(
        "The lecture's Keras summed the activity penalty over a batch, and the slide does not print its size",
        ("tips-figures-reproduce/l1 1e-6, epochs 16 to 20",),
    ),
    Finding("The best model was saved, and the last one was evaluated", ("best-model-score",)),
    Finding("Data without scaling diverge", ("raw-data-diverges", "minmax-losses-reproduce")),
    Finding("A long training overfits", ("overfitting-happens",)),
    Finding("More training data narrow the gap and raise the accuracy", ("more-data-helps",)),
    Finding("A rate in the middle of a grid brings the loss down best", ("rate-sweep",)),
    Finding(
        "Batch normalization trains at a rate at which the network without it fails",
        ("bn-allows-large-rate", "large-rate-breaks-deep-networks"),
    ),
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
"""Findings about the lecture's claims by cause, in the order of the reports and of README's table."""

EXAMPLE_1 = ("loss", "accuracy", "val_loss", "val_accuracy", "loss_ratio", "rising_epochs")
"""Its metrics."""

CAUSES = (
    Cause(
        "On JAX and PyTorch Keras clips probabilities at 1e-7, so no loss of one example exceeds 16.1; on TensorFlow "
        "it computes the loss from logits.",
        ("jax-*", "torch-*"),
        (
            ("example-1", "rate 10", EXAMPLE_1),
            ("example-1", "rate 1e6", EXAMPLE_1),
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
