"""Floating-point operations of an epoch of a dense network, from its Keras model.

A Dense layer with i inputs and o outputs has three matrix products: forward, the gradient of its kernel, and the
gradient of its inputs. Each takes 2·i·o operations per example (a multiplication and an addition per weight). The first
layer needs no gradient of its inputs. With n training and m validation examples, an epoch takes

    n · Σ 6·i·o  −  n · 2·i₁·o₁  +  m · Σ 2·i·o.

Biases, activations, dropout, the softmax, the loss and the optimizer are left out. They are no matrix products, and of
order i + o, or of the number of weights per batch. A share of the peak is therefore that of useful matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


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
