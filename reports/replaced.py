"""The lines of code that a slide's author changes. Errata that one replacement mends stand together."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.record.run import ErratumChecked


@dataclass(frozen=True)
class Replaced:
    """One replacement.

    Attributes:
        printed: the lines to take out; "" if lines are only added.
        modern: the lines to put in; "" if lines are only taken out.
        before: the first line that follows the added lines; "" if no line follows, or if lines are taken out.
        errata: why: the erratum itself, then those that its replacement mends too.
    """

    printed: str
    modern: str
    before: str
    errata: tuple[ErratumChecked, ...]


def replaced(errata: Sequence[ErratumChecked]) -> list[Replaced]:
    """The replacements, in the order of the errata. An erratum whose ``within`` is not among them has its own."""
    ids = {one.id for one in errata}
    return [
        _replaced((one, *(other for other in errata if other.within == one.id)))
        for one in errata
        if one.within not in ids
    ]


def _replaced(errata: tuple[ErratumChecked, ...]) -> Replaced:
    old, new = (text.strip("\n").split("\n") for text in (errata[0].printed, errata[0].modern))
    out: list[str] = []
    into: list[str] = []
    before = ""
    for kind, start, end, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        out += old[start:end]
        into += new[first:last]
        before = old[end] if end < len(old) else ""
    return Replaced("\n".join(out), "\n".join(into), "" if out else before, errata)
