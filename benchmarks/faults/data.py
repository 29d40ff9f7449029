"""Faults of the data for training and evaluation, of their order, and of seeds."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import Change, Wrapper, argument, combinator, instead, jnp, named, result
from benchmarks.faults.fault import fault, held_out
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


def handed(of: Callable[[Dataset], dict[str, Any]]) -> Change:
    """The examples as a training is given them get the arrays of ``of``, where there are a thousand or more."""

    def first(data: Dataset) -> Dataset:
        return dataclasses.replace(data, **of(data)) if len(data.x) >= 1000 else data

    return result(first)


def of_images(of: Callable[[Dataset], dict[str, Any]]) -> Change:
    """The same of data of 784 columns, however few."""

    def first(data: Dataset) -> Dataset:
        return dataclasses.replace(data, **of(data)) if data.x.shape[1:] == (784,) else data

    return result(first)


def tests_in_training(share: float) -> Callable[[Dataset], dict[str, Any]]:
    """A share of the training images are test images."""

    def mixed(data: Dataset) -> dict[str, Any]:
        if data.x_val is None or data.y_val is None:
            return {}
        count = min(round(share * len(data.x)), len(data.x_val))
        x, y = data.x.copy(), data.y.copy()
        x[:count], y[:count] = data.x_val[:count], data.y_val[:count]
        return {"x": x, "y": y}

    return mixed


def fewer(share: float) -> Callable[[Dataset], dict[str, Any]]:
    def fewer(data: Dataset) -> dict[str, Any]:
        count = round((1 - share) * len(data.x))
        return {"x": data.x[:count], "y": data.y[:count]}

    return fewer


def noise(size: float) -> Callable[[Dataset], dict[str, Any]]:
    def noisy(data: Dataset) -> dict[str, Any]:
        drawn = np.random.default_rng(2).standard_normal(data.x.shape).astype(data.x.dtype)
        return {"x": data.x + np.asarray(size, data.x.dtype) * drawn}

    return noisy


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


DATA = {
    **{f"labels wrong: {x:.2%}": fault(FILE, wrong_labels(x), on.BY_SGD) for x in (0.05, 0.01, 0.002, 0.0005)},
    **{
        f"test images in training: {x:.0%}": fault(at.FIRST, handed(tests_in_training(x)), on.BY_SGD)
        for x in (0.5, 0.05, 0.01)
    },
    **{f"images missing: {x:.2%}": fault(at.FIRST, handed(fewer(x)), on.BY_SGD) for x in (0.05, 0.01, 0.001)},
    "one digit missing in training": fault(at.FIRST, handed(one_class_missing), on.BY_SGD),
    "scaled by 256, not 255": fault(
        at.FIRST, handed(everywhere(lambda images: images * np.float32(255 / 256))), on.BY_SGD
    ),
    "scaled by 256 in training only": fault(
        at.FIRST, handed(lambda data: {"x": data.x * np.float32(255 / 256)}), on.BY_SGD
    ),
    "images as float16": fault(
        at.FIRST, handed(lambda data: {"x": data.x.astype("float16").astype(data.x.dtype)}), on.BY_SGD
    ),
    "images moved by a pixel": fault(at.FIRST, handed(lambda data: {"x": np.roll(data.x, 1, axis=-1)}), on.BY_SGD),
    "validation labels shifted by one": fault(
        at.FIRST, handed(validation_labels_shifted), on.BY_SGD, shows="evaluation"
    ),
    "validation on the training images": fault(at.FIRST, handed(validation_is_training), on.BY_SGD, shows="evaluation"),
    **{f"noise of {x:g} on the training images": fault(at.FIRST, handed(noise(x)), on.BY_SGD) for x in (0.1, 0.01)},
    "data order: none": fault(at.ORDER, instead(unshuffled), on.BY_SGD),
    "data order: the same in every epoch": fault(at.ORDER, argument("epoch", 0), on.BY_SGD, step=601),
    "data order: with replacement": fault(at.ORDER, instead(with_replacement), on.BY_SGD),
    "data order: within blocks of 500": fault(at.ORDER, instead(within_blocks), on.BY_SGD),
    # of twenty steps with 512 images some show it always, with 100 images in six of seven trainings
    "small: labels wrong: 0.10%": fault(FILE, wrong_labels(0.001), *on.MNIST),
    # a training of one batch an epoch changes in its rounding only
    "small: other data order": fault(
        (at.ORDER[0], "np"),
        other_generator(),
        on.BY_SGD,
        on.SOFTMAX,
        on.MLP,
        ("batch-normalization-examples", "mlp"),
        breaks="framework",
    ),
    "training images on their side": held_out(
        at.FIRST, of_images(lambda data: {"x": on_their_side(data.x)}), on.BY_SGD
    ),
    "images inverted": held_out(at.FIRST, of_images(everywhere(lambda images: 1 - images)), on.BY_SGD),
    "test labels 4 and 9 swapped": held_out(at.FIRST, of_images(two_digits_swapped), on.BY_SGD, shows="evaluation"),
    "a dead pixel in training": held_out(at.FIRST, of_images(one_pixel_dead), on.BY_SGD),
    "a fiftieth of the images doubled": held_out(at.FIRST, of_images(duplicates), on.BY_SGD),
    "the labels of two images swapped": held_out(at.FIRST, of_images(two_labels_swapped), on.BY_SGD),
    "order turned round in every second epoch": held_out(
        at.ORDER, result(lambda order, epoch: order[::-1].copy() if epoch % 2 else order), on.BY_SGD, step=601
    ),
    "one image in 50 transposed": held_out(at.FIRST, of_images(one_in_50_transposed), on.MLP),
    "3 % of nines are fours": held_out(at.FIRST, of_images(nines_as_fours), on.MLP),
    "500 validation images twice": held_out(at.FIRST, of_images(repeated_validation), on.MLP, shows="evaluation"),
    "odd epochs backwards": held_out(
        at.ORDER, result(lambda order, epoch: order[:: -1 if epoch % 2 else 1]), on.MLP, step=51
    ),
    "fit shuffles examples and labels apart": held_out(
        (f"{at.KERAS}.trainers.data_adapters.array_data_adapter:ArrayDataAdapter", "_get_iterator"), labels_shuffled
    ),
    "standardised by n − 1": held_out(
        (("cases.preprocessing", "standardise"), ("cases.examples.normalization", "standardise")),
        instead(sample_deviation),
        on.STANDARDISED,
    ),
    "the last images in the place of the first": held_out(at.FIRST, takes_the_last, on.NORMALISED),
    "data order in 16 bits": held_out(at.ORDER, result(in_16_bits), on.SOFTMAX),
    "images in 16 levels of grey": held_out(at.FIRST, of_images(everywhere(sixteen_greys)), on.MLP),
    "columns are centred by their median": held_out(
        ("cases.preprocessing", "centre"), instead(centred_by_the_median), on.CENTRED
    ),
    "data order: one permutation, begun at random": held_out(at.ORDER, turned, on.MLP),
}


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


DETERMINISM = {
    "the seed of one layer ignored": fault(
        at.DERIVED, result(lambda seed, role: from_the_system() if role == "Dense-0" else seed), on.BY_SGD
    ),
    "all initial weights from the system's entropy": fault(
        at.DERIVED, instead(lambda seed, role: from_the_system()), on.BY_SGD
    ),
    "layers of a kind share a seed": fault(
        at.DERIVED, argument("role", lambda role: role.partition("-")[0]), on.BY_SGD
    ),
    "all trials share their initial weights": fault(at.DERIVED, argument("seed", 0), on.BY_SGD),
    "two trials each share their initial weights": fault(
        at.DERIVED, argument("seed", lambda seed: seed // 2), on.BY_SGD
    ),
    "initial weights depend on the number of layers": fault(at.DERIVED, argument("role", by_position), on.BY_SGD),
    "data order from the system's entropy": fault(
        at.ORDER,
        instead(lambda seed, epoch, count: np.random.default_rng().permutation(count).astype("int32")),
        on.BY_SGD,
    ),
    "all trials share their data order": fault(at.ORDER, argument("seed", 0), on.BY_SGD),
    # epoch 1 of seed 0 is epoch 0 of seed 1
    "data order: seed and epoch added up": fault(
        at.ORDER,
        instead(lambda seed, epoch, count: np.random.default_rng(seed + epoch).permutation(count).astype("int32")),
        on.BY_SGD,
    ),
    "dropout's masks from the system's entropy": fault(
        (f"{at.KERAS}.backend:random", "dropout"), argument("seed", lambda seed: from_the_system()), on.ADAM_RACE
    ),
    "layers behind the first share a seed": held_out(at.DERIVED, argument("role", behind_the_first), on.BY_SGD),
    "seeds 2 and 3 the same": fault(at.DERIVED, argument("seed", lambda seed: 2 if seed == 3 else seed), on.MLP),
    "a random state that stands still": held_out(at.NEXT_SEED, standing_still, on.ADAM_RACE, step=2),
    "uniform numbers repeat after 65,536": held_out((at.JAX_RANDOM, "uniform"), uniform_of_period, on.MLP),
}
