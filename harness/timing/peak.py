"""The machine's matrix-product peak in single precision, measured next to the trainings.

No program reaches the theoretical peak (cores × clock × vector width), and it is unknown on a shared machine. The best
product of large square matrices is what a program can reach here and now.
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
"""Seconds for each size and library. There are at least three products, so that one of them is undisturbed."""


class Peak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The best of all products.

    Attributes:
        gflops: in 10⁹ floating-point operations per second.
        sustained: as ``gflops``, of the median product of this size. It is lower if other programs run.
        size, library: number of rows of the matrices, and the library that multiplied them.
        by_library: the best of each library: of the backend and, on a CPU, of NumPy.
        precision: the precision in use; a GPU may compute products in TF32.
    """

    gflops: float
    sustained: float
    size: int
    library: str
    by_library: dict[str, float]
    precision: str


def measure_peak(device: Device, sizes: Sequence[int] = (), seconds: float = SECONDS) -> Peak:
    """The best product of the active backend on its device and, on a CPU, of NumPy."""
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for library, prepare in libraries(device):
        for size in sizes or SIZES[device.kind]:
            found[library, size] = _rates(prepare(size), size, seconds)
    library, size = max(found, key=lambda key: found[key])
    best = {name: max(rates[0] for (of, _), rates in found.items() if of == name) for name, _ in found}
    return Peak(*found[library, size], size, library, best, device.precision)


def measure_again(device: Device, before: Peak, seconds: float = 2 * SECONDS) -> Peak:
    """Measures the best product of ``before`` again, after the trainings."""
    prepare = dict(libraries(device))[before.library]
    best, sustained = _rates(prepare(before.size), before.size, seconds)
    return Peak(best, sustained, before.size, before.library, {before.library: best}, device.precision)


def _rates(product: Callable[[], None], size: int, seconds: float) -> tuple[float, float]:
    """(best, median) GFLOP/s of several products, after a first one that compiles and warms up."""
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
