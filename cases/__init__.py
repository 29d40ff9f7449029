"""The lecture as a catalogue of claims: read the modules in the order of ``SECTIONS``.

A module with a mistake is in ``BROKEN``, and the claims of the other sections are in ``CLAIMS``.
"""

from harness.domain.catalogue import load

SECTIONS = (
    "learning_rate",
    "preprocessing",
    "overfitting",
    "optimizers",
    "batch_normalization",
    "examples.learning_rate",
    "examples.normalization",
    "examples.mnist_softmax",
    "examples.mnist_tips",
)
"""The modules that have claims, in lecture order."""

CLAIMS, BROKEN = load("cases", SECTIONS)
