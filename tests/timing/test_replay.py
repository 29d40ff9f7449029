"""Rounds measured elsewhere appear in pytest-benchmark's JSON, with the installed version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

TEST = """
import pytest
from suite.session.timing import replay

@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_it(engine, request):
    rounds = [0.25, 0.125, 0.5] if engine == "fit" else [0.001]
    replay(request, "softmax", rounds, {"engine": engine})
"""
Run = Callable[..., tuple[int, str, list[Any]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A session of its own in this process: its exit code, its output, and the rows."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # pytest-benchmark measures nothing in a worker of xdist

    def run(*options: str) -> tuple[int, str, list[Any]]:
        (tmp_path / "test_it.py").write_text(TEST)
        out = tmp_path / "out.json"
        alone = ("-c", "/dev/null", f"--rootdir={tmp_path}", "--import-mode=importlib", "-p", "no:cacheprovider")
        code = pytest.main(["-q", str(tmp_path), *alone, f"--benchmark-json={out}", *options])
        rows = json.loads(out.read_text())["benchmarks"] if out.exists() and out.stat().st_size else []
        return int(code), capsys.readouterr().out, rows

    return run


def test_the_entry_has_the_rounds(run: Run) -> None:
    code, said, rows = run("-W", "error")
    assert code == 0, said
    fit, compiled = sorted(rows, key=lambda row: -row["stats"]["rounds"])
    stats = {name: fit["stats"][name] for name in ("data", "rounds", "iterations", "median")}
    assert stats == {"data": [0.25, 0.125, 0.5], "rounds": 3, "iterations": 1, "median": 0.25}
    assert (fit["group"], fit["name"]) == ("softmax", "test_it[fit]")
    assert fit["extra_info"] == {"engine": "fit"}
    assert fit["options"]["timer"] == "rounds in alternation"
    assert compiled["stats"]["data"] == [0.001]


def test_switched_off_it_measures_nothing(run: Run) -> None:
    code, said, rows = run("--benchmark-disable")
    assert (code, rows) == (0, []), said


def test_a_version_that_reads_its_timer_otherwise_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = BenchmarkFixture._make_stats

    def reads_once_more(self: Any, iterations: int) -> Any:
        self._timer()
        return plain(self, iterations)

    monkeypatch.setattr(BenchmarkFixture, "_make_stats", reads_once_more)
    code, said, _ = run()
    assert code == 0
    assert "read its timer 7 times instead of 6" in said
