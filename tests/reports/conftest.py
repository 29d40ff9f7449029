"""One full run, written and reported once for all tests that only read it, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import made_up

NEEDED = "SUITE_NEED_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--in-process-gpu", "--renderer-process-limit=1")
"""One process for all pages, and none for a GPU: the tests take less of the processor."""
ADVICE = "no Chromium: install the program (Debian: apt-get install chromium fonts-dejavu-core)"

Launch = Callable[..., Browser]


@pytest.fixture(scope="module", autouse=True)
def lecture() -> Iterator[None]:
    """A module begins with what the lecture has and nothing else, and leaves no more to other tests of the process."""
    with made_up():
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of the full synthetic run."""
    out = tmp_path_factory.mktemp("reports")
    with made_up():
        write_report(full_run(out), out)
    return out


@pytest.fixture(scope="session")
def text(folder: Path) -> str:
    return (folder / "REPORT.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def launch() -> Iterator[Launch]:
    """Starts Chromium of the distribution with further options.

    Without it a test is skipped; with SUITE_NEED_CHROMIUM set, as in .ci/run, it fails.
    """
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get(NEEDED):
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    with sync_playwright() as playwright:
        started = []

        def starts(*options: str) -> Browser:
            started.append(playwright.chromium.launch(executable_path=program, args=[*OPTIONS, *options]))
            return started[-1]

        yield starts
        for one in started:
            one.close()


@pytest.fixture(scope="session")
def browser(launch: Launch) -> Browser:
    return launch()
