"""Floating-point operations of an epoch of a dense network, from its Keras model.

A Dense layer of i inputs and o outputs costs, per example, 2·i·o operations (a multiplication and an addition for each
weight) in each of three matrix products: forward, the gradient of its kernel, and the gradient of its inputs. The last
is needed by no one in the first layer with weights. With n training and m validation examples an epoch is

    n · Σ 6·i·o  −  n · 2·i₁·o₁  +  m · Σ 2·i·o.

Left out, because they are of order i + o or of the number of weights per batch and no matrix product: biases,
activations, dropout, the softmax, the loss and the optimizer. The share of the peak is therefore of useful matrix
products, and what a layer of 10 units spends on anything else counts against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def dense_shapes(model: Any) -> list[tuple[int, int]] | None:
    """(inputs, outputs) of each Dense layer of a built Keras model whose layers follow one another.

    None where a layer with weights is no Dense, or none has any.
    """
    layers = [layer for layer in model.layers if layer.weights]
    if not layers or any(type(layer).__name__ != "Dense" for layer in layers):
        return None
    return [(int(layer.kernel.shape[0]), int(layer.kernel.shape[1])) for layer in layers]


def operations(shapes: Sequence[tuple[int, int]], train: int, validation: int) -> float:
    """Operations of one epoch with ``train`` and ``validation`` examples; ``shapes`` as ``dense_shapes`` gives them."""
    products = [2.0 * inputs * outputs for inputs, outputs in shapes]
    return train * (3 * sum(products) - products[0]) + validation * sum(products)
