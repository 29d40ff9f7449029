"""Parses GitHub Markdown: sections and tables of the source, and what GitHub's renderer makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

PIPE = re.compile(r"(?<!\\)\|")


def section(text: str, heading: str) -> str:
    """What stands under a second-level heading; of a heading that is a link, the link's text counts."""
    parts = re.split(r"^## \[?(.*?)\]?(?:\(sections/.*\))?$", text, flags=re.MULTILINE)
    found = dict(zip((name.replace("\\", "") for name in parts[1::2]), parts[2::2], strict=True))
    return found[heading]


def headings(text: str) -> list[str]:
    """The second-level headings."""
    return [name.replace("\\", "") for name in re.findall(r"^## \[?(.*?)\]?(?:\(sections/.*\))?$", text, re.MULTILINE)]


def tables(text: str) -> list[list[dict[str, str]]]:
    """Every table as rows by column name; AssertionError where a row has another number of cells than the head."""
    found = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        lines = block.strip().splitlines()
        head = cells(lines[0])
        assert set(lines[1]) <= set("|-: "), lines[1]
        assert all(len(cells(line)) == len(head) for line in lines), block
        found.append([dict(zip(head, cells(line), strict=True)) for line in lines[2:]])
    return found


def cells(line: str) -> list[str]:
    return [cell.strip().replace("\u00a0", " ") for cell in PIPE.split(line.strip())[1:-1]]


def claims(text: str) -> dict[str, dict[str, str]]:
    """The rows of all tables of claims, by the claim's anchor."""
    rows = [row for table in tables(text) if table and "verdict" in table[0] for row in table]
    return {re.findall(r"\.md#([a-z0-9-]+)\)$", row["claim"])[0]: row for row in rows}


def rendered(text: str) -> str:
    """HTML, as GitHub renders it but with nothing removed: raw HTML and unsafe links stay."""
    return str(cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE))


@dataclass
class Parsed(HTMLParser):
    """The tags of some HTML in order, its text, its links, and the number of cells of each table's rows."""

    tags: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    widths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.widths.append(0)
        elif tag in ("td", "th"):
            self.widths[-1] += 1

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def parsed(text: str) -> Parsed:
    """What GitHub's renderer makes of some Markdown."""
    found = Parsed()
    found.feed(rendered(text))
    return found
