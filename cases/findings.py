"""Findings about the lecture's claims by cause: the rows of README's table, which `python -m reports` writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Claims that one cause explains.

    Args:
        cause: the heading of the rows, a few words.
        claims: keys of the claims, "id" or "id/case", in the order of the rows.
    """

    cause: str
    claims: tuple[str, ...]


FINDINGS = (
    Finding(
        "The slide's softmax was trained too little",
        (
            "tips-softmax",
            "tips-figures-reproduce/softmax",
            "tips-linear-layers-help",
            "tips-linear-layers-are-softmax",
        ),
    ),
    Finding(
        "The tips for a deeper network",
        (
            "tips-relu-beats-linear",
            "tips-deeper-is-not-better",
            "tips-dropout-helps",
            "tips-dropout-rate",
        ),
    ),
    Finding(
        "Learning rate and scaling",
        (
            "gd-reaches-minimum/rate 0.001",
            "raw-data-diverges",
            "minmax-losses-reproduce",
        ),
    ),
    Finding(
        "Overfitting",
        (
            "overfitting-happens",
            "dropout-reduces-gap",
        ),
    ),
    Finding(
        "Batch normalization",
        (
            "bn-keeps-gradients/vanishing",
            "bn-keeps-gradients/exploding",
            "relu-init-keep-gradients/small rate",
            "bn-trains-faster",
            "bn-effect-equals-dropout",
        ),
    ),
    Finding(
        "Optimizers",
        (
            "adam-converges-fastest/printed rates",
            "defaults-as-printed/adagrad",
            "defaults-as-printed/adadelta",
        ),
    ),
)
