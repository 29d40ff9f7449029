"""Faults of our own engines; those of the vectorized one begin with "side by side"."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import Wrapper, afterwards, argument, attribute, jnp, result, skipped, stale
from benchmarks.faults.data import validation_is_training
from benchmarks.faults.fault import fault, held_out, here, strengths

OBJECTIVE = (at.JAX, "_objective")


def more_epochs(more: int) -> Wrapper:
    def setup(setup: Any) -> Any:
        size = setup.size
        epochs = size.epochs + more if size.epochs > 1 else size.epochs
        return dataclasses.replace(setup, size=dataclasses.replace(size, epochs=epochs))

    return attribute("setup", setup)


def batch_times(factor: float) -> Wrapper:
    return afterwards("_batch", lambda before, batch: max(round(batch * factor), 1))


def stays(part: int) -> Wrapper:
    """A part of the state is that with which the seed before ended: weights, other variables, the optimizer's."""

    def state(before: Any, after: Any) -> Any:
        if before is None or any(array.is_deleted() for array in before[part]):
            return after
        return (*after[:part], before[part], *after[part + 1 :])

    return afterwards("_state", state)


def of_data(of: Callable[[Any], Mapping[str, Any]]) -> Wrapper:
    """A program is given other arrays."""
    return argument("data", lambda data: dataclasses.replace(data, **of(data)))


def whole_batches(orders: Any, self: Any) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    return orders[:, :whole] if whole else orders


def no_penalties(given: Any, self: Any, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
    outputs, _ = self._model.stateless_call(weights, others, x, training=training)
    return jnp.mean(self._loss(y, outputs)), given[1]


def penalty_not_told(losses: Any, self: Any, state: Any, prefix: str, data: Any) -> Any:
    outputs, _ = self._model.stateless_call(state[0], state[1], data[0], training=False)
    return {**losses, f"{prefix}loss": jnp.mean(self._loss(data[1], outputs))}


def batches_count_alike(epoch: Any, self: Any, order: Any) -> Any:
    """The epoch's loss is the mean over batches, whatever their size."""
    state, (curves, losses) = epoch
    return state, ({**curves, "loss": curves["loss"] * (len(order) / (len(losses) * self._batch))}, losses)


def validated_late(curves: Any, losses: Any) -> Any:
    return {k: np.concatenate([v[:1], v[:-1]]) if k.startswith("val_") else v for k, v in curves.items()}, losses


def starts_anew(carry: Any, self: Any) -> Any:
    """All of the optimizer's variables but the learning rate, which is the second."""
    weights, others, moments = carry
    fresh = [jnp.asarray(new, old.dtype) for new, old in zip(self._fresh, moments, strict=True)]
    return weights, others, [fresh[0], moments[1], *fresh[2:]]


def last_batch_counts(original: Any, self: Any, carry: Any, rows: Any, data: Any) -> Any:
    state, (total, hits) = carry
    (state, (total, hits)), loss = original(self, (state, (jnp.zeros_like(total), hits)), rows, data)
    return (state, (total / len(rows) * len(data[0]), hits)), loss


def rates_left_out(structure: str) -> str:
    """Whatever is called a rate is taken for the learning rate, which may differ."""

    def without(pairs: Any) -> Any:
        return {key: value for key, value in pairs if not key.endswith("rate")}

    return json.dumps(json.loads(structure, object_pairs_hook=without), sort_keys=True)


def rarest_class(data: Any) -> Any:
    """Chance is the share of the rarest class, not of the commonest."""

    def rarest(y: Any) -> Any:
        return y if y is None or y.ndim != 2 else y[:, [int(np.argmin(y.mean(axis=0)))]]

    return {"y": rarest(data.y), "y_val": rarest(data.y_val)}


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
    after, (curves, losses) = epoch
    early = {name: jnp.float32(of(carry[0])) for name, of in self._setup.experiment.follow.items()}
    return after, (curves | early, losses)


def first_half(array: np.ndarray) -> np.ndarray:
    return array[: max(len(array) // 2, 1)]


def moments_kept(original: Any, self: Any, seeds: Any, replicas: int) -> None:
    """The optimizer begins with the state in which the last block left it."""
    before = getattr(self, "_moments", None)
    original(self, seeds, replicas)
    if before is not None and before[0].shape[0] == replicas:
        self._state = (*self._state[:2], before)
    self._moments = [array + 0.01 for array in self._state[2]]


def last_seed_twice(original: Any, self: Any, seeds: Any, on_epoch: Any) -> Any:
    """The last of each block is the one before it, under its own number."""
    for block in original(self, seeds, on_epoch):
        yield [*block[:-1], (block[-1][0], block[-2][1])] if len(block) > 1 else block


def launched(of: Callable[[Any, Any], Any]) -> Wrapper:
    """Curves and losses of a launch become ``of`` them."""
    return result(lambda launched: of(*launched))


def orders(of: Callable[[Any], Any]) -> Wrapper:
    """Of all seeds, epochs and examples; one order may stand for several."""
    return argument("orders", lambda orders: np.broadcast_to(of(orders), orders.shape))


def neighbours(curves: Any, losses: Any) -> Any:
    return {k: np.roll(np.asarray(v), 1, axis=0) for k, v in curves.items()}, losses


def first_failures(curves: Any, losses: Any) -> Any:
    return curves, np.broadcast_to(np.asarray(losses)[:1], losses.shape)


def hundredth_at_first(curves: Any, losses: Any) -> Any:
    """The loss of a launch's first step, of which a blow-up is a thousand times, is too small by a factor of 100."""
    return curves, np.append(losses.flat[0] / 100, losses.flat[1:]).reshape(losses.shape)


def told_late(told: Any) -> Any:
    return told and msgspec.structs.replace(told, step=told.step + 1 if told.step else None)


def told_as_inf(told: Any) -> Any:
    return msgspec.structs.replace(told, kind="inf") if told and told.kind == "nan" else told


def through_float16(data: Any) -> dict[str, Any]:
    return {name: getattr(data, name).astype("float16").astype("float32") for name in ("x", "y")}


PROGRAM = {name: here((at.JAX, name), at.BY_SGD) for name in ("reset", "feed", "_epoch", "_step")}
BEGIN, LAUNCH = (
    here(("harness.training.vectorized:VectorizedProgram", name), at.FAST) for name in ("begin", "launch_all")
)
REBIND = ("harness.training.vectorized:VectorizedProgram", "rebind")
RUN = here(("harness.training.compiled:CompiledEngine", "run"), at.BY_SGD)
TOLD = here(("harness.training.train", "classify"))
IN_TURN = here(at.REBIND, ("batch-normalization-rates", "plain, rate 0.02"), at.BY_SGD)
"""Two variants that share a program: the fault acts on the second."""
FAULTS = {
    # of Example 4; the first training has no partial batch
    "the last batch is dropped": fault(at.LAUNCH, argument("orders", whole_batches), at.BY_SGD, step=118),
    **strengths("batches × {:g}", (0.5, 1.1, 2.0), lambda x: fault(at.both("__init__"), batch_times(x), at.BY_SGD)),
    "epochs -1": RUN(more_epochs(-1), step=2401),
    "epochs +1": RUN(more_epochs(1), step=3001),
    "weights are not reset between seeds": PROGRAM["reset"](stays(0)),
    "the optimizer's state is not reset between seeds": PROGRAM["reset"](stays(2), step=2),
    "moving statistics are not reset between seeds": fault((at.JAX, "reset"), stays(1), at.NORMALISED),
    "the learning rate of the variant before": IN_TURN(stale("_fresh"), step=2),
    "the data of the variant before": fault(at.REBIND, stale("_data"), at.FEW, at.MLP),
    "validation on the training data, in the engine": fault(
        at.both("feed"), of_data(validation_is_training), at.BY_SGD
    ),
    "data pass through float16 on the way to the device": PROGRAM["feed"](of_data(through_float16)),
    # what a step leaves in them is lost: moving statistics, masks' seeds
    "the layers' other variables are not kept": fault(
        OBJECTIVE, result(lambda losses, others: (losses[0], (others, losses[1][1]))), at.NORMALISED, step=2
    ),
    "penalties do not reach the loss": fault(OBJECTIVE, result(no_penalties), at.PENALISED),
    "a partial batch counts as a whole one": PROGRAM["_epoch"](result(batches_count_alike), step=None),
    # of one launch, which no training with validation is
    "validation values come an epoch late": fault(at.LAUNCH, launched(validated_late), at.BY_SGD, step=None),
    "trained with the next seed": RUN(argument("seed", lambda seed: seed + 1)),
    "divergence is never seen": TOLD(skipped()),
    "divergence is told a step late": TOLD(result(told_late)),
    "nan is told as inf": TOLD(result(told_as_inf)),
    "side by side: one seed's initial weights for all": BEGIN(argument("seeds", lambda seeds: [seeds[0]] * len(seeds))),
    "side by side: initial weights of the next seed": BEGIN(argument("seeds", lambda seeds: [*seeds[1:], seeds[0]])),
    "side by side: one data order for all seeds": LAUNCH(orders(lambda orders: orders[:1])),
    "side by side: one data order for all epochs": LAUNCH(orders(lambda orders: orders[:, :1])),
    "side by side: curves of the neighbour": LAUNCH(launched(neighbours)),
    # whether a trial diverged
    "side by side: failures of the first seed": LAUNCH(launched(first_failures), step=None),
    "side by side: the optimizer's state of the block before": fault(
        ("harness.training.vectorized:VectorizedProgram", "begin"), moments_kept, at.SLOW, at.FAST, step=2
    ),
    "side by side: the learning rate of the variant before": fault(REBIND, stale("_fresh"), at.SLOW, at.FAST, step=2),
    "side by side: the data of the variant before": fault(REBIND, stale("_data"), at.RAW, at.MIN_MAX),
    "side by side: the initializers of the variant before": fault(REBIND, stale("_own"), at.SLOW, at.FAST),
    "side by side: the last seed of a block twice": fault(
        ("harness.training.vectorized:VectorizedEngine", "blocks"), last_seed_twice, at.FAST
    ),
} | held_out(
    {
        # within a batch
        "labels of the example before": PROGRAM["_step"](
            argument("data", lambda data: (data[0], jnp.roll(data[1], 1, axis=0)))
        ),
        "evaluation without penalties": fault((at.JAX, "_evaluate"), result(penalty_not_told), at.PENALISED),
        "a blow-up is ten times the first loss": fault(
            (at.JAX, "launch"), launched(hundredth_at_first), at.BY_SGD, step=None
        ),
        "the optimizer starts anew in every epoch": fault(
            (at.JAX, "_epoch"), argument("carry", starts_anew), at.MLP, step=52
        ),
        "an epoch's training loss is that of its last batch": fault(
            (at.JAX, "_step"), last_batch_counts, at.MLP, step=None
        ),
        "the dropout rate of the variant before": fault(
            ("harness.training.programs", "structure"), result(rates_left_out), ("example-4", "dropout 0.1"), at.DROPPED
        ),
        "stuck at chance: by the rarest class": fault(
            ("harness.training.divergence", "stuck_at_chance"),
            of_data(rarest_class),
            ("batch-normalization-rates", "plain, rate 2"),
            step=None,
        ),
        "batches in two halves, as on two devices": fault(OBJECTIVE, on_two_devices, at.NORMALISED),
        "both halves of the validation images are one": fault(
            (at.JAX, "_evaluate_halves"),
            result(lambda losses: dict.fromkeys(("even_val_loss", "odd_val_loss"), losses["even_val_loss"])),
            at.UNPENALISED,
        ),
        "what is followed comes an epoch early": fault(
            (at.JAX, "_epoch"), result(follows_too_early), ("gradient-descent", "rate 0.1"), step=2
        ),
        "gradients are observed on half of the batch": fault(
            ("harness.training.gradients", "weight_gradients"),
            lambda original, model, loss, x, y: original(model, loss, first_half(x), first_half(y)),
            ("deep-gradients", "relu"),
        ),
    }
)
