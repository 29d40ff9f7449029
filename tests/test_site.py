"""The documentation as a site: every claim has its page, the search knows it, and nothing comes from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.course import ROOT, course
from reports.cards import anchor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-c", "docs", ".", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-3000:]
    return folder


def test_every_claim_has_a_page_with_its_code(site: Path) -> None:
    pages = {claim.key: (site / "docs" / "claim" / f"{anchor(claim.key)}.html") for claim in course().claims}
    assert [key for key, page in pages.items() if not page.is_file()] == []
    text = pages["tips-dropout-helps"].read_text("utf-8")
    assert "Dropout 0.2 improves the accuracy" in text
    assert "cases/examples/mnist_tips.py" in text
    assert 'claim/tips-dropout-helps"' in (site / "searchindex.js").read_text("utf-8")


def test_an_author_finds_what_a_course_is_made_of(site: Path) -> None:
    text = (site / "docs" / "api.html").read_text("utf-8")
    names = ("course.Course", "claim.Claim", "model.Experiment", "erratum.Erratum", "rules.comparisons.Exceeds")
    assert [name for name in names if f'id="harness.{name}"' not in text] == []


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = page.read_text("utf-8")
        assert re.findall(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*", text) == [], page
        assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*|@import[^;]*", text) == [], page


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    lost = set()
    for page in site.rglob("*.html"):
        for target in re.findall(r"href=\"([^\"#?:]+)(?:[#?][^\"]*)?\"", page.read_text("utf-8")):
            if not (page.parent / target).exists():
                lost.add(f"{page.relative_to(site)}: {target}")
    assert lost == set()
