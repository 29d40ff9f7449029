"""Faults of our own engines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import Wrapper, afterwards, argument, attribute, result, skipped, stale
from benchmarks.faults.data import validation_is_training
from benchmarks.faults.fault import fault, held_out, here, strengths


def more_epochs(more: int) -> Wrapper:
    def setup(setup: Any) -> Any:
        size = setup.size
        epochs = size.epochs + more if size.epochs > 1 else size.epochs
        return dataclasses.replace(setup, size=dataclasses.replace(size, epochs=epochs))

    return attribute("setup", setup)


def batch_times(factor: float) -> Wrapper:
    return afterwards("_batch", lambda before, batch: max(round(batch * factor), 1))


def of_data(of: Callable[[Any], Mapping[str, Any]]) -> Wrapper:
    """A program is given other arrays."""
    return argument("data", lambda data: dataclasses.replace(data, **of(data)))


def whole_batches(orders: Any, self: Any) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    return orders[:, :whole] if whole else orders


def validated_late(launched: Any) -> Any:
    curves, losses = launched
    return {k: np.concatenate([v[:1], v[:-1]]) if k.startswith("val_") else v for k, v in curves.items()}, losses


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


def first_half(array: np.ndarray) -> np.ndarray:
    return array[: max(len(array) // 2, 1)]


def told_late(told: Any) -> Any:
    return told and msgspec.structs.replace(told, step=told.step + 1 if told.step else None)


def told_as_inf(told: Any) -> Any:
    return msgspec.structs.replace(told, kind="inf") if told and told.kind == "nan" else told


RUN = here(("harness.training.compiled:CompiledEngine", "run"), at.BY_SGD)
TOLD = here(("harness.training.train", "classify"))
FAULTS = {
    # of Example 4; the first training has no partial batch
    "the last batch is dropped": fault(at.LAUNCH, argument("orders", whole_batches), at.BY_SGD, step=118),
    **strengths("batches × {:g}", (0.5, 1.1, 2.0), lambda x: fault(at.both("__init__"), batch_times(x), at.BY_SGD)),
    "epochs -1": RUN(more_epochs(-1), step=2401),
    "epochs +1": RUN(more_epochs(1), step=3001),
    # two variants that share a program: the fault acts on the second
    "the learning rate of the variant before": fault(
        at.REBIND, stale("_fresh"), ("batch-normalization-rates", "plain, rate 0.02"), at.BY_SGD, step=2
    ),
    "the data of the variant before": fault(at.REBIND, stale("_data"), at.FEW, at.MLP),
    "validation on the training data, in the engine": fault(
        at.both("feed"), of_data(validation_is_training), at.BY_SGD
    ),
    # of one launch, which no training with validation is
    "validation values come an epoch late": fault(at.LAUNCH, result(validated_late), at.BY_SGD, step=None),
    "trained with the next seed": RUN(argument("seed", lambda seed: seed + 1)),
    "divergence is never seen": TOLD(skipped()),
    "divergence is told a step late": TOLD(result(told_late)),
    "nan is told as inf": TOLD(result(told_as_inf)),
} | held_out(
    {
        "the dropout rate of the variant before": fault(
            ("harness.training.programs", "structure"), result(rates_left_out), ("example-4", "dropout 0.1"), at.DROPPED
        ),
        "stuck at chance: by the rarest class": fault(
            ("harness.training.divergence", "stuck_at_chance"),
            of_data(rarest_class),
            ("batch-normalization-rates", "plain, rate 2"),
            step=None,
        ),
        "gradients are observed on half of the batch": fault(
            ("harness.training.gradients", "weight_gradients"),
            lambda original, model, loss, x, y: original(model, loss, first_half(x), first_half(y)),
            ("deep-gradients", "relu"),
        ),
    }
)
