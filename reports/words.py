"""The words of every report and of the terminal: numbers, units and plurals; names and symbols of what is reported.

And how a string from outside becomes inert Markdown.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from harness.environment.fingerprint import OF_MACHINE
from harness.record.outcomes import ClaimState, TrainingState
from harness.record.trials import Fingerprint
from harness.timing.slower import times
from harness.training.backends import NAMES, named
from harness.verdict import Basis, Verdict

MINUS = "−"
RAISED = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
NOT_CONTRADICTED = "NOT_CONTRADICTED"
"""The standing of a claim that is supported only as far as nothing contradicts it."""

SYMBOLS: Mapping[str, str] = {
    Verdict.SUPPORTED: "✔",
    NOT_CONTRADICTED: "≈",
    Verdict.REFUTED: "✘",
    Verdict.OUTDATED: "↻",
    Verdict.NEGLIGIBLE: "=",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}

STANDINGS: Mapping[str, str] = {
    Verdict.NEGLIGIBLE: "a tie",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.NOT_RUN: "without a result",
}
"""Words for standings that are not their own."""

MEANINGS: Mapping[str, tuple[str, str]] = {
    Verdict.SUPPORTED: (
        "A test shows it, every seed has it, or a computation gives it: the claim says which.",
        "It holds for this network, this test set and this stack.",
    ),
    NOT_CONTRADICTED: (
        "The printed figure lies where one more training may fall.",
        "That is weaker than support: a wrong figure near the right one would pass as well.",
    ),
    Verdict.REFUTED: (
        "A test shows the contrary, a seed or a computation contradicts it.",
        "That is a finding and not a fault of the run; a test stays green as long as its claim stays refuted.",
    ),
    Verdict.OUTDATED: (
        "It was true of the release that the slides were made with; today's Keras does otherwise.",
        "The erratum beside it has the code that does what the slide means.",
    ),
    Verdict.NEGLIGIBLE: (
        "A tie: the difference is smaller than the smallest effect of interest, whichever sign it has.",
        "The question is answered: more seeds would not make the difference matter.",
    ),
    Verdict.INCONCLUSIVE: (
        "This number of seeds decides neither way; it is no evidence that there is no effect.",
        "The claim says how likely more seeds decide it, if the effect is as estimated.",
    ),
    Verdict.NOT_RUN: (
        "No result could be obtained: a training failed, or something it needs is not installed.",
        "The claim's reason says what was missing.",
    ),
}

STATES: Mapping[str, str] = {
    TrainingState.IDENTICAL: "every number that was compared has the same bits.",
    TrainingState.REPRODUCED: "trained to the end, and no number differs by more than rounding or chance explains.",
    TrainingState.START_REPRODUCED: "first and late steps differ by rounding only; it was not trained to the end.",
    TrainingState.MOVED: "a number differs from the stored one by more than rounding explains.",
    TrainingState.MISSING: "the training, or one of its numbers, is on one side only.",
    TrainingState.NEW: "this stack has no evidence of it.",
    TrainingState.NOT_COMPARABLE: "what is stored is another training.",
    ClaimState.CONFIRMED: "every training that it rests on was trained to the end here, and reproduced.",
    ClaimState.START_CONFIRMED: "every training that it rests on was reproduced here, some not to the end.",
    ClaimState.COMPATIBLE: "its trainings agree with those of another stack; this one has no evidence of them.",
    ClaimState.NOT_CONFIRMED: "a training that it rests on is not reproduced here.",
}
"""What the states of trainings and claims mean."""

METRICS: Mapping[str, str] = {
    "first_inf_epoch": "first infinite epoch",
    "first_nan_epoch": "first nan epoch",
    "gap": "training − validation gap",
    "rise": "rise of the validation loss",
}
"""Names of metrics that their words alone do not explain."""

BACKENDS: Mapping[str, str] = {name: named(name).facts.label for name in NAMES}

RELEASES = {
    "Keras": "keras-team/keras/releases/tag/v",
    "TensorFlow": "tensorflow/tensorflow/releases/tag/v",
    "JAX": "jax-ml/jax/releases/tag/jax-v",
    "PyTorch": "pytorch/pytorch/releases/tag/v",
}
"""The pages of releases on GitHub."""
LONGEST = 2_000
"""Characters of a string outside code; the rest is cut."""
LONG = re.compile(r"\S{61,}")
"""A word that would widen a table."""
PIECE = re.compile(r"\S{30}(?=[^\u0300-\u036f\u200d\ufe0f])")
"""A piece of it, behind which a line may break."""
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
    return "–" if value is None else _plain(f"{value:.4f}" if unit == "fraction" else f"{value:.4g}")


def _plain(text: str) -> str:
    """A formatted number with a minus sign (U+2212) and an unpadded exponent: "9.093e6", "−1.2e−7"."""
    return re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", text).replace("-", MINUS)


def quantity(value: float, unit: str = "") -> str:
    """A number as a sentence has it: a large or tiny one is "2.3 × 10¹²"."""
    if unit == "fraction" or not value or not math.isfinite(value) or 1e-4 <= abs(value) < 1e5:
        return number(value, unit)
    mantissa, exponent = _plain(f"{value:.1e}").split("e")
    return f"{mantissa} × 10{exponent.translate(RAISED)}"


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
    decimals = 4 if unit == "fraction" else 1 - math.floor(math.log10(std)) if std > 0 else 99
    if unit == "fraction" or (-1 <= decimals <= 6 and abs(mean) < 1e6):
        return " ± ".join(_plain(f"{value:.{max(decimals, 0)}f}") for value in (mean, std))
    return f"{number(mean)} ± {_plain(f'{std:.2g}')}"


def seconds(value: float | None) -> str:
    """Seconds to two or three significant digits: "0.0016", "1.34", "125"."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def points(value: float, *, sign: bool = True, unit: bool = True) -> str:
    """A difference of fractions in percentage points: "+0.42 points"."""
    shown = round(100 * value, 2) or 0.0  # no negative zero
    text = f"{shown:+.2f}" if sign and shown else f"{shown:.2f}"
    return text.replace("-", MINUS) + (" points" if unit else "")


def factor(value: float) -> str:
    """A ratio: "1.43", "13,042", "2.3 × 10¹²"."""
    if 100 <= value < 1e5:
        return f"{value:,.0f}"
    return f"{value:.3g}" if 0.01 <= value < 100 else quantity(value)


def duration(value: float | None) -> str:
    """Seconds in a unit that needs no exponent: "7.4 µs", "0.12 s", "125 s"."""
    if value is None or value == 0 or value >= 0.1:
        return "–" if value is None else f"{seconds(value)} s"
    unit, scale = ("ms", 1e3) if value >= 1e-3 else ("µs", 1e6)
    return f"{value * scale:.3g} {unit}"


def elapsed(value: float) -> str:
    """Seconds as read by people: "4.2 s", "42 s", "4 min 7 s", "3 h 20 min"."""
    whole = round(value)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{value:.1f} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600:,} h {whole % 3600 // 60} min"


def faster_or_slower(ratio: float, low: float | None = None, high: float | None = None) -> str:
    """A ratio of seconds, now over before, with its interval: "1.16 × slower [1.12, 1.20]", "as fast"."""
    ends = [times(end) for end in ((low, high) if ratio >= 1 else (high, low)) if end is not None]
    if len(ends) < 2 or {times(ratio), *ends} == {"as fast"}:
        return times(ratio)
    word = times(ratio).rpartition(" × ")[2]
    if all(end.endswith(f" × {word}") for end in ends):
        ends = [end.removesuffix(f" × {word}") for end in ends]
    return f"{times(ratio)} [{', '.join(ends)}]"


def machine(fingerprint: Fingerprint) -> str:
    """The machine of a fingerprint: "AMD EPYC 7B13, avx2, 2 threads, Linux x86_64". Equal machines have one text."""
    model, instructions, threads, system = (fingerprint.get(key) for key in OF_MACHINE)
    return ", ".join(str(part) for part in (model, instructions, f"{threads} threads", system) if part is not None)


def plural(count: int, noun: str, many: str = "") -> str:
    """ "1 claim", "2 claims"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence of a text, and the rest."""
    first, *rest = re.split(r"(?<=[.!?]) (?=[A-Z])", text, maxsplit=1)
    return first, "".join(rest)


def some(names: Sequence[str], most: int) -> str:
    """The first ``most`` names, and how many there are more: "a, b and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def backend_name(backend: str) -> str:
    """The backend's name as its makers write it: "TensorFlow"."""
    return BACKENDS.get(backend, backend)


def metric_label(metric: str) -> str:
    """A metric's name in words: "best validation loss"."""
    return METRICS.get(metric) or metric.replace("val_", "validation ").replace("_", " ")


def standing(verdict: Verdict, basis: Basis | None) -> str:
    """A verdict, or NOT_CONTRADICTED, which has a word and a mark of its own."""
    weak = verdict is Verdict.SUPPORTED and basis is Basis.NOT_CONTRADICTED
    return NOT_CONTRADICTED if weak else verdict.value


def standing_word(standing: str) -> str:
    """A verdict or a standing within a sentence: "refuted", "a tie"."""
    return STANDINGS.get(standing, standing.lower().replace("_", " "))


def verdict_text(verdict: str) -> str:
    """Symbol and word of a verdict or a standing: "✔ SUPPORTED"."""
    return f"{SYMBOLS[verdict]} {verdict.replace('_', ' ')}"


def state_text(state: str, red: bool) -> str:
    """The state of a training, a claim or a time; a red one is bold with a warning sign."""
    return f"⚠ **{state}**" if red else state


# Markdown


def cut(text: object, most: int = LONGEST) -> str:
    """Text on one line, without hidden characters; of more than ``most`` characters the rest becomes an ellipsis."""
    plain = " ".join(HIDDEN.sub("", " ".join(str(text).split())).split())
    if len(plain) <= most:
        return plain
    kept = plain[: most - 1]
    words = kept.rpartition(" ")[0]  # half a number would be another one
    return (words if len(words) > most // 2 else kept).rstrip() + "…"


def escape(text: object, most: int = LONGEST) -> str:
    """Text as Markdown that shows it and nothing else, in a paragraph, a list item, a heading, a link or a table.

    Lines can break in a long word.
    """
    plain = LONG.sub(lambda match: PIECE.sub("\\g<0>\u200b", match[0]), cut(text, most))  # ``cut`` leaves no other
    plain = MARKUP.sub(lambda match: match["interval"] or f"\\{match[0]}", plain)
    plain = BEGINNING.sub(lambda match: f"{match[1]}\\{match[2] or match[3]}", plain)
    plain = re.sub(r"[&<>]", lambda match: ENTITIES[match[0]], plain)
    plain = FILTERED.sub(r"<span>\g<0></span>", plain)
    return plain.replace("://", "&#58;//").replace("www.", "www&#46;").replace("\u200b", "<wbr>")


def escape_html(text: object, most: int = LONGEST) -> str:
    """Text for an HTML element within Markdown."""
    return FILTERED.sub(r"<span>\g<0></span>", html.escape(cut(text, most), quote=False))


def code(text: object, most: int = LONGEST) -> str:
    """Text as inline code, in a table too."""
    plain = cut(text, most)
    if re.search(r"[`|\\$]", plain) or LONG.search(plain):
        return f"<code>{escape(plain)}</code>"
    return f"`{plain}`" if plain else ""


def fenced(text: str, language: str = "python") -> str:
    """A fenced code block; the fence is longer than any fence in the text, and hidden characters are spelt out."""
    shown = "\n".join(HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in text.splitlines())
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


def folded(summary: str, text: str) -> str:
    """Markdown that opens on a click."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def release(version: str, of: str = "Keras") -> str:
    """A version as Markdown, with a link to its release page; a build that is no release has none."""
    name = f"{of} {version}"
    known = of in RELEASES and re.fullmatch(r"\d+\.\d+\.\d+", version)
    return f"[{name}](https://github.com/{RELEASES[of]}{version})" if known else escape(name)
