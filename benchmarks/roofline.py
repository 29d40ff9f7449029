"""Share of the machine's peak: ``python -m benchmarks.roofline [--backend NAME]`` times Example 4's networks.

An epoch cannot take less than its matrix products at the machine's peak, nor, with many batched seeds, than its least
memory traffic at the machine's bandwidth (``benchmarks.measure_gpu``). Both peaks are measured: on a shared machine the
theoretical ones are unknown.

*Operations.* A Dense layer with i inputs and o outputs has three matrix products: forward, the gradient of its kernel,
and the gradient of its inputs. Each takes 2·i·o operations per example. The first layer needs no gradient of its
inputs. With n training and m validation examples, an epoch takes n · Σ 6·i·o − n · 2·i₁·o₁ + m · Σ 2·i·o. What is no
matrix product is left out.

*Traffic.* With many batched seeds, no array of a seed is still in a cache when it is needed again. The traffic is least
if everything that is no matrix product is fused into the product before or after it. Per step, in numbers of 4 bytes:

- images: the gather reads and writes them, the forward product and the gradient of the first kernel read them. These
  are 4 · i₁ bytes per example with one byte per pixel, and four times as many with floats.
- the activation of each hidden layer: 4 passes (it is written, and read by the next product, the gradient of the next
  kernel, and its own derivative). The gradient of each hidden layer: 3 passes, in the first layer 2. Outputs and their
  gradient: 5 passes.
- kernels and biases: read forward and (except in the first layer) backward, their gradient is written, and the
  optimizer makes 7 passes with Adam (reads gradient, weight and two moments; writes weight and moments), 3 with SGD.
- the validation set: one pass per epoch (images read, each activation written and read, weights read).

Source: S. Williams, A. Waterman, D. Patterson: Roofline: an insightful visual performance model, CACM 52 (2009).
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

SIZES = {"cpu": (1024, 2048, 3072), "gpu": (4096, 8192, 16384)}
SECONDS = 0.5
"""Seconds spent on each product."""
NETWORKS = ("softmax", "2 relu xavier", "5 relu xavier", "dropout 0.2")
NUMBER = 4
"""Bytes of a float32."""
OPTIMIZER_PASSES = {"adam": 7, "sgd": 3}


def dense_shapes(model: Any) -> list[tuple[int, int]] | None:
    """(inputs, outputs) of each Dense layer of a built sequential Keras model.

    None if a layer with weights is not Dense, or no layer has weights.
    """
    layers = [layer for layer in model.layers if layer.weights]
    if not layers or any(type(layer).__name__ != "Dense" for layer in layers):
        return None
    return [(int(layer.kernel.shape[0]), int(layer.kernel.shape[1])) for layer in layers]


def operations(shapes: Sequence[tuple[int, int]], train: int, validation: int) -> float:
    """Operations of one epoch with ``train`` and ``validation`` examples. ``shapes``: see ``dense_shapes``."""
    products = [2.0 * inputs * outputs for inputs, outputs in shapes]
    return train * (3 * sum(products) - products[0]) + validation * sum(products)


def least_bytes(
    shapes: Sequence[tuple[int, int]],
    train: int,
    validation: int,
    batch_size: int,
    optimizer: str = "adam",
    pixel_bytes: int = 1,
) -> float:
    """The least traffic of one epoch of one seed.

    Args:
        shapes: (inputs, outputs) of each Dense layer, in order.
        train, validation: examples of an epoch.
        batch_size: examples of a step. The last step may have fewer.
        optimizer: "adam" or "sgd" (without momentum).
        pixel_bytes: bytes per pixel, 1 or 4.
    """
    passes = OPTIMIZER_PASSES[optimizer]
    hidden = [outputs for _, outputs in shapes[:-1]]
    weights = [inputs * outputs + outputs for inputs, outputs in shapes]
    images = 4.0 * shapes[0][0] * pixel_bytes
    gradients = sum((2 if index == 0 else 3) * outputs for index, outputs in enumerate(hidden))
    example = images + NUMBER * (4 * sum(hidden) + gradients + 5 * shapes[-1][1])
    step = NUMBER * (sum(weights) * (2 + passes) + sum(weights[1:]))
    steps = -(-train // batch_size)
    checked = validation * (shapes[0][0] * pixel_bytes + NUMBER * 2 * sum(outputs for _, outputs in shapes))
    return train * example + steps * step + (checked + NUMBER * sum(weights) if validation else 0)


def peaks(sizes: Sequence[int], megabytes: int) -> tuple[float, float]:
    """The active backend's best product of square float32 matrices, in operations/s, and its bandwidth in bytes/s."""
    from keras import ops

    rates = []
    for size in sizes:
        matrix = ops.ones((size, size), "float32") / size
        rates.append(2 * size**3 / fastest(functools.partial(ops.matmul, matrix, matrix)))
    numbers = ops.ones((megabytes * 250_000,), "float32")
    return max(rates), 2e6 * megabytes / fastest(lambda: numbers * 1.5)


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls; a first call, which may compile, is not counted."""
    from harness.training.backends import active

    work()
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 5 or time.perf_counter() - begin < SECONDS:
        active().synchronise()
        clock = time.perf_counter()
        work()
        active().synchronise()
        taken.append(time.perf_counter() - clock)
    return min(taken)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="tensorflow", choices=("tensorflow", "jax", "torch"))
    parser.add_argument("--seconds", type=float, default=20.0, help="to spend on each network (default: 20)")
    options = parser.parse_args(arguments)
    from tabulate import tabulate

    from harness.record.timings import Provenance
    from harness.timing.measure import measure, sized
    from harness.training.backend import choose_backend, start_backend
    from harness.training.setup import TrainingSetup
    from suite.catalogue import EXPERIMENTS

    choose_backend(options.backend)
    device = start_backend()
    flops, _ = peaks(SIZES[device.kind], 1)
    print(f"{device}: products {flops / 1e9:,.0f} GFLOP/s")
    rows, experiment = [], sized(EXPERIMENTS["example-4"], 3)
    for name in NETWORKS:
        setup = TrainingSetup.of(experiment, name)
        shapes = dense_shapes(setup.build()[0])
        assert shapes is not None
        validation = 0 if setup.data.x_val is None else len(setup.data.x_val)
        work = operations(shapes, len(setup.data.x), validation)
        origin = Provenance(commit="unknown", date="", reason="roofline", fingerprint={})
        engines = ("fit", "compiled")
        times = measure(experiment, name, engines, origin, seconds=options.seconds, min_turns=1)
        for engine, measured in times.items():
            rate, best = work / measured.median, work / measured.fastest
            share = f"{rate / flops:.0%} ({best / flops:.0%})"
            rows.append([name, engine, f"{measured.median:.3g}", f"{rate / 1e9:,.3g}", share])
    headers = ["network", "engine", "s per epoch", "GFLOP/s", "of the peak (best)"]
    print(tabulate(rows, headers, disable_numparse=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
