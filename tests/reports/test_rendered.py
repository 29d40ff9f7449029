"""The Markdown in a browser, as wide and styled as on GitHub: nothing overflows, every verdict is on the screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.reports.markdown import rendered

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTH = 948
"""Pixels that GitHub gives a file in a wide window."""
STYLE = """
body { margin: 0; font: 16px/1.5 "Noto Sans", Helvetica, Arial, sans-serif; overflow-wrap: break-word }
main { box-sizing: border-box; padding: 32px }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-collapse: collapse }
th, td { padding: 6px 13px; border: 1px solid #d1d9e0 }
img { max-width: 100% }
code, pre { font: 85% monospace }
table code { white-space: break-spaces }
pre { padding: 16px; overflow: auto }
"""
FILES = ["REPORT.md", "SUMMARY.md", "ERRATA.md", "sections/example-4-tips.md", "sections/elsewhere.md"]


@pytest.mark.parametrize("name", FILES)
def test_nothing_overflows_and_every_picture_is_there(name: str, folder: Path, browser: Browser) -> None:
    """Neither the page overflows, nor a table within it, which would scroll."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
    html = rendered((folder / name).read_text("utf-8")).replace("<details>", "<details open>")
    target = (folder / name).with_suffix(".shown.html")
    target.write_text(f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><main>{html}</main>', "utf-8")
    page.goto(target.as_uri())
    target.unlink()
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH
    wide = "tables => tables.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.innerText)"
    assert page.locator("table").evaluate_all(wide) == []
    page.wait_for_load_state()
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)") == []
    if name == "REPORT.md":  # every verdict in the first column is in the left third of the page
        verdict = re.compile("SUPPORTED|REFUTED|INCONCLUSIVE|NOT.RUN")
        cells = page.locator("tbody td:first-child").filter(has_text=verdict)
        ends = cells.evaluate_all(
            "cells => cells.map((of) => of.getBoundingClientRect()).map((b) => [b.left, b.right])"
        )
        assert len(ends) == 9
        assert all(0 < left < right < WIDTH / 3 for left, right in ends)
    page.close()
