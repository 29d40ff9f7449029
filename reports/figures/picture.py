"""A figure with its heading, caption and alternative text, and the name of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Picture:
    """A figure's file name and SVG content, with its heading, and as plain text its alternative text and caption."""

    name: str
    content: bytes
    heading: str
    alt: str
    caption: str


def failed(name: str, heading: str, error: Exception) -> Picture:
    """What a report shows in place of a figure that cannot be drawn: a small image that says so, and why."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    printable = "".join(letter if letter.isprintable() else "?" for letter in reason)
    content = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="60" viewBox="0 0 640 60">\n'
        '<rect width="640" height="60" fill="white"/>\n<g font-family="sans-serif" font-size="13" fill="#1f2328">\n'
        f'<text x="12" y="24">The figure {escape(name)} could not be drawn.</text>\n'
        f'<text x="12" y="44" font-size="11">{escape(printable[:100])}</text>\n</g>\n</svg>\n'
    )
    caption = (
        f"The figure {name} could not be drawn ({printable}). The numbers in this report do not depend on it. "
        "Please report this as a fault of the suite."
    )
    return Picture(name, content.encode(), heading, f"The figure {name} could not be drawn.", caption)


def file_name(experiment: str, *parts: str) -> str:
    """The name of a figure's file: "example-1-accuracy-val-loss.svg"."""
    stem = re.sub(r"[^a-z0-9]+", "-", experiment.lower()).strip("-")
    return "-".join([stem, *parts]).replace("_", "-") + ".svg"
