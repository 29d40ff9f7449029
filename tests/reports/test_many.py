"""Hundreds of seeds: the report stays small, and says what it shows in place of each seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.domain.trial import Divergence, Seconds, Trial
from harness.record.run import Run
from reports.figures import slide_and_seeds
from reports.figures.curves import curve_of
from reports.figures.many import FEW, MANY, band, band_text, quantiles
from tests.reports.synthetic import HEADER, claim, experiment, published

SEEDS = 1024


def many(seeds: int = SEEDS, diverged: int = 0) -> list[Trial]:
    rng, found = np.random.default_rng(0), []
    for seed in range(seeds):
        accuracy = [0.9, 0.95, 0.98 + 0.001 * float(rng.standard_normal())]
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
    assert band_text(FEW) == "thin lines: the seeds"
    assert band_text(MANY) == "band: from the smallest to the largest seed"
    assert band_text(MANY + 1) == "band: the middle 95 % of the seeds"


def test_of_many_that_diverged_some_are_kept() -> None:
    mixed, lost = curve_of("a", many(diverged=500), "loss"), curve_of("a", many(diverged=SEEDS), "loss")
    assert mixed is not None
    assert lost is not None
    assert (len(mixed.seeds), len(mixed.failed), len(lost.failed)) == (0, 0, FEW)


@pytest.mark.parametrize(("seeds", "said"), [(5, "Dot: a seed;"), (SEEDS, "bar: the middle 50 and 95 % of the seeds")])
def test_the_slides_figure_among_few_and_many_seeds(seeds: int, said: str) -> None:
    names = ["a", "b", "c"]
    record = experiment("deep", names)
    figures = tuple(published(name, "0.9815") for name in names)
    run = Run(
        Path("run"),
        HEADER,
        {"deep": record},
        claims={"x": claim("x", "SUPPORTED", experiment="deep", published=figures)},
    )
    drawn = slide_and_seeds.picture(run, record, {name: many(seeds) for name in names})
    assert drawn is not None
    assert said in drawn.caption
    assert len(drawn.content) < 30_000


def test_quantiles_of_one_value() -> None:
    assert quantiles([1.0]) == [1.0] * 5
