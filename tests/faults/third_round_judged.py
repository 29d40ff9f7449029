"""The same of data, the engine and what judges."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np

from tests.faults.blind import GROUP, MLP, NORMALISED, Original, fault
from tests.faults.fault import Fault, Patch, instead, wrapped

# Data


def sample_deviation(columns: np.ndarray) -> np.ndarray:
    return np.asarray((columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1))


def takes_the_last(original: Original, self: Any, count: int | None) -> Any:
    found = original(self, count)
    return found if count is None else type(self)(self.x[-count:], self.y[-count:], self.x_val, self.y_val)


def order_in_16_bits(original: Original, seed: int, epoch: int, count: int) -> np.ndarray:
    """Rows beyond 32,767 count from the end."""
    order = original(seed, epoch, count).astype("int16").astype("int32")
    return np.asarray(order % count, "int32")


# The engine


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


# Rules


def normal_ranks(differences: list[float], noise: float = 0.0) -> tuple[float, float]:
    """The signed-rank test by its normal approximation, however few the pairs."""
    from scipy.special import ndtr
    from scipy.stats import rankdata

    told = [d for d in differences if abs(d) > noise]
    n = len(told)
    if not n:
        return 1.0, 1.0
    positive = float(rankdata(np.abs(told))[np.array(told) > 0].sum())
    z = (positive - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return float(ndtr(-z)), float(ndtr(z))


def decided_only(original: Original, decision: Any) -> bool:
    return bool(original(decision)) and decision.verdict.decided


def first_look_in_full(original: Original, self: Any, number: float) -> float:
    """The first of several looks is taken for the only one."""
    return number if self.index == 0 else original(self, number)


def of_the_mean(original: Any) -> property:
    """The mean absolute difference in the place of the largest; shapes that differ still count as infinitely wrong."""

    def error(self: Any) -> float:
        largest = float(original.fget(self))
        if not 0.0 < largest < math.inf:
            return largest
        obtained, expected = (np.asarray(side, "float64") for side in (self.obtained, self.expected))
        with np.errstate(invalid="ignore"):
            return float(np.nanmean(np.abs(obtained - expected)))

    return property(error)


# Baselines and records


def strangers(original: Original, metric: Any, ours: Any, baseline: Any) -> Any:
    """No seed is in both."""
    return original(metric, ours, {seed + 1_000_000: value for seed, value in baseline.items()})


def of_another_backend(original: Original, path: Any) -> Any:
    other = path.parent.parent / "tensorflow-cpu" / path.name
    return original(other if other.exists() else path)


def first_of(records: Any, *names: str) -> tuple[Any, ...]:
    kept: dict[tuple[Any, ...], Any] = {}
    for record in records:
        kept.setdefault(tuple(record.get(name) for name in names), record)
    return tuple(kept.values())


FAULTS = (
    Fault(
        "standardised by n − 1",
        GROUP,
        (
            Patch("cases.preprocessing", "standardise", instead(sample_deviation)),
            Patch("cases.examples.normalization", "standardise", instead(sample_deviation)),
        ),
        ("example-2", "standardised"),
    ),
    fault(
        "the last images in the place of the first",
        "harness.domain.experiment:Dataset",
        "first",
        wrapped(takes_the_last),
        NORMALISED,
    ),
    fault(
        "data order in 16 bits",
        "harness.training.seeding",
        "data_order",
        wrapped(order_in_16_bits),
        ("example-4-softmax", "as printed"),
    ),
    fault(
        "an epoch's training loss is that of its last batch",
        "harness.training.compiled_jax:JaxProgram",
        "_step",
        wrapped(last_batch_counts),
        MLP,
    ),
    fault(  # acts on the second of two variants: its yardstick shows nothing by itself
        "the dropout rate of the variant before",
        "harness.training.programs",
        "structure",
        wrapped(rates_left_out),
        ("example-4", "dropout 0.2"),
    ),
    fault(
        "stuck at chance: by the rarest class",
        "harness.training.divergence",
        "stuck_at_chance",
        wrapped(rarest_class),
        ("batch-normalization-rates", "plain, rate 2"),
    ),
    fault(
        "signed ranks by a normal curve",
        "harness.statistics.inference",
        "signed_rank",
        instead(normal_ranks),
        None,
    ),
    fault(
        "Holm: undecided claims do not count",
        "harness.statistics.holm",
        "_tested",
        wrapped(decided_only),
        None,
    ),
    Fault(
        "the first of several looks decides at the full level",
        GROUP,
        (
            Patch("harness.statistics.looks:Look", "level", wrapped(first_look_in_full)),
            Patch("harness.statistics.looks:Look", "overall", wrapped(first_look_in_full)),
        ),
        None,
    ),
    fault(
        "exact checks: the mean error counts, not the largest",
        "harness.statistics.exact:Comparison",
        "error",
        of_the_mean,
        None,
    ),
    fault(
        "drift: seeds are not paired",
        "baselines.prediction",
        "difference",
        wrapped(strangers),
        None,
    ),
    fault(
        "baselines of another backend",
        "baselines.evidence",
        "read",
        wrapped(of_another_backend),
        None,
    ),
    fault(
        "of several records of a claim the first counts",
        "harness.store.run",
        "_last",
        instead(first_of),
        None,
    ),
)
