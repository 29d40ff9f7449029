"""Exit codes: one for each way in which a run can end, as docs/running.md lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.session.end import REWRITTEN
from tests.suite.command import ROOT, Finished, suite
from tests.suite.conftest import CHECKED, JAX


def test_the_documentation_lists_them() -> None:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    table = text[text.index("| exit code | means |") :]
    assert [int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)] == [0, 1, 2, 3, 4, 5, 6]


def test_all_as_expected(first: Finished) -> None:
    assert first.code == 0


def test_a_run_that_stores_is_never_green(stored: Finished) -> None:
    assert stored.code == REWRITTEN == 6


def test_nothing_selected(tmp_path: Path) -> None:
    assert suite(tmp_path, *JAX, "-m", "errata and exact").code == 5


@pytest.fixture(scope="module")
def unreadable(copied: Callable[[str], Path]) -> Finished:
    """A check with one file of evidence that cannot be read. Nothing has moved."""
    folder = copied("unreadable")
    (folder / "baselines" / "jax-cpu" / "example-2.json").write_text("{", "utf-8")
    return suite(folder, *CHECKED, "-k", "raw-data or minmax-table")


def test_what_could_not_be_read_is_an_error_and_no_regression(unreadable: Finished) -> None:
    assert unreadable.code == 3
    assert unreadable.red == {"example-2/raw", "raw-data-diverges"}


@pytest.fixture(scope="module")
def both(copied: Callable[[str], Path]) -> Finished:
    """A run to the end with a file of evidence that cannot be read, and a flipped verdict."""
    folder = copied("both")
    stack = folder / "baselines" / "jax-cpu"
    (stack / "example-2.json").write_text("{", "utf-8")
    exact = (stack / "exact.json").read_text("utf-8")
    (stack / "exact.json").write_text(exact.replace('"SUPPORTED"', '"REFUTED"'), "utf-8")
    return suite(folder, *JAX, "-k", "raw-data or minmax-table")


def test_a_regression_beside_an_error_is_a_regression(both: Finished) -> None:
    assert both.code == 1
    assert both.red == {"example-2/raw", "raw-data-diverges", "minmax-table"}


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file replaces the folder for figures during the run."""
    (tmp_path / "spoil.py").write_text(
        "import pytest, shutil, pathlib\n"
        "@pytest.hookimpl(trylast=True)\n"
        "def pytest_runtest_logfinish(nodeid):\n"
        f"    path = pathlib.Path({str(tmp_path / 'report' / 'figures')!r})\n"
        "    if path.is_dir():\n"
        "        shutil.rmtree(path); path.write_text('')\n"
    )
    run = suite(tmp_path, *JAX, "-k", "minmax-table", "-p", "spoil", env={"PYTHONPATH": str(tmp_path)})
    assert run.code == 3
    assert "ERROR: the report could not be written: " in run.output
    assert str(run.record.path) in run.output
