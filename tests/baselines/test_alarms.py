"""Whole runs of fresh seeds against the stored baselines, resampled from real trials (``measure_alarms``)."""

import dataclasses

import numpy as np
import pytest

from tests.baselines.measure_alarms import draw, load, red, stored


@pytest.fixture(scope="module")
def pool():
    return load()


@pytest.fixture(scope="module")
def baselines():
    return stored()


def test_fresh_seeds_raise_no_alarm(pool, baselines):
    """Ten runs: 1 % of red runs, which is allowed, would show in them once in ten times; two red ones never."""
    rng = np.random.default_rng(1)
    assert sum(any(red(draw(pool, rng), baselines)) for _ in range(10)) <= 1


def test_a_variant_that_is_another_one_does(pool, baselines):
    """What these trials would be if the 10,000 images were 500: the variant drifts, and a claim that rests on it."""
    drawn = draw(pool, np.random.default_rng(1))
    fewer = drawn["more-data", "500 images"]
    drawn["more-data", "10,000 images"] = tuple(dataclasses.replace(one, variant="10,000 images") for one in fewer)
    found = list(red(drawn, baselines))
    assert any(line.startswith("more-data/10,000 images: drifted") for line in found)
    assert any("since" in line for line in found)


def test_the_pool_is_of_fresh_seeds(pool, baselines):
    for experiment, variants in pool.items():
        for variant, trials in variants.items():
            assert not trials.keys() & {trial.seed for trial in baselines[experiment].variants[variant].trials}
