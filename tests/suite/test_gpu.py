"""--require-gpu with a backend that silently uses the CPU, and the records of the GPU."""

from pathlib import Path

import msgspec
import pytest

from tests.pretend_nvml import NAME, UUID
from tests.suite.command import PLAIN, suite

PRETENDING = (*PLAIN, "-p", "tests.suite.pretend_gpu")
ONE = ("--seeds", "5", "-k", "minmax-fixes")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_gpu_that_is_seen_but_did_not_compute_is_no_gpu(tmp_path: Path, backend: str) -> None:
    platforms = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    run = suite(tmp_path, *ONE, "--backend", backend, "--require-gpu", plugins=PRETENDING, env=platforms)
    assert run.code == 3
    assert "--require-gpu: the trained weights are on the CPU (" in run.output
    assert "example-2/min-max" in run.red
    assert not run.record.trials
    assert set(run.verdicts.values()) <= {"NOT_RUN"}


@pytest.mark.slow
def test_driver_power_state_and_clocks_are_recorded_at_both_ends_and_reported(tmp_path: Path) -> None:
    variables = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "0"}
    run = suite(tmp_path, "-k", "minmax-table", "--backend", "jax", plugins=PRETENDING, env=variables)
    assert run.code == 0
    assert run.record.end is not None
    start, end = run.record.header.gpu, run.record.end.gpu
    assert start is not None
    assert (start.name, start.driver, start.power_state) == (NAME, "570.86.15", "P0")
    assert end is not None
    assert end.power_state == "P2"
    assert run.report["run"]["gpu"] == msgspec.to_builtins(start)
    assert run.report["end"]["gpu"] == msgspec.to_builtins(end)
    text = (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    assert "| power state | P0 | P2 |" in " ".join(text.split())
    assert UUID not in text
