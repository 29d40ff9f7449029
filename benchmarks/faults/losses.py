"""Faults of losses, metrics and curves, and of the arithmetic: fewer bits than requested."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.faults.change import Wrapper, argument, combinator, each, jnp, lax, ops, result, times
from benchmarks.faults.fault import Fault, fault, held_out
from benchmarks.faults.places import (
    ADAM_RACE,
    APPLY,
    BY_SGD,
    CENTRED,
    CLIP,
    CNN,
    CONVOLUTION,
    CROSS_ENTROPY,
    DEEP,
    DENSE,
    DIVERGING,
    FEW,
    JAX,
    JAX_NN,
    KERAS,
    LONG_SOFTMAX,
    MLP,
    MNIST,
    PRODUCT,
    RAW,
    RMSPROP_RACE,
    SOFTMAX_OF,
    TRIAL,
    UNPENALISED,
)

Curves = dict[str, list[float]]


def uncounted_batch(epoch: Any, self: Any, order: Any) -> Any:
    """Hits over the count of examples, of which one batch is not counted."""
    state, curves = epoch
    if "accuracy" in curves:
        curves["accuracy"] = curves["accuracy"] * (1 - self._batch / max(len(order), self._batch + 1))
    return state, curves


@combinator
def curves(of: Callable[[int, Curves], Curves]) -> Wrapper:
    """The curves of a trial that has ended become ``of(seed, curves)``; only where there is a validation loss."""

    def trial(original: Any, task: Any, seed: int, raw: Any, *args: Any) -> Any:
        history = of(seed, dict(raw.history)) if "val_loss" in raw.history else raw.history
        return original(task, seed, dataclasses.replace(raw, history=history), *args)

    return trial


def validated_late(seed: int, history: Curves) -> Curves:
    return {k: [*v[:1], *v[:-1]] if k.startswith("val_") else v for k, v in history.items()}


def best_restored(seed: int, history: Curves) -> Curves:
    """The last values are those of the epoch with the least validation loss, as if its weights were restored."""
    best = int(np.argmin(history["val_loss"]))
    return {k: [*v[:-1], v[best]] for k, v in history.items()}


def stopped_early(seed: int, history: Curves) -> Curves:
    """A training ends after two epochs whose validation loss is above the least so far."""
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


def ends_in_nan(original: Any, task: Any, seed: int, raw: Any, *args: Any) -> Any:
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


def adds_epsilon(original: Any, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """− Σ y log(p + ε); it should clip p to between ε and 1 − ε, where no gradient passes."""
    from keras import config

    if from_logits:
        return original(target, output, from_logits=from_logits, axis=axis)
    target, output = jnp.asarray(target), jnp.asarray(output)
    output = output / jnp.sum(output, axis, keepdims=True)
    return -jnp.sum(target * jnp.log(output + config.epsilon()), axis=axis)


def of_curves(name: str, of: Any, step: int, *on: tuple[str, str]) -> Fault:
    return fault(f"late: {name}", TRIAL, curves(of), *on, step=step, shows="result")


LOSSES = (
    *(
        fault(
            f"label smoothing of {share:g} always on",
            CROSS_ENTROPY,
            argument("target", lambda target, share=share: target * (1 - share) + share / target.shape[-1]),
            BY_SGD,
        )
        for share in (0.1, 0.01, 0.001)
    ),
    *(fault(f"cross-entropy × {x:g}", CROSS_ENTROPY, times(x), BY_SGD) for x in (0.1, 0.9, 0.99)),
    *(
        fault(
            f"probabilities clipped at {x:g} in the loss",
            CROSS_ENTROPY,
            argument("output", lambda output, x=x: ops.clip(output, x, 1.0)),
            BY_SGD,
        )
        for x in (1e-2, 1e-4)
    ),
    fault(  # over a hundred
        "the sum over a batch, not the mean",
        CROSS_ENTROPY,
        result(lambda loss, target: loss * (target.shape[0] / 100)),
        BY_SGD,
    ),
    fault("squares × 0.99", (f"{KERAS}.losses.losses:ops", "square"), times(0.99), CENTRED),
    fault("accuracy off by a batch", (JAX, "_epoch"), result(uncounted_batch), BY_SGD, shows="result"),
    *(
        fault(
            f"validation on the first {share:.2%}",
            (JAX, "_evaluate"),
            argument(
                "data", lambda data, share=share: tuple(array[: max(int(len(data[0]) * share), 1)] for array in data)
            ),
            BY_SGD,
            shows="evaluation",
        )
        for share in (0.5, 0.95, 0.9999)
    ),
    fault("evaluation in training mode", (JAX, "_objective"), argument("training", True), BY_SGD, shows="evaluation"),
    of_curves("validation on the weights of the epoch before", validated_late, 237, *MNIST),
    of_curves("metrics of the best epoch", best_restored, 9601, LONG_SOFTMAX, UNPENALISED, DEEP),
    of_curves("trainings stop early", stopped_early, 151, FEW, UNPENALISED, DEEP),
    of_curves("even and odd halves swapped", halves_swapped, 119, UNPENALISED),
    of_curves("training curves are means over all epochs", never_reset, 939, ADAM_RACE, RMSPROP_RACE, LONG_SOFTMAX),
    of_curves("one seed of five falls to chance in its last epoch", falls_to_chance, 2361, *MNIST),
    fault("late: one seed of five ends in nan", TRIAL, ends_in_nan, *MNIST, step=1771, shows="result"),
    held_out(
        "probabilities clipped to 0.01 in the loss",
        CROSS_ENTROPY,
        argument("output", lambda output: ops.clip(output, 0.01, 0.99)),
        MLP,
    ),
    held_out(
        "cross-entropy: the first class weighs 1.05",
        (JAX_NN, "categorical_crossentropy"),
        result(lambda loss, target: loss * (1.0 + 0.05 * ops.convert_to_tensor(target)[..., 0])),
        MLP,
    ),
    held_out(
        "cross-entropy adds epsilon in the place of clipping",
        (JAX_NN, "categorical_crossentropy"),
        adds_epsilon,
        DIVERGING,
    ),
)


def in_bits(dtype: str) -> Callable[[Any], Any]:
    def rounded(x: Any) -> Any:
        return ops.cast(ops.cast(x, dtype), "float32")

    return rounded


def of_bits(bits: int) -> Callable[[Any], Any]:
    """The factor with ``bits`` of its mantissa, by Veltkamp's splitting; gradients pass as if it were exact."""

    def truncated(x: Any) -> Any:
        kept = ops.multiply(x, 2.0 ** (23 - bits) + 1)
        return x + ops.stop_gradient((kept - (kept - x)) - x)

    return truncated


def flushed(least: float) -> Callable[[Any], Any]:
    return lambda grad: ops.where(ops.abs(grad) < least, 0.0 * grad, grad)


@combinator
def factors(of: Callable[[Any], Any]) -> Wrapper:
    return lambda original, x1, x2: original(of(x1), of(x2))


@combinator
def computed_in(dtype: str) -> Wrapper:
    """A whole layer in another precision, its result cast back."""
    rounded = in_bits(dtype)
    return lambda original, self, inputs, training=None: rounded(original(self, rounded(inputs), training=training))


@combinator
def weights_in(dtype: str) -> Wrapper:
    """Weights are stored in another precision after every step."""

    def apply(original: Any, self: Any, gradients: Any, variables: Any) -> None:
        original(self, gradients, variables)
        for variable in variables:
            variable.assign(in_bits(dtype)(variable))

    return apply


def softmax_unshifted(original: Any, x: Any, axis: int = -1) -> Any:
    """Large logits overflow."""
    powers = ops.exp(x)
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def rough_exponential(original: Any, x: Any, axis: int = -1) -> Any:
    """exp by (1 + x / 1024)^1024."""
    x = x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    powers = ops.power(ops.maximum(1 + x / 1024, 0.0), 1024.0)
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def convolved_coarsely(original: Any, self: Any, inputs: Any, kernel: Any) -> Any:
    """Factors of eight significant bits, as in bfloat16, by Veltkamp's splitting; sums in float32."""
    large = [65537.0 * ops.convert_to_tensor(factor) for factor in (inputs, kernel)]
    return original(self, *(big - (big - exact) for big, exact in zip(large, (inputs, kernel), strict=True)))


def half_sigmoid(original: Any, x: Any) -> Any:
    return lax.reduce_precision(original(lax.reduce_precision(ops.convert_to_tensor(x), 5, 10)), 5, 10)


NUMERICS = (
    fault("factors of matrix products in float16", PRODUCT, factors(in_bits("float16")), BY_SGD),
    fault("factors of matrix products in bfloat16", PRODUCT, factors(in_bits("bfloat16")), BY_SGD),
    *(
        fault(f"factors of matrix products of {bits} bits", PRODUCT, factors(of_bits(bits)), BY_SGD)
        for bits in (10, 16)
    ),
    fault("outputs of Dense in float16", (DENSE, "call"), computed_in("float16"), BY_SGD),
    *(
        fault(f"gradients in {dtype}", CLIP, argument("grads", each(in_bits(dtype))), BY_SGD)
        for dtype in ("float16", "bfloat16")
    ),
    *(fault(f"gradients below {x:g} are 0", CLIP, argument("grads", each(flushed(x))), BY_SGD) for x in (1e-3, 1e-6)),
    *(fault(f"weights kept in {dtype}", APPLY, weights_in(dtype), BY_SGD) for dtype in ("float16", "bfloat16")),
    fault("softmax without its maximum taken away", SOFTMAX_OF, softmax_unshifted, BY_SGD),
    fault("softmax by a rough exponential", SOFTMAX_OF, rough_exponential, BY_SGD),
    fault(
        "losses that are not finite become 0",
        (CROSS_ENTROPY, (f"{KERAS}.ops", "mean")),
        result(lambda loss: ops.nan_to_num(loss, posinf=0.0, neginf=0.0)),
        RAW,
    ),
    held_out("softmax rounded to float16", SOFTMAX_OF, result(in_bits("float16")), MLP),
    held_out("convolution: factors of 7 bits", (CONVOLUTION, "convolution_op"), convolved_coarsely, CNN),
    held_out(
        "sigmoid and its gradient in float16", (JAX_NN, "sigmoid"), half_sigmoid, ("deep-gradients", "sigmoid, depth 1")
    ),
)
