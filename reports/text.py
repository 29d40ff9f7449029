"""Numbers and markdown, as the report writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from harness.domain.verdict import Effect

UNSIGNED_UNITS = ("absolute error", "share of seeds")
"""Units of effects that are sizes and not differences: they carry no plus sign."""


def number(value: float | None, unit: str = "") -> str:
    """Four decimals for a fraction, four significant digits for anything else, a dash for None."""
    if value is None:
        return "–"
    if unit == "fraction":
        return f"{value:.4f}".replace("-", "−")
    return _plain(f"{value:.4g}")


def _plain(text: str) -> str:
    """Python's number with a real minus sign and an exponent without padding: "9.093e6", "−1.2e−7"."""
    return re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", text).replace("-", "−")


def printed(text: str, most: int = 12) -> str:
    """A slide's figure as it was printed; one of more than ``most`` digits in short, "5.370e32"."""
    if sum(character.isdigit() for character in text) <= most:
        return text
    try:
        return _plain(f"{float(text):.3e}")
    except ValueError:
        return text


def mean_std(mean: float | None, std: float | None, unit: str = "") -> str:
    """ "0.9840 ± 0.0007"; outside fractions the standard deviation has two digits and the mean as many decimals."""
    if mean is None or std is None:
        return number(mean, unit)
    if unit == "fraction":
        return f"{number(mean, unit)} ± {std:.4f}"
    decimals = 1 - math.floor(math.log10(std)) if std > 0 else 99
    if not -1 <= decimals <= 6 or abs(mean) >= 1e6:
        return f"{number(mean)} ± {_plain(f'{std:.2g}')}"
    return f"{mean:.{max(decimals, 0)}f} ± {std:.{max(decimals, 0)}f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """Seconds with the digits that matter: "0.0016", "1.34", "125"."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def effect_text(effect: Effect) -> str:
    """Estimate and interval, "+0.0042 [+0.0031, +0.0053]"; a dash where there is no number.

    A difference has its sign and a ratio a times sign; of seeds it says how many. With the tolerance where the effect
    is an error, and with the slide's figure where it is the interval of one more run.
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
    """The same, with what decided instead (its notes and p) where there is no estimate or no interval."""
    remarks = list(effect.notes)
    if effect.p is not None:
        remarks.append(f"p = {_plain(format(effect.p, '.2g'))}")
    if effect.estimate is None:
        return "; ".join(remarks) or "–"
    bare = effect.low is None and effect.high is None and effect.unit != "absolute error"
    whole = bare and remarks and not any(note.startswith("zero variance") for note in effect.notes)
    return effect_text(effect) + (f" ({'; '.join(remarks)})" if whole else "")


def escape(text: object) -> str:
    """Text for a table cell or a paragraph: no pipe ends the cell, no angle bracket or line break the markup."""
    plain = " ".join(str(text).split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
        plain = plain.replace(character, entity)
    return plain.replace("`", "\\`").replace("$", "<span>$</span>")  # GitHub reads $…$ as a formula


def code(text: object) -> str:
    """Text in a code span that also survives a table cell; backticks in it become plain quotes."""
    plain = " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""


def code_lines(text: str, most: int = 6, longest: int = 110) -> str:
    """A snippet in a table cell: a code span for each line, indented as it is; what is too much for a cell is cut."""
    shown = text.splitlines()
    cut = [line if len(line) <= longest else line[: longest - 1] + "…" for line in shown[:most]]
    indents = ["\u00a0" * (len(line) - len(line.lstrip())) for line in cut]
    spans = [code(line).replace("`", "`" + indent, 1) for line, indent in zip(cut, indents, strict=True)]
    return "<br>".join([*filter(None, spans), *(["…"] if len(shown) > most else [])])


def fenced(text: str, language: str = "python") -> str:
    """A block of code, in a fence that nothing in it can close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def lines(items: Sequence[str], most: int = 3) -> str:
    """Items of one cell on lines of their own, the rest counted: long lists belong to the details."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"… {len(items) - most} more")
    return "<br>".join(shown) if shown else "–"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A GitHub table of ready cells; columns named in ``right`` are aligned to the right."""
    import pandas as pd

    frame = pd.DataFrame([list(row) for row in rows], columns=list(headers), dtype=object)
    align = ["right" if name in right else "left" for name in headers]
    return str(frame.to_markdown(index=False, tablefmt="github", disable_numparse=True, colalign=align))


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 claim", "2 claims"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
