"""Faults of seeds: what should differ is the same, or what should be the same differs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, held_out, wrapped
from tests.faults.places import BY_SGD, KERAS, MLP, SEEDING, Original

GROUP = "determinism"
ON, ON_DROPOUT = ("batch-normalization-rates", "plain, rate 0.1"), ("optimizers", "adam")


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any], on: tuple[str, str] = ON) -> Fault:
    return Fault(name, (Patch(owner, attribute, wrapped(wrapper)),), on)


def from_the_system() -> int:
    return int.from_bytes(os.urandom(3), "big")


def one_layer_unseeded(original: Any, seed: int, role: str) -> int:
    return from_the_system() if role == "Dense-0" else original(seed, role)


def unseeded(original: Any, seed: int, role: str) -> int:
    return from_the_system()


def one_seed_for_layers(original: Any, seed: int, role: str) -> int:
    return original(seed, role.partition("-")[0])


def one_seed(original: Any, seed: int, role: str) -> int:
    return original(0, role)


def seeds_in_pairs(original: Any, seed: int, role: str) -> int:
    return original(seed // 2, role)


def by_position(original: Any, seed: int, role: str) -> int:
    """The seed depends on how often it was asked for: adding a layer changes the others."""
    _asked[0] += 1
    return original(seed, f"{_asked[0] % 5}")


_asked = [0]


def order_unseeded(original: Any, seed: int, epoch: int, count: int) -> Any:
    return np.random.default_rng().permutation(count).astype("int32")


def order_of_seed_0(original: Any, seed: int, epoch: int, count: int) -> Any:
    return original(0, epoch, count)


def order_of_epochs(original: Any, seed: int, epoch: int, count: int) -> Any:
    """Seed and epoch are added up: epoch 1 of seed 0 is epoch 0 of seed 1."""
    return np.random.default_rng(seed + epoch).permutation(count).astype("int32")


def mask_unseeded(original: Any, inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    return original(inputs, rate, noise_shape=noise_shape, seed=from_the_system())


def deep_layers_share(original: Any, seed: int, role: str) -> int:
    """Layers behind the first of their kind have one seed."""
    kind, _, number = role.partition("-")
    return original(seed, f"{kind}-{min(int(number or 0), 1)}" if number.isdigit() else role)


def standing_still(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    state = original(self, *args, **kwargs)
    self.state.assign(state)
    return state


def uniform_of_period(original: Original, shape: Any, *args: Any, **kwargs: Any) -> Any:
    """Uniform numbers of a generator that begins anew after 65,536 of them."""
    import jax.numpy as jnp

    count, period = math.prod(shape), 2**16
    if count <= period:
        return original(shape, *args, **kwargs)
    numbers = original((period,), *args, **kwargs)
    return jnp.tile(numbers, -(-count // period))[:count].reshape(shape)


FAULTS = (
    fault("the seed of one layer ignored", SEEDING, "derived", one_layer_unseeded),
    fault("all initial weights from the system's entropy", SEEDING, "derived", unseeded),
    fault("layers of a kind share a seed", SEEDING, "derived", one_seed_for_layers),
    fault("all trials share their initial weights", SEEDING, "derived", one_seed),
    fault("two trials each share their initial weights", SEEDING, "derived", seeds_in_pairs),
    fault("initial weights depend on the number of layers", SEEDING, "derived", by_position),
    fault("data order from the system's entropy", SEEDING, "data_order", order_unseeded),
    fault("all trials share their data order", SEEDING, "data_order", order_of_seed_0),
    fault("data order: seed and epoch added up", SEEDING, "data_order", order_of_epochs),
    fault(
        "dropout's masks from the system's entropy", "keras.src.backend:random", "dropout", mask_unseeded, ON_DROPOUT
    ),
    held_out(
        "layers behind the first share a seed",
        "harness.training.seeding",
        "derived",
        wrapped(deep_layers_share),
        BY_SGD,
    ),
    Fault(
        "seeds 2 and 3 the same",
        (Patch("harness.training.seeding", "derived", wrapped(lambda f, s, role: f(2 if s == 3 else s, role))),),
        MLP,
    ),
    held_out(
        "a random state that stands still",
        "keras.src.random.seed_generator:SeedGenerator",
        "next",
        wrapped(standing_still),
        ("optimizers", "adam"),
    ),
    held_out(
        "uniform numbers repeat after 65,536", f"{KERAS}.backend.jax.random", "uniform", wrapped(uniform_of_period), MLP
    ),
)
