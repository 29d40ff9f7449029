"""What the page's templates show beyond the cards: slides, tiles, what moved, what to say instead."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cases.lecture import SLIDES, slides_of
from harness.domain.verdict import Verdict
from harness.record.outcomes import TimeState
from harness.record.run import ErratumChecked, Run
from reports.cards import Card, Row
from reports.headline import findings
from reports.page.earlier import Series, Trend
from reports.sections.effects import effects_by_relevance
from reports.text import mean_std, number, plural
from reports.wording import points

ELSEWHERE = "Elsewhere in the lecture"
ANSWERS = {Verdict.SUPPORTED: "Yes.", Verdict.REFUTED: "No.", Verdict.INCONCLUSIVE: "Not decided.", Verdict.NOT_RUN: "No result."}  # fmt: skip
SAME = 1.1
"""Times whose ratio is within this factor are called the same."""


@dataclass
class Slide:
    """One slide: its claims, its errata, and the claims that stand with an earlier slide of theirs."""

    title: str
    cards: list[Card] = field(default_factory=list)
    errata: list[ErratumChecked] = field(default_factory=list)
    also: list[Card] = field(default_factory=list)

    @property
    def wrong(self) -> list[Card]:
        """The claims of the slide to change, refuted ones first."""
        every = [*self.cards, *self.also]
        return [card for verdict in TO_CHANGE for card in every if card.verdict is verdict]

    @property
    def refuted(self) -> int:
        return sum(card.verdict is Verdict.REFUTED for card in self.wrong)


TO_CHANGE = (Verdict.REFUTED, Verdict.INCONCLUSIVE)


def slides(run: Run, cards: Mapping[str, Card]) -> list[Slide]:
    """The slides with claims or errata, in lecture order; a claim or an erratum of no known slide comes last."""
    found = {title: Slide(title) for title in (*SLIDES, ELSEWHERE)}
    for card in cards.values():
        first, *others = card.slides or (ELSEWHERE,)
        found[first].cards.append(card)
        for title in others:
            found[title].also.append(card)
    for erratum in run.errata.values():
        found[next(iter(slides_of(erratum.slide)), ELSEWHERE)].errata.append(erratum)
    return [slide for slide in found.values() if slide.cards or slide.errata or slide.also]


@dataclass(frozen=True)
class Tile:
    """A figure of the first screen: what it counts, the figure, a sentence, and whether it is "good" or "bad"."""

    label: str
    figure: str
    text: str
    look: str = ""


def tiles(run: Run, cards: Mapping[str, Card], trend: Trend | None) -> tuple[Tile, Tile, Tile]:
    """Contradictions, snippets and time."""
    wrong = [group for group in findings(cards) if group.refuted]
    refuted = sum(len(group.refuted) for group in wrong)
    undecided = sum(card.verdict is Verdict.INCONCLUSIVE for card in cards.values())
    rest = f"{plural(refuted, 'claim')} of {len(cards)} refuted, {undecided} undecided" if cards else "no claim was decided"
    red = sum(one.red for one in run.errata.values())
    snippets = "no snippet was checked" if not run.errata else (
        f"{red} of their replacements did not work" if red else "each with a replacement that was run")  # fmt: skip
    return (
        Tile("Contradictions", str(len(wrong)), rest, "bad" if wrong else ""),
        Tile("Snippets to replace", str(len(run.errata)), snippets, "bad" if red else ""),
        time_tile(run, trend),
    )


def time_tile(run: Run, trend: Trend | None) -> Tile:
    """How long the run took, and how that compares with stored times or with an earlier run."""
    if run.header.evidence:
        total = sum(one.seconds.total for trials in run.trials.values() for one in trials)
        figure = duration(total) if total else "–"
    else:
        figure = duration(run.end.seconds) if run.end and run.end.seconds is not None else "–"
    text, look = compared_time(run, trend)
    return Tile("Time", figure, text, look)


def compared_time(run: Run, trend: Trend | None) -> tuple[str, str]:
    """How the run's times compare, as a text, and "good", "bad" or "" for how it looks."""
    states = Counter(one.comparison.state for one in run.timings.values())
    ratios = [one.comparison.ratio for one in run.timings.values() if one.comparison.ratio]
    if ratios:
        slower, faster = states[TimeState.SLOWER], states[TimeState.FASTER]
        of = f"of {plural(len(ratios), 'timed training')}"
        middle = f"median {_times(statistics.median(ratios))}"
        if slower:
            return f"{slower} {of} slower than stored, {middle}", "bad"
        return (f"{faster} {of} faster than stored, {middle}" if faster else f"as fast as stored, {middle}"), "good"
    pairs = [pair for one in (trend.series if trend else ()) if (pair := _last_pair(one))]
    if pairs:
        ratio = statistics.median(now / before for before, now, _ in pairs)
        when = max(date for _, _, date in pairs)[:10]
        if 1 / SAME <= ratio <= SAME:
            return f"as fast as on {when} ({_times(ratio)})", "good"
        return f"{_times(ratio if ratio > 1 else 1 / ratio)} {'slower' if ratio > 1 else 'faster'} than on {when}", (
            "bad" if ratio > 1 else "good"
        )
    return "no earlier run to compare with", ""


def _last_pair(series: Series) -> tuple[float, float, str] | None:
    """Of a series of times, the value before the last, the last, and the date before; None without two positive values.

    Only values of the same machine and version are compared.
    """
    if series.kind != "time" or len(series.points) < 2:
        return None
    *earlier, last = series.points
    same = [one for one in earlier if (one.machine, one.version) == (last.machine, last.version) and one.value > 0]
    return (same[-1].value, last.value, same[-1].date) if same and last.value > 0 else None


def _times(ratio: float) -> str:
    return f"{ratio:.2f} ×"


def duration(seconds: float) -> str:
    """Seconds as read by people: "42 s", "4 min 7 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def say_instead(card: Card) -> str:
    """What a slide can say in the place of a refuted or undecided claim; "" for any other."""
    if card.verdict not in TO_CHANGE:
        return ""
    sentence = card.sentence.removeprefix(f"Slide: {card.slide_figure}. ").removeprefix("Here: ")
    if card.verdict is Verdict.INCONCLUSIVE:
        return f"not decided: {sentence}" + (f" ({card.power})" if card.power else "")
    if card.exact and not card.measured:
        return card.sentence.removeprefix("Computed: ") if card.sentence != "Computed." else "it is computed, and does not hold"
    return sentence + (f" That is {card.images}." if card.images else "")


def how_sure(run: Run, card: Card) -> str:
    """How sure the verdict is: seeds, interval and p in a sentence; "" for an exact claim."""
    effect = next(iter(effects_by_relevance(run.claims[card.key])), None)
    if card.exact:
        return "A computation decides it: it either holds or does not."
    if effect is None or not card.seeds:
        return ""
    parts = [f"{plural(card.seeds, 'seed')}, each a training of its own"]
    confidence = effect.details.get("confidence")
    if confidence and effect.low is not None and effect.high is not None:
        parts.append(f"the interval holds with {100 * confidence:.5g} % confidence")
    if effect.p is not None:
        parts.append(f"p = {effect.p:.1g}" if effect.p >= 1e-4 else "p < 0.0001")
    return "; ".join(parts) + "." + (f" {card.power[:1].upper()}{card.power[1:]}." if card.power else "")


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
    return sorted(((state, count, red) for (state, red), count in counted.items()), key=lambda one: (not one[2], one[0]))
