"""float32 values as decimals in files."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.record.trials import shortest


@given(st.lists(st.floats(width=32), max_size=20))
def test_the_decimal_is_read_back_as_the_same_float32(values):
    found = shortest(values)
    assert np.array_equal(np.array(found, "float32"), np.array(values, "float32"), equal_nan=True)
    assert all(type(value) is float for value in found)


def test_it_is_the_shortest():
    assert shortest([np.float32(0.1), np.float32(0.98125), 1e39]) == [0.1, 0.98125, float("inf")]
