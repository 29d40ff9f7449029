"""Hundreds of seeds: the report stays small, and tells what it shows instead of each seed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from reports.figures.curve_data import arm
from reports.figures.final_value_panel import draw, ends

from harness.domain.trial import Divergence, Seconds, Trial
from reports.figures.many import MANY, SHOWN, band, band_text, drawn_indices, quantiles
from reports.figures.style import THEMES, styled, svg

RNG = np.random.default_rng(0)
SEEDS = 1024


def many(seeds: int = SEEDS, diverged: int = 0) -> list[Trial]:
    found = []
    for seed in range(seeds):
        accuracy = [0.9, 0.95, 0.98 + 0.001 * float(RNG.standard_normal())]
        fails = seed < diverged
        loss = [1.0, None, None] if fails else [1.0, 0.5, 0.1]
        curves = {"val_accuracy": tuple(accuracy), "loss": tuple(loss)}
        failure = Divergence("nan", 2, 3) if fails else None
        found.append(Trial("a", seed, {"val_accuracy": accuracy[-1]}, curves, failure, Seconds(1.0), "vectorized"))
    return found


def test_the_band_of_many_is_the_middle_of_them() -> None:
    values = np.arange(1001.0)[:, None] * np.ones((1, 3))
    low, high = band(values)
    assert low.tolist() == [25.0] * 3
    assert high.tolist() == [975.0] * 3
    low, high = band(values[:MANY])
    assert (low[0], high[0]) == (0, MANY - 1)
    assert band_text(MANY) == "from the smallest to the largest seed"
    assert band_text(MANY + 1) == "the middle 95 % of the seeds"


def test_of_many_that_diverged_some_are_drawn() -> None:
    assert drawn_indices(MANY) == list(range(MANY))
    assert drawn_indices(1000) == [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]
    drawn = arm("a", many(diverged=500), "loss")
    assert drawn is not None
    assert len(drawn.broken) == SHOWN
    assert (drawn.seeds, drawn.failed) == (SEEDS, 500)


@pytest.mark.parametrize(("seeds", "title"), [(5, "each seed"), (SEEDS, "50 and 95 % of seeds")])
def test_the_final_values_beside_a_curve(seeds: int, title: str) -> None:
    from matplotlib.figure import Figure

    with styled():
        figure = Figure()
        axes = figure.add_subplot()
        draw(axes, "val_accuracy", ends({"a": many(seeds)}, "val_accuracy"), {"a": THEMES[0]})
        content = svg(figure).decode()
    assert title in content
    assert len(content) < 30_000


def test_values_in_the_details() -> None:
    from reports.sections.details import _values

    text = _values([float(value) for value in RNG.normal(0.98, 0.001, SEEDS)] + [None], "fraction")
    assert re.fullmatch(r"quantiles 2\.5 %: 0\.978\d, 25 %: 0\.979\d, 50 %: 0\.9\d+, .*; 1 without a value", text)
    assert _values([None] * 200, "fraction") == "200 without a value"
    assert _values([0.5, None], "fraction") == "0.5000, –"
    assert quantiles([1.0]) == [1.0] * 5
