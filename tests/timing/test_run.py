"""A timing run from the command line, on JAX."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reports.markdown import section
from tests.suite.command import Finished, suite

pytestmark = pytest.mark.slow

COMMAND = ("--backend", "jax", "-m", "timing", "-k", "rate", "--engine", "compiled", "-rs")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return suite(tmp_path_factory.mktemp("timing"), *COMMAND)


def test_the_engine_that_was_left_out_is_skipped_with_a_reason(finished: Finished) -> None:
    assert finished.code == 0
    assert "1 passed, 1 skipped" in finished.output
    assert "--engine compiled leaves 'fit' out" in finished.output


def test_record_benchmark_and_report_agree(finished: Finished) -> None:
    [record] = finished.record.timings.values()
    assert (record.work, record.engine, record.epochs) == ("example-1/rate 0.1", "compiled", 200)
    assert len(record.rounds) >= 3
    path = finished.folder / "report"
    [entry] = json.loads((path / "benchmark.json").read_text("utf-8"))["benchmarks"]
    assert entry["stats"]["data"] == list(record.rounds)
    assert entry["extra_info"]["images_per_second"] == record.images_per_second
    assert entry["extra_info"]["baseline"] == "new"
    assert list(finished.record.peaks) == ["before", "after example-1/rate 0.1"]
    assert "`example-1/rate 0.1`" in section((path / "REPORT.md").read_text("utf-8"), "Timing runs")


def test_nothing_is_stored_unasked(finished: Finished) -> None:
    assert not [name for name in finished.files() if Path(name).parts[0] == "timing"]
