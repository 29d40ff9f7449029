"""The lecture as a catalogue of claims: read the modules in the order of ``CLAIMS``."""

from cases import batch_normalization, learning_rate, optimizers, overfitting, preprocessing
from cases.examples import learning_rate as example_1
from cases.examples import mnist_softmax, mnist_tips, normalization
from harness.catalogue import catalogue

CLAIMS = catalogue(
    learning_rate.CLAIMS,
    preprocessing.CLAIMS,
    overfitting.CLAIMS,
    optimizers.CLAIMS,
    batch_normalization.CLAIMS,
    example_1.CLAIMS,
    normalization.CLAIMS,
    mnist_softmax.CLAIMS,
    mnist_tips.CLAIMS,
)
