"""The lecture as a catalogue of claims. Read the modules in the order of ``SECTIONS``.

``CLAIMS`` has the claims of all modules that could be read; ``BROKEN`` has the modules with a mistake.
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
