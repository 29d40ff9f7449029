"""Networks in NumPy and float64, trained with gradients by central differences. They use no framework.

Means are written as sums, because ``mean`` takes five times as long on arrays of this size.

A network is a list of layers. ``Layer.forward(x, weights, statistics, training)`` returns outputs, new statistics and a
penalty. Trainable arrays and statistics are in the order of Keras' variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cases.references import batch_normalization

Arrays = list[np.ndarray]
Passed = tuple[np.ndarray, Arrays, float]
STEP = 1e-6
"""Step of the central differences: their error is STEP² times the third derivative; rounding adds 1e-11 / STEP."""
SMALLEST = 1e-7  # what Keras' cross-entropy clips probabilities to


class Layer(Protocol):
    """A layer with ``weights`` trainable arrays and ``statistics`` moving averages."""

    weights: int
    statistics: int

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed: ...


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softmax": softmax,
}


@dataclass
class Dense:
    """a(x W + b). Penalties: ``l2`` · Σ W², and ``activity_l1`` times the mean over examples of Σ |outputs|."""

    activation: str
    l2: float = 0.0
    activity_l1: float = 0.0
    weights: int = field(default=2, init=False)
    statistics: int = field(default=0, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        kernel, bias = weights
        outputs = ACTIVATIONS[self.activation](x @ kernel + bias)
        penalty = self.l2 * float(np.sum(kernel**2)) + self.activity_l1 * float(np.abs(outputs).sum()) / len(x)
        return outputs, statistics, penalty


@dataclass
class BatchNormalization:
    """Batch normalization over all axes but the last, with Keras' defaults: ε = 1e-3, momentum 0.99."""

    weights: int = field(default=2, init=False)
    statistics: int = field(default=2, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        (gamma, beta), (mean, variance) = weights, statistics
        rows = x.reshape(-1, x.shape[-1])
        if not training:
            outputs = gamma * batch_normalization.inferred(rows, mean, variance) + beta
            return outputs.reshape(x.shape), statistics, 0.0
        outputs = batch_normalization.layer(rows, gamma, beta)
        moved = [
            batch_normalization.moved(mean, rows.mean(axis=0)),
            batch_normalization.moved(variance, rows.var(axis=0)),
        ]
        return outputs.reshape(x.shape), moved, 0.0


@dataclass
class Dropout:
    """Multiplies its inputs by ``mask`` in training; the mask is 0 where a unit is dropped."""

    mask: np.ndarray
    weights: int = field(default=0, init=False)
    statistics: int = field(default=0, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        return x * self.mask if training else x, statistics, 0.0


@dataclass
class LSTM:
    """Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), gates in Keras' order: i, f, c, o."""

    weights: int = field(default=3, init=False)
    statistics: int = field(default=0, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        kernel, recurrent, bias = weights
        h = c = np.zeros((len(x), recurrent.shape[0]))
        for step in range(x.shape[1]):
            i, f, new, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
            h = sigmoid(o) * np.tanh(c)
        return h, statistics, 0.0


@dataclass
class Conv2D:
    """Cross-correlation with a kernel (rows, columns, in, out), no padding, and ReLU."""

    weights: int = field(default=2, init=False)
    statistics: int = field(default=0, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        kernel, bias = weights
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
        return np.maximum(np.einsum("nijcab,abco->nijo", windows, kernel) + bias, 0), statistics, 0.0


@dataclass
class MaxPooling2D:
    """The maximum of each 2 × 2 square; numbers of rows and columns must be even."""

    weights: int = field(default=0, init=False)
    statistics: int = field(default=0, init=False)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        n, rows, columns, channels = x.shape
        return x.reshape(n, rows // 2, 2, columns // 2, 2, channels).max(axis=(2, 4)), statistics, 0.0


def categorical_crossentropy(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return -np.sum(y * np.log(np.clip(outputs, SMALLEST, 1 - SMALLEST)), axis=-1)


def unclipped_crossentropy(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Cross-entropy without clipping, as Keras computes it on TensorFlow from the logits of a softmax."""
    return -np.sum(y * np.log(outputs), axis=-1)


def mean_squared_error(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return np.asarray(((y - outputs) ** 2).sum(axis=-1) / y.shape[-1])


LOSSES = {
    "categorical_crossentropy": categorical_crossentropy,
    "unclipped_crossentropy": unclipped_crossentropy,
    "mean_squared_error": mean_squared_error,
}


@dataclass
class ReferenceNetwork:
    """A network with its weights and statistics, float64."""

    layers: Sequence[Layer]
    loss: str
    weights: Arrays
    statistics: Arrays

    def outputs(self, x: np.ndarray, training: bool) -> Passed:
        """Outputs, new statistics, and the sum of the penalties."""
        weights, statistics = iter(self.weights), iter(self.statistics)
        after: Arrays = []
        penalties = 0.0
        for layer in self.layers:
            own = [next(weights) for _ in range(layer.weights)]
            held = [next(statistics) for _ in range(layer.statistics)]
            x, new, penalty = layer.forward(x, own, held, training)
            after += new
            penalties += penalty
        return x, after, penalties

    def losses(self, x: np.ndarray, y: np.ndarray, training: bool) -> tuple[np.ndarray, float, int]:
        """The loss of each example, the sum of the penalties, and the number of examples classified correctly."""
        outputs, _, penalties = self.outputs(x, training)
        hits = int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))
        return LOSSES[self.loss](y, outputs), penalties, hits

    def total(self, x: np.ndarray, y: np.ndarray) -> float:
        """The mean loss plus the penalties, in training mode."""
        outputs, _, penalties = self.outputs(x, True)
        losses = LOSSES[self.loss](y, outputs)
        return float(losses.sum()) / losses.size + penalties

    def gradients(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """∂ total / ∂ weights in training mode, by central differences."""
        return [np.array(list(self._slopes(w, x, y))).reshape(w.shape) for w in self.weights]

    def gradient_norms(self, x: np.ndarray, y: np.ndarray) -> list[float]:
        return [float(np.linalg.norm(gradient)) for gradient in self.gradients(x, y)]

    def _slopes(self, weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> Iterator[float]:
        flat = weights.reshape(-1)  # a view
        for index in range(flat.size):
            kept = flat[index]
            step = STEP * max(1.0, abs(kept))
            flat[index] = kept + step
            above = self.total(x, y)
            flat[index] = kept - step
            yield (above - self.total(x, y)) / (2 * step)
            flat[index] = kept


Step = Callable[[ReferenceNetwork, Arrays], None]
"""Changes the weights of a network, given their gradients."""
Data = tuple[np.ndarray, np.ndarray]


def by_rule(rule: Callable[[np.ndarray], np.ndarray]) -> Step:
    """Steps by a rule of ``cases.references.updates``, which maps gradients (steps, …) to changes (steps, …)."""
    seen: list[Arrays] = []

    def step(network: ReferenceNetwork, gradients: Arrays) -> None:
        seen.append(gradients)
        for place, weights in enumerate(network.weights):
            weights += rule(np.stack([past[place] for past in seen]))[-1]

    return step


def trained(
    network: ReferenceNetwork, step: Step, data: Data, validation: Data, orders: Any, batch: int
) -> dict[str, list[float]]:
    """Trains ``network`` and returns its curves, one value per epoch.

    The curves are those of ``keras.Model.fit``, those in inference mode, those of the even and the odd validation
    examples, and the kernels' Σ W².

    Args:
        network: the initialised network, which is changed.
        step: changes the weights after every batch.
        data, validation: (x, y) each.
        orders: a permutation of the training examples for each epoch.
        batch: examples per step; the last step of an epoch has the remaining ones.
    """
    history: dict[str, list[float]] = {}
    x, y = data
    for order in orders:
        total, hits = 0.0, 0
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            losses, penalties, right = network.losses(x[rows], y[rows], True)
            total += (float(losses.mean()) + penalties) * len(rows)
            hits += right
            gradients = network.gradients(x[rows], y[rows])
            network.statistics = network.outputs(x[rows], True)[1]
            step(network, gradients)
        row = {"loss": total / len(x), "accuracy": hits / len(x)}
        row["squares"] = sum(float(np.sum(weights**2)) for weights in network.weights if weights.ndim == 2)
        for prefix, (inputs, targets) in (("val_", validation), ("train_", data)):
            losses, penalties, right = network.losses(inputs, targets, False)
            row |= {f"{prefix}loss": float(losses.mean()) + penalties, f"{prefix}accuracy": right / len(inputs)}
            if prefix == "val_":
                row |= {"even_val_loss": float(losses[::2].mean()), "odd_val_loss": float(losses[1::2].mean())}
        for name, value in row.items():
            history.setdefault(name, []).append(value)
    return history
