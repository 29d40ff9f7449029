"""Faults of losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, wrapped

JAX = "harness.training.compiled_jax:JaxProgram"
TENSORFLOW = "harness.training.compiled_tensorflow:TensorFlowProgram"
ON = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON) -> Fault:
    return Fault(name, "losses and metrics", patches, on)


def cross_entropy(name: str, wrapper: Callable[..., Any]) -> Fault:
    return fault(name, Patch("keras.src.ops", "categorical_crossentropy", wrapped(wrapper)))


def smoothed(share: float) -> Fault:
    def loss(original: Any, target: Any, output: Any, **how: Any) -> Any:
        return original(target * (1 - share) + share / target.shape[-1], output, **how)

    return cross_entropy(f"label smoothing of {share:g} always on", loss)


def times(factor: float) -> Fault:
    def loss(original: Any, target: Any, output: Any, **how: Any) -> Any:
        return original(target, output, **how) * factor

    return cross_entropy(f"cross-entropy × {factor:g}", loss)


def clipped(least: float) -> Fault:
    def loss(original: Any, target: Any, output: Any, **how: Any) -> Any:
        from keras import ops

        return original(target, ops.clip(output, least, 1.0), **how)

    return cross_entropy(f"probabilities clipped at {least:g} in the loss", loss)


def summed(original: Any, target: Any, output: Any, **how: Any) -> Any:
    """The sum over a batch where the mean belongs, over a hundred."""
    return original(target, output, **how) * (target.shape[0] / 100)


def squared_error(factor: float) -> Fault:
    def error(original: Any, x: Any) -> Any:
        return original(x) * factor

    change = wrapped(error)
    patch = Patch("keras.src.losses.losses:ops", "square", change)
    return fault(f"squares × {factor:g}", patch, on=("centring", "centred"))


def accuracy_jax(original: Any, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """Hits over the count of examples, of which one batch is not counted."""
    state, curves = original(self, carry, order, data, validation)
    if "accuracy" in curves:
        curves["accuracy"] = curves["accuracy"] * (1 - self._batch / max(len(order), self._batch + 1))
    return state, curves


def validation_share(share: float) -> Fault:
    """Validation looks at the first part of its examples only."""

    def evaluate(original: Any, self: Any, state: Any, prefix: str, data: Any) -> Any:
        count = max(int(len(data[0]) * share), 1)
        return original(self, state, prefix, tuple(array[:count] for array in data))

    return fault(f"validation on the first {share:.2%}", Patch(JAX, "_evaluate", wrapped(evaluate)))


def evaluated_in_training_mode(
    original: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool
) -> Any:
    return original(self, weights, others, x, y, True)


def last_but_one(original: Any, self: Any, history: Any) -> Any:
    """A metric that is the last value of a curve is that of the epoch before."""
    if self.of is not None:
        return original(self, history)
    curve = history.get(self.name)
    return float(curve[-2 if len(curve) > 1 else -1]) if curve else None


def best(original: Any, self: Any, history: Any) -> Any:
    """A metric that is the last value of a curve is its best one."""
    if self.of is not None:
        return original(self, history)
    curve = history.get(self.name)
    return float((max if self.better == "higher" else min)(curve)) if curve else None


METRIC = "harness.domain.metric:Metric"
FAULTS = (
    *map(smoothed, (0.1, 0.01, 0.001)),
    *map(times, (0.1, 0.9, 0.99)),
    *map(clipped, (1e-2, 1e-4)),
    cross_entropy("the sum over a batch, not the mean", summed),
    squared_error(0.99),
    fault("accuracy off by a batch", Patch(JAX, "_epoch", wrapped(accuracy_jax))),
    *map(validation_share, (0.5, 0.95, 0.9999)),
    fault("evaluation in training mode", Patch(JAX, "_objective", wrapped(evaluated_in_training_mode))),
    fault("the last value of a curve is the one before", Patch(METRIC, "value", wrapped(last_but_one))),
    fault("the last value of a curve is its best", Patch(METRIC, "value", wrapped(best))),
)
