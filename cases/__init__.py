"""The lecture as a catalogue of claims: read the modules in the order of ``CLAIMS``."""

from cases import preprocessing
from cases.examples import learning_rate, mnist_softmax, mnist_tips, normalization
from harness.catalogue import catalogue

CLAIMS = catalogue(
    preprocessing.CLAIMS,
    normalization.CLAIMS,
    learning_rate.CLAIMS,
    mnist_softmax.CLAIMS,
    mnist_tips.CLAIMS,
)
