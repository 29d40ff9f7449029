"""The documentation as a site: ``sphinx-build -c docs . FOLDER``. It needs no network, and no backend.

It has the pages of PAGES, what a course's author imports (``docs/api.html``), and a page for each claim, made from the
stored evidence: ``docs/claim/ID.html``. Links to the report of the evidence lead to the claims.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

STACK = "tensorflow-cpu"
CLAIMS = HERE / "claim"
NAMES = ("claims", "training", "courses", "running", "evidence", "comparing", "reports")
GUIDE = ("README", *(f"docs/{name}" for name in NAMES), "examples/training/README")
PAGES = {
    "Guide": (*GUIDE, "examples/wine/README", "examples/zero_to_all/README"),
    "Reference": ("docs/api", "docs/claim/index", "cases/README", "cases/POWER", "cases/data/README", "tests/README"),
    "Measured": (
        "docs/measured",
        "reports/published/README",
        "reports/published/STACKS",
        "reports/published/versions/README",
        "reports/published/versions/BISECTS",
        "reports/published/faults/REPORT",
        "reports/published/timing-tensorflow-cpu/REPORT",
        "reports/published/timing-jax-cpu/REPORT",
        "reports/published/upstream/README",
        "reports/published/upstream/shuffle-by-epoch",
        "reports/published/upstream/jax-xnnpack",
    ),
}
"""The pages by heading of the navigation, from the repository's root."""

project = "lecture-claims"
root_doc = "docs/README"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = [f"{root_doc}.md", "docs/claim/*.md", *(f"{page}.*" for of in PAGES.values() for page in of)]
exclude_patterns = ["**/*.py", "**/*.txt", "**/*.json"]
html_theme = "furo"
html_title = "Lecture claims"
html_copy_source = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_ivar = True


def write_claims(app: Any) -> None:
    """Writes a page for each claim, and their index by slide."""
    from harness.course import course
    from reports.cards import cards
    from reports.markdown import claim_page
    from reports.stored import stored_run
    from reports.words import escape, verdict_text
    from reports.write import adjusted, in_order

    run, holm = adjusted(in_order(stored_run(course().baselines, STACK)))
    shutil.rmtree(CLAIMS, ignore_errors=True)
    CLAIMS.mkdir()
    by_slide = defaultdict(list)
    for card in cards(run).values():
        by_slide[card.section].append(card)
        (CLAIMS / f"{card.anchor}.md").write_text(claim_page(run, card, holm), encoding="utf-8")
    lines = ["# Every claim", "", f"By the evidence of {STACK}.", ""]
    for slide, own in by_slide.items():
        lines += [f"## {escape(slide)}", ""]
        lines += [f"- {verdict_text(card.standing)} · [{escape(card.statement)}]({card.anchor}.md)" for card in own]
        lines += ["", "```{toctree}", ":hidden:", "", *(card.anchor for card in own), "```", ""]
    (CLAIMS / "index.md").write_text("\n".join(lines), encoding="utf-8")


def relink(app: Any, page: str, source: list[str]) -> None:
    """Adds the navigation to the first page, and leads links to where the site has what they name."""
    folder = ROOT / Path(page).parent

    def here(path: str) -> str:
        return os.path.relpath(ROOT / path, folder)

    def led(link: re.Match[str]) -> str:
        text, target, anchor = link.groups()
        path = os.path.relpath(os.path.normpath(folder / target), ROOT)
        if path.startswith("reports/published/evidence-") or path == "cases/CATALOGUE.md":
            name = (anchor or "#")[1:]
            known = name if (CLAIMS / f"{name}.md").is_file() else "index"
            return f"{text}({here(f'docs/claim/{known}.md')})"
        return link[0] if (ROOT / path).is_file() else text[1:-1]

    source[0] = re.sub(r"^\[!\[.*\n", "", source[0], flags=re.M)  # a badge needs the network
    source[0] = re.sub(
        r"<picture>.*?src=\"([^\"]*)\" alt=\"([^\"]*)\".*?</picture>", r"![\2](\1)", source[0], flags=re.S
    )
    source[0] = re.sub(r"(?<!!)(\[(?:[^\[\]]|\[[^\]]*\])*\])\((?!https?:|#)([^()#\s]+)(#[^()\s]*)?\)", led, source[0])
    if page == root_doc:
        for heading, pages in PAGES.items():
            names = "\n".join(here(of) for of in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{names}\n```\n"


REPAIRS = {
    r'role="heading">': 'role="heading" aria-level="2">',
    r'<aside class="sidebar-drawer"(?! aria)': r'\g<0> aria-label="Pages"',
    r'<aside class="toc-drawer"(?! aria)': r'\g<0> aria-label="On this page"',
    r"<pre>": '<pre tabindex="0">',
    r'<th class="([^"]*)"><p></p></th>': r'<td class="\1"></td>',
    r'(?<!</h1>)<div id="search-results">': r"<h1>Search</h1>\g<0>",
}
"""What a screen reader or a keyboard lacks in the theme's pages, by pattern (axe)."""


def repair(app: Any, error: Exception | None) -> None:
    """Puts REPAIRS into each page of the finished site."""
    for path in () if error else Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for pattern, better in REPAIRS.items():
            text = re.sub(pattern, better, text)
        path.write_text(text, encoding="utf-8")


def setup(app: Any) -> None:
    app.connect("builder-inited", write_claims)
    app.connect("source-read", relink)
    app.connect("build-finished", repair)
