"""How the report formats numbers, effects and Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from harness.domain.verdict import Effect

UNSIGNED_UNITS = ("absolute error", "share of seeds")
"""Units of effects that are not differences and so carry no plus sign."""


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
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def effect_text(effect: Effect) -> str:
    """Estimate and interval: "+0.0042 [+0.0031, +0.0053]"; a dash without an estimate.

    A difference has a sign, a ratio a "×", a share of seeds the number of seeds. An error is followed by its tolerance,
    a prediction of one more run by the slide's figure.
    """
    unit, details, low, high = effect.unit, effect.details, effect.low, effect.high
    signed = unit not in UNSIGNED_UNITS and "published" not in details

    def shown(value: float | None) -> str:
        if unit == "ratio" and value is not None:
            return f"×{number(value)}"
        return ("+" if signed and value is not None and value > 0 else "") + number(value, unit)

    text = shown(effect.estimate)
    if unit == "share of seeds" and effect.estimate is not None:
        text = f"{round(effect.estimate * effect.n)} of {plural(effect.n, 'seed')}"
    if effect.estimate is not None and any(note.startswith("zero variance") for note in effect.notes):
        text += " (no variance)"
    elif low is not None and high is not None:
        text += f" [{shown(low)}, {shown(high)}]"
    elif low is not None or high is not None:
        text += f" (at {'most' if low is None else 'least'} {shown(high if low is None else low)})"
    if details.get("tolerance") is not None:
        text += f" (tolerance {number(details['tolerance'])})"
    if details.get("published") is not None:
        text += f"; slide {shown(details['published'])}"
    return text


def effect_words(effect: Effect) -> str:
    """As ``effect_text``; notes and p are added if there is no interval, and replace a missing estimate."""
    remarks = list(effect.notes)
    if effect.p is not None:
        remarks.append(f"p = {_plain(format(effect.p, '.2g'))}")
    if effect.estimate is None:
        return "; ".join(remarks) or "–"
    bare = effect.low is None and effect.high is None and effect.unit != "absolute error"
    whole = bare and remarks and not any(note.startswith("zero variance") for note in effect.notes)
    return effect_text(effect) + (f" ({'; '.join(remarks)})" if whole else "")


def escape(text: object) -> str:
    """Escapes text for a Markdown table cell or paragraph; line breaks become spaces."""
    plain = " ".join(str(text).split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
        plain = plain.replace(character, entity)
    return plain.replace("`", "\\`").replace("$", "<span>$</span>")  # GitHub reads $…$ as a formula


def code(text: object) -> str:
    """Text as a code span that is safe in a table cell; backticks become quotes."""
    plain = " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""


def code_lines(text: str, most: int = 6, longest: int = 110) -> str:
    """A snippet for a table cell: one indented code span per line, at most ``most`` lines of ``longest`` characters."""
    shown = text.splitlines()
    cut = [line if len(line) <= longest else line[: longest - 1] + "…" for line in shown[:most]]
    indents = ["\u00a0" * (len(line) - len(line.lstrip())) for line in cut]
    spans = [code(line).replace("`", "`" + indent, 1) for line, indent in zip(cut, indents, strict=True)]
    return "<br>".join([*filter(None, spans), *(["…"] if len(shown) > most else [])])


def fenced(text: str, language: str = "python") -> str:
    """A fenced code block; the fence is longer than any fence in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def lines(items: Sequence[str], most: int = 3) -> str:
    """At most ``most`` items of a table cell, one per line, then the number of the others; a dash without items."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"… {len(items) - most} more")
    return "<br>".join(shown) if shown else "–"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A GitHub table of escaped cells; the columns named in ``right`` are right-aligned."""
    import pandas as pd

    frame = pd.DataFrame([list(row) for row in rows], columns=list(headers), dtype=object)
    align = ["right" if name in right else "left" for name in headers]
    return str(frame.to_markdown(index=False, tablefmt="github", disable_numparse=True, colalign=align))


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 claim", "2 claims"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
