"""The lecture slide by slide, as every form of the report shows it: claims, errata, and the lines of code to change."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.course import course
from harness.erratum import Differs, Erratum, ErratumChecked, Outcome, plain
from harness.record.run import Run
from harness.verdict import Verdict
from reports.cards import ELSEWHERE, GONE, Card, section_of

if TYPE_CHECKING:
    from reports.charts import Picture

MOST_CLAIMS = 20
"""Claims of a file: larger pages take readers long, and hosts cut them."""


LONGEST = 80
"""Characters of a file's name."""


@dataclass(frozen=True)
class Snippet:
    """An erratum: what a run says of it, what the course declares (None if it no longer has it), and what its printed
    form should do on the run's backend."""

    record: ErratumChecked
    declared: Erratum | None
    expected: Outcome | None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def red(self) -> bool:
        return self.record.red

    @property
    def label(self) -> str:
        """Where the lecture says it; "" if the course no longer has it."""
        return self.declared.slide if self.declared else ""

    @property
    def statement(self) -> str:
        return self.declared.statement if self.declared else GONE

    @property
    def outcome(self) -> str:
        """What is expected: "fails", "warns" or "differs"."""
        return type(self.expected).__name__.lower() if self.expected else ""

    @property
    def slide_value(self) -> Any:
        """The value of its ``check`` on the slide; None unless another is expected today."""
        return plain(self.expected.slide) if isinstance(self.expected, Differs) else None


def snippets(run: Run) -> list[Snippet]:
    """The errata of a run."""
    known = [(record, course().erratum(record.id)) for record in run.errata.values()]
    return [Snippet(record, of, of.expected(run.header.backend) if of else None) for record, of in known]


class Replaced(NamedTuple):
    """Lines of code that a slide's author changes. Errata that one replacement mends stand together.

    Attributes:
        printed: the lines to take out; "" if lines are only added.
        modern: the lines to put in; "" if lines are only taken out.
        before: the first line that follows the added lines; "" if no line follows, or if lines are taken out.
        errata: why: the erratum itself, then those that its replacement mends too.
    """

    printed: str
    modern: str
    before: str
    errata: tuple[Snippet, ...]


def replaced(errata: Sequence[Snippet]) -> list[Replaced]:
    """The replacements, in the order of the errata. An erratum whose ``within`` is not among them has its own."""
    within = {erratum.id: erratum.declared.within for erratum in errata if erratum.declared}
    made = []
    for erratum in errata:
        if erratum.declared is None or within[erratum.id] in within:
            continue
        old, new = (text.strip("\n").split("\n") for text in (erratum.declared.printed, erratum.declared.modern))
        codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        changes = [places for kind, *places in codes if kind != "equal"]
        out = [line for start, end, _, _ in changes for line in old[start:end]]
        into = [line for _, _, start, end in changes for line in new[start:end]]
        following = old[changes[-1][1] :] if changes and not out else []
        mended = [other for other in errata if within.get(other.id) == erratum.id]
        made.append(Replaced("\n".join(out), "\n".join(into), "".join(following[:1]), (erratum, *mended)))
    return made


@dataclass
class Slide:
    """One slide: its claims, its errata, the figures of its experiments, and the claims of an earlier slide that it
    states as well."""

    title: str
    cards: list[Card] = field(default_factory=list)
    errata: list[Snippet] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    also: list[Card] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The first file of its section; "" without claims and figures."""
        return next(iter(self.files), "")

    @property
    def files(self) -> dict[str, list[Card]]:
        """The files of its section with their claims, at most MOST_CLAIMS each."""
        if not self.cards and not self.pictures:
            return {}
        count = max(1, math.ceil(len(self.cards) / MOST_CLAIMS))
        size = max(1, math.ceil(len(self.cards) / count))
        return {section_file(self.title, part): self.cards[part * size : (part + 1) * size] for part in range(count)}

    @property
    def wrong(self) -> list[Card]:
        """The claims of the slide that are not supported, refuted ones first."""
        every = [*self.cards, *self.also]
        return [card for verdict in Verdict for card in every if card.open and card.verdict is verdict]

    @property
    def replaced(self) -> list[Replaced]:
        return replaced(self.errata)

    @property
    def refuted(self) -> int:
        return sum(card.finding for card in self.wrong)


def slides(run: Run, cards: Mapping[str, Card], pictures: Sequence[Picture] = ()) -> list[Slide]:
    """The slides that have anything, in lecture order; what no slide names comes last."""
    known = {title: Slide(title) for title in (*course().slides, ELSEWHERE)}
    places: dict[str, dict[str, None]] = {}
    for card in cards.values():
        known[card.section].cards.append(card)
        places.setdefault(card.experiment, {})[card.section] = None
        for title in card.slides[1:]:
            known[title].also.append(card)
    for erratum in snippets(run):
        known[section_of(erratum.label)].errata.append(erratum)
    for picture in pictures:
        for title in places.get(picture.heading, [ELSEWHERE]) if picture.heading else ():
            known[title].pictures.append(picture)
    return [slide for slide in known.values() if slide.cards or slide.errata or slide.pictures or slide.also]


def section_file(title: str, part: int = 0) -> str:
    """A file of a section: "sections/5-batch-normalization.md", and from part 1 on "…-2.md".

    A digest of the title is in the name if another slide would have the same, or if the name is too long or empty.
    """
    name, *others = ("-".join(re.findall("[a-z0-9]+", of.lower())[:3]) for of in (title, *course().slides))
    if not name or len(name) > LONGEST or others.count(name) > 1:
        name = f"{name[:LONGEST]}-{hashlib.sha256(title.encode(errors='replace')).hexdigest()[:8]}".strip("-")
    return f"sections/{name}{f'-{part + 1}' if part else ''}.md"
