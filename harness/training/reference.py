"""Networks and optimizers in NumPy and float64, with gradients by central differences. They use no framework.

Trainable arrays and statistics are in the order of Keras' variables. Means are written as sums, because ``mean`` takes
five times as long on arrays of this size.

Keras' documentation gives the formulas of SGD, and refers to papers for the other optimizers. It does not say whether ε
is inside the root in RMSprop, Adagrad and Adadelta; TensorFlow's documentation of ApplyRMSProp and ApplyAdadelta has it
inside.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.model import Dataset
from harness.training.late_state import SLOTS

Arrays = list[np.ndarray]
Slots = dict[str, np.ndarray]
Step = tuple[np.ndarray, Slots]
"""The change of a weight, and its slots afterwards."""
DIFFERENCE = 1e-6
"""Step of the central differences: their error is its square times the third derivative; rounding adds 1e-11 / step."""
SMALLEST = 1e-7  # what Keras' cross-entropy clips probabilities to
EPSILON = 1e-7
ROUNDING = 176 * 2.0**-24
"""Error of a loss, and of a gradient relative to the largest number of its array: 1.05e-5.

Products are summed in four stages (two layers forward, backward, and over the examples), each of at most 44 terms, and
each sum rounds to float32.
"""
STEP = 20 * 2.0**-24
"""Relative error of an optimizer's step without cancellation: no optimizer rounds more than twenty times."""


def numpy(value: Any) -> np.ndarray:
    """A tensor or variable as an array of float64."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value)).astype("float64")


def average(old: np.ndarray, new: np.ndarray, rate: float) -> np.ndarray:
    return rate * old + (1 - rate) * new


def sgd(
    gradient: np.ndarray, slots: Slots, steps: int, rate: float, momentum: float = 0, nesterov: bool = False
) -> Step:
    if not momentum:
        return -rate * gradient, {}
    velocity = momentum * slots["momentum"] - rate * gradient
    return momentum * velocity - rate * gradient if nesterov else velocity, {"momentum": velocity}


def rmsprop(gradient: np.ndarray, slots: Slots, steps: int, rate: float, rho: float) -> Step:
    velocity = average(slots["velocity"], gradient**2, rho)
    return -rate * gradient / np.sqrt(velocity + EPSILON), {"velocity": velocity}


def adagrad(gradient: np.ndarray, slots: Slots, steps: int, rate: float) -> Step:
    accumulator = slots["accumulator"] + gradient**2
    return -rate * gradient / np.sqrt(accumulator + EPSILON), {"accumulator": accumulator}


def adadelta(gradient: np.ndarray, slots: Slots, steps: int, rate: float, rho: float) -> Step:
    squares = average(slots["accumulated_grad"], gradient**2, rho)
    change = -np.sqrt(slots["accumulated_delta_var"] + EPSILON) / np.sqrt(squares + EPSILON) * gradient
    changes = average(slots["accumulated_delta_var"], change**2, rho)
    return rate * change, {"accumulated_grad": squares, "accumulated_delta_var": changes}


def adam(
    gradient: np.ndarray, slots: Slots, steps: int, rate: float, beta_1: float = 0.9, beta_2: float = 0.999
) -> Step:
    """Betas are rounded as in Keras, which uses float32: 0.999 is off by 1.3e-8, its thousandth power by 1e-5."""
    first = average(slots["momentum"], gradient, beta_1)
    second = average(slots["velocity"], gradient**2, beta_2)
    past_1, past_2 = (float(np.float32(beta)) ** (steps + 1) for beta in (beta_1, beta_2))
    corrected = rate * np.sqrt(1 - past_2) / (1 - past_1)
    return -corrected * first / (np.sqrt(second) + EPSILON), {"momentum": first, "velocity": second}


RULES: dict[str, Callable[..., Step]] = {
    "SGD": sgd, "RMSprop": rmsprop, "Adagrad": adagrad, "Adadelta": adadelta, "Adam": adam,
}  # fmt: skip
"""By Keras' name: the function of gradient, slots, number of past steps, learning rate and other arguments."""


CLIPS = frozenset({"clipvalue", "clipnorm", "global_clipnorm"})
"""Arguments of every optimizer that change its gradients."""


class Optimizer:
    """An optimizer of Keras with its arguments, and its form in NumPy."""

    def __init__(self, name: str, learning_rate: float, **given: float) -> None:
        self.name, self.rate, self.given = name, learning_rate, given
        self.slots = () if name == "SGD" and not given.get("momentum") else SLOTS[name]

    def changed(self, **given: float) -> Optimizer:
        """With other arguments."""
        return Optimizer(self.name, **{"learning_rate": self.rate, **self.given, **given})

    def initial(self, weights: np.ndarray) -> Slots:
        """The weights with the slots of a new optimizer: 0, and 0.1 in an accumulator of Adagrad; float32."""
        slots = {name: 0.1 if name == "accumulator" else 0.0 for name in self.slots}
        return {"weights": weights, **{name: np.full(weights.shape, x, "float32") for name, x in slots.items()}}

    def step(self, gradient: np.ndarray, values: Slots, steps: int) -> Slots:
        """The weights and slots ``values`` after a step, of which there were ``steps`` before."""
        given = {name: value for name, value in self.given.items() if name not in CLIPS}
        change, slots = RULES[self.name](gradient, values, steps, self.rate, **given)
        return {"weights": values["weights"] + change, **slots}

    def clipped(self, gradients: Sequence[np.ndarray]) -> Arrays:
        """The gradients of all weights, as the optimizer uses them."""
        for name in CLIPS & self.given.keys():
            limit = self.given[name]
            if name == "clipvalue":
                return [np.clip(gradient, -limit, limit) for gradient in gradients]
            norms = [float(np.linalg.norm(gradient)) for gradient in gradients]
            if name == "global_clipnorm":
                norms = [float(np.linalg.norm(norms))] * len(norms)
            return [g * min(limit / norm, 1.0) if norm else g for g, norm in zip(gradients, norms, strict=True)]
        return list(gradients)

    def stepped(self, before: Slots, gradient: np.ndarray, steps: int) -> tuple[Slots, Slots]:
        """A weight and its slots after a step, of which there were ``steps`` before, and the rounding of each number.

        Rounding is relative to the step without cancellation: that of moments and gradients of equal signs.
        """
        sizes = {name: np.abs(value) for name, value in before.items()} | {"weights": np.zeros(gradient.shape)}
        with np.errstate(invalid="ignore"):  # a wrong state may give nan
            after = self.step(gradient, before, steps)
            alone = [self.step(sign * np.abs(gradient), sizes, steps) for sign in (1, -1)]
        near = {name: STEP * np.max([np.abs(each[name]) for each in alone], axis=0) for name in before}
        near["weights"] += STEP * np.abs(before["weights"])
        return after, near

    def keras(self) -> Any:
        import keras

        return getattr(keras.optimizers, self.name)(self.rate, **self.given)


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
LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "categorical_crossentropy": lambda y, p: -np.sum(y * np.log(np.clip(p, SMALLEST, 1 - SMALLEST)), axis=-1),
    "unclipped_crossentropy": lambda y, p: -np.sum(y * np.log(p), axis=-1),
    "mean_squared_error": lambda y, p: np.asarray(((y - p) ** 2).sum(axis=-1) / y.shape[-1]),
}
"""Of targets and outputs. On TensorFlow Keras computes cross-entropy from the logits of a softmax: it clips nothing."""


def lstm(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    """Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), gates in Keras' order: i, f, c, o."""
    h = c = np.zeros((len(x), len(recurrent)))
    for step in range(x.shape[1]):
        i, f, new, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
    return h


def convolution(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    """Cross-correlation with a kernel (rows, columns, in, out), no padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nijcab,abco->nijo", windows, kernel) + bias


def max_pooling(x: np.ndarray) -> np.ndarray:
    """The maximum of each whole 2 × 2 square."""
    n, rows, columns, channels = x.shape
    squares = x[:, : rows // 2 * 2, : columns // 2 * 2].reshape(n, rows // 2, 2, columns // 2, 2, channels)
    return np.asarray(squares.max(axis=(2, 4)))


class Layer:
    """A layer of Keras with its arguments, and its form in NumPy.

    A Dropout multiplies by ``mask`` in training: 0 where a unit is dropped. ``activate`` is its activation.
    """

    def __init__(self, kind: str, **given: Any) -> None:
        self.kind, self.given = kind, given
        count = {"Dense": 2, "Conv2D": 2, "BatchNormalization": 2, "LSTM": 3}.get(kind, 0)
        self.weights = count - (given.get("use_bias") is False)
        self.statistics = 2 if kind == "BatchNormalization" else 0
        self.mask: np.ndarray | float = 1.0
        self.activation = given.get("activation", "linear")
        self.activate = ACTIVATIONS[self.activation]

    def keras(self) -> Any:
        import keras

        return getattr(keras.layers, self.kind)(**self.given)

    def linear(self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> tuple[np.ndarray, Arrays]:
        """(outputs before the activation, new statistics)."""
        match self.kind:
            case "Dense":
                return x @ weights[0] + (weights[1] if len(weights) > 1 else 0.0), statistics
            case "Conv2D":
                return convolution(x, *weights), statistics
            case "LSTM":
                return lstm(x, *weights), statistics
            case "MaxPooling2D":
                return max_pooling(x), statistics
            case "Flatten":
                return x.reshape(len(x), -1), statistics
            case "BatchNormalization":
                return self._normalised(x, weights, statistics, training)
            case "Dropout" if training:
                return x * self.mask, statistics
        return x, statistics

    def _normalised(
        self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool
    ) -> tuple[np.ndarray, Arrays]:
        """Ioffe & Szegedy 2015 over all axes but the last; the variance divides by n."""
        epsilon, momentum = self.given.get("epsilon", 1e-3), self.given.get("momentum", 0.99)
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = now = [rows.mean(axis=0), rows.var(axis=0)] if training else statistics
        outputs = weights[0] * (rows - mean) / np.sqrt(variance + epsilon) + weights[1]
        if training:
            statistics = [average(old, new, momentum) for old, new in zip(statistics, now, strict=True)]
        return outputs.reshape(x.shape), statistics

    def penalty(self, weights: Arrays, outputs: np.ndarray) -> float:
        """λ Σ |w| + λ Σ w² of what is regularized; of activities the mean over the examples. Keras' default is 0.01."""
        names = ("kernel", "recurrent", "bias") if self.kind == "LSTM" else ("kernel", "bias")
        parts = [(name, values, 1) for name, values in zip(names, weights, strict=False)]
        total = 0.0
        for name, values, count in [*parts, ("activity", outputs, len(outputs))]:
            rates = self.given.get(f"{name}_regularizer") or {}
            for kind, rate in {rates: 0.01}.items() if isinstance(rates, str) else rates.items():
                total += rate * float(np.sum(np.abs(values) if kind == "l1" else values**2)) / count
        return total

    def forward(
        self, x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool
    ) -> tuple[np.ndarray, Arrays, float]:
        """(outputs, new statistics, penalty)."""
        outputs, statistics = self.linear(x, weights, statistics, training)
        outputs = self.activate(outputs)
        return outputs, statistics, self.penalty(weights, outputs)


def forward(
    layers: Sequence[Layer], x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool
) -> tuple[np.ndarray, Arrays, float]:
    """The outputs of a network, the statistics after them, and the sum of the penalties."""
    weights_left, statistics_left, after, penalties = iter(weights), iter(statistics), [], 0.0
    for layer in layers:
        own = [next(weights_left) for _ in range(layer.weights)]
        x, moved, penalty = layer.forward(x, own, [next(statistics_left) for _ in range(layer.statistics)], training)
        after += moved
        penalties += penalty
    return x, after, penalties


def slope(function: Callable[[], float], weights: np.ndarray, direction: np.ndarray, step: float) -> float:
    """The central difference of a function of these weights along a direction of length 1."""
    kept, totals = weights.copy(), []
    for sign in (1, -1):
        weights[...] = kept + sign * step * direction
        totals.append(function())
    weights[...] = kept
    return (totals[0] - totals[1]) / (2 * step)


@dataclass
class State:
    """What a training carries from one step to the next, in float64.

    Attributes:
        values: for each trainable array its "weights", and the optimizer's slots by name.
        statistics: moving averages.
        steps: number of past steps.
    """

    values: list[Slots]
    statistics: Arrays = field(default_factory=list)
    steps: int = 0


class Reference:
    """A training from a given state, and bounds on the effect of rounding to float32.

    Weights and slots are computed three times: with the exact gradients, and with all gradients larger or smaller by
    ROUNDING. The differences bound the effect of errors in the gradients, whatever the optimizer is.
    """

    def __init__(self, layers: Sequence[Layer], loss: str, optimizer: Optimizer, start: State) -> None:
        self.layers, self.loss, self.optimizer, self.start = layers, LOSSES[loss], optimizer, start
        self.state, self._larger, self._smaller = (copy.deepcopy(start) for _ in range(3))

    @property
    def weights(self) -> Arrays:
        return [values["weights"] for values in self.state.values]

    def outputs(self, x: np.ndarray, training: bool) -> tuple[np.ndarray, Arrays, float]:
        """The outputs, the statistics after them, and the sum of the penalties."""
        return forward(self.layers, x, self.weights, self.state.statistics, training)

    def losses(self, x: np.ndarray, y: np.ndarray, training: bool) -> tuple[np.ndarray, float, int]:
        """The loss of each example, the sum of the penalties, and the number of examples classified correctly."""
        outputs, _, penalties = self.outputs(x, training)
        return self.loss(y, outputs), penalties, int(np.sum(outputs.argmax(axis=-1) == y.argmax(axis=-1)))

    def gradients(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """The gradient of the mean loss plus the penalties in training mode, by central differences."""

        def total() -> float:
            outputs, _, penalties = self.outputs(x, True)
            losses = self.loss(y, outputs)
            return float(losses.sum()) / losses.size + penalties

        def gradient(of: np.ndarray) -> np.ndarray:
            steps = DIFFERENCE * np.maximum(1.0, np.abs(of))
            directions = np.eye(of.size).reshape(-1, *of.shape)
            slopes = [slope(total, of, *each) for each in zip(directions, steps.ravel(), strict=True)]
            return np.array(slopes).reshape(of.shape)

        return [gradient(weights) for weights in self.weights]

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        gradients = self.gradients(x, y)
        self.state.statistics = self.outputs(x, True)[1]
        for sign, state in ((0, self.state), (1, self._larger), (-1, self._smaller)):
            for place, gradient in enumerate(gradients):
                shifted = gradient + sign * ROUNDING * np.abs(gradient).max()
                state.values[place] = self.optimizer.step(shifted, state.values[place], state.steps)
            state.steps += 1

    def epoch(self, data: Dataset, order: np.ndarray, batch: int, masks: Iterable[np.ndarray] = ()) -> dict[str, float]:
        """Trains an epoch, and returns the values of its curves.

        They are those of ``keras.Model.fit``, those in inference mode, those of the even and the odd validation
        examples, and the kernels' Σ W². The last step has the remaining examples.
        """
        assert data.x_val is not None
        assert data.y_val is not None
        total, hits, masks = 0.0, 0, iter(masks)
        for start in range(0, len(order), batch):
            x, y = (array[order[start : start + batch]] for array in (data.x, data.y))
            for layer in self.layers:
                if layer.kind == "Dropout":
                    layer.mask = next(masks)
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

    def tolerances(self) -> list[Slots]:
        """The tolerance of each weight and slot of the state that the steps so far have reached."""
        steps = self.state.steps - self.start.steps
        four = zip(*(state.values for state in (self.start, self.state, self._larger, self._smaller)), strict=True)
        return [
            {
                name: np.abs(larger[name] - end) + np.abs(smaller[name] - end)
                + steps * STEP * (np.abs(before[name]) + np.abs(end))
                for name, end in values.items()
            }
            for before, values, larger, smaller in four
        ]  # fmt: skip
