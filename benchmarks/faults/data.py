"""Faults of the data for training and evaluation, of their order, and of seeds."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.faults.change import Wrapper, argument, combinator, instead, jnp, named, result
from benchmarks.faults.fault import Fault, fault, held_out
from benchmarks.faults.places import (
    ADAM_RACE,
    BY_SGD,
    CENTRED,
    DERIVED,
    FIRST,
    JAX_RANDOM,
    KERAS,
    MLP,
    MNIST,
    NEXT_SEED,
    NORMALISED,
    ORDER,
    SOFTMAX,
    STANDARDISED,
)
from harness.domain.experiment import Dataset

FILE = ("cases.data.mnist", "load")


@combinator
def wrong_labels(share: float) -> Wrapper:
    """Of the file, after its checksums were found right."""

    def load(original: Any, *path: Any) -> dict[str, np.ndarray]:
        arrays = dict(original(*path))
        labels = arrays["y_train"].copy()
        rng = np.random.default_rng(1)
        for part in (slice(0, 5000), slice(5000, 60000)):  # as many where only the first are used
            rows = np.arange(60000)[part]
            rows = rng.choice(rows, max(round(share * len(rows)), 1), replace=False)
            labels[rows] = (labels[rows] + 1 + rng.integers(9, size=len(rows))) % 10
        return {**arrays, "y_train": labels}

    return load


def handed(name: str, of: Callable[[Dataset], dict[str, Any]], **more: Any) -> Fault:
    """The examples as a training is given them get the arrays of ``of``, where there are a thousand or more."""

    def first(data: Dataset) -> Dataset:
        return dataclasses.replace(data, **of(data)) if len(data.x) >= 1000 else data

    return fault(name, FIRST, result(first), BY_SGD, **more)


def of_images(name: str, of: Callable[[Dataset], dict[str, Any]], on: tuple[str, str] = BY_SGD, **more: Any) -> Fault:
    """The same of data of 784 columns, however few."""

    def first(data: Dataset) -> Dataset:
        return dataclasses.replace(data, **of(data)) if data.x.shape[1:] == (784,) else data

    return held_out(name, FIRST, result(first), on, **more)


def test_in_training(share: float) -> Fault:
    """A share of the training images are test images."""

    def mixed(data: Dataset) -> dict[str, Any]:
        if data.x_val is None or data.y_val is None:
            return {}
        count = min(round(share * len(data.x)), len(data.x_val))
        x, y = data.x.copy(), data.y.copy()
        x[:count], y[:count] = data.x_val[:count], data.y_val[:count]
        return {"x": x, "y": y}

    return handed(f"test images in training: {share:.0%}", mixed)


def missing(share: float) -> Fault:
    def fewer(data: Dataset) -> dict[str, Any]:
        count = round((1 - share) * len(data.x))
        return {"x": data.x[:count], "y": data.y[:count]}

    return handed(f"images missing: {share:.2%}", fewer)


def noise(size: float) -> Fault:
    def noisy(data: Dataset) -> dict[str, Any]:
        drawn = np.random.default_rng(2).standard_normal(data.x.shape).astype(data.x.dtype)
        return {"x": data.x + np.asarray(size, data.x.dtype) * drawn}

    return handed(f"noise of {size:g} on the training images", noisy)


def one_class_missing(data: Dataset) -> dict[str, Any]:
    """No eights to train on: other images stand in their place."""
    rows = np.arange(len(data.x))
    if data.y.shape[-1] == 10:
        rows = np.resize(rows[data.y[:, 8] == 0], len(rows))
    return {"x": data.x[rows], "y": data.y[rows]}


def everywhere(of: Callable[[np.ndarray], Any]) -> Callable[[Dataset], dict[str, Any]]:
    """The images of training and of validation."""
    return lambda data: {"x": of(data.x), "x_val": None if data.x_val is None else of(data.x_val)}


def validation_labels_shifted(data: Dataset) -> dict[str, Any]:
    return {} if data.y_val is None else {"y_val": np.roll(data.y_val, 1, axis=0)}


def validation_is_training(data: Dataset) -> dict[str, Any]:
    if data.x_val is None:
        return {}
    count = min(len(data.x), len(data.x_val))
    return {"x_val": data.x[:count], "y_val": data.y[:count]}


def on_their_side(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784))


def two_digits_swapped(data: Dataset) -> dict[str, Any]:
    """Four and nine, in the test labels."""
    columns = [0, 1, 2, 3, 9, 5, 6, 7, 8, 4]
    return {} if data.y_val is None else {"y_val": data.y_val[:, columns]}


def one_pixel_dead(data: Dataset) -> dict[str, Any]:
    x = data.x.copy()
    x[:, 406] = 0
    return {"x": x}


def duplicates(data: Dataset) -> dict[str, Any]:
    """Every fiftieth image stands there twice, and the one behind it not at all."""
    rows = np.arange(len(data.x))
    rows[1::50] = rows[0::50][: len(rows[1::50])]
    return {"x": data.x[rows], "y": data.y[rows]}


def two_labels_swapped(data: Dataset) -> dict[str, Any]:
    y = data.y.copy()
    other = int(np.argmax((y != y[0]).any(axis=1)))
    y[[0, other]] = y[[other, 0]]
    return {"y": y}


def one_in_50_transposed(data: Dataset) -> dict[str, Any]:
    x = np.array(data.x)
    x[::50] = on_their_side(x[::50])
    return {"x": x}


def nines_as_fours(data: Dataset) -> dict[str, Any]:
    y = np.array(data.y)
    rows = np.flatnonzero(y.argmax(1) == 9)[::33]
    y[rows] = np.eye(10)[4]
    return {"y": y}


def repeated_validation(data: Dataset) -> dict[str, Any]:
    if data.x_val is None:
        return {}
    x, y = np.array(data.x_val), np.array(data.y_val)
    x[500:1000], y[500:1000] = x[:500], y[:500]
    return {"x_val": x, "y_val": y}


def labels_shuffled(original: Any, self: Any, convert: Any, inputs: Any) -> Iterator[Any]:
    """Within each batch; only where examples are shuffled, so not in evaluation."""
    for batch in original(self, convert, inputs):
        if self._shuffle and isinstance(batch, tuple | list) and len(batch) > 1 and batch[1] is not None:
            x, y, *rest = batch
            yield type(batch)((x, y[np.random.permutation(len(y))], *rest))
        else:
            yield batch


def takes_the_last(original: Any, self: Any, count: int | None) -> Any:
    data = original(self, count)
    return data if count is None else type(self)(self.x[-count:], self.y[-count:], self.x_val, self.y_val)


def sixteen_greys(images: np.ndarray) -> np.ndarray:
    return np.asarray((np.rint(images * 15) / 15).astype("float32"))


def sample_deviation(columns: np.ndarray) -> np.ndarray:
    return np.asarray((columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1))


def centred_by_the_median(columns: np.ndarray) -> np.ndarray:
    return np.asarray(columns - np.median(columns, axis=0))


@named
def other_generator() -> Callable[[Any], Any]:
    """NumPy's generator gives other permutations for the same seeds."""

    def default_rng(seed: Any) -> Any:
        return np.random.default_rng([*np.atleast_1d(seed).tolist(), 1])

    return lambda original: SimpleNamespace(
        **{**vars(np), "random": SimpleNamespace(**{**vars(np.random), "default_rng": default_rng})}
    )


def unshuffled(seed: int, epoch: int, count: int) -> Any:
    return np.arange(count, dtype="int32")


def with_replacement(seed: int, epoch: int, count: int) -> Any:
    """A third of the examples is never seen in an epoch."""
    return np.random.default_rng([seed, epoch]).integers(count, size=count).astype("int32")


def within_blocks(seed: int, epoch: int, count: int) -> Any:
    """A shuffle buffer that is too small: examples stay among their neighbours."""
    rng = np.random.default_rng([seed, epoch])
    keys = np.arange(count) + rng.uniform(0, 500, count)
    return np.argsort(keys).astype("int32")


def in_16_bits(order: np.ndarray, count: int) -> np.ndarray:
    """Rows beyond 32,767 count from the end."""
    return np.asarray(order.astype("int16").astype("int32") % count, "int32")


def turned(original: Any, seed: int, epoch: int, count: int) -> np.ndarray:
    """One permutation for all epochs, each of which starts it at another place."""
    start = int(np.random.default_rng([seed, epoch]).integers(count))
    return np.roll(original(seed, 0, count), start)


DATA = (
    *(fault(f"labels wrong: {x:.2%}", FILE, wrong_labels(x), BY_SGD) for x in (0.05, 0.01, 0.002, 0.0005)),
    *map(test_in_training, (0.5, 0.05, 0.01)),
    *map(missing, (0.05, 0.01, 0.001)),
    handed("one digit missing in training", one_class_missing),
    handed("scaled by 256, not 255", everywhere(lambda images: images * np.float32(255 / 256))),
    handed("scaled by 256 in training only", lambda data: {"x": data.x * np.float32(255 / 256)}),
    handed("images as float16", lambda data: {"x": data.x.astype("float16").astype(data.x.dtype)}),
    handed("images moved by a pixel", lambda data: {"x": np.roll(data.x, 1, axis=-1)}),
    handed("validation labels shifted by one", validation_labels_shifted, shows="evaluation"),
    handed("validation on the training images", validation_is_training, shows="evaluation"),
    *map(noise, (0.1, 0.01)),
    fault("data order: none", ORDER, instead(unshuffled), BY_SGD),
    fault("data order: the same in every epoch", ORDER, argument("epoch", 0), BY_SGD, step=601),
    fault("data order: with replacement", ORDER, instead(with_replacement), BY_SGD),
    fault("data order: within blocks of 500", ORDER, instead(within_blocks), BY_SGD),
    # of twenty steps with 512 images some show it always, with 100 images in six of seven trainings
    fault("small: labels wrong: 0.10%", FILE, wrong_labels(0.001), *MNIST),
    fault(  # a training of one batch an epoch changes in its rounding only
        "small: other data order",
        (ORDER[0], "np"),
        other_generator(),
        BY_SGD,
        SOFTMAX,
        MLP,
        ("batch-normalization-examples", "mlp"),
        breaks="framework",
    ),
    of_images("training images on their side", lambda data: {"x": on_their_side(data.x)}),
    of_images("images inverted", everywhere(lambda images: 1 - images)),
    of_images("test labels 4 and 9 swapped", two_digits_swapped, shows="evaluation"),
    of_images("a dead pixel in training", one_pixel_dead),
    of_images("a fiftieth of the images doubled", duplicates),
    of_images("the labels of two images swapped", two_labels_swapped),
    held_out(
        "order turned round in every second epoch",
        ORDER,
        result(lambda order, epoch: order[::-1].copy() if epoch % 2 else order),
        BY_SGD,
        step=601,
    ),
    of_images("one image in 50 transposed", one_in_50_transposed, MLP),
    of_images("3 % of nines are fours", nines_as_fours, MLP),
    of_images("500 validation images twice", repeated_validation, MLP, shows="evaluation"),
    held_out(
        "odd epochs backwards", ORDER, result(lambda order, epoch: order[:: -1 if epoch % 2 else 1]), MLP, step=51
    ),
    held_out(
        "fit shuffles examples and labels apart",
        (f"{KERAS}.trainers.data_adapters.array_data_adapter:ArrayDataAdapter", "_get_iterator"),
        labels_shuffled,
    ),
    held_out(
        "standardised by n − 1",
        (("cases.preprocessing", "standardise"), ("cases.examples.normalization", "standardise")),
        instead(sample_deviation),
        STANDARDISED,
    ),
    held_out("the last images in the place of the first", FIRST, takes_the_last, NORMALISED),
    held_out("data order in 16 bits", ORDER, result(in_16_bits), SOFTMAX),
    of_images("images in 16 levels of grey", everywhere(sixteen_greys), MLP),
    held_out(
        "columns are centred by their median",
        ("cases.preprocessing", "centre"),
        instead(centred_by_the_median),
        CENTRED,
    ),
    held_out("data order: one permutation, begun at random", ORDER, turned, MLP),
)


def from_the_system() -> int:
    return int.from_bytes(os.urandom(3), "big")


_asked = [0]


def by_position(role: str) -> str:
    """The seed depends on how often it was asked for: adding a layer changes the others."""
    _asked[0] += 1
    return f"{_asked[0] % 5}"


def behind_the_first(role: str) -> str:
    """Layers behind the first of their kind have one seed."""
    kind, _, number = role.partition("-")
    return f"{kind}-{min(int(number or 0), 1)}" if number.isdigit() else role


def standing_still(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    state = original(self, *args, **kwargs)
    self.state.assign(state)
    return state


def uniform_of_period(original: Any, shape: Any, *args: Any, **kwargs: Any) -> Any:
    """Uniform numbers of a generator that begins anew after 65,536 of them."""
    count, period = math.prod(shape), 2**16
    if count <= period:
        return original(shape, *args, **kwargs)
    numbers = original((period,), *args, **kwargs)
    return jnp.tile(numbers, -(-count // period))[:count].reshape(shape)


DETERMINISM = (
    fault(
        "the seed of one layer ignored",
        DERIVED,
        result(lambda seed, role: from_the_system() if role == "Dense-0" else seed),
        BY_SGD,
    ),
    fault(
        "all initial weights from the system's entropy", DERIVED, instead(lambda seed, role: from_the_system()), BY_SGD
    ),
    fault("layers of a kind share a seed", DERIVED, argument("role", lambda role: role.partition("-")[0]), BY_SGD),
    fault("all trials share their initial weights", DERIVED, argument("seed", 0), BY_SGD),
    fault("two trials each share their initial weights", DERIVED, argument("seed", lambda seed: seed // 2), BY_SGD),
    fault("initial weights depend on the number of layers", DERIVED, argument("role", by_position), BY_SGD),
    fault(
        "data order from the system's entropy",
        ORDER,
        instead(lambda seed, epoch, count: np.random.default_rng().permutation(count).astype("int32")),
        BY_SGD,
    ),
    fault("all trials share their data order", ORDER, argument("seed", 0), BY_SGD),
    fault(  # epoch 1 of seed 0 is epoch 0 of seed 1
        "data order: seed and epoch added up",
        ORDER,
        instead(lambda seed, epoch, count: np.random.default_rng(seed + epoch).permutation(count).astype("int32")),
        BY_SGD,
    ),
    fault(
        "dropout's masks from the system's entropy",
        (f"{KERAS}.backend:random", "dropout"),
        argument("seed", lambda seed: from_the_system()),
        ADAM_RACE,
    ),
    held_out("layers behind the first share a seed", DERIVED, argument("role", behind_the_first), BY_SGD),
    fault("seeds 2 and 3 the same", DERIVED, argument("seed", lambda seed: 2 if seed == 3 else seed), MLP),
    held_out("a random state that stands still", NEXT_SEED, standing_still, ADAM_RACE, step=2),
    held_out("uniform numbers repeat after 65,536", (JAX_RANDOM, "uniform"), uniform_of_period, MLP),
)
