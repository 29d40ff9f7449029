"""What the page's templates show beyond the cards: slides, tiles, what moved, what to say instead."""

from __future__ import annotations

import difflib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.course import course
from harness.record.outcomes import TimeState
from harness.record.run import Run
from harness.verdict import Basis, Verdict
from reports.cards import ELSEWHERE, Card, section_of
from reports.history import History, Speed
from reports.snippets import Snippet, snippets
from reports.words import NOT_CONTRADICTED, elapsed, faster_or_slower, plural

ANSWERS: dict[str, str] = {
    Verdict.SUPPORTED: "Yes.",
    NOT_CONTRADICTED: "It may be.",
    Verdict.REFUTED: "No.",
    Verdict.OUTDATED: "Not any more.",
    Verdict.NEGLIGIBLE: "A tie.",
    Verdict.INCONCLUSIVE: "Not decided.",
    Verdict.NOT_RUN: "No result.",
}


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
    return [
        _replaced(erratum, [other for other in errata if within.get(other.id) == erratum.id])
        for erratum in errata
        if erratum.declared and within[erratum.id] not in within
    ]


def _replaced(erratum: Snippet, others: Sequence[Snippet]) -> Replaced:
    assert erratum.declared is not None
    old, new = (text.strip("\n").split("\n") for text in (erratum.declared.printed, erratum.declared.modern))
    changes = [of for of in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if of[0] != "equal"]
    out = [line for _, start, end, _, _ in changes for line in old[start:end]]
    into = [line for _, _, _, start, end in changes for line in new[start:end]]
    following = old[changes[-1][2] :] if changes and not out else []
    return Replaced("\n".join(out), "\n".join(into), "".join(following[:1]), (erratum, *others))


@dataclass
class Slide:
    """One slide: its claims, its errata, and the claims that stand with an earlier slide of theirs."""

    title: str
    cards: list[Card] = field(default_factory=list)
    errata: list[Snippet] = field(default_factory=list)
    also: list[Card] = field(default_factory=list)

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


def slides(run: Run, cards: Mapping[str, Card]) -> list[Slide]:
    """The slides with claims or errata, in lecture order; a claim or an erratum of no known slide comes last."""
    known = {title: Slide(title) for title in (*course().slides, ELSEWHERE)}
    for card in cards.values():
        known[card.section].cards.append(card)
        for title in card.slides[1:]:
            known[title].also.append(card)
    for erratum in snippets(run):
        known[section_of(erratum.label)].errata.append(erratum)
    return [slide for slide in known.values() if slide.cards or slide.errata or slide.also]


class Tile(NamedTuple):
    """A figure of the first screen: what it counts, the figure, a sentence, and whether it is "good" or "bad"."""

    label: str
    figure: str
    text: str
    look: str = ""


def tiles(run: Run, cards: Mapping[str, Card], history: History | None) -> tuple[Tile, Tile, Tile]:
    """Refuted claims, snippets and time."""
    wrong = Counter(card.verdict for card in cards.values() if card.open)
    refuted = wrong.pop(Verdict.REFUTED, 0)
    words = {Verdict.INCONCLUSIVE: "undecided", Verdict.NEGLIGIBLE: "a tie"}
    parts = [f"{wrong[verdict]} {words.get(verdict, verdict.lower())}" for verdict in Verdict if wrong[verdict]]
    stated = plural(sum(card.source != "ours" for card in cards.values()), "claim")
    rest = ", ".join([f"of {stated} of the lecture", *parts]) if cards else "no claim was decided"
    red = sum(erratum.red for erratum in run.errata.values())
    mended = f"{red} of them not as stored" if red else "each with a replacement"
    return (
        Tile("Refuted", str(refuted), rest, "bad" if refuted else ""),
        Tile("Snippets to replace", str(len(run.errata)), mended if run.errata else "no snippet was checked",
             "bad" if red else ""),
        time_tile(run, history),
    )  # fmt: skip


def time_tile(run: Run, history: History | None) -> Tile:
    """How long the run took, and how that compares with stored times or with an earlier run."""
    if run.header.evidence:
        total = sum(trial.seconds.total for trials in run.trials.values() for trial in trials)
        return Tile("Time", elapsed(total) if total else "–", "of training, stored as evidence")
    took = run.end.seconds if run.end else None
    return Tile("Time", "–" if took is None else elapsed(took), *compared_time(run, history))


def compared_time(run: Run, history: History | None) -> tuple[str, str]:
    """How the run's times compare, as a text, and "good", "bad" or "" for how it looks: "" if no change is shown."""
    compared = [timing.comparison for timing in run.timings.values()]
    states = Counter(comparison.state for comparison in compared)
    ratios = [comparison.ratio for comparison in compared if comparison.ratio and not comparison.of_fit]
    if ratios:
        slower, faster = states[TimeState.SLOWER], states[TimeState.FASTER]
        text = f"{_than(statistics.median(ratios))} stored, {slower} slower and {faster} faster of "
        return text + plural(len(ratios), "training"), "bad" if slower else "good" if faster else ""
    before = speed(run, history)
    if before is None:
        return "no earlier run to compare with", ""
    sure = {None: "too few earlier runs to tell from chance", True: "more than chance", False: "within chance"}
    text = _than(before.whole.ratio)
    text += " before" if text == "as fast as" else f" before, {sure[before.beyond]}"
    return text, "bad" if before.slower else "good" if before.faster else ""


def _than(ratio: float) -> str:
    words = faster_or_slower(ratio)
    return f"{words} {'as' if words == 'as fast' else 'than'}"


def speed(run: Run, history: History | None) -> Speed | None:
    """The run's times against those of earlier runs; None if there are none."""
    at = history.place(run) if history else None
    return history.speed(at) if history and at is not None else None


HOW: Mapping[Basis | None, str] = {
    Basis.SHOWN: "a test shows it",
    Basis.EVERY_SEED: "every seed counts: a single one to the contrary would refute it",
    Basis.NOT_CONTRADICTED: "the figure is within what one more training may give",
}


def how_sure(card: Card) -> str:
    """How sure the verdict is, in a sentence: how it was decided, seeds, and p; "" if nothing decided it."""
    if card.exact:
        return "A computation decides it: it either holds or does not."
    if not card.seeds:
        return ""
    p = card.record.decision.p
    parts = [
        f"{plural(card.seeds, 'seed')}, each a training of its own",
        HOW.get(card.basis, "") if card.verdict is not Verdict.REFUTED else "",
        "" if p is None else f"p = {p:.1g}" if p >= 1e-4 else "p < 0.0001",
    ]
    outlook = f" {card.outlook[:1].upper()}{card.outlook[1:]}." if card.outlook else ""
    return f"{'; '.join(filter(None, parts))}.{outlook}"
