"""README's badge of the nightly build of Keras: ``python -m benchmarks.badge report.json nightly.svg``.

``report.json`` is that of its check, ``check.yml``; without the file the badge says that it was not checked.
"""

from __future__ import annotations

import json
import re
import sys
from html import escape
from pathlib import Path

GREEN, ORANGE, GREY = "#2b7a3d", "#b35900", "#59636e"


def badge(report: Path) -> str:
    """How many of the claims keep their verdict on that build, as SVG. A claim is lost if its test fails."""
    name, text, colour = "Keras nightly", "not checked", GREY
    if report.is_file():
        made = json.loads(report.read_text("utf-8"))
        claims = [claim for claim in made["claims"] if claim["verdict"] != "NOT_RUN" or claim["red"]]
        kept = sum(not claim["red"] for claim in claims)
        day = re.search(r"dev(\d{4})(\d\d)(\d\d)", str(made["run"]["fingerprint"].get("keras")))
        name += f" of {'-'.join(day.groups())}" if day else ""
        text, colour = f"{kept} of {len(claims)} verdicts hold", GREEN if kept == len(claims) else ORANGE
    left, right = (7 * len(part) + 10 for part in (name, text))
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width - 10}">{escape(part)}</text>'
        for x, width, part in ((left / 2, left, name), (left + right / 2, right, text))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{name}: '
        f'{text}"><title>{name}: {text}</title><rect width="{left}" height="20" fill="#444"/><rect x="{left}" '
        f'width="{right}" height="20" fill="{colour}"/><g fill="#fff" text-anchor="middle" font-size="12" '
        f'font-family="DejaVu Sans,Verdana,sans-serif">{texts}</g></svg>\n'
    )


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(badge(Path(sys.argv[1])), "utf-8")
