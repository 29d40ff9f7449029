"""A read-only checkout: a message names the option for another folder, and with that option nothing else differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robustness.conftest import JAX
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import Finished, checkout_in, environment, trials

pytestmark = [pytest.mark.slow, NEEDS_WEAK]


def run(checkout: Path, cwd: Path, *options: str) -> tuple[int, str]:
    """`pytest <checkout>/suite` as a reader would type it, with every plugin but the shuffling one."""
    command = [
        *AS_ANYBODY,
        sys.executable,
        "-m",
        "pytest",
        str(checkout / "suite"),
        "-p",
        "no:randomly",
        *JAX,
        "--full",
        *options,
    ]
    variables = environment()
    variables.pop("PYTHONPYCACHEPREFIX", None)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    done = subprocess.run(command, cwd=cwd, env=variables, timeout=300, check=False, **streams)
    assert "Traceback" not in done.stdout
    assert "INTERNALERROR" not in done.stdout
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, plain: Finished) -> Iterator[Path]:
    """A copy of the code, with the plain run's evidence, that nobody may write to."""
    copy = tmp_path_factory.mktemp("read only") / "checkout"
    checkout_in(copy)
    shutil.copytree(plain.folder / "baselines", copy / "baselines", dirs_exist_ok=True)
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield copy
    for folder in folders:
        folder.chmod(0o755)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_default_report_folder_is_refused(checkout: Path, tmp_path: Path) -> None:
    before = files(checkout)
    code, output = run(checkout, tmp_path, "-k", "raw-data")
    assert code == 4
    (error,) = [line for line in output.splitlines() if line.startswith("ERROR: ")]
    assert f"Cannot write the report to {checkout}/reports/out/runs: Permission denied." in error
    assert "--report-dir" in error
    assert "warning" not in output.lower()
    assert files(checkout) == before


def test_storing_baselines_there_is_refused_before_training(checkout: Path, tmp_path: Path) -> None:
    code, output = run(checkout, checkout, "-k", "raw-data", "--report-dir", str(tmp_path), "--update-baselines", "x")
    assert code == 4
    (error,) = [line for line in output.splitlines() if line.startswith("ERROR: ")]
    assert f"Cannot write evidence to {checkout}/baselines/jax-cpu: Permission denied." in error
    assert "--baseline-dir" in error
    assert not list(tmp_path.rglob("*.jsonl"))


def test_with_another_report_folder_nothing_is_different(checkout: Path, tmp_path: Path, plain: Finished) -> None:
    """From the checkout itself, where every plugin would like to put its cache."""
    before = files(checkout)
    code, output = run(checkout, checkout, "-k", "raw-data or minmax-table", "--report-dir", str(tmp_path / "report"))
    found = Finished(code, output, tmp_path)
    assert code == 0
    assert found.states == {"example-2/raw": "identical"}
    assert trials(found.record)["example-2/raw"] == trials(plain.record)["example-2/raw"]
    assert "warning" not in output.lower()
    assert files(checkout) == before


def test_from_another_folder_that_cannot_be_written(checkout: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir(mode=0o555)
    code, output = run(checkout, away, "-m", "exact", "--report-dir", os.path.relpath(tmp_path / "report", away))
    assert code in (0, 3)  # without MNIST some exact claims cannot be run
    assert "1 identical" not in output
    assert "warning" not in output.lower()
    assert (tmp_path / "report" / "REPORT.md").exists()
    assert not list(away.iterdir())
