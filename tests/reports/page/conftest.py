"""A headless Chromium, and pages to open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.reports.page import runs

NEEDED = "SUITE_NEED_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--in-process-gpu", "--renderer-process-limit=1")
"""One process for all pages, and none for a GPU: the tests take less of the processor."""
ADVICE = "no Chromium: install the program (Debian: apt-get install chromium fonts-dejavu-core)"

Opener = Callable[..., Page]
Launch = Callable[..., Browser]


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


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with everything."""
    folder = tmp_path_factory.mktemp("full")
    run = runs.everything(folder)
    return runs.write(run, folder, runs.over_weeks(run))


@pytest.fixture
def opened(browser: Browser, full: Path) -> Iterator[Opener]:
    """Opens a page (by default the full one) in a new window. Afterwards no window may have complained or asked the
    network for anything."""
    contexts, faults = [], []

    def only_files(route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            faults.append(f"request to {route.request.url[:100]}")
            route.abort()

    def opens(
        address: str = "", *, path: Path = full, width: int = 1280, height: int = 900, theme: str = "light", **more: Any
    ) -> Page:
        script = more.pop("script", "")
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce", **more
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.route("**/*", only_files)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("console", lambda message: faults.append(f"console: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.goto(path.as_uri() + address)
        return page

    yield opens
    for context in contexts:
        context.close()
    assert faults == []
