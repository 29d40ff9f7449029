"""A real measurement, and a timing run from the command line, on JAX."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.record.timings import Measurement
from tests.reports.markdown import section
from tests.suite.command import suite
from tests.training.conftest import printed

pytestmark = pytest.mark.slow
MEASURED = """
import msgspec
from harness.training.backend import choose_backend, start_backend
choose_backend("jax")
start_backend()
from cases.examples.learning_rate import EIGHT_POINTS
from harness.timing.measure import measure, sized
from tests.make import measurement
origin = measurement([1.0]).provenance
times = measure(sized(EIGHT_POINTS, 5), "rate 0.1", ("fit", "compiled"), origin, seconds=0.0, min_turns=1)
print(msgspec.json.encode(times).decode())
"""


def test_both_engines_are_timed() -> None:
    times = msgspec.json.decode(printed(MEASURED).splitlines()[-1], type=dict[str, Measurement])
    fit, compiled = times["fit"], times["compiled"]
    assert (fit.fit, compiled.fit) == (None, fit.fastest)
    assert (fit.epochs, fit.images) == (5, 8)
    assert fit.fastest > compiled.fastest > 0
    assert fit.compile
    assert (fit.first_epoch or 0) > fit.compile > 0
    assert compiled.first_epoch is None
    assert (compiled.first_training or 0) > (compiled.compile or 0) > (compiled.training or 0) > 0
    assert fit.trained_on == compiled.trained_on
    assert fit.trained_on.startswith("cpu: ")


def test_record_benchmark_and_report_agree(tmp_path: Path) -> None:
    finished = suite(tmp_path, "--backend", "jax", "-m", "timing", "-k", "rate", "--engine", "compiled", "-rs")
    assert finished.code == 0
    assert "1 passed, 1 skipped" in finished.output
    assert "--engine compiled leaves 'fit' out" in finished.output
    [record] = finished.record.timings.values()
    assert (record.case, record.measured.epochs) == ("example-1/rate 0.1/compiled", 200)
    assert len(record.measured.rounds) >= 3
    path = finished.folder / "report"
    [entry] = json.loads((path / "benchmark.json").read_text("utf-8"))["benchmarks"]
    assert entry["stats"]["data"] == list(record.measured.rounds)
    assert entry["extra_info"]["images"] == 8
    assert entry["extra_info"]["baseline"] == "new"
    assert "`example-1/rate 0.1`" in section((path / "REPORT.md").read_text("utf-8"), "Timing runs")
    assert not [name for name in finished.files() if Path(name).parts[0] == "timing"]  # nothing is stored unasked
