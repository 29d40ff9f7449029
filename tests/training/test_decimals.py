"""The quick way to the shortest decimal gives what the long way gives, bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.training.decimals import shortest


def long_way(values):
    return [float(str(value)) for value in np.asarray(values, "float32")]


def bits(values):
    return [value.hex() if math.isfinite(value) else str(value) for value in values]


@pytest.mark.parametrize("seed", range(4))
def test_random_bits(seed):
    """Every exponent and sign, infinities and nan among them."""
    values = np.random.default_rng(seed).integers(0, 2**32, 100_000, dtype="uint32").view("float32")
    assert bits(shortest(values)) == bits(long_way(values))


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e-3, 1.0, 60.0, 1e5, 1e10, 1e20])
def test_numbers_of_trainings(scale):
    values = (scale * np.random.default_rng(0).standard_normal(50_000)).astype("float32")
    assert bits(shortest(values)) == bits(long_way(values))


def test_accuracies():
    values = (np.arange(10_001) / np.float32(10_000)).astype("float32")
    assert bits(shortest(values)) == bits(long_way(values))


def test_powers_of_two_and_ten():
    """Where the neighbours of a float32 are not equally far away."""
    values = np.concatenate([np.float32(2.0) ** np.arange(-149, 128), np.float32(10.0) ** np.arange(-45, 39)])
    near = np.concatenate([np.nextafter(values, np.float32(0)), values, np.nextafter(values, np.float32(np.inf))])
    assert bits(shortest(near)) == bits(long_way(near))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(width=32), max_size=20))
def test_any(values):
    assert bits(shortest(values)) == bits(long_way(values))
    assert all(type(value) is float for value in shortest(values))
