"""Faults of the data that training and evaluation are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from tests.faults.fault import Fault, Patch, wrapped

ON = ("batch-normalization-rates", "plain, rate 0.1")
SEEDING = "harness.training.seeding"


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON) -> Fault:
    return Fault(name, "data", patches, on)


def loaded(name: str, of: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Fault:
    """The arrays of the file, altered after its checksums were found right."""
    change = wrapped(lambda original, *path: of(dict(original(*path))))
    return fault(name, Patch("cases.data.mnist", "load", change))


def handed(name: str, of: Callable[[Dataset], Dataset]) -> Fault:
    """The examples as a training is given them, altered where there are images."""

    def first(original: Any, self: Dataset, count: int | None) -> Dataset:
        data = original(self, count)
        return of(data) if len(data.x) >= 1000 else data

    return fault(name, Patch("harness.domain.experiment:Dataset", "first", wrapped(first)))


def wrong_labels(share: float) -> Fault:
    def wrong(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        labels = arrays["y_train"].copy()
        rng = np.random.default_rng(1)
        for part in (slice(0, 5000), slice(5000, 60000)):  # as many where only the first are used
            rows = np.arange(60000)[part]
            rows = rng.choice(rows, max(round(share * len(rows)), 1), replace=False)
            labels[rows] = (labels[rows] + 1 + rng.integers(9, size=len(rows))) % 10
        return {**arrays, "y_train": labels}

    return loaded(f"labels wrong: {share:.2%}", wrong)


def test_in_training(share: float) -> Fault:
    """A share of the training images are test images."""

    def mixed(data: Dataset) -> Dataset:
        if data.x_val is None or data.y_val is None:
            return data
        count = min(round(share * len(data.x)), len(data.x_val))
        x, y = data.x.copy(), data.y.copy()
        x[:count], y[:count] = data.x_val[:count], data.y_val[:count]
        return Dataset(x, y, data.x_val, data.y_val)

    return handed(f"test images in training: {share:.0%}", mixed)


def missing(share: float) -> Fault:
    def fewer(data: Dataset) -> Dataset:
        count = round((1 - share) * len(data.x))
        return Dataset(data.x[:count], data.y[:count], data.x_val, data.y_val)

    return handed(f"images missing: {share:.2%}", fewer)


def one_class_missing(data: Dataset) -> Dataset:
    """No eights to train on: other images stand in their place."""
    rows = np.arange(len(data.x))
    if data.y.shape[-1] == 10:
        rows = np.resize(rows[data.y[:, 8] == 0], len(rows))
    return Dataset(data.x[rows], data.y[rows], data.x_val, data.y_val)


def scaled_by_256(data: Dataset) -> Dataset:
    factor = np.float32(255 / 256)
    return Dataset(data.x * factor, data.y, None if data.x_val is None else data.x_val * factor, data.y_val)


def scaled_in_training(data: Dataset) -> Dataset:
    return Dataset(data.x * np.float32(255 / 256), data.y, data.x_val, data.y_val)


def in_float16(data: Dataset) -> Dataset:
    return Dataset(data.x.astype("float16").astype(data.x.dtype), data.y, data.x_val, data.y_val)


def shifted(data: Dataset) -> Dataset:
    """Training images moved by a pixel."""
    return Dataset(np.roll(data.x, 1, axis=-1), data.y, data.x_val, data.y_val)


def validation_labels_shifted(data: Dataset) -> Dataset:
    return Dataset(data.x, data.y, data.x_val, None if data.y_val is None else np.roll(data.y_val, 1, axis=0))


def validation_is_training(data: Dataset) -> Dataset:
    if data.x_val is None:
        return data
    count = min(len(data.x), len(data.x_val))
    return Dataset(data.x, data.y, data.x[:count], data.y[:count])


def noise(size: float) -> Fault:
    def noisy(data: Dataset) -> Dataset:
        drawn = np.random.default_rng(2).standard_normal(data.x.shape).astype(data.x.dtype)
        return Dataset(data.x + np.asarray(size, data.x.dtype) * drawn, data.y, data.x_val, data.y_val)

    return handed(f"noise of {size:g} on the training images", noisy)


def order(name: str, of: Callable[..., Any]) -> Fault:
    return fault(f"data order: {name}", Patch(SEEDING, "data_order", wrapped(of)))


def unshuffled(original: Any, seed: int, epoch: int, count: int) -> Any:
    return np.arange(count, dtype="int32")


def once(original: Any, seed: int, epoch: int, count: int) -> Any:
    return original(seed, 0, count)


def replaced(original: Any, seed: int, epoch: int, count: int) -> Any:
    """Drawn with replacement: a third of the examples is never seen in an epoch."""
    return np.random.default_rng([seed, epoch]).integers(count, size=count).astype("int32")


def within_blocks(original: Any, seed: int, epoch: int, count: int) -> Any:
    """A shuffle buffer that is too small: examples stay among their neighbours."""
    rng = np.random.default_rng([seed, epoch])
    keys = np.arange(count) + rng.uniform(0, 500, count)
    return np.argsort(keys).astype("int32")


FAULTS = (
    *map(wrong_labels, (0.05, 0.01, 0.002, 0.0005)),
    *map(test_in_training, (0.5, 0.05, 0.01)),
    *map(missing, (0.05, 0.01, 0.001)),
    handed("one digit missing in training", one_class_missing),
    handed("scaled by 256, not 255", scaled_by_256),
    handed("scaled by 256 in training only", scaled_in_training),
    handed("images as float16", in_float16),
    handed("images moved by a pixel", shifted),
    handed("validation labels shifted by one", validation_labels_shifted),
    handed("validation on the training images", validation_is_training),
    *map(noise, (0.1, 0.01)),
    order("none", unshuffled),
    order("the same in every epoch", once),
    order("with replacement", replaced),
    order("within blocks of 500", within_blocks),
)
