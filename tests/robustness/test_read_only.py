"""A read-only checkout: a message names the option for another folder, and with that option nothing else differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import JAX, Finished, checkout_in, environment, trials, undisturbed

pytestmark = [pytest.mark.slow, NEEDS_WEAK]


def run(checkout: Path, cwd: Path, report: Path, *options: str) -> Finished:
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
    ]
    variables = environment()
    variables.pop("PYTHONPYCACHEPREFIX", None)
    before = files(checkout)
    done = subprocess.run(
        [*command, *options], cwd=cwd, env=variables, timeout=300, check=False, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert "warning" not in done.stdout.lower()
    assert files(checkout) == before
    return undisturbed(Finished(done.returncode, done.stdout, report))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


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


@pytest.mark.parametrize(
    ("options", "said", "fix"),
    [
        ((), "the report to {}/reports/out/runs: Permission denied.", "--report-dir"),
        (("--update-baselines", "x"), "evidence to {}/baselines/jax-cpu: Permission denied.", "--baseline-dir"),
    ],
)
def test_what_cannot_be_written_there_is_refused_before_training(
    options: tuple[str, ...], said: str, fix: str, checkout: Path, tmp_path: Path
) -> None:
    elsewhere = ("--report-dir", str(tmp_path)) if options else ()
    done = run(checkout, checkout if options else tmp_path, tmp_path, "-k", "raw-data", *elsewhere, *options)
    assert done.code == 4
    (error,) = [line for line in done.output.splitlines() if line.startswith("ERROR: ")]
    assert f"Cannot write {said.format(checkout)}" in error
    assert fix in error
    assert not list(tmp_path.rglob("*.jsonl"))


def test_with_another_report_folder_nothing_is_different(checkout: Path, tmp_path: Path, plain: Finished) -> None:
    """From the checkout itself, where every plugin would like to put its cache."""
    report = ("--report-dir", str(tmp_path / "report"))
    done = run(checkout, checkout, tmp_path, "-k", "raw-data or minmax-table", *report)
    assert done.code == 0
    assert done.states == {"example-2/raw": "identical"}
    assert trials(done.record)["example-2/raw"] == trials(plain.record)["example-2/raw"]


def test_from_another_folder_that_cannot_be_written(checkout: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir(mode=0o555)
    done = run(checkout, away, tmp_path, "-m", "exact", "--report-dir", os.path.relpath(tmp_path / "report", away))
    assert done.code in (0, 3)  # without MNIST some exact claims cannot be run
    assert "1 identical" not in done.output
    assert (tmp_path / "report" / "REPORT.md").exists()
    assert not list(away.iterdir())
