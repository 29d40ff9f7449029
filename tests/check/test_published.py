"""Differences between two groups of trials, against published tests.

"Sleep" is the data of ``tests/rules/test_published.py``. Both t tests are in R's documentation of ``t.test`` and
in its output.
"""

import pytest

from harness.check.difference import difference
from tests.rules.test_published import DIGITS, FIRST, HIGH, HOURS, LOW, SECOND, P

WELCH_P, WELCH = 0.07939, (-3.3654832, 0.2054832)


def by_seed(values, first=0):
    return dict(enumerate(values, first))


def test_equal_seeds_are_compared_by_the_paired_t_test():
    row = difference(HOURS, by_seed(FIRST), by_seed(SECOND))
    assert (row.paired, row.n) == (True, 10)
    assert row.p == pytest.approx(P, abs=DIGITS)
    assert (row.low, row.high) == pytest.approx((LOW, HIGH), abs=DIGITS)


def test_fresh_seeds_are_compared_by_welchs_t_test():
    row = difference(HOURS, by_seed(FIRST, first=100), by_seed(SECOND))
    assert not row.paired
    assert row.p == pytest.approx(WELCH_P, abs=5e-6)
    assert (row.low, row.high) == pytest.approx(WELCH, abs=DIGITS)


def test_shares_of_absent_trials_are_compared_by_fishers_exact_test():
    """The lady tasting tea (Fisher 1935): three of four cups told right, p = 34/70."""
    row = difference(HOURS, {0: None, 1: None, 2: None, 3: 1.0}, {4: None, 5: 1.0, 6: 1.0, 7: 1.0})
    assert row.p_absent == pytest.approx(34 / 70, abs=DIGITS)
