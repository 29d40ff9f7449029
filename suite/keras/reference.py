"""Networks in NumPy and float64, trained with gradients by central differences. They use no framework.

Trainable arrays and statistics are in the order of Keras' variables. Means are written as sums, because ``mean`` takes
five times as long on arrays of this size.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.domain.self_check import Measured
from suite.keras.rules import Optimizer, Slots

Arrays = list[np.ndarray]
Passed = tuple[np.ndarray, Arrays, float]
"""Outputs, new statistics, and a penalty."""
DIFFERENCE = 1e-6
"""Step of the central differences: their error is its square times the third derivative; rounding adds 1e-11 / step."""
SMALLEST = 1e-7  # what Keras' cross-entropy clips probabilities to
ROUNDING = 176 * 2.0**-24
"""Error of a loss, and of a gradient relative to the largest number of its array: 1.05e-5.

Products are summed in four stages (two layers forward, backward, and over the examples), each of at most 44 terms, and
each sum rounds to float32.
"""
STEP = 20 * 2.0**-24
"""Relative error of an optimizer's step without cancellation: no optimizer rounds more than twenty times."""


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


def dense(
    x: np.ndarray,
    weights: Arrays,
    units: int,
    activation: str = "linear",
    kernel_regularizer: str = "",
    activity_regularizer: str = "",
    **start: Any,
) -> tuple[np.ndarray, float]:
    """a(x W + b). The penalties are Keras' defaults: "l2" is 0.01 Σ W², "l1" 0.01 the mean over examples of Σ |y|."""
    kernel, bias = weights
    outputs = ACTIVATIONS[activation](x @ kernel + bias)
    penalty = 0.01 * float(np.sum(kernel**2)) if kernel_regularizer == "l2" else 0.0
    return outputs, penalty + (0.01 * float(np.abs(outputs).sum()) / len(x) if activity_regularizer == "l1" else 0.0)


def lstm(x: np.ndarray, weights: Arrays, units: int) -> np.ndarray:
    """Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), gates in Keras' order: i, f, c, o."""
    kernel, recurrent, bias = weights
    h = c = np.zeros((len(x), units))
    for step in range(x.shape[1]):
        i, f, new, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
    return h


def convolution(x: np.ndarray, weights: Arrays, activation: str, **size: Any) -> np.ndarray:
    """Cross-correlation with a kernel (rows, columns, in, out), no padding."""
    kernel, bias = weights
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return ACTIVATIONS[activation](np.einsum("nijcab,abco->nijo", windows, kernel) + bias)


def max_pooling(x: np.ndarray) -> np.ndarray:
    """The maximum of each 2 × 2 square; numbers of rows and columns must be even."""
    n, rows, columns, channels = x.shape
    return np.asarray(x.reshape(n, rows // 2, 2, columns // 2, 2, channels).max(axis=(2, 4)))


def normalised(x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> tuple[np.ndarray, Arrays]:
    """Ioffe & Szegedy 2015 over all axes but the last; Keras' ε = 1e-3, momentum 0.99, variance that divides by n."""
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = now = [rows.mean(axis=0), rows.var(axis=0)] if training else statistics
    outputs = weights[0] * (rows - mean) / np.sqrt(variance + 1e-3) + weights[1]
    if training:
        statistics = [0.99 * old + 0.01 * new for old, new in zip(statistics, now, strict=True)]
    return outputs.reshape(x.shape), statistics


class Layer:
    """A layer of Keras with its arguments, and its form in NumPy.

    A Dropout multiplies by ``mask`` in training: 0 where a unit is dropped.
    """

    def __init__(self, kind: str, **given: Any) -> None:
        self.kind, self.given = kind, given
        self.weights = {"Dense": 2, "Conv2D": 2, "BatchNormalization": 2, "LSTM": 3}.get(kind, 0)
        self.statistics = 2 if kind == "BatchNormalization" else 0
        self.mask: np.ndarray | float = 1.0

    def keras(self) -> Any:
        import keras

        return getattr(keras.layers, self.kind)(**self.given)

    def forward(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> Passed:
        match self.kind:
            case "Dense":
                outputs, penalty = dense(x, weights, **self.given)
                return outputs, statistics, penalty
            case "BatchNormalization":
                return *normalised(x, weights, statistics, training), 0.0
            case "LSTM":
                return lstm(x, weights, **self.given), statistics, 0.0
            case "Conv2D":
                return convolution(x, weights, **self.given), statistics, 0.0
            case "MaxPooling2D":
                return max_pooling(x), statistics, 0.0
            case "Dropout":
                return x * self.mask if training else x, statistics, 0.0
        raise NotImplementedError(self.kind)


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
class State:
    """What a training carries from one step to the next, in float64.

    Attributes:
        values: for each trainable array its "weights", and the optimizer's slots by name.
        statistics: moving averages.
        steps: number of past steps.
        learning_rate: the optimizer's.
        draws: random states, each (seed, number of draws).
    """

    values: list[Slots]
    statistics: Arrays = field(default_factory=list)
    steps: int = 0
    learning_rate: float = 0.0
    draws: Arrays = field(default_factory=list)


class Reference:
    """A training from a given state, and bounds on the effect of rounding to float32.

    Weights and slots are computed three times: with the exact gradients, and with all gradients larger or smaller by
    ROUNDING. The differences bound the effect of errors in the gradients, whatever the optimizer is.
    """

    def __init__(self, layers: Sequence[Layer], loss: str, optimizer: Optimizer, start: State) -> None:
        self.layers, self.loss, self.optimizer, self.start = layers, LOSSES[loss], optimizer, start
        self.statistics, self.steps = start.statistics, 0
        self.values, self._larger, self._smaller = (copy.deepcopy(start.values) for _ in range(3))

    @property
    def weights(self) -> Arrays:
        return [values["weights"] for values in self.values]

    def outputs(self, x: np.ndarray, training: bool) -> Passed:
        """Outputs, new statistics, and the sum of the penalties."""
        weights, statistics = iter(self.weights), iter(self.statistics)
        after: Arrays = []
        penalties = 0.0
        for layer in self.layers:
            own = [next(weights) for _ in range(layer.weights)]
            x, new, penalty = layer.forward(x, own, [next(statistics) for _ in range(layer.statistics)], training)
            after += new
            penalties += penalty
        return x, after, penalties

    def losses(self, x: np.ndarray, y: np.ndarray, training: bool) -> tuple[np.ndarray, float, int]:
        """The loss of each example, the sum of the penalties, and the number of examples classified correctly."""
        outputs, _, penalties = self.outputs(x, training)
        return self.loss(y, outputs), penalties, int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))

    def gradients(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """The gradient of the mean loss plus the penalties in training mode, by central differences."""
        return [np.array(list(self._slopes(w, x, y))).reshape(w.shape) for w in self.weights]

    def _slopes(self, weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> Iterator[float]:
        def total(value: float) -> float:
            flat[index] = value
            outputs, _, penalties = self.outputs(x, True)
            losses = self.loss(y, outputs)
            return float(losses.sum()) / losses.size + penalties

        flat = weights.reshape(-1)  # a view
        for index, kept in enumerate(flat.copy()):
            step = DIFFERENCE * max(1.0, abs(kept))
            yield (total(kept + step) - total(kept - step)) / (2 * step)
            flat[index] = kept

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        gradients = self.gradients(x, y)
        self.statistics = self.outputs(x, True)[1]
        for sign, all_values in ((0, self.values), (1, self._larger), (-1, self._smaller)):
            for place, gradient in enumerate(gradients):
                shifted = gradient + sign * ROUNDING * np.abs(gradient).max()
                steps = self.start.steps + self.steps
                all_values[place] = self.optimizer.step(shifted, all_values[place], steps)
        self.steps += 1

    def epoch(
        self, data: Any, order: np.ndarray, batch: int, masks: Iterator[np.ndarray] | None = None
    ) -> dict[str, float]:
        """Trains an epoch, and returns the values of its curves.

        They are those of ``keras.Model.fit``, those in inference mode, those of the even and the odd validation
        examples, and the kernels' Σ W². The last step has the remaining examples.
        """
        total, hits = 0.0, 0
        for start in range(0, len(order), batch):
            x, y = (array[order[start : start + batch]] for array in (data.x, data.y))
            for layer in self.layers:
                if layer.kind == "Dropout":
                    layer.mask = next(masks or iter(()))
            losses, penalties, right = self.losses(x, y, True)
            total += (float(losses.mean()) + penalties) * len(x)
            hits += right
            self.step(x, y)
        row = {"loss": total / len(order), "accuracy": hits / len(order)}
        row["squares"] = sum(float(np.sum(weights**2)) for weights in self.weights if weights.ndim == 2)
        for prefix, inputs, targets in (("train_", data.x, data.y), ("val_", data.x_val, data.y_val)):
            losses, penalties, right = self.losses(inputs, targets, False)
            row |= {f"{prefix}loss": float(losses.mean()) + penalties, f"{prefix}accuracy": right / len(inputs)}
        return row | {"even_val_loss": float(losses[::2].mean()), "odd_val_loss": float(losses[1::2].mean())}

    def reached(self) -> tuple[State, list[Slots]]:
        """The state after the steps so far, and the tolerance of each weight and slot."""
        start, steps = self.start, self.steps
        draws = [draw + np.array([0, steps]) for draw in start.draws]
        near = [
            {
                name: np.abs(larger[name] - end) + np.abs(smaller[name] - end)
                + steps * STEP * (np.abs(before[name]) + np.abs(end))
                for name, end in values.items()
            }
            for before, values, larger, smaller in zip(
                start.values, self.values, self._larger, self._smaller, strict=True
            )
        ]  # fmt: skip
        return State(self.values, self.statistics, start.steps + steps, start.learning_rate, draws), near


def alike(of: str, obtained: State, expected: State, near: Sequence[Slots] = (), steps: int = 0) -> Iterator[Measured]:
    """Two states; ``near``: the tolerance of each weight and slot, ``steps``: whose rounding moving averages have."""
    yield Measured(f"{of}, number of steps", obtained.steps, expected.steps)
    rate = expected.learning_rate
    yield Measured(f"{of}, learning rate", obtained.learning_rate, rate, rate * 2.0**-24)
    for place, values in enumerate(expected.values):
        for name, value in values.items():
            limit = near[place][name] if near else 0.0
            yield Measured(f"{of}, {name} {place}", obtained.values[place][name], value, limit)
    for place, value in enumerate(expected.statistics):
        limit = steps * ROUNDING * np.abs(value).max()
        yield Measured(f"{of}, moving average {place}", obtained.statistics[place], value, limit)
    for received, draws in zip(obtained.draws, expected.draws, strict=True):
        yield Measured(f"{of}, random state", received, draws)
