"""Parses GitHub Markdown: sections and tables."""

from __future__ import annotations

import re

PIPE = re.compile(r"(?<!\\)\|")


def section(text: str, heading: str) -> str:
    """What stands under a second-level heading."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


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
    return [cell.strip() for cell in PIPE.split(line.strip())[1:-1]]
