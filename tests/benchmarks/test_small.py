"""``benchmarks.measure_gpu`` on a CPU at its small scale: real processes, trainings and files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu_worker import SCALES
from benchmarks.measure_gpu import ROOT, all_steps, perform
from harness.record.run import TrialDone, decode, read_run
from tests.training.conftest import environment

pytestmark = pytest.mark.slow
STEPS = ("machine", "speed softmax", "fit on jax", "full")


def script(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.measure_gpu", "--out", str(out), "--scale", "small", *arguments]
    how: dict[str, Any] = {"cwd": ROOT, "env": environment(), "capture_output": True, "text": True}
    return subprocess.run(command, timeout=900, check=False, **how)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    done = script(folder, *(part for name in STEPS for part in ("--only", name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == list(STEPS)
    assert all(": done (" in line for line in done.stdout.splitlines()[:-1])
    return folder


def test_every_step_leaves_a_result(out: Path) -> None:
    for step in all_steps("small"):
        if step.name in STEPS and not step.suite:
            record = json.loads(step.file(out).read_text(encoding="utf-8"))
            assert record["device"]["kind"] == "cpu"
            assert record["measured"]
    rows = json.loads((out / "speed-softmax.json").read_text(encoding="utf-8"))["measured"]["rows"]
    assert [row["seeds"] for row in rows] == list(SCALES["small"].replicas)
    assert all(row["ms"] > 0 and row["compile"] > 0 for row in rows)


def test_the_report(out: Path) -> None:
    text = (out / "GPU.md").read_text(encoding="utf-8")
    for part in ("No figure is a result", "fit on jax", "(products, ", "Trained to the end: [the report]"):
        assert part in text
    assert "Not measured: speed two hidden layers" in text


def test_done_is_done(out: Path) -> None:
    again = script(out, "--only", "machine", "--only", "full")
    assert again.returncode == 0
    assert again.stdout.splitlines() == [f"report: {out / 'GPU.md'}"]


def test_evidence_lies_alongside_the_run(out: Path) -> None:
    stored = out / "full-evidence" / "jax-cpu"
    assert [path.name for path in stored.glob("*.json")] == ["example-2.json"]
    assert (out / "full" / "REPORT.md").exists()


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Whenever Ctrl-C comes. Each start is a run of its own; the last has every trial, and none was trained twice."""
    full = next(step for step in all_steps("small") if step.name == "full")
    said = [perform(full, tmp_path, seconds) for seconds in (3.0, 5.0, 120.0)]
    assert said[-1] == "done"
    assert all(each == "done" or each.startswith("stopped") for each in said), said
    runs = sorted((tmp_path / "full" / "runs").glob("*.jsonl"))
    assert {len(done) for done in read_run(runs[-1]).trials.values()} == {5}
    lines = [decode(line) for run in runs for line in run.read_bytes().splitlines()]
    trained = [(*line.key, line.trial.seed) for line in lines if isinstance(line, TrialDone) and not line.reused]
    assert len(trained) == len(set(trained))
