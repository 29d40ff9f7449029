"""A figure with its heading, caption and alternative text, and the name of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A figure's file name and SVG content, with its heading, alternative text and caption in the report."""

    name: str
    content: bytes
    heading: str
    alt: str
    caption: str


def file_name(experiment: str, *parts: str) -> str:
    """The name of a figure's file: "example-1-accuracy-val-loss.svg"."""
    stem = re.sub(r"[^a-z0-9]+", "-", experiment.lower()).strip("-")
    return "-".join([stem, *parts]).replace("_", "-") + ".svg"
