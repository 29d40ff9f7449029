"""The tutorial's commands in an empty environment, from the built wheel; and the source distribution."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.suite.command import ROOT, environment

PAGE = (ROOT / "docs" / "training.md").read_text("utf-8")
PARTS = re.compile(r"In `([\w.]+)`:\n\n```python\n(.*?)```|```sh\n(.*?)```", re.DOTALL)


def shell(command: str, folder: Path, **variables: str) -> tuple[int, str]:
    env = environment(**variables)
    whole = ["bash", "-c", f"exec 2>&1; {command}"]
    done = subprocess.run(whole, cwd=folder, env=env, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions in ``dist/``."""
    folder = tmp_path_factory.mktemp("project")
    build = f"{sys.executable} -m pip wheel -q --no-deps --wheel-dir dist {ROOT}"
    code, said = shell(build, folder)
    assert code == 0, said
    return folder


@pytest.mark.slow
def test_the_wheel_has_the_plugin_and_no_published_reports(folder: Path) -> None:
    [wheel] = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        [metadata] = [file.read(name).decode() for name in names if name.endswith("/METADATA")]
        [points] = [file.read(name).decode() for name in names if name.endswith("/entry_points.txt")]
    assert {"lecture_claims.py", "suite/checks.py", "harness/anyone/training.py"} <= set(names)
    assert not [name for name in names if name.startswith(("reports/published", "tests", "benchmarks", "examples"))]
    assert "[pytest11]\nlecture_claims = lecture_claims" in points
    for text in (
        "Classifier: Framework :: Pytest",
        "Classifier: Programming Language :: Python :: 3.14",
        "Requires-Python: >=3.11",
    ):
        assert text in metadata


@pytest.mark.slow
def test_the_tutorial_runs_in_an_empty_environment(folder: Path) -> None:
    """Each command does what its remark says: "fails: …" with these words, else it passes.

    WHEEL_PYTHON: the Python of that environment, if another.
    """
    exported = dict[str, str]()
    for name, code, commands in PARTS.findall(PAGE):
        if name:
            (folder / name).write_text(code, "utf-8")
        for line in commands.splitlines():
            command, _, fails = line.partition("  # fails: ")
            if command.startswith("export "):
                variable, _, value = command.removeprefix("export ").partition("=")
                exported[variable] = value
                continue
            python = os.environ.get("WHEEL_PYTHON", sys.executable)
            command = command.replace("python -m venv", f"{python} -m venv")
            status, said = shell(command, folder, **exported)
            assert status == bool(fails), f"{command}\n{said}"
            assert fails.lower() in said.lower(), f"{command}\n{said}"
            if fails.startswith("training loss"):
                assert re.search(r"step of Adam of Dense \d (kernel|bias): 1 % larger than its formula", said), said
    sizes = {path.name: os.path.getsize(path) for path in folder.rglob("*.training/**/*.json")}
    assert sizes["test-my-model.json"] < 12_000
    assert sizes["test-care-helps.json"] < 3_000


@pytest.mark.slow
def test_the_source_distribution_builds_the_same_wheel(folder: Path) -> None:
    """It needs the builder that pyproject.toml names, in an environment of its own."""
    build = f"{sys.executable} -m venv build && build/bin/python -m pip install -q build && "
    build += f"build/bin/python -m build -q --outdir both {ROOT}"
    code, said = shell(build, folder)
    assert code == 0, said
    [archive], [wheel] = (folder / "both").glob("*.tar.gz"), (folder / "both").glob("*.whl")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "lecture_claims.py"} <= names
    with zipfile.ZipFile(wheel) as built, zipfile.ZipFile(next((folder / "dist").glob("*.whl"))) as known:
        assert set(built.namelist()) == set(known.namelist())
