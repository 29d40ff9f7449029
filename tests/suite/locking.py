"""A plugin for ``-p``: from the first finished item on another connection has the SQLite store for itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from harness.store import database
from suite.recording import FILE

database.PATIENCE = 0.1  # type: ignore[assignment] # seconds, so that the test does not wait for long


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Locking(Path(config.getoption("--report-dir"))))


class Locking:
    def __init__(self, reports: Path) -> None:
        self._reports = reports
        self._other: sqlite3.Connection | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._other is None and report.when == "call":
            self._other = sqlite3.connect(self._reports / FILE)
            self._other.execute("BEGIN EXCLUSIVE")
