"""Pages to open in the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from harness.course import ROOT
from tests.reports.page import runs
from tests.reports.synthetic import made_up

Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with everything."""
    folder = tmp_path_factory.mktemp("full")
    with made_up():
        run = runs.everything(folder)
        return runs.write(run, folder, runs.over_weeks(run), runs.SAY)


@pytest.fixture
def evidence() -> Path:
    """The page of the stored evidence, as it is published: without charts."""
    return ROOT / "reports" / "published" / "evidence-tensorflow-cpu" / "index.html"


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
