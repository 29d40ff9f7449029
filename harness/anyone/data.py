"""The batches of any data that ``fit`` takes: arrays, data sets, loaders, and functions of a seed that make them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.errors import SuiteError, invalid
from harness.record.trials import State
from harness.training.configuration import LENGTH, checksum
from harness.training.setup import VALIDATION
from harness.training.steps import STEPS, TAIL, ShortEpochs, short_epochs

Batch = tuple[Any, ...]
"""(x, y) or (x, y, sample weights); each part an array, or a list or a dict of arrays."""
ARRAYS = "(x, y), (x, y, sample_weight), a data set or loader that can be read again, or a function of a seed"


class Data:
    """The training data with one seed.

    Attributes:
        given: as ``fit`` takes it: a tuple of arrays, or anything that gives batches.
        arrays: whether it is a tuple of arrays.
        batch: examples of a batch of arrays.
    """

    def __init__(self, data: Any, seed: int, batch: int) -> None:
        self.given = data(seed) if callable(data) and not hasattr(data, "__iter__") and not _indexed(data) else data
        self.arrays = isinstance(self.given, tuple | list)
        self.batch = batch
        if self.arrays:
            if len(self.given) not in (2, 3):
                raise invalid("data", expected=ARRAYS, received=f"a {type(self.given).__name__} of {len(self.given)}")
            self.given = tuple(_mapped(np.asarray, part) for part in self.given)
            lengths = {len(leaf) for leaf in leaves(self.given) if leaf.ndim}
            if len(lengths) != 1 or not min(lengths):
                raise invalid("data", expected="arrays of one length", received=f"lengths {sorted(lengths)}")
            self.batch = min(batch, len(self))
        elif hasattr(self.given, "shape") or not (_indexed(self.given) or hasattr(self.given, "__iter__")):
            raise invalid("data", expected=ARRAYS, received=type(self.given).__name__)
        elif not callable(data) and hasattr(self.given, "__next__"):
            raise invalid("data", expected=ARRAYS, received="a generator, which can be read once only",
                          fix="Give a function of a seed that makes it.")  # fmt: skip

    def __len__(self) -> int:
        """Examples, of arrays."""
        return len(_first(self.given))

    def first(self, count: int) -> list[Batch]:
        """The first batches of data that give batches, or as many as there are."""
        known = self.given
        if _indexed(known):
            batches = [known[place] for place in range(min(count, known.num_batches or count))]
        else:
            batches = list(itertools.islice(known, count))
        for batch in batches:
            if not isinstance(batch, tuple | list) or not 1 <= len(batch) <= 3 or not hasattr(_first(batch), "shape"):
                expected, received = "batches (x, y) or (x, y, sample_weight) of arrays", type(batch).__name__
                raise invalid("data", expected=expected, received=received)
        return [tuple(batch) for batch in batches]

    def epochs(self, seed: int, start: int, compared: State | None, canonical: bool) -> list[list[Batch]]:
        """The batches of each short epoch of a trial that begins after ``start`` steps (``steps.ShortEpochs``)."""
        if not self.arrays:
            batches = self.first(STEPS)
            if not batches:
                raise invalid("data", expected="at least one batch", received="none")
            each = min(TAIL + 1, len(batches))
            endless = itertools.cycle(batches)
            return [list(itertools.islice(endless, each)) for _ in range(short_epochs(each, compared, canonical))]
        cut = ShortEpochs(len(self), self.batch, start)
        rows = [cut.rows(seed, epoch) for epoch in range(cut.count(compared, canonical))]
        size = self.batch
        return [[take(self.given, own[at : at + size]) for at in range(0, len(own), size)] for own in rows]

    def checksums(self) -> dict[str, Any]:
        """Of each array; of data that give batches, of the first of them."""
        if self.arrays:
            return {name: _named(checksum, part) for name, part in zip("xyw", self.given, strict=False)}
        return {"batches": digest(self.first(STEPS))}


def validation(given: Any) -> Any:
    """The first validation examples as arrays; None where there are none, or they cannot be joined."""
    if given is None:
        return None
    if isinstance(given, tuple | list):
        return _mapped(lambda array: np.asarray(array)[:VALIDATION], tuple(given))
    batches = Data(given, 0, 1).first(TAIL)
    try:
        return _joined(batches)
    except (TypeError, ValueError):
        return None


def digest(batches: Sequence[Batch]) -> str:
    """A hash of batches, LENGTH hex digits."""
    return hashlib.sha256("".join(map(checksum, map(array, leaves(tuple(batches))))).encode()).hexdigest()[:LENGTH]


def check_repeats(data: Any, batch: int) -> None:
    """SuiteError if reading the data a second time gives others."""
    first, second = (Data(data, 0, batch).checksums() for _ in range(2))
    if first != second:
        raise SuiteError(
            "The data differ each time they are read, so no two trainings can be compared. Seed what shuffles or draws "
            "them, or give a function of a seed that makes them anew."
        )


def leaves(value: Any) -> Iterator[Any]:
    """The arrays of a structure."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif value is not None:
        yield value


def array(value: Any) -> np.ndarray:
    """An array of a backend, or of PyTorch's loaders, as NumPy has it."""
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def take(value: Any, rows: np.ndarray) -> Any:
    """The rows of every array of a structure."""
    return _mapped(lambda array: array[rows], value)


def count_of(batch: Batch) -> int:
    """The examples of a batch."""
    return len(_first(batch))


def _first(batch: Any) -> Any:
    return next(leaves(batch), None)


def _indexed(data: Any) -> bool:
    """Whether batches are got by their number, as of ``keras.utils.PyDataset``."""
    return hasattr(data, "__getitem__") and hasattr(data, "num_batches")


def _mapped(function: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _mapped(function, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(function, part) for part in value)
    return None if value is None else function(value)


def _named(function: Any, value: Any) -> Any:
    """As ``_mapped``, of a list in JSON's types."""
    return list(value) if isinstance(value := _mapped(function, value), tuple) else value


def _joined(batches: Sequence[Any]) -> Any:
    """The examples of batches as one structure of arrays."""
    first = batches[0]
    if isinstance(first, Mapping):
        return {key: _joined([batch[key] for batch in batches]) for key in first}
    if isinstance(first, list | tuple):
        return tuple(_joined(parts) for parts in zip(*batches, strict=True))
    return np.concatenate(list(map(array, batches)))
