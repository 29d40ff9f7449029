"""The machine's own matrix-product peak in single precision, measured where and when the trainings are.

A theoretical peak (cores × clock × width of a vector) is reached by nobody and unknown on a shared machine; the best
product of large square matrices is what a program could do here, now.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from harness.training.backend import active
from harness.training.devices import Device

SIZES = {"cpu": (512, 1024, 2048, 3072), "gpu": (2048, 4096, 8192, 16384)}
SECONDS = 0.3
"""Spent on each size and library, but at least on three products: one of them is to be undisturbed."""


class Peak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The best of all products.

    Attributes:
        gflops: in 10⁹ floating-point operations per second.
        sustained: the median product of the same size: less where something else runs.
        size, library: rows of its matrices, and who multiplied them.
        by_library: each library's best: the backend's own and, on a CPU, NumPy's.
        precision: the one in use: on a GPU products may be computed in TF32.
    """

    gflops: float
    sustained: float
    size: int
    library: str
    by_library: dict[str, float]
    precision: str


def measure_peak(device: Device, sizes: Sequence[int] = (), seconds: float = SECONDS) -> Peak:
    """The peak of the active backend's device, and on a CPU of NumPy too; the larger counts."""
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for library, prepare in libraries(device):
        for size in sizes or SIZES[device.kind]:
            found[library, size] = _rates(prepare(size), size, seconds)
    library, size = max(found, key=lambda key: found[key])
    best = {name: max(rates[0] for (of, _), rates in found.items() if of == name) for name, _ in found}
    return Peak(*found[library, size], size, library, best, device.precision)


def measure_again(device: Device, before: Peak, seconds: float = 2 * SECONDS) -> Peak:
    """The same product as was best before, for the time after the work."""
    prepare = dict(libraries(device))[before.library]
    best, sustained = _rates(prepare(before.size), before.size, seconds)
    return Peak(best, sustained, before.size, before.library, {before.library: best}, device.precision)


def _rates(product: Callable[[], None], size: int, seconds: float) -> tuple[float, float]:
    """(best, median) GFLOP/s of several products, after one that compiles and warms up."""
    product()
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 3 or time.perf_counter() - begin < seconds:
        clock = time.perf_counter()
        product()
        taken.append(time.perf_counter() - clock)
    work = 2 * size**3 / 1e9
    return work / min(taken), work / statistics.median(taken)


def libraries(device: Device) -> Iterator[tuple[str, Callable[[int], Callable[[], None]]]]:
    """(name, size -> a synchronised product of two square float32 matrices)."""
    yield from active().products().items()
    if device.kind == "cpu":
        yield "numpy", _numpy


def _numpy(size: int) -> Callable[[], None]:
    import numpy as np

    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((size, size), dtype="float32") for _ in range(2))
    out = np.empty_like(a)

    def product() -> None:
        np.matmul(a, b, out=out)

    return product
