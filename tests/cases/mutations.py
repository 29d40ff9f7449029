"""Exact checks, unchanged and with one formula broken: ``python -m tests.cases.mutations FILE``.

They need Keras, so they run in a process of their own; test_exact.py reads the verdicts.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from cases import CLAIMS, preprocessing
from cases.data.mnist import load, mnist
from cases.examples import mnist_softmax
from harness.domain.model import Dataset
from harness.rules import Comparison
from harness.training.backend import choose_backend, start_backend
from tests.cases.mutated_formulas import AS_PRINTED, FORMULAS, WITHOUT_TRAINING

Patch = Callable[[], Any]


def biased(columns: np.ndarray) -> np.ndarray:
    """With n − 1 in the standard deviation."""
    return (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)


def patched(target: Any, name: str, value: Any) -> Patch:
    return lambda: mock.patch.object(target, name, value)


def keras_layer(name: str, value: Any) -> Patch:
    return lambda: mock.patch(f"keras.layers.{name}", value)


class Unscaled:
    """A Normalization layer that forgets to divide."""

    def __init__(self, axis: int) -> None: ...

    def adapt(self, columns: np.ndarray) -> None:
        self.mean = columns.mean(axis=0)

    def __call__(self, columns: np.ndarray) -> np.ndarray:
        return columns - self.mean


class Whitening:
    """A batch normalization that removes correlations."""

    def __call__(self, columns: np.ndarray, training: bool) -> np.ndarray:
        centred = columns - columns.mean(axis=0)
        eigenvalues, vectors = np.linalg.eigh(np.cov(centred, rowvar=False))
        return np.asarray(centred @ vectors / np.sqrt(eigenvalues))


def uncorrelated() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((500, 4)).astype("float32")


def one_pixel_more() -> Dataset:
    data = mnist()
    x = data.x.copy()
    x[59999, 783] = 1.0
    return Dataset(x, data.y, data.x_val, data.y_val)


def labels_shifted() -> Dataset:
    data = mnist()
    return Dataset(data.x, np.roll(data.y, 1, axis=1), data.x_val, data.y_val)


def first_label_wrong() -> dict[str, np.ndarray]:
    arrays = load()
    arrays["y_train"][0] = 4
    return arrays


NONE: Patch = contextlib.nullcontext
MUTATIONS: dict[str, dict[str, Patch]] = {
    "zscore-formula": {
        "none": NONE,
        "n - 1": patched(preprocessing, "standardise", biased),
        "layer does not divide": keras_layer("Normalization", Unscaled),
    },
    "whitening-decorrelates": {
        "none": NONE,
        "uncorrelated columns": patched(preprocessing, "random_columns", uncorrelated),
        "batch normalization whitens": keras_layer("BatchNormalization", Whitening),
    },
    "mnist-preparation": {
        "none": NONE,
        "one pixel": patched(mnist_softmax, "mnist", one_pixel_more),
        "labels shifted": patched(mnist_softmax, "mnist", labels_shifted),
        "first label": patched(mnist_softmax.mnist_file, "load", first_label_wrong),
    },
    **{key: {"none": NONE, **mutations} for key, mutations in FORMULAS.items()},
    **AS_PRINTED,
    **WITHOUT_TRAINING,
}


def verdict(claim: Any) -> str:
    """As the claim decides; one comparison that does not hold is enough, and the rest is not computed."""
    if claim.then is not None:
        return str(claim.computed().verdict)
    found = []
    for finding in claim.check():
        found.append(finding)
        if isinstance(finding, Comparison) and not finding.error <= finding.tolerance:
            break
    return str(claim.rule.decide(found).verdict)


def main(path: Path) -> None:
    choose_backend("jax")
    start_backend()
    claims = {claim.key: claim for claim in CLAIMS}
    verdicts: dict[str, dict[str, str]] = {}
    for key, mutations in MUTATIONS.items():
        claim: Any = claims[key]
        for name, patch in mutations.items():
            with patch():
                verdicts.setdefault(key, {})[name] = verdict(claim)
    path.write_text(json.dumps(verdicts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
