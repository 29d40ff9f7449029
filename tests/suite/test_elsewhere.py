"""A copy of the suite with a damaged MNIST file, run from another folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.data.mnist import PATH
from tests.suite.command import JAX, checkout_in, suite

NEEDS_MNIST = {"mnist-facts", "mnist-preparation", "mnist-softmax-curve"}
SELECTED = "mnist-facts or mnist-preparation or mnist-softmax-curve or raw-data or minmax-table"


@pytest.mark.slow
def test_what_needs_a_damaged_file_is_not_run_and_red_and_the_others_run(tmp_path: Path) -> None:
    """Of a copy of the code below a path with spaces and Korean letters. Its mnist.npz is truncated."""
    copy, away, folder = tmp_path / "딥러닝 강의 2" / "my copy", tmp_path / "away", tmp_path / "결과 폴더"
    checkout_in(copy)
    (copy / "cases" / "data" / "mnist.npz").write_bytes(PATH.read_bytes()[:5_000_000])
    away.mkdir()
    run = suite(folder, *JAX, "-k", SELECTED, cwd=away, target=str(copy / "suite"))
    assert run.code == 3  # nothing has moved: it could not be run
    assert {key for key, verdict in run.verdicts.items() if verdict == "NOT_RUN"} == NEEDS_MNIST
    red = {line.split("[")[1].split("]")[0] for line in run.output.splitlines() if line.startswith("FAILED ")}
    assert red == {*NEEDS_MNIST, "example-3/softmax"}
    lines = [line for line in run.output.splitlines() if "Invalid MNIST file" in line]
    assert len(lines) > len(NEEDS_MNIST)
    for line in lines:
        assert "my copy/cases/data/mnist.npz" in line
        assert "git checkout -- cases/data/mnist.npz" in line
    assert "3 without a result" in run.output
    assert run.verdicts["raw-data-diverges"] == run.verdicts["minmax-table"] == "SUPPORTED"
    assert run.states == {"example-2/raw": "new"}
    assert f"report: {folder / 'report' / 'REPORT.md'}" in run.output
    # pytest-benchmark makes its own folder wherever it is started
    assert {path.name for path in away.iterdir()} <= {".benchmarks"}
