"""The Markdown in a browser, as wide and styled as on GitHub: nothing overflows, every verdict is on the screen."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.course import ROOT
from reports import words
from tests.reports.markdown import rendered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH = 838 + 2 * 32
"""Pixels that GitHub gives a README, the narrowest of files in a wide window, with the space beside its text."""
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


def shown(path: Path, browser: Browser) -> Page:
    """A file as GitHub shows it, all details open. Neither the page overflows, nor a table, which would scroll."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
    html = rendered(path.read_text("utf-8")).replace("<details>", "<details open>")
    page.goto(path.parent.as_uri())  # what the file names lies beside it
    page.set_content(f'<!doctype html><base href="{path.as_uri()}"><style>{STYLE}</style><main>{html}</main>')
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH, path
    wide = "tables => tables.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.innerText)"
    assert page.locator("table").evaluate_all(wide) == [], path
    return page


@pytest.mark.slow
def test_no_table_of_the_repository_is_wider_than_its_page(browser: Browser) -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        if not name.startswith("tests/reports/golden/"):
            shown(ROOT / name, browser).close()


@pytest.mark.parametrize(
    "word", ["x" * 400, "a_b-" * 100, "`|$" * 130, "https://" + "w" * 400, "é" * 400, "👩‍🔬" * 130]
)
def test_a_long_word_does_not_widen_a_table(word: str, browser: Browser, tmp_path: Path) -> None:
    cells = [(words.escape(word), words.code(word), "12"), (f"[{words.escape(word)}](other.md)", "a", "b")]
    (tmp_path / "long.md").write_text(words.table(("claim", "code", "number"), cells), "utf-8")
    page = shown(tmp_path / "long.md", browser)
    texts = page.locator("td").evaluate_all("cells => cells.map((of) => of.textContent)")
    page.close()
    assert texts == [word, word, "12", word, "a", "b"]


@pytest.mark.parametrize("name", FILES)
def test_nothing_overflows_and_every_picture_is_there(name: str, folder: Path, browser: Browser) -> None:
    page = shown(folder / name, browser)
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
