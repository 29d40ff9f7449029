"""How a string from outside becomes inert Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

LONGEST = 2_000
"""Characters of a string outside code; the rest is cut."""
HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that reverse the direction of writing, and lone surrogates."""
INTERVAL = r"(?P<interval>\[[−\d][−\d., ×⁰¹²³⁴⁵⁶⁷⁸⁹⁻]*\](?![(\[:]))"
MARKUP = re.compile(INTERVAL + r"|[\\`*\[\]~|]|(?<![^\W_])_|_(?![^\W_])")
"""ASCII punctuation that Markdown reads; an underscore within a word and the brackets of an interval are none."""
BEGINNING = re.compile(r"^(\d*)(?:([.)+-])(?=\s|$)|([=-])(?=[=-]*$))")
"""What Markdown reads at the beginning of a line: a list, a rule, the underline of a heading."""
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
FILTERED = re.compile(r"[$@#]")
"""Characters that GitHub reads in plain text: a formula, a mention, an issue."""


def cut(text: object, most: int = LONGEST) -> str:
    """Text on one line, without hidden characters; of more than ``most`` characters the rest becomes an ellipsis."""
    plain = " ".join(HIDDEN.sub("", " ".join(str(text).split())).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def escape(text: object, most: int = LONGEST) -> str:
    """Text as Markdown that shows it and nothing else, in a paragraph, a list item, a heading, a link or a table."""
    plain = MARKUP.sub(lambda found: found["interval"] or f"\\{found[0]}", cut(text, most))
    plain = BEGINNING.sub(lambda found: f"{found[1]}\\{found[2] or found[3]}", plain)
    plain = re.sub(r"[&<>]", lambda found: ENTITIES[found[0]], plain)
    plain = FILTERED.sub(r"<span>\g<0></span>", plain)
    return plain.replace("://", "&#58;//").replace("www.", "www&#46;")


def escape_html(text: object, most: int = LONGEST) -> str:
    """Text for an HTML element within Markdown."""
    return FILTERED.sub(r"<span>\g<0></span>", html.escape(cut(text, most), quote=False))


def code(text: object, most: int = LONGEST) -> str:
    """Text as inline code, in a table too."""
    plain = cut(text, most)
    if re.search(r"[`|\\$]", plain):
        return f"<code>{escape(plain)}</code>"
    return f"`{plain}`" if plain else ""


def fenced(text: str, language: str = "python") -> str:
    """A fenced code block; the fence is longer than any fence in the text, and hidden characters are spelt out."""
    shown = "\n".join(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in text.splitlines())
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", shown)), default=0))
    return f"{fence}{language}\n{shown}\n{fence}"


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = (), most: int | None = None
) -> str:
    """A Markdown table of escaped cells, without padding; rows beyond ``most`` are counted.

    The columns named in ``right`` are right-aligned.
    """
    every = list(rows)
    marks = ["--:" if name in right else ":--" for name in headers]
    text = "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (headers, marks, *every[:most]))
    return text if most is None or len(every) <= most else f"{text}\n\n{len(every) - most} more."
