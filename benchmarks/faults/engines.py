"""Faults of our own engines; those of the vectorized one begin with "side by side"."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults import trainings as on
from benchmarks.faults.change import (
    Change,
    Wrapper,
    argument,
    attribute,
    combinator,
    constant,
    jnp,
    result,
    skipped,
    stale,
)
from benchmarks.faults.fault import fault, held_out

RUN = ("harness.training.compiled:CompiledEngine", "run")
CLASSIFY = ("harness.training.train", "classify")
OBJECTIVE, EPOCH, STEP, FEED, RESET, EVALUATE = (
    (at.JAX, name) for name in ("_objective", "_epoch", "_step", "feed", "reset", "_evaluate")
)
BEGIN, LAUNCH, REBIND = (
    ("harness.training.vectorized:VectorizedProgram", name) for name in ("begin", "launch_all", "rebind")
)
IN_TURN = (("batch-normalization-rates", "plain, rate 0.02"), on.BY_SGD)
"""Two variants that share a program: the fault acts on the second."""


@combinator
def batch_times(factor: float) -> Wrapper:
    def init(original: Any, self: Any, task: Any) -> None:
        original(self, task)
        self._batch = max(round(self._batch * factor), 1)

    return init


def whole_batches(orders: Any, self: Any) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    return orders[:, :whole] if whole else orders


def more_epochs(more: int) -> Change:
    def setup(setup: Any) -> Any:
        size = setup.size
        if size.epochs <= 1:
            return setup
        return dataclasses.replace(setup, size=dataclasses.replace(size, epochs=size.epochs + more))

    return attribute("setup", setup)


@combinator
def stays(part: int) -> Wrapper:
    """A part of the state is that with which the seed before ended: weights, other variables, the optimizer's."""

    def reset(original: Any, self: Any, seed: int) -> None:
        state = getattr(self, "_state", None)
        original(self, seed)
        if state is not None and not any(array.is_deleted() for array in state[part]):
            self._state = (*self._state[:part], state[part], *self._state[part + 1 :])

    return reset


def validated_on_training(original: Any, self: Any, data: Any) -> None:
    original(self, data)
    if self._validation:
        self._validation = tuple(array[: len(self._validation[0])] for array in self._data)


def in_float16(original: Any, self: Any, data: Any) -> None:
    original(self, data)
    self._data = tuple(array.astype("float16").astype("float32") for array in self._data)


def no_penalties(original: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
    outputs, others = self._model.stateless_call(weights, others, x, training=training)
    hits = jnp.sum(jnp.argmax(outputs, -1) == jnp.argmax(y, -1)) if self._setup.experiment.accuracy else jnp.int32(0)
    return jnp.mean(self._loss(y, outputs)), (others, hits)


def penalty_not_told(losses: Any, self: Any, state: Any, prefix: str, data: Any) -> Any:
    outputs, _ = self._model.stateless_call(state[0], state[1], data[0], training=False)
    return {**losses, f"{prefix}loss": jnp.mean(self._loss(data[1], outputs))}


def batches_count_alike(epoch: Any, self: Any, order: Any) -> Any:
    """The epoch's loss is the mean over batches, whatever their size."""
    state, curves = epoch
    steps = -(-len(order) // self._batch)
    return state, {**curves, "loss": curves["loss"] * (len(order) / (steps * self._batch))}


def validated_late(launched: Any) -> Any:
    curves, signs = launched
    late = {k: np.concatenate([v[:1], v[:-1]]) if k.startswith("val_") else v for k, v in curves.items()}
    return late, signs


def starts_anew(carry: Any, self: Any) -> Any:
    """All of the optimizer's variables but the learning rate, which is the second."""
    (weights, others, moments), signs = carry
    fresh = [
        old if index == 1 else jnp.asarray(new, old.dtype)
        for index, (old, new) in enumerate(zip(moments, self._fresh, strict=True))
    ]
    return (weights, others, fresh), signs


def last_batch_counts(original: Any, self: Any, carry: Any, rows: Any, data: Any) -> Any:
    state, signs, (total, hits) = carry
    (state, signs, (total, hits)), nothing = original(self, (state, signs, (jnp.zeros_like(total), hits)), rows, data)
    return (state, signs, (total / len(rows) * len(data[0]), hits)), nothing


def rates_left_out(structure: str) -> str:
    """Whatever is called a rate is taken for the learning rate, which may differ."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(inner) for key, inner in value.items() if not key.endswith("rate")}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(without(json.loads(structure)), sort_keys=True)


def rarest_class(data: Any) -> Any:
    """Chance is the share of the rarest class, not of the commonest."""

    def rarest(y: Any) -> Any:
        return y if y is None or y.ndim != 2 else y[:, [int(np.argmin(y.mean(axis=0)))]]

    return dataclasses.replace(data, y=rarest(data.y), y_val=rarest(data.y_val))


def on_two_devices(original: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
    """Each half of a batch by itself, so that batch normalization sees the half only; the first keeps the averages."""
    if not training or len(x) < 2:
        return original(self, weights, others, x, y, training)
    half = len(x) // 2
    share = half / len(x)
    first, (kept, hits) = original(self, weights, others, x[:half], y[:half], training)
    second, (_, more) = original(self, weights, others, x[half:], y[half:], training)
    return share * first + (1 - share) * second, (kept, hits + more)


def follows_too_early(epoch: Any, self: Any, carry: Any) -> Any:
    """What is followed is taken of the weights before the epoch."""
    after, curves = epoch
    return after, curves | {name: jnp.float32(of(carry[0][0])) for name, of in self._setup.experiment.follow.items()}


def gradients_of_half(original: Any, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Any:
    count = max(len(x) // 2, 1)
    return original(model, loss, x[:count], y[:count])


def moments_kept(original: Any, self: Any, seeds: Any, lanes: int) -> None:
    """The optimizer begins with the state in which the last block left it."""
    before = getattr(self, "_moments", None)
    original(self, seeds, lanes)
    if before is not None and before[0].shape[0] == lanes:
        self._state = (*self._state[:2], before)
    self._moments = [array + 0.01 for array in self._state[2]]


def last_seed_twice(original: Any, self: Any, seeds: Any, on_epoch: Any) -> Any:
    """The last of each block is the one before it, under its own number."""
    for block in original(self, seeds, on_epoch):
        yield [*block[:-1], (block[-1][0], block[-2][1])] if len(block) > 1 else block


def launched(of: Callable[[Any, Any], Any]) -> Any:
    """Curves and signs of a launch become ``of`` them."""
    return result(lambda launched: of(*launched))


FAULTS = {
    # of Example 4; the first training has no partial batch
    "the last batch is dropped": fault(at.LAUNCH, argument("orders", whole_batches), on.BY_SGD, step=118),
    **{f"batches × {x:g}": fault(at.both("__init__"), batch_times(x), on.BY_SGD) for x in (0.5, 1.1, 2.0)},
    "epochs -1": fault(RUN, more_epochs(-1), on.BY_SGD, step=2401),
    "epochs +1": fault(RUN, more_epochs(1), on.BY_SGD, step=3001),
    "weights are not reset between seeds": fault(RESET, stays(0), on.BY_SGD),
    "the optimizer's state is not reset between seeds": fault(RESET, stays(2), on.BY_SGD, step=2),
    "moving statistics are not reset between seeds": fault(RESET, stays(1), on.NORMALISED, shows="evaluation"),
    "the learning rate of the variant before": fault(at.both("rebind"), stale("_fresh"), *IN_TURN, step=2),
    "the data of the variant before": fault(at.both("rebind"), stale("_data"), on.FEW, on.MLP),
    "validation on the training data, in the engine": fault(
        at.both("feed"), validated_on_training, on.BY_SGD, shows="evaluation"
    ),
    "data pass through float16 on the way to the device": fault(FEED, in_float16, on.BY_SGD),
    # what a step leaves in them is lost: moving statistics, masks' seeds
    "the layers' other variables are not kept": fault(
        OBJECTIVE,
        result(lambda losses, others: (losses[0], (others, losses[1][1]))),
        on.NORMALISED,
        step=2,
        shows="evaluation",
    ),
    "penalties do not reach the loss": fault(OBJECTIVE, no_penalties, on.PENALISED),
    "a partial batch counts as a whole one": fault(EPOCH, result(batches_count_alike), on.BY_SGD, shows="result"),
    # of one launch, which no training with validation is
    "validation values come an epoch late": fault(at.LAUNCH, result(validated_late), on.BY_SGD, shows="result"),
    "trained with the next seed": fault(RUN, argument("seed", lambda seed: seed + 1), on.BY_SGD),
    "divergence is never seen": fault(CLASSIFY, skipped()),
    "divergence is told a step late": fault(
        CLASSIFY, result(lambda told: told and msgspec.structs.replace(told, step=told.step + 1 if told.step else None))
    ),
    "nan is told as inf": fault(
        CLASSIFY,
        result(lambda told: msgspec.structs.replace(told, kind="inf") if told and told.kind == "nan" else told),
    ),
    # within a batch
    "labels of the example before": held_out(
        STEP, argument("data", lambda data: (data[0], jnp.roll(data[1], 1, axis=0))), on.BY_SGD
    ),
    "evaluation without penalties": held_out(EVALUATE, result(penalty_not_told), on.PENALISED, shows="evaluation"),
    "a blow-up is ten times the first loss": held_out(
        ("harness.training.backends.jax", "BLOW_UP"), constant(10.0), on.BY_SGD, shows="result"
    ),
    "the optimizer starts anew in every epoch": held_out(EPOCH, argument("carry", starts_anew), on.MLP, step=52),
    "an epoch's training loss is that of its last batch": held_out(STEP, last_batch_counts, on.MLP, shows="result"),
    "the dropout rate of the variant before": held_out(
        ("harness.training.programs", "structure"), result(rates_left_out), ("example-4", "dropout 0.1"), on.DROPPED
    ),
    "stuck at chance: by the rarest class": held_out(
        ("harness.training.divergence", "stuck_at_chance"),
        argument("data", rarest_class),
        ("batch-normalization-rates", "plain, rate 2"),
        shows="result",
    ),
    "batches in two halves, as on two devices": held_out(OBJECTIVE, on_two_devices, on.NORMALISED),
    "both halves of the validation images are one": held_out(
        (at.JAX, "_evaluate_halves"),
        result(lambda losses: dict.fromkeys(("even_val_loss", "odd_val_loss"), losses["even_val_loss"])),
        on.UNPENALISED,
        shows="evaluation",
    ),
    "what is followed comes an epoch early": held_out(
        EPOCH, result(follows_too_early), ("gradient-descent", "rate 0.1"), step=2, shows="evaluation"
    ),
    "gradients are observed on half of the batch": held_out(
        ("harness.training.gradients", "weight_gradients"),
        gradients_of_half,
        ("deep-gradients", "relu"),
        shows="evaluation",
    ),
    "side by side: one seed's initial weights for all": fault(
        BEGIN, argument("seeds", lambda seeds: [seeds[0]] * len(seeds)), on.FAST
    ),
    "side by side: initial weights of the next seed": fault(
        BEGIN, argument("seeds", lambda seeds: [*seeds[1:], seeds[0]]), on.FAST
    ),
    "side by side: one data order for all seeds": fault(
        LAUNCH, argument("orders", lambda orders: np.broadcast_to(orders[:1], orders.shape)), on.FAST
    ),
    "side by side: one data order for all epochs": fault(
        LAUNCH, argument("orders", lambda orders: np.broadcast_to(orders[:, :1], orders.shape)), on.FAST
    ),
    "side by side: curves of the neighbour": fault(
        LAUNCH,
        launched(lambda curves, signs: ({k: np.roll(np.asarray(v), 1, axis=0) for k, v in curves.items()}, signs)),
        on.FAST,
    ),
    # whether a trial diverged
    "side by side: failures of the first seed": fault(
        LAUNCH,
        launched(lambda curves, signs: (curves, np.broadcast_to(np.asarray(signs)[:1], signs.shape))),
        on.FAST,
        shows="result",
    ),
    "side by side: the optimizer's state of the block before": fault(BEGIN, moments_kept, on.SLOW, on.FAST, step=2),
    "side by side: the learning rate of the variant before": fault(REBIND, stale("_fresh"), on.SLOW, on.FAST, step=2),
    "side by side: the data of the variant before": fault(REBIND, stale("_data"), on.RAW, on.MIN_MAX),
    "side by side: the initializers of the variant before": fault(REBIND, stale("_own"), on.SLOW, on.FAST),
    "side by side: the last seed of a block twice": fault(
        ("harness.training.vectorized:VectorizedEngine", "blocks"), last_seed_twice, on.FAST
    ),
}
