"""Change points: rates of false alarms, and steps that are found, on series whose truth is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from harness.rules.change_points import LEAST, SHORTEST, _partition, change_points

Noise = Callable[[np.random.Generator, int], np.ndarray]


def outliers(rng: np.random.Generator, n: int) -> np.ndarray:
    """Gaussian noise, of which one value in ten is ten standard deviations larger."""
    return rng.standard_normal(n) + 10 * (rng.random(n) < 0.1)


NOISES: dict[str, Noise] = {
    "gaussian": lambda rng, n: rng.standard_normal(n),
    "t, 3 degrees of freedom": lambda rng, n: rng.standard_t(3, n) / 3**0.5,
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "log-normal": lambda rng, n: np.exp(rng.standard_normal(n)),
    "outliers": outliers,
}


def share(wanted: Callable[[np.random.Generator], bool], of: int = 600) -> float:
    rng = np.random.default_rng(0)
    return sum(wanted(rng) for _ in range(of)) / of


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("runs", [12, 30, 100])
def test_without_a_change_at_most_one_series_in_forty_has_an_alarm(noise: str, runs: int) -> None:
    assert share(lambda rng: bool(change_points(NOISES[noise](rng, runs).tolist()))) <= 0.025


@pytest.mark.parametrize(("noise", "least"), [("gaussian", 0.95), ("t, 3 degrees of freedom", 0.95)])
def test_a_step_of_three_deviations_is_placed_within_one_run(noise: str, least: float) -> None:
    def found(rng: np.random.Generator) -> bool:
        values, at = NOISES[noise](rng, 30), int(rng.integers(8, 23))
        values[at:] += rng.choice([-3, 3])
        return any(abs(one - at) <= 1 for one in change_points(values.tolist()))

    assert share(found) >= least


def test_a_large_step_is_placed_exactly() -> None:
    def found(rng: np.random.Generator) -> bool:
        values, at = rng.standard_normal(30), int(rng.integers(8, 23))
        values[at:] += 20
        return change_points(values.tolist()) == [at]

    assert share(found) > 0.98


def test_of_three_runs_after_a_step_every_second_is_seen() -> None:
    def found(rng: np.random.Generator) -> bool:
        return bool(change_points([*rng.standard_normal(27), *(rng.standard_normal(3) + 3)]))

    assert 0.5 < share(found) < 0.8


@pytest.mark.slow
def test_two_steps_up_and_a_large_step_before_a_small_one() -> None:
    for steps in ((0, 3, 6), (0, 20, 23)):

        def found(rng: np.random.Generator, steps: tuple[int, ...] = steps) -> bool:
            changes = change_points([*(rng.standard_normal(60) + np.repeat(steps, 20))])
            return len(changes) == 2 and abs(changes[0] - 20) <= 1 and abs(changes[1] - 40) <= 1

        assert share(found, 200) > 0.8


@pytest.mark.parametrize("outlier", [1e3, -1e3])
@pytest.mark.parametrize("at", [0, 7, 28, 29])
def test_an_outlier_is_no_change_and_hides_none(outlier: float, at: int) -> None:
    values = np.random.default_rng(1).standard_normal(30)
    values[at] = outlier
    assert change_points(values.tolist()) == []
    values[15:] += 6
    assert change_points(values.tolist()) == [15]


def test_values_that_repeat_need_no_test() -> None:
    assert change_points([0.5] * 3 + [0.6] * 3) == [3]
    assert change_points([0.5] * 5 + [0.6] * (LEAST - 1)) == []
    assert change_points([0.5] * 5 + [0.6] + [0.5] * 5) == []
    assert change_points([0.5] * 5 + [0.6] * 3 + [0.5] * 4) == [5, 8]
    assert change_points([0.5, 0.5, 0.6, 0.6] * 10) == []


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 50, [1.0, 2.0, 3.0], list(range(SHORTEST - 1))])
def test_short_and_constant_series_have_no_change(values: list[float]) -> None:
    assert change_points(values) == []


def test_the_partition_is_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(2)
    found = set()
    for price in (0.1, 1.0, 4.0) * 10:
        scores = rng.standard_normal(13) + np.repeat(rng.choice([-2, 0, 2], 13 // 4 + 1), 4)[:13]
        partitions = [
            [*ends, 13]
            for many in range(13 // LEAST)
            for ends in itertools.combinations(range(1, 13), many)
            if min(np.diff([0, *ends, 13])) >= LEAST
        ]

        def cost(ends: list[int], scores: np.ndarray = scores, price: float = price) -> float:
            parts = np.split(scores, ends[:-1])
            return sum(((part - part.mean()) ** 2).sum() + price for part in parts)

        assert _partition(scores, price) == min(partitions, key=cost)
        found.add(len(_partition(scores, price)))
    assert found == {1, 2, 3, 4}
