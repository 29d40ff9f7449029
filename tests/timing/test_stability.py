"""Doubts about a measurement: each cause is reported where it exists, and none where all is quiet."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from harness.timing.stability import ADVICE, drifted_peak, held_up, loaded, unsteady_rounds
from tests.timing.make import PEAK


def test_a_quiet_machine_raises_none() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert not list(unsteady_rounds("compiled", 0.1 * (1 + 0.01 * rng.standard_normal(12))))
    assert not list(drifted_peak(PEAK, replace(PEAK, gflops=195.0)))
    assert not list(loaded((0.1, 2.1), 2))
    assert not list(loaded((None, None), 2))
    assert not list(held_up(0.02))
    assert not list(held_up(None))


def test_spread() -> None:
    [doubt] = unsteady_rounds("fit", [1.0, 1.5, 1.1])
    assert doubt.cause == "spread"
    assert doubt.what == "the rounds of fit spread by 23% (interquartile range)"
    assert not list(unsteady_rounds("fit", [1.0, 9.0]))


@pytest.mark.parametrize(("sign", "word"), [(1, "slower"), (-1, "faster")])
def test_trend(sign: int, word: str) -> None:
    rounds = 1 + sign * 0.03 * np.arange(10)
    assert ("trend", f"compiled became 1{'4' if sign > 0 else '6'}% {word} from its first rounds to its last") in [
        (doubt.cause, doubt.what) for doubt in unsteady_rounds("compiled", rounds)
    ]


def test_one_disturbed_half_is_no_trend() -> None:
    assert "trend" not in [doubt.cause for doubt in unsteady_rounds("compiled", [1, 1.01, 0.99, 1.3, 1, 1.31, 1, 1.32])]


def test_peak() -> None:
    [doubt] = drifted_peak(PEAK, replace(PEAK, gflops=100.0, sustained=95.0))
    assert doubt.cause == "drift"
    assert doubt.what == "the machine's matrix-product peak went from 200 to 100 GFLOP/s meanwhile"
    [doubt] = drifted_peak(replace(PEAK, sustained=80.0), PEAK)
    assert (doubt.cause, doubt.what) == ("disturbed", "the machine's median matrix product ran at 40% of its best one")


def test_load() -> None:
    [doubt] = loaded((0.3, 3.9), 2)
    assert (doubt.cause, doubt.what) == ("load", "the load average reached 3.9 on 2 cores")


def test_contention() -> None:
    [doubt] = held_up(0.34)
    assert (doubt.cause, doubt.what) == ("contention", "other programs may have held this one up for 34% of the time")
    assert "100% of the time" in next(held_up(1.7)).what


def test_each_cause_has_advice() -> None:
    causes = {"spread", "trend", "drift", "disturbed", "load", "contention"}
    assert set(ADVICE) == causes
    (doubt,) = held_up(0.34)
    assert msgspec.to_builtins(doubt) == {"cause": "contention", "what": doubt.what, "advice": ADVICE["contention"]}
