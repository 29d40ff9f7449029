"""Pairing: initial weights depend on (seed, role of the layer), the data order on (seed, epoch)."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from harness.training.seeding import Orders, data_order, derived, roles
from tests.training.conftest import ROOT, environment
from tests.training.measure_pairing import NETWORKS

DENSE = {"plain": 4, "dropout": 4, "batch norm": 4, "batch norm and dropout": 4, "nested": 4}
"""Networks with the same Dense layers, 784-256-256-256-10, and their number."""


def kernels(variables):
    return {name: value for name, value in variables.items() if name.startswith("Dense") and name.endswith("kernel")}


def bits(variables):
    return {name: value["bits"] for name, value in variables.items()}


@pytest.mark.parametrize("network", set(DENSE) - {"plain"})
@pytest.mark.parametrize("seed", ["0", "1"])
def test_adding_layers_leaves_dense_weights_alone(measured, network, seed):
    plain, other = kernels(measured["weights"]["plain"][seed]), kernels(measured["weights"][network][seed])
    assert len(plain) == DENSE[network]
    assert bits(plain) == bits(other)


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_depend_on_the_seed_alone(measured, network):
    """Every variable, Dropout's random state included: whatever state the generators, the backend's too, are in."""
    weights = measured["weights"][network]
    assert weights["0"]
    assert weights["0"] == weights["0 again"]


@pytest.mark.parametrize("network", NETWORKS)
def test_random_weights_differ_between_seeds_and_layers(measured, network):
    found = [
        value["bits"]
        for seed in ("0", "1")
        for name, value in measured["weights"][network][seed].items()
        if name.endswith(("kernel", "seed_generator_state"))
    ]
    assert len(found) >= 4
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("recurrent", {"LSTM-0", "LSTM-1", "Dense-0", "Dense-1"}),
        ("convolutional", {"Conv2D-0", "Conv2D-1", "Dense-0"}),
        (
            "batch norm and dropout",
            {f"{kind}-{i}" for kind in ("Dense", "Dropout", "BatchNormalization") for i in range(3)} | {"Dense-3"},
        ),
    ],
)
def test_every_kind_of_layer_has_roles(measured, network, expected):
    assert {name.split("/")[0] for name in measured["weights"][network]["0"]} == expected


def test_weights_follow_the_declared_initializer(measured):
    """Glorot: uniform up to √(6 / (in + out)); random_uniform: up to 0.05; the spread of a uniform is limit / √3."""
    for network, limit in (("plain", None), ("random uniform", 0.05)):
        for kernel in kernels(measured["weights"][network]["0"]).values():
            inputs, outputs = kernel["shape"]
            bound = limit or (6 / (inputs + outputs)) ** 0.5
            assert 0.99 * bound < kernel["largest"] <= bound * (1 + 1e-6)
            assert kernel["std"] == pytest.approx(bound / 3**0.5, rel=0.05)


def test_engines_start_from_the_same_weights(measured):
    weights = measured["engine weights"]
    assert len(weights["fit"]) == 8  # two kernels, two biases, and the four of batch normalization
    assert weights["fit"] == weights["compiled"]


def epochs(order):
    return order[:16], order[16:]


def test_order_of_fit_depends_on_the_seed_alone(measured, on_backend, request):
    """Not on layers that draw random numbers; each epoch takes every example once."""
    if on_backend == "torch":
        reason = "Keras on PyTorch draws the order and dropout's masks from one generator, so they part after an epoch"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    orders = measured["orders"]
    assert orders["plain, seed 0"] == orders["dropout, seed 0"]
    assert orders["plain, seed 0"] != orders["plain, seed 1"]
    for order in orders.values():
        for epoch in epochs(order):
            assert sorted(epoch) == list(range(16))
            assert epoch != list(range(16))


def test_fit_takes_another_order_in_every_epoch(measured, on_backend, request):
    if on_backend == "tensorflow":
        reason = "once a seed is set, Keras on TensorFlow shuffles every epoch alike (tf.random.shuffle in a Dataset)"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    for order in measured["orders"].values():
        first, second = epochs(order)
        assert first != second


# Without a backend


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
    orders = {tuple(data_order(seed, epoch, 600)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_data_order_is_the_same_in_another_process():
    code = "from harness.training.seeding import data_order; print(*data_order(7, 1, 50))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment(PYTHONHASHSEED="5"), capture_output=True, check=True)
    assert done.stdout.split() == [str(row).encode() for row in data_order(7, 1, 50)]


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


def test_orders_are_those_of_each_epoch_kept_or_not():
    for most in (0, 10_000):
        orders = Orders(most)
        for _ in range(2):
            found = orders.get(3, range(2, 5), 20)
            assert np.array_equal(found, np.stack([data_order(3, epoch, 20) for epoch in (2, 3, 4)]))


def test_orders_are_kept_up_to_so_many_bytes():
    orders = Orders(3 * 20 * 2)  # two bytes a number
    first, second = orders.get(0, range(3), 20), orders.get(1, range(3), 20)
    assert orders.get(0, range(3), 20) is first
    assert orders.get(1, range(3), 20) is not second
    assert np.array_equal(orders.get(1, range(3), 20), second)
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1


def test_more_examples_than_two_bytes_can_tell():
    assert Orders().get(0, range(1), 2**16).dtype == "uint16"
    found = Orders().get(0, range(1), 2**16 + 1)
    assert found.dtype == "int32"
    assert found.max() == 2**16


def test_one_example_has_one_order():
    assert data_order(5, 7, 1).tolist() == [0]
    assert data_order(5, 7, 1).dtype == "int32"
