"""The batches of any data that ``fit`` takes: arrays, data sets, loaders, and functions of a seed that make them."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np

from harness.errors import SuiteError, invalid
from harness.record.trials import State
from harness.training.configuration import LENGTH, checksum, plain_json
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
        self.given = data(seed) if callable(data) and not hasattr(data, "__iter__") else data
        self.arrays, self.batch = isinstance(self.given, tuple | list), batch
        if self.arrays:
            if len(self.given) not in (2, 3):
                raise invalid("data", expected=ARRAYS, received=f"a {type(self.given).__name__} of {len(self.given)}")
            self.given = mapped(np.asarray, tuple(self.given))
            lengths = {len(leaf) for leaf in leaves(self.given) if leaf.ndim}
            if len(lengths) != 1 or not min(lengths):
                raise invalid("data", expected="arrays of one length", received=f"lengths {sorted(lengths)}")
            self.batch = min(batch, count_of(self.given))
        elif hasattr(self.given, "shape") or not (_indexed(self.given) or hasattr(self.given, "__iter__")):
            raise invalid("data", expected=ARRAYS, received=type(self.given).__name__)
        elif self.given is data and hasattr(data, "__next__"):
            raise invalid("data", expected=ARRAYS, received="a generator, which can be read once only",
                          fix="Give a function of a seed that makes it.")  # fmt: skip

    def first(self, count: int) -> list[Batch]:
        """The first batches in NumPy, or as many as there are."""
        known, size = self.given, self.batch
        if self.arrays:
            return [_rows(known, slice(at, at + size)) for at in range(0, count_of(known), size)[:count]]
        if _indexed(known):
            batches = [known[place] for place in range(count)[: known.num_batches]]
        else:
            batches = list(itertools.islice(known, count))
        for batch in batches:
            if not isinstance(batch, tuple | list) or not 1 <= len(batch) <= 3 or not hasattr(_first(batch), "shape"):
                expected, received = "batches (x, y) or (x, y, sample_weight) of arrays", type(batch).__name__
                raise invalid("data", expected=expected, received=received)
        return [mapped(array, tuple(batch)) for batch in batches]

    def epochs(self, seed: int, start: int, compared: State | None, canonical: bool) -> list[list[Batch]]:
        """The batches of each short epoch of a trial that begins after ``start`` steps (``steps.ShortEpochs``)."""
        if self.arrays:
            cut, size = ShortEpochs(count_of(self.given), self.batch, start), self.batch
            rows = [cut.rows(seed, epoch) for epoch in range(cut.count(compared, canonical))]
            return [[_rows(self.given, own[at : at + size]) for at in range(0, len(own), size)] for own in rows]
        batches = self.first(STEPS)
        if not batches:
            raise invalid("data", expected="at least one batch", received="none")
        each, endless = min(TAIL + 1, len(batches)), itertools.cycle(batches)
        return [list(itertools.islice(endless, each)) for _ in range(short_epochs(each, compared, canonical))]

    def examples(self, count: int | None = None) -> Any:
        """Its examples as arrays: the first ``count``, or those of the first batches."""
        if self.arrays:
            return _rows(self.given, slice(count))
        return mapped(lambda *parts: np.concatenate(parts), *self.first(TAIL))

    def checksums(self) -> dict[str, Any]:
        """Of each array; of data that give batches, of the first of them."""
        if self.arrays:
            return {name: plain_json(mapped(checksum, part)) for name, part in zip("xyw", self.given, strict=False)}
        text = "".join(checksum(leaf) for leaf in leaves(self.first(STEPS)))
        return {"batches": hashlib.sha256(text.encode()).hexdigest()[:LENGTH]}


def validation(given: Any) -> Any:
    """The first validation examples as arrays; None where there are none, or they cannot be joined."""
    if given is None:
        return None
    data = Data(given, 0, 1)
    try:
        return data.examples(VALIDATION)
    except (TypeError, ValueError):
        return None


def check_repeats(data: Any, batch: int) -> None:
    """SuiteError if reading the data a second time gives others."""
    first, second = (Data(data, 0, batch).checksums() for _ in range(2))
    if first != second:
        raise SuiteError(
            "The data differ each time they are read, so no two trainings can be compared. Seed what shuffles or draws "
            "them, or give a function of a seed that makes them anew."
        )


def mapped(function: Any, *values: Any) -> Any:
    """The function of the arrays at each place of these structures; None stays None."""
    from keras import tree

    return tree.map_structure(lambda *parts: None if parts[0] is None else function(*parts), *values)


def leaves(value: Any) -> list[Any]:
    """The arrays of a structure."""
    from keras import tree

    return [leaf for leaf in tree.flatten(value) if leaf is not None]


def array(value: Any) -> np.ndarray:
    """A copy of a variable, or of any library's array, in NumPy."""
    from keras.ops import convert_to_numpy

    return np.array(convert_to_numpy(value))


def count_of(batch: Batch) -> int:
    """The examples of a batch."""
    return len(_first(batch))


def _first(batch: Any) -> Any:
    return next(iter(leaves(batch)), None)


def _rows(batch: Any, rows: Any) -> Any:
    return mapped(lambda values: values[rows], batch)


def _indexed(data: Any) -> bool:
    """Whether batches are got by their number, as of ``keras.utils.PyDataset``."""
    return hasattr(data, "__getitem__") and hasattr(data, "num_batches")
