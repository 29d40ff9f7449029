"""The lecture: its title, its author, and its slides in order."""

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


def slides_of(label: str) -> tuple[str, ...]:
    """The titles of the slides that a label names.

    Args:
        label: where the lecture says something: parts separated by ";", as in "4. Optimizers (cont.), Adam; Example 1".
            A part may continue after the title, and may abbreviate an example's title to its number.

    Returns:
        Titles in lecture order; empty if the label names no slide.
    """
    parts = [part.strip() for part in label.split(";")]
    return tuple(title for title in SLIDES if any(_names(part, title) for part in parts))


def _names(part: str, title: str) -> bool:
    return part.startswith(title) or title.startswith(part.partition(",")[0] + ".")
