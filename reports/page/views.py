"""What the page's templates show beyond the cards: slides, tiles, what moved, what to say instead."""

from __future__ import annotations

import difflib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.course import course
from harness.domain.verdict import Basis, Verdict
from harness.record.outcomes import TimeState
from harness.record.run import Run
from reports.cards import ELSEWHERE, Card, Row, Snippet, section_of, snippets
from reports.history import History, Speed
from reports.words import NOT_CONTRADICTED, elapsed, faster_or_slower, mean_std, number, plural, points

ANSWERS: dict[str, str] = {
    Verdict.SUPPORTED: "Yes.",
    NOT_CONTRADICTED: "It may be.",
    Verdict.REFUTED: "No.",
    Verdict.OUTDATED: "Not any more.",
    Verdict.NEGLIGIBLE: "A tie.",
    Verdict.INCONCLUSIVE: "Not decided.",
    Verdict.NOT_RUN: "No result.",
}


@dataclass(frozen=True)
class Replaced:
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
    within = {erratum.id: (erratum, erratum.declared.within) for erratum in errata if erratum.declared}
    return [
        _replaced((erratum, *(other for other, place in within.values() if place == erratum.id)))
        for erratum, place in within.values()
        if place not in within
    ]


def _replaced(errata: tuple[Snippet, ...]) -> Replaced:
    declared = errata[0].declared
    assert declared is not None
    old, new = (text.strip("\n").split("\n") for text in (declared.printed, declared.modern))
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
    def pieces(self) -> list[tuple[str, Replaced]]:
        """``replaced``, each with the slide's title."""
        return [(self.title, one) for one in self.replaced]

    @property
    def refuted(self) -> int:
        return sum(card.finding for card in self.wrong)


def slides(run: Run, cards: Mapping[str, Card]) -> list[Slide]:
    """The slides with claims or errata, in lecture order; a claim or an erratum of no known slide comes last."""
    found = {title: Slide(title) for title in (*course().slides, ELSEWHERE)}
    for card in cards.values():
        found[card.section].cards.append(card)
        for title in card.slides[1:]:
            found[title].also.append(card)
    for erratum in snippets(run):
        found[section_of(erratum.label)].errata.append(erratum)
    return [slide for slide in found.values() if slide.cards or slide.errata or slide.also]


def despite(run: Run) -> dict[str, list[Snippet]]:
    """By the key of a claim, the errata whose printed code does not do what the claim says."""
    contradicting: dict[str, list[Snippet]] = {}
    for erratum in snippets(run):
        if erratum.declared and erratum.declared.despite:
            contradicting.setdefault(erratum.declared.despite, []).append(erratum)
    return contradicting


@dataclass(frozen=True)
class Tile:
    """A figure of the first screen: what it counts, the figure, a sentence, and whether it is "good" or "bad"."""

    label: str
    figure: str
    text: str
    look: str = ""


def tiles(run: Run, cards: Mapping[str, Card], history: History | None) -> tuple[Tile, Tile, Tile]:
    """Refuted claims, snippets and time."""
    wrong = Counter(card.verdict for card in cards.values() if card.open)
    refuted, others = wrong[Verdict.REFUTED], [verdict for verdict in Verdict if verdict is not Verdict.REFUTED]
    words = {Verdict.INCONCLUSIVE: "undecided", Verdict.NEGLIGIBLE: "a tie"}
    parts = [f"{wrong[verdict]} {words.get(verdict, verdict.lower())}" for verdict in others if wrong[verdict]]
    stated = sum(card.source != "ours" for card in cards.values())
    rest = ", ".join([f"of {plural(stated, 'claim')} of the lecture", *parts])
    red = sum(one.red for one in run.errata.values())
    snippets = f"{red} of them not as stored" if red else "each with a replacement"
    if not run.errata:
        snippets = "no snippet was checked"
    return (
        Tile("Refuted", str(refuted), rest if cards else "no claim was decided", "bad" if refuted else ""),
        Tile("Snippets to replace", str(len(run.errata)), snippets, "bad" if red else ""),
        time_tile(run, history),
    )


def time_tile(run: Run, history: History | None) -> Tile:
    """How long the run took, and how that compares with stored times or with an earlier run."""
    if run.header.evidence:
        total = sum(one.seconds.total for trials in run.trials.values() for one in trials)
        return Tile("Time", elapsed(total) if total else "–", "of training, stored as evidence")
    figure = elapsed(run.end.seconds) if run.end and run.end.seconds is not None else "–"
    text, look = compared_time(run, history)
    return Tile("Time", figure, text, look)


def compared_time(run: Run, history: History | None) -> tuple[str, str]:
    """How the run's times compare, as a text, and "good", "bad" or "" for how it looks: "" if no change is shown."""
    states = Counter(one.comparison.state for one in run.timings.values())
    ratios = [
        one.comparison.ratio for one in run.timings.values() if one.comparison.ratio and not one.comparison.of_fit
    ]
    if ratios:
        slower, faster = states[TimeState.SLOWER], states[TimeState.FASTER]
        middle = faster_or_slower(statistics.median(ratios))
        text = (
            f"{middle} {_than(middle)} stored, {slower} slower and {faster} faster of {plural(len(ratios), 'training')}"
        )
        return text, "bad" if slower else "good" if faster else ""
    before = speed(run, history)
    if before is None:
        return "no earlier run to compare with", ""
    words = faster_or_slower(before.whole.ratio)
    sure = {None: "too few earlier runs to tell from chance", True: "more than chance", False: "within chance"}
    text = f"{words} {_than(words)} before" + ("" if words == "as fast" else f", {sure[before.beyond]}")
    return text, "bad" if before.slower else "good" if before.faster else ""


def _than(words: str) -> str:
    return "as" if words == "as fast" else "than"


def speed(run: Run, history: History | None) -> Speed | None:
    """The run's times against those of earlier runs; None if there are none."""
    at = history.place(run) if history else None
    return history.speed(at) if history and at is not None else None


def how_sure(card: Card) -> str:
    """How sure the verdict is, in a sentence: how it was decided, seeds, and p; "" if nothing decided it."""
    if card.exact:
        return "A computation decides it: it either holds or does not."
    if not card.seeds:
        return ""
    parts = [f"{plural(card.seeds, 'seed')}, each a training of its own"]
    how = {
        Basis.SHOWN: "a test shows it",
        Basis.EVERY_SEED: "every seed counts: a single one to the contrary would refute it",
        Basis.NOT_CONTRADICTED: "the figure is within what one more training may give",
    }
    if card.basis in how and card.verdict is not Verdict.REFUTED:
        parts.append(how[card.basis])
    p = card.record.decision.p
    if p is not None:
        parts.append(f"p = {p:.1g}" if p >= 1e-4 else "p < 0.0001")
    return "; ".join(parts) + "." + (f" {card.outlook[:1].upper()}{card.outlook[1:]}." if card.outlook else "")


def difference(row: Row) -> str:
    """Ours minus the slide's figure: "+0.27 points", "−0.04"."""
    if row.difference is None:
        return ""
    if row.unit == "fraction":
        return points(row.difference)
    return ("+" if row.difference > 0 else "") + number(row.difference)


def measured(row: Row) -> str:
    """Mean and standard deviation of a variant: "0.9822 ± 0.0011"."""
    return mean_std(row.mean, row.std, row.unit)


def lost(row: Row) -> str:
    """The seeds of a variant without a value: "3 diverged, 1 collapsed"; "" if all have one."""
    counts = ((row.diverged, "diverged"), (row.collapsed, "collapsed"), (row.censored, "did not reach the target"))
    return ", ".join(f"{count} {how}" for count, how in counts if count)


def states(run: Run) -> Sequence[tuple[str, int, bool]]:
    """The number of trainings in each state, the red ones first, and whether it is red."""
    counted = Counter((str(one.outcome.state), one.red) for one in run.trainings.values())
    return sorted(
        ((state, count, red) for (state, red), count in counted.items()), key=lambda one: (not one[2], one[0])
    )
