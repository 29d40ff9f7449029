"""Faults of the vectorized engine, which trains batched seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, wrapped

GROUP = "engine"
PROGRAM, ENGINE = "harness.training.vectorized:VectorizedProgram", "harness.training.vectorized:VectorizedEngine"


ON = ("example-1", "rate 0.1")


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return Fault(f"side by side: {name}", (Patch(owner, attribute, wrapped(wrapper)),), ON)


def one_seed(original: Any, self: Any, seeds: Any, lanes: int) -> Any:
    return original(self, [seeds[0]] * len(seeds), lanes)


def next_lane(original: Any, self: Any, seeds: Any, lanes: int) -> Any:
    """Each seed has the initial weights of its neighbour."""
    return original(self, [*seeds[1:], seeds[0]], lanes)


def one_order(original: Any, self: Any, orders: Any, initial: Any) -> Any:
    return original(self, np.broadcast_to(orders[:1], orders.shape), initial)


def first_order_again(original: Any, self: Any, orders: Any, initial: Any) -> Any:
    """Every epoch of a launch has the data order of its first."""
    return original(self, np.broadcast_to(orders[:, :1], orders.shape), initial)


def curves_of_a_neighbour(original: Any, self: Any, orders: Any, initial: Any) -> Any:
    curves, signs = original(self, orders, initial)
    return {name: np.roll(np.asarray(curve), 1, axis=0) for name, curve in curves.items()}, signs


def failures_of_the_first(original: Any, self: Any, orders: Any, initial: Any) -> Any:
    """Whether a trial diverged is told of the first lane."""
    curves, signs = original(self, orders, initial)
    return curves, np.broadcast_to(np.asarray(signs)[:1], signs.shape)


def moments_kept(original: Any, self: Any, seeds: Any, lanes: int) -> None:
    """The optimizer begins with the state in which the last block left it."""
    before = getattr(self, "_moments", None)
    original(self, seeds, lanes)
    if before is not None and before[0].shape[0] == lanes:
        self._state = (*self._state[:2], before)
    self._moments = [array + 0.01 for array in self._state[2]]


def rate_of_before(original: Any, self: Any, task: Any) -> None:
    fresh = getattr(self, "_fresh", None)
    original(self, task)
    self._fresh = fresh or self._fresh


def data_of_before(original: Any, self: Any, task: Any) -> None:
    data = getattr(self, "_data", None)
    original(self, task)
    self._data = data or self._data


def initializers_of_before(original: Any, self: Any, task: Any) -> None:
    own = getattr(self, "_own", None)
    original(self, task)
    self._own = own or self._own


def last_seed_missing(original: Any, self: Any, seeds: Any, on_epoch: Any) -> Any:
    """The last of each block is the one before it, under its own number."""
    for block in original(self, seeds, on_epoch):
        yield [*block[:-1], (block[-1][0], block[-2][1])] if len(block) > 1 else block


FAULTS = (
    fault("one seed's initial weights for all", PROGRAM, "begin", one_seed),
    fault("initial weights of the next seed", PROGRAM, "begin", next_lane),
    fault("one data order for all seeds", PROGRAM, "launch_all", one_order),
    fault("one data order for all epochs", PROGRAM, "launch_all", first_order_again),
    fault("curves of the neighbour", PROGRAM, "launch_all", curves_of_a_neighbour),
    fault("failures of the first seed", PROGRAM, "launch_all", failures_of_the_first),
    fault("the optimizer's state of the block before", PROGRAM, "begin", moments_kept),
    fault("the learning rate of the variant before", PROGRAM, "rebind", rate_of_before),
    fault("the data of the variant before", PROGRAM, "rebind", data_of_before),
    fault("the initializers of the variant before", PROGRAM, "rebind", initializers_of_before),
    fault("the last seed of a block twice", ENGINE, "blocks", last_seed_missing),
)
