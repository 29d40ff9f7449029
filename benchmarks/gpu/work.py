"""What is measured, and the two scales: full on a GPU, or small to try the script itself on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cases import CLAIMS
from harness.domain.claim import experiments
from harness.domain.model import Experiment

NETWORKS: Mapping[str, str] = {
    "softmax": "softmax",
    "two hidden layers": "2 relu xavier",
    "five hidden layers": "5 relu xavier",
    "five hidden layers, dropout 0.2": "dropout 0.2",
}
"""Variants of Example 4 by their names in tables."""
TARGETS: Mapping[str, float] = dict(zip(NETWORKS, (0.27, 1.05, 1.9, 2.2), strict=True))
"""The vectorized engine's targets on an H100: milliseconds per seed and epoch, validation included."""
PEERS = ("jax", "tensorflow", "torch")
"""The backends of ``fit``, the usual alternative: one seed after another."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        epochs, peer_epochs: epochs of each training, with batched seeds (the lecture has 20) and with ``fit``.
        train: number of training images; None for all.
        replicas: numbers of batched seeds to try.
        seeds, select: ``--seeds`` and ``-k`` of the suite's run to the end; all that train if ``select`` is "".
        sizes, megabytes: rows of the square matrices, and the array, with which the peaks are measured.
    """

    epochs: int
    peer_epochs: int
    train: int | None
    replicas: tuple[int, ...]
    seeds: str
    select: str
    sizes: tuple[int, ...]
    megabytes: int


MANY = "256,example-3=1024,example-4=1024,example-4-softmax=1024"
SCALES = {
    "full": Scale(20, 6, None, (32, 48, 64, 96, 128, 256), MANY, "", (4096, 8192, 16384), 1000),
    "small": Scale(3, 2, 600, (2, 4), "5", "minmax-fixes-divergence", (256,), 8),
}


def experiment(scale: Scale, epochs: int) -> Experiment:
    """Example 4 at the lecture's batch size, with the scale's images."""
    example = next(each for each in experiments(CLAIMS) if each.id == "example-4")
    return replace(example, size=replace(example.size, epochs=epochs, train=scale.train))
