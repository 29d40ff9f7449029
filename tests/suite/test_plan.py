"""``--dry-run`` lists the trainings and their times. It imports no backend, trains nothing and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suite.command import CHECK, ROOT, TINY, Finished, suite
from tests.suite.conftest import BROAD, CHECKED, JAX


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


def test_a_check_trains_tiny_trainings_to_the_end_and_what_is_not_stored_not_at_all(
    copied: Callable[[str], Path],
) -> None:
    run = suite(copied("checked"), *CHECKED, "-k", f"{TINY} or example-1", "--dry-run")
    assert run.code == 0
    rows = rows_of(run)
    assert rows["example-2/raw"][:3] == ["–", "10", "10"]
    assert rows["example-1/rate 0.1"] == ["–", "0", "200", "–"]
    assert "7 variants, 0 shortened trials, 20 trials to the end, " in run.output
    assert "no stored time" not in run.output


def test_a_run_names_the_claims_that_its_seeds_cannot_support(tmp_path: Path) -> None:
    few = suite(tmp_path, *JAX, "--full", "--seeds", "29", "-k", "tips-softmax or tips-dropout-helps", "--dry-run")
    assert "These claims cannot be supported with so few seeds. They take at least: tips-softmax 30." in few.output
    enough = suite(tmp_path, *JAX, "--full", "--seeds", "30", "-k", "tips-softmax", "--dry-run")
    assert "cannot be supported" not in enough.output


def test_it_writes_nothing(dry: Finished) -> None:
    assert not (dry.folder / "report").exists()


def test_it_imports_no_backend(tmp_path: Path) -> None:
    (tmp_path / "forbidden.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('keras', 'tensorflow', 'jax', 'torch'): raise RuntimeError(f'{name} is imported')\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    run = suite(
        tmp_path, *JAX, "-k", TINY, "--dry-run", "-p", "forbidden", env={"PYTHONPATH": str(tmp_path)}, anew=True
    )
    assert run.code == 0
    assert "2 variants, 10 trials to the end, 5 claims" in run.output


def test_the_whole_catalogue_has_stored_times(tmp_path: Path) -> None:
    run = suite(tmp_path, CHECK, "--dry-run", "--baseline-dir", str(ROOT / "baselines"))
    assert run.code == 0
    assert "unknown" not in run.output
    assert "as stored for tensorflow-cpu" in run.output
