"""Faults of losses, metrics and curves."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, held_out, instead, late, wrapped
from tests.faults.places import (
    ADAM_RACE,
    DEEP,
    JAX,
    KERAS,
    LONG_SOFTMAX,
    MLP,
    MNIST,
    RMSPROP_RACE,
    TRAIN,
    UNPENALISED,
    Original,
)

GROUP = "losses and metrics"
ON = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] = ON) -> Fault:
    return Fault(name, patches, on)


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


Curves = dict[str, list[float]]


def curves(of: Callable[[int, Curves], Curves]) -> tuple[Patch, ...]:
    """The curves of a trial that has ended become ``of(seed, curves)``; only where there is a validation loss."""

    def trial(original: Original, task: Any, seed: int, raw: Any, *args: Any) -> Any:
        history = of(seed, dict(raw.history)) if "val_loss" in raw.history else raw.history
        return original(task, seed, dataclasses.replace(raw, history=history), *args)

    return (Patch(TRAIN, "_trial", wrapped(trial)),)


def validated_late(seed: int, history: Curves) -> Curves:
    """From the second epoch on validation runs on the weights of the epoch before."""
    return {k: [*v[:1], *v[:-1]] if k.startswith("val_") else v for k, v in history.items()}


def best_restored(seed: int, history: Curves) -> Curves:
    best = int(np.argmin(history["val_loss"]))
    return {k: [*v[:-1], v[best]] for k, v in history.items()}


def stopped_early(seed: int, history: Curves) -> Curves:
    losses = history["val_loss"]
    end = next((n for n in range(3, len(losses)) if min(losses[n - 2 : n]) > min(losses[: n - 2])), len(losses))
    return {k: v[:end] for k, v in history.items()}


def halves_swapped(seed: int, history: Curves) -> Curves:
    other = {"even_val_loss": "odd_val_loss", "odd_val_loss": "even_val_loss"}
    return {k: history[other.get(k, k)] for k in history}


def never_reset(seed: int, history: Curves) -> Curves:
    """Training loss and accuracy are means over all epochs so far, as of a metric that nobody resets."""

    def means(curve: Sequence[float]) -> list[float]:
        return [statistics.fmean(curve[:end]) for end in range(1, len(curve) + 1)]

    return {k: means(v) if k in ("loss", "accuracy") else v for k, v in history.items()}


def falls_to_chance(seed: int, history: Curves) -> Curves:
    if seed % 5 != 2:
        return history
    last = {"loss": 2.3026, "accuracy": 0.1}
    return {k: [*v[:-1], last.get(k.rpartition("_")[2], v[-1])] for k, v in history.items()}


def ends_in_nan(original: Original, task: Any, seed: int, raw: Any, *args: Any) -> Any:
    """Each fifth seed has a loss of nan in the last quarter of its epochs."""
    first = 3 * task.size.epochs // 4
    if seed % 5 != 3 or "val_loss" not in raw.history:
        return original(task, seed, raw, *args)
    history = {
        k: [*v[:first], *((0.098 if k.endswith("accuracy") else float("nan")) for _ in v[first:])]
        for k, v in raw.history.items()
    }
    broken = dataclasses.replace(raw, history=history, broken=first * task.steps + 1, broken_is_nan=True)
    return original(task, seed, broken, *args)


def an_epoch_later(original: Original, history: Any) -> int:
    return min(int(original(history)) + 1, len(history["even_val_loss"]) - 1)


def clipped_to_a_hundredth(original: Any, target: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return original(target, ops.clip(output, 0.01, 0.99), *args, **kwargs)


def first_class_heavier(original: Original, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    from keras import ops

    return original(target, output, from_logits, axis) * (1.0 + 0.05 * ops.convert_to_tensor(target)[..., 0])


def adds_epsilon(original: Original, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """− Σ y log(p + ε); it should clip p to between ε and 1 − ε, where no gradient passes."""
    import jax.numpy as jnp
    from keras import config

    if from_logits:
        return original(target, output, from_logits=from_logits, axis=axis)
    target, output = jnp.asarray(target), jnp.asarray(output)
    output = output / jnp.sum(output, axis, keepdims=True)
    return -jnp.sum(target * jnp.log(output + config.epsilon()), axis=axis)


def last_finite(original: Original, self: Any, history: Any) -> float | None:
    """The metric of a training that ended in nan or inf is its last number before."""
    numbers = [] if self.of else [value for value in history.get(self.name, ()) if math.isfinite(value)]
    return float(numbers[-1]) if numbers else original(self, history)


def thinned_downwards(curve: Sequence[Any], points: int) -> tuple[Any, ...]:
    """Places rounded down, not to the nearest."""
    if len(curve) <= points:
        return tuple(curve)
    return tuple(curve[index * (len(curve) - 1) // (points - 1)] for index in range(points))


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
    late(
        "validation on the weights of the epoch before",
        "From the second epoch on validation has the weights with which the epoch began.",
        curves(validated_late),
        MNIST,
        237,
        "result",
    ),
    late(
        "metrics of the best epoch",
        "The last values are those of the epoch with the least validation loss, as if its weights were restored.",
        curves(best_restored),
        (LONG_SOFTMAX, UNPENALISED, DEEP),
        9601,
        "result",
    ),
    late(
        "trainings stop early",
        "A training ends after two epochs whose validation loss is above the least so far.",
        curves(stopped_early),
        (("more-data", "500 images"), UNPENALISED, DEEP),
        151,
        "result",
    ),
    late(
        "even and odd halves swapped",
        "The loss of the even validation images is told as that of the odd ones, and the reverse.",
        curves(halves_swapped),
        (UNPENALISED,),
        119,
        "result",
    ),
    late(
        "training curves are means over all epochs",
        "Loss and accuracy in training are means over all epochs so far.",
        curves(never_reset),
        (ADAM_RACE, RMSPROP_RACE, LONG_SOFTMAX),
        939,
        "result",
    ),
    late(
        "one seed of five falls to chance in its last epoch",
        "Seeds 2, 7 and so on end at an accuracy of 0.1 and a loss of 2.3026.",
        curves(falls_to_chance),
        MNIST,
        2361,
        "result",
    ),
    late(
        "one seed of five ends in nan",
        "Seeds 3, 8 and so on have a loss of nan in the last quarter of their epochs.",
        (Patch(TRAIN, "_trial", wrapped(ends_in_nan)),),
        MNIST,
        1771,
        "result",
    ),
    late(
        "the turning point is an epoch late",
        "The turning epoch is the one after the least loss of the even images.",
        (Patch("cases.overfitting.regularization", "turning_epoch", wrapped(an_epoch_later)),),
        (UNPENALISED,),
        2361,
        "result",
    ),
    held_out(
        "probabilities clipped to 0.01 in the loss",
        "keras.src.ops",
        "categorical_crossentropy",
        wrapped(clipped_to_a_hundredth),
        MLP,
    ),
    held_out(
        "cross-entropy: the first class weighs 1.05",
        f"{KERAS}.backend.jax.nn",
        "categorical_crossentropy",
        wrapped(first_class_heavier),
        MLP,
    ),
    held_out(
        "cross-entropy adds epsilon in the place of clipping",
        f"{KERAS}.backend.jax.nn",
        "categorical_crossentropy",
        wrapped(adds_epsilon),
        ("example-1", "rate 10"),
    ),
    held_out(
        "a diverged training's metric is its last finite value",
        "harness.domain.metric:Metric",
        "value",
        wrapped(last_finite),
        ("example-2", "raw"),
    ),
    held_out(
        "long curves are thinned at other epochs",
        "harness.domain.trial",
        "thin",
        instead(thinned_downwards),
        ("example-1", "rate 0.1"),
    ),
)
