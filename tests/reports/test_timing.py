"""The report of timing runs beside claims, killed, and from a damaged record; golden/timing has one of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.lecture import TITLE
from harness.errors import SuiteError
from reports.words import escape
from reports.write import write_report
from tests.make import timed
from tests.reports.full import deep, timing
from tests.reports.markdown import headings
from tests.reports.synthetic import Recorder


def test_beside_claims_it_is_a_section_after_the_times(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    deep(run)
    timing(run)
    text = write_report(run.end(), tmp_path).read_text("utf-8")
    names = headings(text)
    assert names.index("Timing runs") == names.index("Time") + 1
    assert text.startswith(f"# {escape(TITLE)}: claims on TensorFlow")


def test_a_killed_timing_run_is_partial(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    timing(run)
    assert "**Partial run.**" in write_report(run.close(), tmp_path).read_text("utf-8")


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(timed("a", (0.25,)))
    path = run.end()
    path.write_bytes(path.read_bytes().replace(b'"rounds":[0.25]', b'"rounds":["quick"]'))
    with pytest.raises(SuiteError, match=r"line 2 of .*\$\.measured\.rounds\[0\]"):
        write_report(path, tmp_path)
