"""One full run, written and reported once for all tests that only read it, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.write import write_report
from tests.reports.full import full_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path(os.environ.get("SUITE_CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of the full synthetic run."""
    out = tmp_path_factory.mktemp("reports")
    write_report(full_run(out), out)
    return out


@pytest.fixture(scope="session")
def text(folder: Path) -> str:
    return (folder / "REPORT.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium, headless. Without it the tests are skipped, or fail with SUITE_NEED_CHROMIUM=1."""
    if not CHROMIUM.exists():
        absent = f"no Chromium at {CHROMIUM}: install the distribution's package chromium, or set SUITE_CHROMIUM"
        if os.environ.get("SUITE_NEED_CHROMIUM"):
            pytest.fail(absent)
        pytest.skip(absent)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
