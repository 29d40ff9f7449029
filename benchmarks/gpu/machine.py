"""The device's peaks: single matrix products, batched products of the networks' sizes, and memory bandwidth."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.gpu.work import Scale

SECONDS = 0.5
"""Seconds spent on each product."""
BATCHED = ((512, 784, 256), (512, 256, 256), (512, 256, 10))
"""Rows, inputs and outputs of the products of Example 4's layers in a batch of 512."""


def measure(scale: Scale) -> dict[str, Any]:
    """Peaks in FLOP/s, by precision and by number of seeds, and the memory bandwidth in bytes/s."""
    import jax
    import jax.numpy as jnp

    sizes, megabytes = scale.sizes
    found: dict[str, Any] = {"flops": {}, "batched": []}
    for precision in ("default", "highest"):
        with jax.default_matmul_precision(precision):
            rates = []
            for size in sizes:
                a = jnp.ones((size, size), "float32") / size
                seconds = fastest(jax.jit(jnp.dot), a, a)
                rates.append(2 * size**3 / seconds)
            found["flops"][precision] = max(rates)
    for replicas in scale.replicas:
        for rows, inputs, outputs in BATCHED:
            a, b = jnp.ones((replicas, rows, inputs)) / inputs, jnp.ones((replicas, inputs, outputs))
            seconds = fastest(jax.jit(jnp.matmul), a, b)
            flops = 2 * replicas * rows * inputs * outputs / seconds
            found["batched"].append({"lanes": replicas, "shape": [rows, inputs, outputs], "flops": flops})
    array = jnp.ones((megabytes * 250_000,), "float32")
    found["bandwidth"] = 2 * array.nbytes / fastest(jax.jit(lambda a: a * 1.5), array)
    return found


def fastest(function: Callable[..., Any], *arguments: Any) -> float:
    """Seconds of the fastest of several calls; a first call compiles and is not counted."""
    import jax

    jax.block_until_ready(function(*arguments))
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 5 or time.perf_counter() - begin < SECONDS:
        clock = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        taken.append(time.perf_counter() - clock)
    return min(taken)
