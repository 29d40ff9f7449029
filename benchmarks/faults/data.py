"""Faults of the data for training and evaluation, of their order, and of seeds."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import New, Wrapper, argument, instead, result
from benchmarks.faults.fault import fault, held_out, here, strengths
from harness.model import Dataset

FILE = ("cases.data.mnist", "load")
Of = Callable[[Any], Any]


def wrong_labels(share: float) -> Wrapper:
    """Of the file, after its checksums were found right."""

    def load(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        labels = arrays["y_train"].copy()
        rng = np.random.default_rng(1)
        for part in (slice(0, 5000), slice(5000, 60000)):  # as many where only the first are used
            rows = np.arange(60000)[part]
            rows = rng.choice(rows, max(round(share * len(rows)), 1), replace=False)
            labels[rows] = (labels[rows] + 1 + rng.integers(9, size=len(rows))) % 10
        return {**arrays, "y_train": labels}

    return result(load)


def handed(of: Callable[[Dataset], dict[str, Any]], when: Callable[[Dataset], bool]) -> Wrapper:
    """The examples as a training is given them get the arrays of ``of``, in data of which ``when`` is true."""
    return result(lambda data: dataclasses.replace(data, **of(data)) if when(data) else data)


def many(data: Dataset) -> bool:
    return len(data.x) >= 1000


def images(data: Dataset) -> bool:
    return data.x.shape[1:] == (784,)


def arrays(when: Callable[[Dataset], bool], **of: Of) -> Wrapper:
    """Each array that is named becomes a function of it, where it is there."""
    return handed(lambda data: {k: f(a) for k, f in of.items() if (a := getattr(data, k)) is not None}, when)


def rows(when: Callable[[Dataset], bool], of: Callable[[np.ndarray], np.ndarray]) -> Wrapper:
    """Training has the rows that ``of`` chooses by the labels."""

    def chosen(data: Dataset) -> dict[str, Any]:
        order = of(data.y)
        return {"x": data.x[order], "y": data.y[order]}

    return handed(chosen, when)


def put(to: np.ndarray, where: Any, values: Any) -> np.ndarray:
    """A copy of an array with other values in some rows."""
    copy = np.array(to)
    copy[where] = values
    return copy


def tests_in_training(share: float) -> Wrapper:
    """A share of the training images are test images."""

    def mixed(data: Dataset) -> dict[str, Any]:
        if data.x_val is None or data.y_val is None:
            return {}
        first = slice(min(round(share * len(data.x)), len(data.x_val)))
        return {"x": put(data.x, first, data.x_val[first]), "y": put(data.y, first, data.y_val[first])}

    return handed(mixed, many)


def noise(size: float) -> Wrapper:
    def noisy(x: np.ndarray) -> Any:
        return x + np.asarray(size, x.dtype) * np.random.default_rng(2).standard_normal(x.shape).astype(x.dtype)

    return arrays(many, x=noisy)


def without_eights(labels: np.ndarray) -> np.ndarray:
    """Other images stand in their place."""
    every = np.arange(len(labels))
    return np.resize(every[labels[:, 8] == 0], len(every)) if labels.shape[-1] == 10 else every


def validation_is_training(data: Dataset) -> dict[str, Any]:
    if data.x_val is None:
        return {}
    count = min(len(data.x), len(data.x_val))
    return {"x_val": data.x[:count], "y_val": data.y[:count]}


def on_their_side(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784))


def doubled(labels: np.ndarray) -> np.ndarray:
    """Every fiftieth image stands there twice, and the one behind it not at all."""
    every = np.arange(len(labels))
    every[1::50] = every[0::50][: len(every[1::50])]
    return every


def two_swapped(labels: np.ndarray) -> np.ndarray:
    other = int(np.argmax((labels != labels[0]).any(axis=1)))
    return put(labels, [0, other], labels[[other, 0]])


def nines_as_fours(labels: np.ndarray) -> np.ndarray:
    return put(labels, np.flatnonzero(labels.argmax(1) == 9)[::33], np.eye(10)[4])


def repeated(array: np.ndarray) -> np.ndarray:
    return put(array, slice(500, 1000), array[:500])


def labels_shuffled(original: Any, self: Any, convert: Any, inputs: Any) -> Iterator[Any]:
    """Within each batch; only where examples are shuffled, so not in evaluation."""
    for batch in original(self, convert, inputs):
        if self._shuffle and isinstance(batch, tuple | list) and len(batch) > 1 and batch[1] is not None:
            x, y, *rest = batch
            yield type(batch)((x, y[np.random.permutation(len(y))], *rest))
        else:
            yield batch


def takes_the_last(data: Dataset, self: Dataset, count: int | None) -> Dataset:
    return data if count is None else dataclasses.replace(data, x=self.x[-count:], y=self.y[-count:])


def other_generator(numpy: Any) -> Any:
    """NumPy's generator gives other permutations for the same seeds."""

    def default_rng(seed: Any) -> Any:
        return np.random.default_rng([*np.atleast_1d(seed).tolist(), 1])

    random = SimpleNamespace(**{**vars(numpy.random), "default_rng": default_rng})
    return SimpleNamespace(**{**vars(numpy), "random": random})


def ordered(
    of: Callable[[Any, int], Any], seeded: Callable[[int, int], Any] = lambda seed, epoch: [seed, epoch]
) -> Wrapper:
    """The data order is ``of(generator, count of examples)``, whose generator has the seed ``seeded(seed, epoch)``."""
    return instead(
        lambda seed, epoch, count: np.asarray(of(np.random.default_rng(seeded(seed, epoch)), count)).astype("int32")
    )


def within_blocks(rng: Any, count: int) -> Any:
    """A shuffle buffer that is too small: examples stay among their neighbours."""
    return np.argsort(np.arange(count) + rng.uniform(0, 500, count))


def permuted(rng: Any, count: int) -> Any:
    return rng.permutation(count)


def in_16_bits(order: np.ndarray, count: int) -> np.ndarray:
    """Rows beyond 32,767 count from the end."""
    return np.asarray(order.astype("int16").astype("int32") % count, "int32")


def turned(original: Any, seed: int, epoch: int, count: int) -> np.ndarray:
    """One permutation for all epochs, each of which starts it at another place."""
    start = int(np.random.default_rng([seed, epoch]).integers(count))
    return np.roll(original(seed, 0, count), start)


EACH_50TH = slice(None, None, 50)


def all_but(share: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda labels: np.arange(round((1 - share) * len(labels)))


def inverted(images: np.ndarray) -> Any:
    return 1 - images


def sixteen_greys(images: np.ndarray) -> Any:
    return (np.rint(images * 15) / 15).astype("float32")


def backwards(order: np.ndarray, epoch: int) -> np.ndarray:
    """Every second epoch."""
    return order[::-1].copy() if epoch % 2 else order


def by_256(array: np.ndarray) -> Any:
    return array * np.float32(255 / 256)


LABELS, GIVEN, IN_ORDER = here(FILE, at.BY_SGD), here(at.FIRST, at.BY_SGD), here(at.ORDER, at.BY_SGD)
TO_MLP = here(at.FIRST, at.MLP)
DATA = {
    **strengths("labels wrong: {:.2%}", (0.05, 0.01, 0.002, 0.0005), lambda x: LABELS(wrong_labels(x))),
    **strengths("test images in training: {:.0%}", (0.5, 0.05, 0.01), lambda x: GIVEN(tests_in_training(x))),
    **strengths("images missing: {:.2%}", (0.05, 0.01, 0.001), lambda x: GIVEN(rows(many, all_but(x)))),
    "one digit missing in training": GIVEN(rows(many, without_eights)),
    "scaled by 256, not 255": GIVEN(arrays(many, x=by_256, x_val=by_256)),
    "scaled by 256 in training only": GIVEN(arrays(many, x=by_256)),
    "images as float16": GIVEN(arrays(many, x=lambda x: x.astype("float16").astype(x.dtype))),
    "images moved by a pixel": GIVEN(arrays(many, x=lambda x: np.roll(x, 1, axis=-1))),
    "validation labels shifted by one": GIVEN(arrays(many, y_val=lambda labels: np.roll(labels, 1, axis=0))),
    "validation on the training images": GIVEN(handed(validation_is_training, many)),
    **strengths("noise of {:g} on the training images", (0.1, 0.01), lambda x: GIVEN(noise(x))),
    "data order: none": IN_ORDER(ordered(lambda rng, count: np.arange(count))),
    "data order: the same in every epoch": IN_ORDER(argument("epoch", 0), step=601),
    # a third of the examples is never seen in an epoch
    "data order: with replacement": IN_ORDER(ordered(lambda rng, count: rng.integers(count, size=count))),
    "data order: within blocks of 500": IN_ORDER(ordered(within_blocks)),
    # of twenty steps with 512 images some show it always, with 100 images in six of seven trainings
    "small: labels wrong: 0.10%": fault(FILE, wrong_labels(0.001), *at.MNIST),
    # a training of one batch an epoch changes in its rounding only
    "small: other data order": fault(
        (at.ORDER[0], "np"),
        New(other_generator),
        *(at.BY_SGD, at.SOFTMAX, at.MLP, ("batch-normalization-examples", "mlp")),
    ),
} | held_out(
    {
        "training images on their side": GIVEN(arrays(images, x=on_their_side)),
        "images inverted": GIVEN(arrays(images, x=inverted, x_val=inverted)),
        "test labels 4 and 9 swapped": GIVEN(arrays(images, y_val=lambda y: y[:, [0, 1, 2, 3, 9, 5, 6, 7, 8, 4]])),
        "a dead pixel in training": GIVEN(arrays(images, x=lambda x: put(x, (slice(None), 406), 0))),
        "a fiftieth of the images doubled": GIVEN(rows(images, doubled)),
        "the labels of two images swapped": GIVEN(arrays(images, y=two_swapped)),
        "order turned round in every second epoch": IN_ORDER(result(backwards), step=601),
        "one image in 50 transposed": TO_MLP(arrays(images, x=lambda x: put(x, EACH_50TH, on_their_side(x[::50])))),
        "3 % of nines are fours": TO_MLP(arrays(images, y=nines_as_fours)),
        "500 validation images twice": TO_MLP(arrays(images, x_val=repeated, y_val=repeated)),
        "odd epochs backwards": fault(at.ORDER, result(backwards), at.MLP, step=51),
        "fit shuffles examples and labels apart": fault(
            (f"{at.KERAS}.trainers.data_adapters.array_data_adapter:ArrayDataAdapter", "_get_iterator"), labels_shuffled
        ),
        "standardised by n − 1": fault(
            (("cases.preprocessing", "standardise"), ("cases.examples.normalization", "standardise")),
            instead(lambda columns: (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)),
            at.STANDARDISED,
        ),
        "the last images in the place of the first": fault(at.FIRST, result(takes_the_last), at.NORMALISED),
        "data order in 16 bits": fault(at.ORDER, result(in_16_bits), at.SOFTMAX),
        "images in 16 levels of grey": TO_MLP(arrays(images, x=sixteen_greys, x_val=sixteen_greys)),
        "columns are centred by their median": fault(
            ("cases.preprocessing", "centre"), instead(lambda columns: columns - np.median(columns, axis=0)), at.CENTRED
        ),
        "data order: one permutation, begun at random": fault(at.ORDER, turned, at.MLP),
    }
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


def standing_still(state: Any, self: Any) -> Any:
    self.state.assign(state)
    return state


DERIVED = here(at.DERIVED, at.BY_SGD)
DETERMINISM = {
    "the seed of one layer ignored": DERIVED(
        result(lambda seed, role: from_the_system() if role == "Dense-0" else seed)
    ),
    "all initial weights from the system's entropy": DERIVED(instead(lambda seed, role: from_the_system())),
    "layers of a kind share a seed": DERIVED(argument("role", lambda role: role.partition("-")[0])),
    "all trials share their initial weights": DERIVED(argument("seed", 0)),
    "two trials each share their initial weights": DERIVED(argument("seed", lambda seed: seed // 2)),
    "initial weights depend on the number of layers": DERIVED(argument("role", by_position)),
    "data order from the system's entropy": IN_ORDER(ordered(permuted, seeded=lambda seed, epoch: None)),
    "all trials share their data order": IN_ORDER(argument("seed", 0)),
    # epoch 1 of seed 0 is epoch 0 of seed 1
    "data order: seed and epoch added up": IN_ORDER(ordered(permuted, seeded=lambda seed, epoch: seed + epoch)),
    "dropout's masks from the system's entropy": fault(
        (f"{at.KERAS}.backend:random", "dropout"), argument("seed", lambda seed: from_the_system()), at.ADAM_RACE
    ),
    "seeds 2 and 3 the same": fault(at.DERIVED, argument("seed", lambda seed: 2 if seed == 3 else seed), at.MLP),
} | held_out(
    {
        "layers behind the first share a seed": DERIVED(argument("role", behind_the_first)),
        "a random state that stands still": fault(at.NEXT_SEED, result(standing_still), at.ADAM_RACE, step=2),
    }
)
