"""The page at three widths and in both themes, against the pictures in ``pictures/``.

Pictures are compared as grey blocks, so that another rasterisation of the same font passes, and a part that is missing
or has moved does not. After a wanted change look at the new pictures and commit them:

    SUITE_RENEW_PICTURES=1 .venv/bin/python -m pytest tests/reports/page/test_pictures.py -m slow
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.reports.conftest import Launch
from tests.reports.page.conftest import Opener

PICTURES = Path(__file__).parent / "pictures"
RENEW = "SUITE_RENEW_PICTURES"
WIDTHS = (390, 948, 1440)
HEIGHT = 1300
BLOCK = 24
"""Pixels of a side of the grey blocks that are compared."""
DIFFERENT = 12
"""Grey levels of 256 by which a block differs."""
MOST_DIFFERENT = 0.002
"""The share of blocks that may differ."""
MOST_BYTES = 600_000
FONT = "* { font-family: 'DejaVu Sans' !important; } code, pre { font-family: 'DejaVu Sans Mono' !important; }"
ADDRESS = "#tips-dropout-helps"
PARTS = (".status", ".tiles", ".search", ".findings", ".filters", ".card .dots", ".card .curves svg", ".card table")


def settled(page: Page) -> Page:
    """The page from its top with the font of the pictures, when the charts of the open claim are drawn."""
    page.add_style_tag(content=FONT + ".bar, nav.slides { position: static !important; }")
    page.locator(f"{ADDRESS} .curves svg").wait_for()
    page.evaluate("window.scrollTo(0, 0); document.activeElement.blur()")
    page.wait_for_timeout(100)
    return page


def taken(page: Page) -> Image.Image:
    """The window, and below it the open claim."""
    top = Image.open(io.BytesIO(page.screenshot()))
    claim = Image.open(io.BytesIO(page.locator(ADDRESS).screenshot()))
    both = Image.new("RGB", (top.width, top.height + claim.height))
    both.paste(top, (0, 0))
    both.paste(claim, (0, top.height))
    return both


def blocks(picture: Image.Image) -> np.ndarray:
    """The mean grey of each block of the picture, 0 to 255."""
    size = max(picture.width // BLOCK, 1), max(picture.height // BLOCK, 1)
    return np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX), "float64")


def difference(picture: Image.Image, name: str) -> float:
    """The share of blocks that differ from a stored picture; 1 if the sizes differ by more than a block."""
    stored = Image.open(PICTURES / f"{name}.png")
    if abs(picture.width - stored.width) > BLOCK or abs(picture.height - stored.height) > BLOCK:
        return 1.0
    return float((np.abs(blocks(picture) - blocks(stored.resize(picture.size))) > DIFFERENT).mean())


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_looks_as_in_its_picture(opened: Opener, width: int, theme: str) -> None:
    picture, name = taken(settled(opened(ADDRESS, width=width, height=HEIGHT, theme=theme))), f"{width}-{theme}"
    if os.environ.get(RENEW):
        picture.quantize(48).save(PICTURES / f"{name}.png", optimize=True)
    share = difference(picture, name)
    assert share <= MOST_DIFFERENT, f"{share:.1%} of the blocks differ; see the docstring for how to renew {name}.png"


@pytest.mark.slow
def test_a_missing_part_is_seen(opened: Opener) -> None:
    page = settled(opened(ADDRESS, width=948, height=HEIGHT))
    for part in PARTS:
        hide = "([part, how]) => document.querySelectorAll(part).forEach((of) => { of.style.visibility = how })"
        page.evaluate(hide, [part, "hidden"])
        assert difference(taken(page), "948-light") > MOST_DIFFERENT, part
        page.evaluate(hide, [part, ""])


@pytest.mark.slow
def test_another_rasterisation_of_the_font_is_not_seen(launch: Launch, full: Path) -> None:
    browser = launch("--disable-lcd-text", "--disable-font-subpixel-positioning")
    page = browser.new_page(viewport={"width": 948, "height": HEIGHT}, color_scheme="light")
    page.goto(full.as_uri() + ADDRESS)
    assert difference(taken(settled(page)), "948-light") <= MOST_DIFFERENT


def test_the_pictures_are_small() -> None:
    stored = sorted(PICTURES.glob("*.png"))
    assert {path.stem for path in stored} == {f"{width}-{theme}" for width in WIDTHS for theme in ("light", "dark")}
    assert sum(path.stat().st_size for path in stored) < MOST_BYTES
