"""The least memory traffic of an epoch of a dense network with many batched seeds, in bytes.

With batched seeds, no array of a seed is still in a cache when it is needed again: every kernel reads its arrays from
memory and writes its results to memory. The traffic is least if everything that is no matrix product is fused into the
product before or after it. Per step, with b examples and layers of i_k inputs and o_k outputs, numbers of 4 bytes:

- images: the gather reads and writes them, the forward product and the gradient of the first kernel read them. These
  are 4 · b · i_1 bytes with one byte per pixel, and four times as many with floats.
- the activation of each hidden layer: it is written, and read by the next product, the gradient of the next kernel, and
  its own derivative: 4 passes over b · o_k numbers.
- the gradient of each hidden layer: it is written, and read by the gradient of its kernel and (except in the first
  layer) by the gradient of its inputs: 3 passes, or 2.
- the outputs and their gradient: 5 passes over b · o_L numbers.
- kernels and biases: they are read forward and (except in the first layer) backward, their gradient is written, and the
  optimizer makes 7 passes with Adam (reads gradient, weight and two moments; writes weight and moments), 3 with SGD.

The validation set adds one pass per epoch: images read, each activation written and read, weights read.
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
    """The bytes of one epoch of one seed.

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


def floor_seconds(operations: float, traffic: float, flops: float, bandwidth: float) -> float:
    """The least seconds of a piece of work: the larger of the times for arithmetic and traffic at their peaks.

    Args:
        operations: floating-point operations.
        traffic: bytes.
        flops: peak, in operations per second.
        bandwidth: peak, in bytes per second.

    Source: S. Williams, A. Waterman, D. Patterson: Roofline: an insightful visual performance model, CACM 52 (2009).
    """
    return max(operations / flops, traffic / bandwidth)
