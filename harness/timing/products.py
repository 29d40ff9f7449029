"""The time of an epoch's matrix products alone, on the same backend: a lower bound of the time of an epoch.

A library reaches the machine's peak only with large square matrices. The products of a network of 256 units, in batches
of 512, are too small for that. So the products of an epoch are timed alone, in one program, in the order of a training:
forward, the gradients of the kernels and of the layers' inputs, and the forward pass over the validation set. An epoch
that takes no longer than its products can only become faster by faster matrix products.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.timing.flops import operations
from harness.timing.synchronise import synchronise
from harness.training.backend import active

LEAST = 1e8
"""With fewer operations in an epoch, starting a program takes longer than its products."""
ROUNDS, SECONDS = 3, 2.0
RATE = 1e-6
"""The learning rate of the step along the kernels' gradients. Without the step, a compiler would remove the gradients.
It costs one pass over the kernels; an optimizer takes several."""


def seconds_of_products(
    shapes: Sequence[tuple[int, int]], train: int, validation: int, batch_size: int, seconds: float = SECONDS
) -> float | None:
    """Median seconds of an epoch's matrix products; None if they are too few to be timed (LEAST).

    Args:
        shapes: (inputs, outputs) of each Dense layer, in order, at least one.
        train, validation: examples of an epoch. The last partial batch is one more step.
        batch_size: examples of a step.
        seconds: time to spend, after a first epoch that compiles; at least ROUNDS epochs are timed.
    """
    if operations(shapes, train, validation) < LEAST:
        return None
    epoch = _prepared(shapes, train, validation, batch_size)
    epoch()
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < ROUNDS or time.perf_counter() - begin < seconds:
        clock = time.perf_counter()
        epoch()
        taken.append(time.perf_counter() - clock)
    return statistics.median(taken)


def _prepared(shapes: Sequence[tuple[int, int]], train: int, validation: int, batch_size: int) -> Callable[[], None]:
    """A synchronised epoch over random numbers, compiled if the engines compile on this backend."""
    from keras import ops

    generator = np.random.default_rng(0)
    kernels = [ops.convert_to_tensor(_random(generator, shape) / shape[0] ** 0.5) for shape in shapes]
    batch = ops.convert_to_tensor(_random(generator, (min(batch_size, train), shapes[0][0])))
    others = ops.convert_to_tensor(_random(generator, (validation, shapes[0][0]))) if validation else None
    program = active().compiled(functools.partial(_epoch, steps=train // batch_size, rest=train % batch_size))

    def epoch() -> None:
        program(kernels, batch, others)
        synchronise()

    return epoch


def _random(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.standard_normal(shape, dtype="float32")


def _epoch(kernels: list[Any], batch: Any, others: Any, *, steps: int, rest: int) -> tuple[list[Any], Any]:
    from keras import ops

    if steps:
        kernels = ops.fori_loop(0, steps, lambda _, held: _step(held, batch), kernels)
    if rest:
        kernels = _step(kernels, batch[:rest])
    for kernel in kernels if others is not None else ():
        others = ops.matmul(others, kernel)
    return kernels, others


def _step(kernels: Sequence[Any], batch: Any) -> list[Any]:
    """The kernels after one step of gradient descent. The loss is half the squared outputs, without activations."""
    from keras import ops

    inputs = [batch]
    for kernel in kernels:
        inputs.append(ops.matmul(inputs[-1], kernel))
    gradient = inputs.pop()
    stepped = []
    for index in reversed(range(len(kernels))):
        stepped.append(kernels[index] - RATE * ops.matmul(ops.transpose(inputs[index]), gradient))
        if index:
            gradient = ops.matmul(gradient, ops.transpose(kernels[index]))
    return stepped[::-1]
