"""The lecture: its title, its author, its slides in order, and what reports and timing runs take from it."""

from __future__ import annotations

TITLE = "Deep Learning · Keras · Application & Tips"
AUTHOR = "Yoon Joong Kim, Hanbat National University"

SLIDES = (
    "1. Learning rate",
    "1.1 Gradient descent algorithm",
    "1.2 Large learning rate: overshooting",
    "1.3 Small learning rate",
    "1.4 Optimizers",
    "2.1 Too big difference in value among elements of dataset",
    "2.2 and the Summary",
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

BY_SEEDS = ("tips-dropout-helps", "tips-dropout-rate", "tips-deeper-is-not-better")
"""Claims whose interval a figure shows as seeds are added: differences of accuracies that the advice rests on."""

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
