"""How the reports format numbers, and how a string from outside becomes inert Markdown."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

UNSIGNED_UNITS = ("absolute error", "share of seeds")
"""Units of effects that are not differences and so carry no plus sign."""
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


def number(value: float | None, unit: str = "") -> str:
    """Four decimals for a fraction, four significant digits for anything else, a dash for None."""
    if value is None:
        return "–"
    if unit == "fraction":
        return f"{value:.4f}".replace("-", "−")
    return _plain(f"{value:.4g}")


def _plain(text: str) -> str:
    """A formatted number with a minus sign (U+2212) and an unpadded exponent: "9.093e6", "−1.2e−7"."""
    return re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", text).replace("-", "−")


def printed(text: str, most: int = 12) -> str:
    """A slide's figure as printed; with more than ``most`` digits it is shortened: "5.370e32"."""
    if sum(character.isdigit() for character in text) <= most:
        return text
    try:
        return _plain(f"{float(text):.3e}")
    except ValueError:
        return text


def mean_std(mean: float | None, std: float | None, unit: str = "") -> str:
    """Mean and standard deviation: "0.9840 ± 0.0007".

    Fractions have four decimals. Otherwise the deviation has two digits and the mean has as many decimals.
    """
    if mean is None or std is None:
        return number(mean, unit)
    if unit == "fraction":
        return f"{number(mean, unit)} ± {std:.4f}"
    decimals = 1 - math.floor(math.log10(std)) if std > 0 else 99
    if not -1 <= decimals <= 6 or abs(mean) >= 1e6:
        return f"{number(mean)} ± {_plain(f'{std:.2g}')}"
    return f"{mean:.{max(decimals, 0)}f} ± {std:.{max(decimals, 0)}f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """Seconds to two or three significant digits: "0.0016", "1.34", "125"."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


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


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> str:
    """A Markdown table of escaped cells, without padding; the columns named in ``right`` are right-aligned."""
    marks = ["--:" if name in right else ":--" for name in headers]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (headers, marks, *rows))


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 claim", "2 claims"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
