"""The least memory traffic of an epoch of a dense network trained with many seeds side by side, in bytes.

Side by side, nothing of a seed is still in a cache when it is needed again: each array is read from memory and written
to memory by every kernel that uses it. Least means that whatever is no matrix product happens inside the product before
or behind it: bias and activation where its result is written, their derivative where a gradient is. Per step, with b
examples and layers of i_k inputs and o_k outputs, numbers of 4 bytes:

- images: their bytes are read and written by the gather, and read by the forward product and by the gradient of the
  first kernel: 4 · b · i_1 bytes where they are one byte a pixel, four times that where they are floats;
- the activation of each hidden layer is written, read by the next product, by the gradient of the next kernel, and by
  its own derivative: 4 passes over b · o_k numbers; the gradient by it is written, and read by the gradient of its
  kernel and, but in the first layer, by that of its inputs: 3 passes, or 2;
- the outputs and their gradient: 5 passes over b · o_L numbers;
- kernels and biases: read forward and (for its inputs, but in the first layer) backward, their gradient written, and
  what the optimizer reads and writes: 7 passes with Adam (gradient, weight and two moments; weight and moments back), 3
  with plain SGD.

An epoch adds the validation set once: images read, each activation written and read, weights read.
"""

from __future__ import annotations

from collections.abc import Sequence

NUMBER = 4
"""Bytes of a float32."""
OPTIMIZER_PASSES = {"adam": 7, "sgd": 3}


def least_bytes(
    shapes: Sequence[tuple[int, int]],
    train: int,
    validation: int,
    batch_size: int,
    optimizer: str = "adam",
    pixel_bytes: int = 1,
) -> float:
    """Bytes of one epoch of one seed.

    Args:
        shapes: (inputs, outputs) of each Dense layer, in order.
        train, validation: examples of an epoch.
        batch_size: examples of a step; the last may have fewer.
        optimizer: "adam" or "sgd" (without momentum).
        pixel_bytes: of a number of an image, 1 or 4.
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


def floor_seconds(operations: float, traffic: float, flops: float, bandwidth: float) -> float:
    """The least seconds of a piece of work: arithmetic and traffic at their peaks, the slower of the two counting.

    Args:
        operations: floating-point operations.
        traffic: bytes.
        flops: peak, in operations per second.
        bandwidth: peak, in bytes per second.

    Source: S. Williams, A. Waterman, D. Patterson: Roofline: an insightful visual performance model, CACM 52 (2009).
    """
    return max(operations / flops, traffic / bandwidth)
