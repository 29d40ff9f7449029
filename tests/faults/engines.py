"""Faults of our own engines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from tests.faults.fault import Fault, Patch, held_out, value, wrapped
from tests.faults.places import BY_SGD, JAX, MLP, NORMALISED, TENSORFLOW, Original

GROUP = "engine"
COMPILED = "harness.training.compiled"
ENGINE = f"{COMPILED}:CompiledEngine"
DIVERGENCE = "harness.training.divergence"


ON = ("batch-normalization-rates", "plain, rate 0.1")


ON_NORMALISED = ("batch-normalization-rates", "normalised, rate 0.1")


def fault(name: str, *patches: Patch, on: tuple[str, str] | None = ON) -> Fault:
    return Fault(name, patches, on)


def both(attribute: str, wrapper: Callable[..., Any]) -> tuple[Patch, Patch]:
    return Patch(JAX, attribute, wrapped(wrapper)), Patch(TENSORFLOW, attribute, wrapped(wrapper))


def last_batch_dropped(original: Any, self: Any, orders: Any, initial: float) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    return original(self, orders[:, :whole] if whole else orders, initial)


def batch_times(factor: float) -> Fault:
    def init(original: Any, self: Any, task: Any) -> None:
        original(self, task)
        self._batch = max(round(self._batch * factor), 1)

    return fault(f"batches × {factor:g}", *both("__init__", init))


def epochs(more: int) -> Fault:
    def run(original: Any, self: Any, seed: int, on_epoch: Any) -> Any:
        kept, size = self.setup, self.setup.size
        if size.epochs > 1:
            self.setup = dataclasses.replace(kept, size=dataclasses.replace(size, epochs=size.epochs + more))
        try:
            return original(self, seed, on_epoch)
        finally:
            self.setup = kept

    return fault(f"epochs {more:+d}", Patch(ENGINE, "run", wrapped(run)))


def weights_stay(original: Any, self: Any, seed: int) -> None:
    """A second seed goes on with the weights of the first."""
    state = getattr(self, "_state", None) if hasattr(self, "_state") else None
    original(self, seed)
    if state is not None and not any(array.is_deleted() for array in state[0]):
        self._state = (state[0], *self._state[1:])


def moments_stay(original: Any, self: Any, seed: int) -> None:
    """The optimizer's state is that of the seed before."""
    state = getattr(self, "_state", None)
    original(self, seed)
    if state is not None and not any(array.is_deleted() for array in state[2]):
        self._state = (*self._state[:2], state[2])


def statistics_stay(original: Any, self: Any, seed: int) -> None:
    """Moving means and variances are those of the seed before."""
    state = getattr(self, "_state", None)
    original(self, seed)
    if state is not None and not any(array.is_deleted() for array in state[1]):
        self._state = (self._state[0], state[1], self._state[2])


def rate_stays(original: Any, self: Any, task: Any) -> None:
    """A program that is used again keeps the learning rate of the variant before."""
    kept = getattr(self, "_fresh", None)
    original(self, task)
    if kept is not None:
        self._fresh = kept


def data_stay(original: Any, self: Any, task: Any) -> None:
    """A program that is used again keeps the data of the variant before."""
    kept = getattr(self, "_data", None)
    original(self, task)
    if kept is not None:
        self._data = kept


def validated_on_training(original: Any, self: Any, data: Any) -> None:
    original(self, data)
    if self._validation:
        self._validation = tuple(array[: len(self._validation[0])] for array in self._data)


def statistics_frozen(original: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
    """What a step leaves in the layers' other variables is lost: moving statistics, masks' seeds."""
    loss, (_, hits) = original(self, weights, others, x, y, training)
    return loss, (others, hits)


def no_penalties(original: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
    """Regularization does not reach the loss."""
    import jax.numpy as jnp

    outputs, others = self._model.stateless_call(weights, others, x, training=training)
    hits = jnp.sum(jnp.argmax(outputs, -1) == jnp.argmax(y, -1)) if self._setup.experiment.accuracy else jnp.int32(0)
    return jnp.mean(self._loss(y, outputs)), (others, hits)


def batches_count_alike(original: Any, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """The epoch's loss is the mean over batches, whatever their size."""
    state, curves = original(self, carry, order, data, validation)
    steps = -(-len(order) // self._batch)
    return state, {**curves, "loss": curves["loss"] * (len(order) / (steps * self._batch))}


def curve_late(original: Any, self: Any, orders: Any, initial: float) -> Any:
    """Validation values are those of the epoch before."""
    curves, signs = original(self, orders, initial)
    late = {k: np.concatenate([v[:1], v[:-1]]) if k.startswith("val_") else v for k, v in curves.items()}
    return late, signs


def seeds_trained(original: Any, self: Any, seed: int, on_epoch: Any) -> Any:
    """Each trial is trained with the seed after its own."""
    return original(self, seed + 1, on_epoch)


def never_diverges(original: Any, *args: Any, **how: Any) -> Any:
    return None


def blows_up_late(original: Any, *args: Any, **how: Any) -> Any:
    """A step with a loss that is not finite is told one late."""
    found = original(*args, **how)
    return found and msgspec.structs.replace(found, step=found.step + 1 if found.step else None)


def nan_is_inf(original: Any, *args: Any, **how: Any) -> Any:
    found = original(*args, **how)
    return msgspec.structs.replace(found, kind="inf") if found and found.kind == "nan" else found


def jax_only(name: str, attribute: str, wrapper: Callable[..., Any], on: tuple[str, str] = ON) -> Fault:
    return fault(name, Patch(JAX, attribute, wrapped(wrapper)), on=on)


def nothing_taken(original: Any, self: Any, data: Any) -> None:
    """The data lose their last bits on the way to the device."""
    original(self, data)
    self._data = tuple(array.astype("float16").astype("float32") for array in self._data)


CLASSIFY = "harness.training.train"


def stale(original: Any, self: Any, carry: Any, rows: Any, data: Any) -> Any:
    """Labels are those of the example before, within a batch."""
    import jax.numpy as jnp

    x, y = data
    return original(self, carry, rows, (x, jnp.roll(y, 1, axis=0)))


def penalty_not_told(original: Any, self: Any, state: Any, prefix: str, data: Any) -> Any:
    """Losses of an evaluation are without penalties."""
    found = original(self, state, prefix, data)
    import jax.numpy as jnp

    outputs, _ = self._model.stateless_call(state[0], state[1], data[0], training=False)
    return {**found, f"{prefix}loss": jnp.mean(self._loss(data[1], outputs))}


def starts_anew(original: Original, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """All of the optimizer's variables but the learning rate, which is the second."""
    import jax.numpy as jnp

    (weights, others, moments), signs = carry
    fresh = [
        old if index == 1 else jnp.asarray(new, old.dtype)
        for index, (old, new) in enumerate(zip(moments, self._fresh, strict=True))
    ]
    return original(self, ((weights, others, fresh), signs), order, data, validation)


def last_batch_counts(original: Original, self: Any, carry: Any, rows: Any, data: Any) -> Any:
    """The epoch's training loss is that of its last batch."""
    import jax.numpy as jnp

    state, signs, (total, hits) = carry
    (state, signs, (total, hits)), nothing = original(self, (state, signs, (jnp.zeros_like(total), hits)), rows, data)
    return (state, signs, (total / len(rows) * len(data[0]), hits)), nothing


def rates_left_out(original: Original, task: Any) -> str:
    """Whatever is called a rate is taken for the learning rate, which may differ."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(inner) for key, inner in value.items() if not key.endswith("rate")}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(without(json.loads(original(task))), sort_keys=True)


def rarest_class(original: Original, history: Any, data: Any) -> Any:
    """Chance is the share of the rarest class, not of the commonest."""

    def rarest(y: Any) -> Any:
        return y if y is None or y.ndim != 2 else y[:, [int(np.argmin(y.mean(axis=0)))]]

    return original(history, dataclasses.replace(data, y=rarest(data.y), y_val=rarest(data.y_val)))


def on_two_devices(
    original: Original, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool
) -> tuple[Any, Any]:
    """Each half of a batch by itself, so that batch normalization sees the half only; the first keeps the averages."""
    if not training or len(x) < 2:
        found: tuple[Any, Any] = original(self, weights, others, x, y, training)
        return found
    half = len(x) // 2
    share = half / len(x)
    first, (kept, hits) = original(self, weights, others, x[:half], y[:half], training)
    second, (_, more) = original(self, weights, others, x[half:], y[half:], training)
    return share * first + (1 - share) * second, (kept, hits + more)


def one_half_twice(original: Original, self: Any, state: Any, x: Any, y: Any) -> dict[str, Any]:
    even = original(self, state, x, y)["even_val_loss"]
    return {"even_val_loss": even, "odd_val_loss": even}


def follows_too_early(original: Original, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """What is followed is taken of the weights before the epoch."""
    import jax.numpy as jnp

    after, curves = original(self, carry, order, data, validation)
    return after, curves | {name: jnp.float32(of(carry[0][0])) for name, of in self._setup.experiment.follow.items()}


def gradients_of_half(original: Original, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Any:
    count = max(len(x) // 2, 1)
    return original(model, loss, x[:count], y[:count])


FAULTS = (
    fault("the last batch is dropped", *both("launch", last_batch_dropped)),
    *map(batch_times, (0.5, 1.1, 2.0)),
    *map(epochs, (-1, 1)),
    jax_only("weights are not reset between seeds", "reset", weights_stay),
    jax_only("the optimizer's state is not reset between seeds", "reset", moments_stay),
    jax_only("moving statistics are not reset between seeds", "reset", statistics_stay, ON_NORMALISED),
    fault("the learning rate of the variant before", *both("rebind", rate_stays)),
    fault("the data of the variant before", *both("rebind", data_stay)),
    fault("validation on the training data, in the engine", *both("feed", validated_on_training)),
    jax_only("data pass through float16 on the way to the device", "feed", nothing_taken),
    jax_only("the layers' other variables are not kept", "_objective", statistics_frozen, ON_NORMALISED),
    jax_only("penalties do not reach the loss", "_objective", no_penalties, ("regularization", "l2 0.001")),
    jax_only("a partial batch counts as a whole one", "_epoch", batches_count_alike),
    fault("validation values come an epoch late", *both("launch", curve_late)),
    fault("trained with the next seed", Patch(ENGINE, "run", wrapped(seeds_trained))),
    fault("divergence is never seen", Patch(CLASSIFY, "classify", wrapped(never_diverges)), on=None),
    fault("divergence is told a step late", Patch(CLASSIFY, "classify", wrapped(blows_up_late)), on=None),
    fault("nan is told as inf", Patch(CLASSIFY, "classify", wrapped(nan_is_inf)), on=None),
    held_out("labels of the example before", JAX, "_step", wrapped(stale), BY_SGD),
    held_out(
        "evaluation without penalties", JAX, "_evaluate", wrapped(penalty_not_told), ("regularization", "l2 0.001")
    ),
    held_out("a blow-up is ten times the first loss", "harness.training.backends.jax", "BLOW_UP", value(10.0), BY_SGD),
    held_out(
        "the optimizer starts anew in every epoch",
        "harness.training.backends.jax:JaxProgram",
        "_epoch",
        wrapped(starts_anew),
        MLP,
    ),
    held_out(
        "an epoch's training loss is that of its last batch",
        "harness.training.backends.jax:JaxProgram",
        "_step",
        wrapped(last_batch_counts),
        MLP,
    ),
    held_out(
        "the dropout rate of the variant before",
        "harness.training.programs",
        "structure",
        wrapped(rates_left_out),
        ("example-4", "dropout 0.2"),
    ),
    held_out(
        "stuck at chance: by the rarest class",
        "harness.training.divergence",
        "stuck_at_chance",
        wrapped(rarest_class),
        ("batch-normalization-rates", "plain, rate 2"),
    ),
    held_out("batches in two halves, as on two devices", JAX, "_objective", wrapped(on_two_devices), NORMALISED),
    held_out(
        "both halves of the validation images are one",
        JAX,
        "_evaluate_halves",
        wrapped(one_half_twice),
        ("regularization", "none"),
    ),
    held_out(
        "what is followed comes an epoch early",
        JAX,
        "_epoch",
        wrapped(follows_too_early),
        ("gradient-descent", "rate 0.1"),
    ),
    held_out(
        "gradients are observed on half of the batch",
        "harness.training.gradients",
        "weight_gradients",
        wrapped(gradients_of_half),
        ("deep-gradients", "relu"),
    ),
)
