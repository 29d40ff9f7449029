"""Rounds measured elsewhere appear in pytest-benchmark's JSON, with the installed version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.suite.command import ROOT, environment

TEST = """
import pytest
from suite.session.rows import replay

@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_it(engine, request):
    rounds = [0.25, 0.125, 0.5] if engine == "fit" else [0.001]
    replay(request, "softmax", rounds, {"engine": engine})
"""


def run(folder: Path, *options: str) -> tuple[int, str, list[Any]]:
    (folder / "test_it.py").write_text(TEST)
    given = ["-q", str(folder), "-c", "/dev/null", "--benchmark-json=out.json", *options]
    command = [sys.executable, "-m", "pytest", *given]
    env = environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    path = folder / "out.json"
    held = json.loads(path.read_text())["benchmarks"] if path.exists() and path.stat().st_size else []
    return done.returncode, done.stdout, held


def test_the_entry_has_the_rounds(tmp_path: Path) -> None:
    code, said, held = run(tmp_path, "-W", "error")
    assert code == 0, said
    fit, compiled = sorted(held, key=lambda entry: -entry["stats"]["rounds"])
    assert fit["stats"]["data"] == [0.25, 0.125, 0.5]
    assert fit["stats"]["rounds"] == 3
    assert fit["stats"]["iterations"] == 1
    assert fit["stats"]["median"] == 0.25
    assert (fit["group"], fit["name"]) == ("softmax", "test_it[fit]")
    assert fit["extra_info"] == {"engine": "fit"}
    assert fit["options"]["timer"] == "rounds in alternation"
    assert compiled["stats"]["data"] == [0.001]


def test_switched_off_it_measures_nothing(tmp_path: Path) -> None:
    code, said, held = run(tmp_path, "--benchmark-disable")
    assert (code, held) == (0, []), said


def test_a_version_that_reads_its_timer_otherwise_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from pytest_benchmark.fixture import BenchmarkFixture as B\n"
        "plain = B._make_stats\n"
        "def reads_once_more(self, iterations):\n"
        "    self._timer()\n"
        "    return plain(self, iterations)\n"
        "B._make_stats = reads_once_more\n"
    )
    code, said, _ = run(tmp_path)
    assert code == 0
    assert "read its timer 7 times instead of 6" in said
