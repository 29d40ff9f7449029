"""Faults of losses, metrics and curves, and of the arithmetic: fewer bits than requested."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import Wrapper, argument, combinator, each, jnp, lax, ops, result, times
from benchmarks.faults.fault import fault, held_out

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


LOSSES = {
    **{
        f"label smoothing of {share:g} always on": fault(
            at.CROSS_ENTROPY,
            argument("target", lambda target, share=share: target * (1 - share) + share / target.shape[-1]),
            on.BY_SGD,
        )
        for share in (0.1, 0.01, 0.001)
    },
    **{f"cross-entropy × {x:g}": fault(at.CROSS_ENTROPY, times(x), on.BY_SGD) for x in (0.1, 0.9, 0.99)},
    **{
        f"probabilities clipped at {x:g} in the loss": fault(
            at.CROSS_ENTROPY, argument("output", lambda output, x=x: ops.clip(output, x, 1.0)), on.BY_SGD
        )
        for x in (1e-2, 1e-4)
    },
    # over a hundred
    "the sum over a batch, not the mean": fault(
        at.CROSS_ENTROPY, result(lambda loss, target: loss * (target.shape[0] / 100)), on.BY_SGD
    ),
    "squares × 0.99": fault((f"{at.KERAS}.losses.losses:ops", "square"), times(0.99), on.CENTRED),
    "accuracy off by a batch": fault((at.JAX, "_epoch"), result(uncounted_batch), on.BY_SGD, shows="result"),
    **{
        f"validation on the first {share:.2%}": fault(
            (at.JAX, "_evaluate"),
            argument(
                "data", lambda data, share=share: tuple(array[: max(int(len(data[0]) * share), 1)] for array in data)
            ),
            on.BY_SGD,
            shows="evaluation",
        )
        for share in (0.5, 0.95, 0.9999)
    },
    "evaluation in training mode": fault(
        (at.JAX, "_objective"), argument("training", True), on.BY_SGD, shows="evaluation"
    ),
    "late: validation on the weights of the epoch before": fault(
        at.TRIAL, curves(validated_late), *on.MNIST, step=237, shows="result"
    ),
    "late: metrics of the best epoch": fault(
        at.TRIAL, curves(best_restored), on.LONG_SOFTMAX, on.UNPENALISED, on.DEEP, step=9601, shows="result"
    ),
    "late: trainings stop early": fault(
        at.TRIAL, curves(stopped_early), on.FEW, on.UNPENALISED, on.DEEP, step=151, shows="result"
    ),
    "late: even and odd halves swapped": fault(
        at.TRIAL, curves(halves_swapped), on.UNPENALISED, step=119, shows="result"
    ),
    "late: training curves are means over all epochs": fault(
        at.TRIAL, curves(never_reset), on.ADAM_RACE, on.RMSPROP_RACE, on.LONG_SOFTMAX, step=939, shows="result"
    ),
    "late: one seed of five falls to chance in its last epoch": fault(
        at.TRIAL, curves(falls_to_chance), *on.MNIST, step=2361, shows="result"
    ),
    "late: one seed of five ends in nan": fault(at.TRIAL, ends_in_nan, *on.MNIST, step=1771, shows="result"),
    "probabilities clipped to 0.01 in the loss": held_out(
        at.CROSS_ENTROPY, argument("output", lambda output: ops.clip(output, 0.01, 0.99)), on.MLP
    ),
    "cross-entropy: the first class weighs 1.05": held_out(
        (at.JAX_NN, "categorical_crossentropy"),
        result(lambda loss, target: loss * (1.0 + 0.05 * ops.convert_to_tensor(target)[..., 0])),
        on.MLP,
    ),
    "cross-entropy adds epsilon in the place of clipping": held_out(
        (at.JAX_NN, "categorical_crossentropy"), adds_epsilon, on.DIVERGING
    ),
}


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


NUMERICS = {
    "factors of matrix products in float16": fault(at.PRODUCT, factors(in_bits("float16")), on.BY_SGD),
    "factors of matrix products in bfloat16": fault(at.PRODUCT, factors(in_bits("bfloat16")), on.BY_SGD),
    **{
        f"factors of matrix products of {bits} bits": fault(at.PRODUCT, factors(of_bits(bits)), on.BY_SGD)
        for bits in (10, 16)
    },
    "outputs of Dense in float16": fault((at.DENSE, "call"), computed_in("float16"), on.BY_SGD),
    **{
        f"gradients in {dtype}": fault(at.CLIP, argument("grads", each(in_bits(dtype))), on.BY_SGD)
        for dtype in ("float16", "bfloat16")
    },
    **{
        f"gradients below {x:g} are 0": fault(at.CLIP, argument("grads", each(flushed(x))), on.BY_SGD)
        for x in (1e-3, 1e-6)
    },
    **{f"weights kept in {dtype}": fault(at.APPLY, weights_in(dtype), on.BY_SGD) for dtype in ("float16", "bfloat16")},
    "softmax without its maximum taken away": fault(at.SOFTMAX_OF, softmax_unshifted, on.BY_SGD),
    "softmax by a rough exponential": fault(at.SOFTMAX_OF, rough_exponential, on.BY_SGD),
    "losses that are not finite become 0": fault(
        (at.CROSS_ENTROPY, (f"{at.KERAS}.ops", "mean")),
        result(lambda loss: ops.nan_to_num(loss, posinf=0.0, neginf=0.0)),
        on.RAW,
    ),
    "softmax rounded to float16": held_out(at.SOFTMAX_OF, result(in_bits("float16")), on.MLP),
    "convolution: factors of 7 bits": held_out((at.CONVOLUTION, "convolution_op"), convolved_coarsely, on.CNN),
    "sigmoid and its gradient in float16": held_out(
        (at.JAX_NN, "sigmoid"), half_sigmoid, ("deep-gradients", "sigmoid, depth 1")
    ),
}
