"""The same of data, the engine and what judges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.faults.blind import GROUP, JAX, MLP, Original, fault
from tests.faults.fault import Fault, Patch, instead, wrapped
from tests.faults.files import with_variants

# Data and their order


def in_sixteen_greys(original: Original, self: Any, count: int | None) -> Any:
    """All images, those of validation too."""
    from harness.domain.experiment import Dataset

    data = original(self, count)
    if data.x.ndim != 2 or data.x.shape[1] != 784:
        return data

    def coarse(images: np.ndarray | None) -> np.ndarray | None:
        return None if images is None else (np.rint(images * 15) / 15).astype("float32")

    return Dataset(coarse(data.x), data.y, coarse(data.x_val), data.y_val)


def centred_by_the_median(columns: np.ndarray) -> np.ndarray:
    return np.asarray(columns - np.median(columns, axis=0))


def order_turned(original: Original, seed: int, epoch: int, count: int) -> np.ndarray:
    """One permutation for all epochs, each of which starts it at another place."""
    start = int(np.random.default_rng([seed, epoch]).integers(count))
    return np.roll(original(seed, 0, count), start)


# The engine, and what is observed


def one_half_twice(original: Original, self: Any, state: Any, x: Any, y: Any) -> dict[str, Any]:
    even = original(self, state, x, y)["even_val_loss"]
    return {"even_val_loss": even, "odd_val_loss": even}


def follows_too_early(original: Original, self: Any, carry: Any, order: Any, data: Any, validation: Any) -> Any:
    """What is followed is taken of the weights before the epoch."""
    import jax.numpy as jnp

    after, curves = original(self, carry, order, data, validation)
    return after, curves | {name: jnp.float32(of(carry[0][0])) for name, of in self._follow.items()}


def gradients_of_half(original: Original, model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> Any:
    count = max(len(x) // 2, 1)
    return original(model, loss, x[:count], y[:count])


def last_finite(original: Original, self: Any, history: Any) -> float | None:
    """The metric of a training that ended in nan or inf is its last number before."""
    numbers = [] if self.of else [value for value in history.get(self.name, ()) if math.isfinite(value)]
    return float(numbers[-1]) if numbers else original(self, history)


def thinned_downwards(curve: Sequence[Any], points: int) -> tuple[Any, ...]:
    """Places rounded down, not to the nearest."""
    if len(curve) <= points:
        return tuple(curve)
    return tuple(curve[index * (len(curve) - 1) // (points - 1)] for index in range(points))


# Rules, baselines, errata


def never_below(original: Original, pairs: Any, null: float) -> Any:
    """Of the two tests of ``Equivalent`` the lower one always passes."""
    from harness.statistics.sides import Sides

    found = original(pairs, null)
    return Sides(0.0, 1.0, found.method) if null < 0 else found


def decimal_score(original: Original, trial: Any, metric: Any) -> float:
    found = float(original(trial, metric))
    return found / math.log(10) if metric.scale == "log" else found


def the_last_metric(original: Any) -> property:
    return property(lambda self: self.experiment.metrics[-1])


def null_is_zero(original: Original, *args: Any) -> Any:
    """Of the metrics of stored trials."""

    def metrics(variant: Any) -> dict[str, Any]:
        columns = variant.metrics.items()
        return {"metrics": {name: tuple(0.0 if x is None else x for x in column) for name, column in columns}}

    return with_variants(original(*args), metrics)


def any_error(original: Original, self: Any, ran: Any) -> Any:
    return "" if ran.error is not None else original(self, ran)


FAULTS = (
    fault("images in 16 levels of grey", "harness.domain.experiment:Dataset", "first", wrapped(in_sixteen_greys), MLP),
    fault(
        "columns are centred by their median",
        "cases.preprocessing",
        "centre",
        instead(centred_by_the_median),
        ("centring", "centred"),
    ),
    fault(
        "data order: one permutation, begun at random",
        "harness.training.seeding",
        "data_order",
        wrapped(order_turned),
        MLP,
    ),
    fault(
        "both halves of the validation images are one",
        JAX,
        "_evaluate_halves",
        wrapped(one_half_twice),
        ("regularization", "none"),
    ),
    fault(
        "what is followed comes an epoch early",
        JAX,
        "_epoch",
        wrapped(follows_too_early),
        ("gradient-descent", "rate 0.1"),
    ),
    fault(
        "gradients are observed on half of the batch",
        "harness.training.weight_gradients",
        "weight_gradients",
        wrapped(gradients_of_half),
        ("deep-gradients", "relu"),
    ),
    fault(
        "a diverged training's metric is its last finite value",
        "harness.domain.metric:Metric",
        "value",
        wrapped(last_finite),
        ("example-2", "raw"),
    ),
    fault(
        "long curves are thinned at other epochs",
        "harness.domain.trial",
        "thin",
        instead(thinned_downwards),
        ("example-1", "rate 0.1"),
    ),
    fault(
        "Equivalent tests its upper margin only", "harness.statistics.equivalent", "sides", wrapped(never_below), None
    ),
    fault("paired rules: logarithms to base 10", "harness.statistics.pairs", "score", wrapped(decimal_score), None),
    Fault(
        "drift: the last metric decides, not the first",
        GROUP,
        (Patch("baselines.judge:_Comparison", "_primary", the_last_metric),),
        None,
    ),
    fault("baselines: null is read as 0", "baselines.validation", "decode", wrapped(null_is_zero), None),
    fault("errata: any error will do", "harness.domain.erratum:Fails", "fault", wrapped(any_error), None),
)
