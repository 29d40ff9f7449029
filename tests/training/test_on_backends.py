"""Runs the tests of ``on_backend/`` in a process per backend: TensorFlow always, JAX and PyTorch with slow tests.

On TensorFlow alone the slow ones of these tests are left out.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.training.conftest import JAX, ROOT, TORCH, environment, hostile_home

FOLDER = Path(__file__).with_name("on_backend")
FILES = sorted(path.stem for path in FOLDER.glob("check_*.py"))


PARTS = ["tensorflow", pytest.param("tensorflow slow", marks=pytest.mark.slow), JAX, TORCH]


class Results:
    """By file, the tests that failed, each with its error; and what they recorded."""

    def __init__(self, part: str, files: Sequence[str], folder: Path) -> None:
        backend, _, only = part.partition(" ")
        chosen = "slow" if only else "not slow" if backend == "tensorflow" else "slow or not slow"
        report, record = folder / "junit.xml", folder / "record.json"
        options = ["-o", "python_files=check_*.py", "-p", "no:randomly", "-q", "-m", chosen, f"--junit-xml={report}"]
        chosen_files = [str(FOLDER / f"{name}.py") for name in files]
        command = [sys.executable, "-m", "pytest", *chosen_files, *options]
        variables = environment(BACKEND=backend, RECORD=str(record), HOME=str(hostile_home(folder / "home")))
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1, 5), done.stdout[-3000:] + done.stderr[-3000:]
        self.failed: dict[str, list[str]] = {name: [] for name in FILES}
        self.record: dict[str, Any] = json.loads(record.read_text("utf-8")) if record.exists() else {}
        for case in ElementTree.parse(report).iter("testcase"):
            for error in (*case.iter("failure"), *case.iter("error")):
                name = case.attrib["classname"].rpartition(".")[2]
                self.failed[name].append(f"{case.attrib['name']}: {error.text}")


RECORDED = {
    "test_digests_are_equal_on_every_backend": "check_configuration",
    "test_canonical_trials_are_equal_on_every_backend": "check_short",
}
"""The files whose records a test compares with TensorFlow's."""


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Results]:
    """By part the results of those files that the selected tests need."""
    needed: dict[str, set[str]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path == Path(__file__):
            part, recorded = item.callspec.params["part"], RECORDED.get(item.originalname)
            needed.setdefault(part, set()).add(recorded or item.callspec.params["name"])
            if recorded:
                needed.setdefault("tensorflow", set()).add(recorded)
    return functools.cache(lambda part: Results(part, sorted(needed[part]), tmp_path_factory.mktemp("results")))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", FILES)
def test_on_backend(results: Callable[[str], Results], part: str, name: str) -> None:
    failed = results(part).failed[name]
    assert not failed, "\n\n".join(failed)


@pytest.mark.parametrize("part", [JAX, TORCH])
def test_digests_are_equal_on_every_backend(results: Callable[[str], Results], part: str) -> None:
    assert results(part).record["digests"] == results("tensorflow").record["digests"]


@pytest.mark.parametrize("part", [JAX, TORCH])
def test_canonical_trials_are_equal_on_every_backend(results: Callable[[str], Results], part: str) -> None:
    """But for float32 sums of 784 products, 4 steps long."""
    here, tensorflow = (results(backend).record for backend in (part, "tensorflow"))
    for variant in ("dropout", "batch norm"):
        assert here[f"canonical {variant}"] == pytest.approx(tensorflow[f"canonical {variant}"], rel=1e-5)
        assert here[f"observed {variant}"] == tensorflow[f"observed {variant}"]
