"""Faults of the data for training and evaluation, and of their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from tests.faults.fault import Fault, Patch, held_out, instead, small, wrapped
from tests.faults.places import BY_SGD, KERAS, MLP, MNIST, NORMALISED, SEEDING, SOFTMAX, Original

GROUP = "data"
DATASET = "harness.domain.experiment:Dataset"
ON = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON) -> Fault:
    return Fault(name, patches, on)


def loaded(name: str, of: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Fault:
    """The arrays of the file, altered after its checksums were found right."""
    change = wrapped(lambda original, *path: of(dict(original(*path))))
    return fault(name, Patch("cases.data.mnist", "load", change))


def handed(name: str, of: Callable[[Dataset], Dataset]) -> Fault:
    """The examples as a training is given them, altered where there are images."""

    def first(original: Any, self: Dataset, count: int | None) -> Dataset:
        data = original(self, count)
        return of(data) if len(data.x) >= 1000 else data

    return fault(name, Patch(DATASET, "first", wrapped(first)))


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


def few_labels(share: float) -> Fault:
    """Other wrong labels than those of ``data``, in name only."""
    (patch,) = wrong_labels(share).patches
    what = (
        f"{share:.2%} of the training labels are wrong. A step shows it if one of them is in its batch: of twenty "
        "steps with 512 images always some, with 100 images in six of seven trainings."
    )
    return small(f"labels wrong: {share:.2%}", what, patch, MNIST, 1)


class _OtherRandom:
    """``np.random``, whose generators have another seed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np.random, name)

    @staticmethod
    def default_rng(seed: Any) -> Any:
        return np.random.default_rng([*np.atleast_1d(seed).tolist(), 1])


class _OtherNumpy:
    random = _OtherRandom()

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def other_generator(original: Any) -> Any:
    return _OtherNumpy()


def of_images(name: str, of: Callable[[Dataset], Dataset]) -> Fault:
    def first(original: Any, self: Dataset, count: int | None) -> Dataset:
        data = original(self, count)
        return of(data) if data.x.shape[-1] == 784 else data

    return held_out(name, DATASET, "first", wrapped(first), BY_SGD)


def transposed(data: Dataset) -> Dataset:
    """Training images lie on their side."""
    sides = data.x.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    return Dataset(np.ascontiguousarray(sides), data.y, data.x_val, data.y_val)


def inverted(data: Dataset) -> Dataset:
    return Dataset(1 - data.x, data.y, None if data.x_val is None else 1 - data.x_val, data.y_val)


def two_digits_swapped(data: Dataset) -> Dataset:
    """Four and nine, in the test labels."""
    columns = [0, 1, 2, 3, 9, 5, 6, 7, 8, 4]
    return Dataset(data.x, data.y, data.x_val, None if data.y_val is None else data.y_val[:, columns])


def one_pixel_dead(data: Dataset) -> Dataset:
    x = data.x.copy()
    x[:, 406] = 0
    return Dataset(x, data.y, data.x_val, data.y_val)


def duplicates(data: Dataset) -> Dataset:
    """Every fiftieth image stands there twice, and the one behind it not at all."""
    rows = np.arange(len(data.x))
    rows[1::50] = rows[0::50][: len(rows[1::50])]
    return Dataset(data.x[rows], data.y[rows], data.x_val, data.y_val)


def two_labels_swapped(data: Dataset) -> Dataset:
    """Of two images."""
    y = data.y.copy()
    other = int(np.argmax((y != y[0]).any(axis=1)))
    y[[0, other]] = y[[other, 0]]
    return Dataset(data.x, y, data.x_val, data.y_val)


def late_seed(original: Any, seed: int, epoch: int, count: int) -> Any:
    """The order of an epoch turned round in every second one."""
    order = original(seed, epoch, count)
    return order[::-1].copy() if epoch % 2 else order


def with_arrays(change: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
    """What ``Dataset.first`` hands to training, with some arrays changed; other data than MNIST's stay."""

    def first(original: Any, self: Any, count: Any) -> Any:
        data = original(self, count)
        return dataclasses.replace(data, **change(data)) if data.x.shape[1:] == (784,) else data

    return first


def one_in_50_transposed(data: Any) -> dict[str, Any]:
    x = np.array(data.x)
    x[::50] = x[::50].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    return {"x": x}


def nines_as_fours(data: Any) -> dict[str, Any]:
    y = np.array(data.y)
    rows = np.flatnonzero(y.argmax(1) == 9)[::33]
    y[rows] = np.eye(10)[4]
    return {"y": y}


def repeated_validation(data: Any) -> dict[str, Any]:
    if data.x_val is None:
        return {}
    x, y = np.array(data.x_val), np.array(data.y_val)
    x[500:1000], y[500:1000] = x[:500], y[:500]
    return {"x_val": x, "y_val": y}


def labels_shuffled(original: Original, self: Any, convert: Any, inputs: Any) -> Iterator[Any]:
    """Within each batch; only where examples are shuffled, so not in evaluation."""
    for batch in original(self, convert, inputs):
        if self._shuffle and isinstance(batch, tuple | list) and len(batch) > 1 and batch[1] is not None:
            x, y, *rest = batch
            yield type(batch)((x, y[np.random.permutation(len(y))], *rest))
        else:
            yield batch


def sample_deviation(columns: np.ndarray) -> np.ndarray:
    return np.asarray((columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1))


def takes_the_last(original: Original, self: Any, count: int | None) -> Any:
    found = original(self, count)
    return found if count is None else type(self)(self.x[-count:], self.y[-count:], self.x_val, self.y_val)


def order_in_16_bits(original: Original, seed: int, epoch: int, count: int) -> np.ndarray:
    """Rows beyond 32,767 count from the end."""
    order = original(seed, epoch, count).astype("int16").astype("int32")
    return np.asarray(order % count, "int32")


def in_sixteen_greys(original: Original, self: Any, count: int | None) -> Any:
    """All images, those of validation too."""
    data = original(self, count)
    if data.x.ndim != 2 or data.x.shape[1] != 784:
        return data

    def coarse(images: np.ndarray | None) -> np.ndarray | None:
        return None if images is None else (np.rint(images * 15) / 15).astype("float32")

    return Dataset(coarse(data.x), data.y, coarse(data.x_val), data.y_val)


def centred_by_the_median(columns: np.ndarray) -> np.ndarray:
    return np.asarray(columns - np.median(columns, axis=0))


def order_turned(original: Original, seed: int, epoch: int, count: int) -> np.ndarray:
    """One permutation for all epochs, each of which starts it at another place."""
    start = int(np.random.default_rng([seed, epoch]).integers(count))
    return np.roll(original(seed, 0, count), start)


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
    few_labels(0.001),
    small(
        "other data order",
        "NumPy's generator gives other permutations for the same seeds, from the first step on; a training of one "
        "batch an epoch changes in its rounding only.",
        Patch(SEEDING, "np", other_generator),
        (BY_SGD, SOFTMAX, ("more-data", "2,000 images"), ("batch-normalization-examples", "mlp")),
        1,
        "framework",
    ),
    of_images("training images on their side", transposed),
    of_images("images inverted", inverted),
    of_images("test labels 4 and 9 swapped", two_digits_swapped),
    of_images("a dead pixel in training", one_pixel_dead),
    of_images("a fiftieth of the images doubled", duplicates),
    of_images("the labels of two images swapped", two_labels_swapped),
    held_out(
        "order turned round in every second epoch", "harness.training.seeding", "data_order", wrapped(late_seed), BY_SGD
    ),
    held_out(
        "one image in 50 transposed",
        DATASET,
        "first",
        wrapped(with_arrays(one_in_50_transposed)),
        MLP,
    ),
    held_out(
        "3 % of nines are fours",
        DATASET,
        "first",
        wrapped(with_arrays(nines_as_fours)),
        MLP,
    ),
    held_out(
        "500 validation images twice",
        DATASET,
        "first",
        wrapped(with_arrays(repeated_validation)),
        MLP,
    ),
    held_out(
        "odd epochs backwards",
        "harness.training.seeding",
        "data_order",
        wrapped(lambda f, seed, epoch, count: f(seed, epoch, count)[:: -1 if epoch % 2 else 1]),
        MLP,
    ),
    held_out(
        "fit shuffles examples and labels apart",
        f"{KERAS}.trainers.data_adapters.array_data_adapter:ArrayDataAdapter",
        "_get_iterator",
        wrapped(labels_shuffled),
        None,
    ),
    Fault(
        "standardised by n − 1",
        (
            Patch("cases.preprocessing", "standardise", instead(sample_deviation)),
            Patch("cases.examples.normalization", "standardise", instead(sample_deviation)),
        ),
        ("example-2", "standardised"),
        held_out=True,
    ),
    held_out(
        "the last images in the place of the first",
        DATASET,
        "first",
        wrapped(takes_the_last),
        NORMALISED,
    ),
    held_out(
        "data order in 16 bits",
        "harness.training.seeding",
        "data_order",
        wrapped(order_in_16_bits),
        ("example-4-softmax", "as printed"),
    ),
    held_out("images in 16 levels of grey", DATASET, "first", wrapped(in_sixteen_greys), MLP),
    held_out(
        "columns are centred by their median",
        "cases.preprocessing",
        "centre",
        instead(centred_by_the_median),
        ("centring", "centred"),
    ),
    held_out(
        "data order: one permutation, begun at random",
        "harness.training.seeding",
        "data_order",
        wrapped(order_turned),
        MLP,
    ),
)
