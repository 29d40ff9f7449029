"""``--dry-run`` lists the trainings and their times. It imports no backend, trains nothing and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suite.command import Finished, suite
from tests.suite.conftest import BROAD, JAX


@pytest.fixture(scope="module")
def dry(copied: Callable[[str], Path]) -> Finished:
    """A dry run of experiments with stored trials, and of Example 1, which has none."""
    return suite(copied("dry"), *JAX, "-k", f"{BROAD} or example-1", "--dry-run", "--workers", "2")


def rows_of(run: Finished) -> dict[str, list[str]]:
    """The cells of each row of the printed table, by training."""
    rows = [re.split(r" {2,}", line.strip()) for line in run.output.splitlines()]
    return {name: cells for name, *cells in rows if "/" in name and cells}


def test_it_lists_every_training_and_the_time_it_takes(dry: Finished) -> None:
    assert dry.code == 0
    rows = rows_of(dry)
    assert rows["example-2/raw"][:2] == ["5", "10"]
    assert re.fullmatch(r"\d+\.\d s", rows["example-2/raw"][2])
    assert rows["example-1/rate 0.1"] == ["5", "200", "unknown"]
    assert "12 variants, 60 trials to the end, " in dry.output
    assert "on 2 workers, as stored for jax-cpu" in dry.output
    assert "5 of them have no stored time for jax-cpu" in dry.output
    assert dry.output.splitlines()[-1] == "dry run: nothing was trained, and nothing written"
