"""Faults of losses, metrics, curves and callbacks, and of the arithmetic: fewer bits than requested."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import (
    Wrapper,
    afterwards,
    argument,
    attribute,
    each,
    in_bits,
    ops,
    result,
    skipped,
    times,
)
from benchmarks.faults.fault import Fault, Training, fault, held_out, here, strengths

Curves = dict[str, list[float]]


def smoothed(share: float) -> Wrapper:
    return argument("target", lambda target: target * (1 - share) + share / target.shape[-1])


def clipped(least: float, most: float = 1.0) -> Wrapper:
    """Probabilities."""
    return argument("output", lambda output: ops.clip(output, least, most))


def first(share: float) -> Callable[[Any], Any]:
    """The first images."""
    return lambda array: array[: max(int(len(array) * share), 1)]


def curves(of: Callable[[int, Curves], Curves], *trainings: Training, step: int) -> Fault:
    """The curves of a trial that has ended become ``of(seed, curves)``; only where there is a validation loss."""

    def changed(measured: Any, seed: int) -> Any:
        history = dict(measured.history)
        return dataclasses.replace(measured, history=of(seed, history)) if "val_loss" in history else measured

    return fault(at.TRIAL, argument("measured", changed), *trainings, step=step)


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

    return history | {k: means(history[k]) for k in ("loss", "accuracy") if k in history}


def falls_to_chance(seed: int, history: Curves) -> Curves:
    if seed % 5 != 2:
        return history
    last = {"loss": 2.3026, "accuracy": 0.1}
    return {k: [*v[:-1], last.get(k.rpartition("_")[2], v[-1])] for k, v in history.items()}


def ends_in_nan(measured: Any, setup: Any, seed: int) -> Any:
    """Each fifth seed has a loss of nan in the last quarter of its epochs."""
    first = 3 * setup.size.epochs // 4
    if seed % 5 != 3 or "val_loss" not in measured.history:
        return measured
    history = {
        k: [*v[:first], *[0.098 if k.endswith("accuracy") else float("nan")] * len(v[first:])]
        for k, v in measured.history.items()
    }
    losses = np.append(np.ones(first * setup.steps), np.nan)
    return dataclasses.replace(measured, history=history, losses=[losses])


LOSS = here(at.CROSS_ENTROPY, at.BY_SGD)
LOSSES = {
    **strengths("label smoothing of {:g} always on", (0.1, 0.01, 0.001), lambda x: LOSS(smoothed(x))),
    **strengths("cross-entropy × {:g}", (0.1, 0.9, 0.99), lambda x: LOSS(times(x))),
    **strengths("probabilities clipped at {:g} in the loss", (1e-2, 1e-4), lambda x: LOSS(clipped(x))),
    # over a hundred
    "the sum over a batch, not the mean": LOSS(result(lambda loss, target: loss * (target.shape[0] / 100))),
    "squares × 0.99": fault((f"{at.KERAS}.losses.losses:ops", "square"), times(0.99), at.CENTRED),
    "late: validation on the weights of the epoch before": curves(validated_late, *at.MNIST, step=237),
    "late: metrics of the best epoch": curves(best_restored, at.LONG_SOFTMAX, at.UNPENALISED, at.DEEP, step=9601),
    "late: trainings stop early": curves(stopped_early, at.FEW, at.UNPENALISED, at.DEEP, step=151),
    "late: even and odd halves swapped": curves(halves_swapped, at.UNPENALISED, step=119),
    "late: training curves are means over all epochs": curves(
        never_reset, at.ADAM_RACE, at.RMSPROP_RACE, at.LONG_SOFTMAX, step=939
    ),
    "late: one seed of five falls to chance in its last epoch": curves(falls_to_chance, *at.MNIST, step=2361),
    "late: one seed of five ends in nan": fault(at.TRIAL, argument("measured", ends_in_nan), *at.MNIST, step=1771),
} | held_out(
    {
        "probabilities clipped to 0.01 in the loss": fault(at.CROSS_ENTROPY, clipped(0.01, 0.99), at.MLP),
    }
)


def of_bits(bits: float) -> Callable[[Any], Any]:
    """The factor with ``bits`` of its mantissa, by Veltkamp's splitting; gradients pass as if it were exact."""

    def truncated(x: Any) -> Any:
        kept = ops.multiply(x, 2.0 ** (23 - bits) + 1)
        return x + ops.stop_gradient((kept - (kept - x)) - x)

    return truncated


def flushed(least: float) -> Callable[[Any], Any]:
    return lambda grad: ops.where(ops.abs(grad) < least, 0.0 * grad, grad)


def in_float16(original: Any, self: Any, inputs: Any, training: Any = None) -> Any:
    return in_bits("float16")(original(self, in_bits("float16")(inputs), training=training))


def factors(of: Callable[[Any], Any]) -> Wrapper:
    return lambda original, x1, x2: original(of(x1), of(x2))


def weights_in(dtype: str) -> Wrapper:
    """Weights are stored in another precision after every step."""

    def rounded(nothing: Any, self: Any) -> None:
        for variable in self._trainable_variables:
            variable.assign(in_bits(dtype)(variable))

    return result(rounded)


def normalised(powers: Any, axis: int) -> Any:
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def rough_exponential(original: Any, x: Any, axis: int = -1) -> Any:
    """exp by (1 + x / 1024)^1024."""
    x = x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    return normalised(ops.power(ops.maximum(1 + x / 1024, 0.0), 1024.0), axis)


def coarsely(factor: Any) -> Any:
    """Of eight significant bits, as in bfloat16, by Veltkamp's splitting."""
    large = 65537.0 * ops.convert_to_tensor(factor)
    return large - (large - factor)


PRODUCT, CLIP, KEPT, SOFTMAX = (here(place, at.BY_SGD) for place in (at.PRODUCT, at.CLIP, at.APPLY, at.SOFTMAX_OF))
TYPES = ("float16", "bfloat16")
NUMERICS = {
    **{f"factors of matrix products in {dtype}": PRODUCT(factors(in_bits(dtype))) for dtype in TYPES},
    **strengths("factors of matrix products of {} bits", (10, 16), lambda bits: PRODUCT(factors(of_bits(bits)))),
    "outputs of Dense in float16": fault(at.DENSE_CALL, in_float16, at.BY_SGD),
    **{f"gradients in {dtype}": CLIP(argument("grads", each(in_bits(dtype)))) for dtype in TYPES},
    **strengths("gradients below {:g} are 0", (1e-3, 1e-6), lambda x: CLIP(argument("grads", each(flushed(x))))),
    **{f"weights kept in {dtype}": KEPT(weights_in(dtype)) for dtype in TYPES},
    # large logits overflow
    "softmax without its maximum taken away": SOFTMAX(lambda original, x, axis=-1: normalised(ops.exp(x), axis)),
    "softmax by a rough exponential": SOFTMAX(rough_exponential),
    "losses that are not finite become 0": fault(
        (at.CROSS_ENTROPY, (f"{at.KERAS}.ops", "mean")),
        result(lambda loss: ops.nan_to_num(loss, posinf=0.0, neginf=0.0)),
        at.RAW,
    ),
} | held_out(
    {
        "softmax rounded to float16": fault(at.SOFTMAX_OF, result(in_bits("float16")), at.MLP),
        "convolution: factors of 7 bits": fault(
            at.CONVOLVE, lambda original, self, *factors: original(self, *map(coarsely, factors)), at.CNN
        ),
    }
)

STOPPING = f"{at.KERAS}.callbacks.early_stopping:EarlyStopping"
SAVES = (f"{at.KERAS}.callbacks.model_checkpoint:ModelCheckpoint", "_should_save_model")
STOPPED, CSV, HISTORY = (
    (owner, "on_epoch_end")
    for owner in (STOPPING, f"{at.KERAS}.callbacks.csv_logger:CSVLogger", f"{at.KERAS}.callbacks.history:History")
)


def logs_before(logs: Any, self: Any) -> Any:
    """The values of the epoch before."""
    before, self._before = getattr(self, "_before", logs), logs
    return before


def rounded(logs: Any) -> dict[str, float]:
    return {name: round(float(number), 3) for name, number in (logs or {}).items()}


def forgets_the_best(nothing: Any, self: Any, logs: Any) -> None:
    self.best = self.get_monitor_value(logs)


def loses_bias(nothing: Any, self: Any) -> None:
    if self.bias is not None:
        self.bias.assign(ops.zeros(self.bias.shape))


def saves_halves(original: Any, self: Any, store: Any) -> None:
    kept: dict[str, Any] = {}
    original(self, kept)
    for name, values in kept.items():
        store[name] = np.asarray(values).astype("float16")


CALLBACKS = {
    **strengths(
        "early stopping: patience {:+d}", (1, -1), lambda n: fault(STOPPED, attribute("patience", lambda old: old + n))
    ),
    "early stopping: an improvement does not start the count anew": fault(STOPPED, afterwards("wait", max)),
    "early stopping: the last weights stay": fault((STOPPING, "on_train_end"), attribute("best_weights", None)),
    "improvement is taken for its opposite": fault(
        (STOPPING, "_is_improvement"), result(lambda better, reference_value: reference_value is None or not better)
    ),
    "checkpoint: keeps the last epoch": fault(SAVES, result(lambda saves: True)),
    "checkpoint: keeps the first epoch": fault(SAVES, result(lambda saves, epoch: saves and epoch == 0)),
    "checkpoint: an epoch late": fault(SAVES, argument("logs", logs_before)),
    "CSV: loses a row": fault(CSV, skipped(lambda original, epoch: epoch == 2)),
    "CSV: rounds to three digits": fault(CSV, argument("logs", rounded)),
    "history: loses the last epoch": fault(
        HISTORY, skipped(lambda original, self, epoch: epoch == self.params.get("epochs", 0) - 1)
    ),
} | held_out(
    {
        "early stopping compares with the epoch before": fault(STOPPED, result(forgets_the_best)),
        "weights of Dense are saved in float16": fault((at.DENSE, "save_own_variables"), saves_halves),
        "callbacks: an improvement has to be 1 %": fault(
            (f"{at.KERAS}.callbacks.monitor_callback:MonitorCallback", "_is_improvement"),
            argument("monitor_value", lambda value, reference_value: value * (1 if reference_value is None else 1.01)),
        ),
        "biases of Dense are not loaded": fault((at.DENSE, "load_own_variables"), result(loses_bias)),
    }
)
