"""The installed package, where there is no clone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.record.run import read_run
from harness.record.run_file import latest_run
from tests.suite.command import PLAIN, ROOT, environment


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, built and installed by pip, within a git repository of another project."""
    project = tmp_path_factory.mktemp("course")
    identity = ["-c", "user.name=x", "-c", "user.email=x"]
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], cwd=project, check=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(project / "site"), str(ROOT)]
    subprocess.run(pip, check=True)
    return project / "site"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "said"), [("suite", "Nothing moved: 2 trainings"), ("suite.test_exact", "3 claims: 3 supported")]
)
def test_an_installed_package_checks_the_lecture_in_an_empty_folder(site, target, said, tmp_path):
    selected = ["--pyargs", target, "--backend", "jax", "-k", "minmax", "-m", "exact or training"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *selected, *PLAIN],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(site)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    assert "claims: check against the evidence, backend jax" in done.stdout
    assert said in done.stdout
    assert "warning" not in done.stdout
    page = (tmp_path / "reports" / "out" / "index.html").read_text("utf-8")
    assert "pytest --pyargs suite -k minmax-table" in page
    assert "pytest suite/" not in page
    run = read_run(latest_run(tmp_path / "reports" / "out" / "runs"))
    assert run.header.commit is None
    assert run.claims.keys() >= {"minmax-table"}


@pytest.mark.slow
def test_an_installed_package_reports_the_evidence_in_an_empty_folder(site, tmp_path):
    command = [sys.executable, "-m", "reports", "--evidence", "tensorflow-cpu"]
    subprocess.run(command, cwd=tmp_path, env=environment(PYTHONPATH=str(site)), check=True)
    folder = tmp_path / "reports" / "out" / "evidence" / "tensorflow-cpu"
    assert (folder / "SUMMARY.md").is_file()
