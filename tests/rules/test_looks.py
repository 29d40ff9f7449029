"""Levels of several looks: against published boundaries, and as the design of a claim."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from harness.errors import SuiteError
from harness.rules.levels import KEPT_BACK, ONLY, PLAIN, Look, boundary, looks, spent

PUBLISHED = {
    "Pocock-like": (
        lambda t: PLAIN.one_sided * math.log(1 + (math.e - 1) * t),
        (2.4380, 2.4268, 2.4101, 2.3966, 2.3860),
    ),
    "O'Brien-Fleming-like": (
        lambda t: 2 * (1 - float(ndtr(-ndtri(PLAIN.one_sided / 2) / math.sqrt(t)))),
        (4.8769, 3.3570, 2.6803, 2.2898, 2.0310),
    ),
}
"""Five equally spaced looks, one-sided 2.5 % (Reboussin et al. 2000, the program of Lan & DeMets)."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_boundaries_are_the_published_ones(name):
    spending, published = PUBLISHED[name]
    chances = [spending(b) - (spending(a) if a else 0.0) for a, b in pairwise([k / 5 for k in range(6)])]
    assert -ndtri(boundary(chances, range(1, 6))) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(
    ("first", "most", "sizes"),
    [
        (5, 30, (5, 10, 15, 20, 25, 30)),
        (8, 30, (8, 13, 18, 23, 30)),
        (5, 6, (5, 6)),
        (5, 5, (5,)),
        (1, 10, (5, 10)),
        (30, 20, (30,)),
        (25, 60, (25, 30, 36, 43, 51, 60)),
    ],
)
def test_when_one_looks(first, most, sizes):
    assert looks(first, most) == sizes


@given(st.integers(1, 200), st.integers(1, 100_000))
def test_looks_grow_to_the_maximum_and_are_few(first, most):
    sizes = looks(first, most)
    assert all(a < b for a, b in pairwise(sizes))
    assert sizes[-1] == max(first, most, 5)
    assert len(sizes) < 70
    assert sum(spent(sizes)) == pytest.approx(1 if len(sizes) == 1 else 1 - KEPT_BACK)


@given(st.floats(0, 1))
def test_one_look_changes_nothing(p):
    assert ONLY.level(p) == p
    assert ONLY.overall(p) == p


@pytest.mark.parametrize("sizes", [looks(5, 30), looks(8, 20), looks(5, 1000)])
def test_levels_and_overall_p_are_each_others_inverse_and_grow(sizes):
    rates = np.geomspace(1e-13, 0.9, 50)
    for index in range(len(sizes)):
        look = Look(sizes, index)
        levels = np.array([look.level(rate) for rate in rates])
        assert all(a < b for a, b in pairwise(levels))
        assert [look.overall(level) for level in levels] == pytest.approx(rates, rel=1e-9)
        assert all(levels >= 0.999 * rates * spent(sizes)[index])  # at least what the look spends
        overall = [look.overall(p) for p in np.geomspace(1e-30, 1.0, 200)]
        assert all(a <= b for a, b in pairwise(overall))
        assert overall[-1] == 1.0
        assert look.overall(0.0) == 0.0


@pytest.mark.parametrize("rate", [PLAIN.one_sided, 0.05, 0.005, PLAIN.one_sided / 9])
def test_tabulated_levels_are_exact_enough(rate):
    sizes = looks(5, 30)
    exact = boundary([rate * share for share in spent(sizes)], sizes)
    assert [Look(sizes, k).level(rate) for k in range(6)] == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize(
    ("sizes", "index"), [((), 0), ((5, 5), 0), ((10, 5), 0), ((5, 10), 2), ((5,), -1), ((0, 5), 0)]
)
def test_looks_that_are_none(sizes, index):
    with pytest.raises(SuiteError, match="Invalid look"):
        Look(sizes, index)
