"""What needs no backend: seeds derived from roles, and data orders."""

import hashlib

import numpy as np
import pytest

from harness.training.seeding import data_order, derived, roles


def test_derived_seeds_are_those_of_sha256():
    for seed, role in ((0, "Dense-0"), (3, "data order")):
        expected = int(hashlib.sha256(f"{seed}/{role}".encode()).hexdigest()[:8], 16) // 2
        assert derived(seed, role) == expected < 2**31


def test_derived_seeds_differ():
    assert len({derived(seed, role) for seed in range(100) for role in ("Dense-0", "Dense-1", "LSTM-0")}) == 300


@pytest.mark.parametrize("count", [1, 8, 600])
def test_data_order_is_a_permutation_of_seed_and_epoch(count):
    order = data_order(3, 2, count)
    assert order.dtype == np.int32
    assert sorted(order) == list(range(count))
    assert np.array_equal(order, data_order(3, 2, count))


def test_data_orders_differ():
    assert len({tuple(data_order(seed, epoch, 600)) for seed in range(5) for epoch in range(5)}) == 25


class Dense:
    variables = ("kernel",)


class Flatten:
    variables = ()


class Sequential:
    def __init__(self, *layers):
        self.layers = list(layers)


def test_roles_count_layers_of_a_class_through_nested_models():
    a, b, c = Dense(), Dense(), Dense()
    model = Sequential(a, Flatten(), Sequential(b, Flatten()), c)
    assert roles(model) == [("Dense-0", a), ("Dense-1", b), ("Dense-2", c)]
