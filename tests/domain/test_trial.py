"""Trials: values that are not finite become None, and long curves are thinned."""

from __future__ import annotations

import math

import pytest

from harness.domain.model import Trial, finite, thin


def test_what_is_not_finite_is_none_in_a_trial() -> None:
    made = Trial("plain", 0, {"a": math.nan, "b": 1}, {"loss": (1.0, math.inf, None)})
    assert made.metrics == {"a": None, "b": 1.0}
    assert made.history["loss"] == (1.0, None, None)
    assert finite(-math.inf) is finite(None) is None


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 200, 1000])
def test_thinned_curves_keep_their_ends(length: int) -> None:
    curve = tuple(float(i) for i in range(length))
    short = thin(curve, 32)
    assert len(short) == min(length, 32)
    assert short[:1] == curve[:1]
    assert short[-1:] == curve[-1:]
    assert sorted(filter(None, set(short))) == [value for value in short if value]
