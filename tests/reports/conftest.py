"""One full run, written and reported once for all tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.write import write_report
from tests.reports.full import full_run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of the full synthetic run."""
    out = tmp_path_factory.mktemp("reports")
    write_report(full_run(out), out)
    return out


@pytest.fixture(scope="session")
def text(folder: Path) -> str:
    return (folder / "REPORT.md").read_text(encoding="utf-8")
