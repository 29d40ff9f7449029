"""What a report says first: whether anything moved, what moved, and what the slides get wrong, grouped by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cases.findings import FINDINGS
from harness.domain.verdict import Verdict
from harness.record.outcomes import REPRODUCED, number_text
from harness.record.run import Run
from reports.cards import Card
from reports.text import plural


@dataclass(frozen=True)
class Status:
    """The status line: ``text`` without its symbol, whether it is ``red``, and its ``symbol``."""

    text: str
    red: bool
    partial: bool = False

    @property
    def symbol(self) -> str:
        return "❌" if self.red else "⚠️" if self.partial else "✅"

    def __str__(self) -> str:
        return f"{self.symbol} {self.text}"


@dataclass(frozen=True)
class Moved:
    """Something red, or a verdict that changed.

    Attributes:
        kind: "training", "verdict", "erratum", "self-check" or "time".
        name: its key.
        before, now: the stored and the new value; "" if there is none.
        reason: why it is red.
        claims: keys of the claims that rest on it.
    """

    kind: str
    name: str
    before: str
    now: str
    reason: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Claims that one cause explains, and whether one of them is refuted."""

    cause: str
    cards: tuple[Card, ...]

    @property
    def refuted(self) -> tuple[Card, ...]:
        return tuple(card for card in self.cards if card.verdict is Verdict.REFUTED)


def status(run: Run, cards: Mapping[str, Card]) -> Status:
    """The status line of a run: what moved, or how much was reproduced; then the findings and the errata."""
    found = moved(run)
    counted = Counter(one.kind for one in found)
    if found:
        plurals = {"erratum": "errata"}
        listed = [plural(count, kind, plurals.get(kind, "")) for kind, count in counted.items()]
        parts = [f"{', '.join(listed)} moved or could not be checked."]
    elif run.header.evidence:
        seeds = sorted({len(trials) for trials in run.trials.values()})
        many = " to ".join(f"{count:,}" for count in dict.fromkeys((seeds[0], seeds[-1]))) if seeds else "no"
        parts = [f"Evidence of {run.header.stack}: {plural(len(run.trials), 'training')}, {many} seeds each."]
    else:
        parts = [_reproduced(run)]
    if run.partial:
        parts.append("The run did not reach its end.")
    wrong = sum(bool(group.refuted) for group in findings(cards))
    if wrong:
        parts.append(f"{plural(wrong, 'finding')} {'contradicts' if wrong == 1 else 'contradict'} the slides.")
    if run.errata:
        need = "needs" if len(run.errata) == 1 else "need"
        parts.append(f"{plural(len(run.errata), 'snippet')} {need} replacing.")
    return Status(" ".join(parts), bool(found), run.partial)


def _reproduced(run: Run) -> str:
    outcomes = [one.outcome for one in run.trainings.values()]
    good = [one for one in outcomes if one.state in REPRODUCED]
    ended = sum(one.to_the_end for one in good)
    counts = [(ended, "to the end"), (len(good) - ended, "from the start")]
    listed = [(count, how) for count, how in counts if count]
    new = len(outcomes) - len(good)
    if listed:
        (first, how), *rest = listed
        text = f"Nothing moved: {plural(first, 'training')} reproduced {how}" + "".join(f", {n} {h}" for n, h in rest)
        return text + "." + (f" {new} without evidence on this stack." if new else "")
    if outcomes:
        return "Nothing could be compared: no trained variant has evidence on this stack."
    known = any(claim.comparison.expected is not None for claim in run.claims.values())
    return "Nothing moved: the verdicts are the expected ones." if known else "Nothing was compared."


def moved(run: Run) -> list[Moved]:
    """Everything that is red: trainings, verdicts, errata, self-checks and times, in this order."""
    found = []
    for (experiment, variant), one in run.trainings.items():
        if one.red and not run.header.evidence:
            movement = one.outcome.movement
            resting = tuple(c.key for c in run.claims.values() if c.experiment == experiment and variant in c.variants)
            before = number_text(movement.before) if movement else ""
            now = number_text(movement.now) if movement else str(one.outcome.state)
            found.append(Moved("training", f"{experiment}/{variant}", before, now, one.outcome.reason, resting))
    for claim in run.claims.values():
        if claim.red or claim.comparison.expected not in (None, claim.verdict):
            reason = claim.error or claim.comparison.reason
            before = str(claim.comparison.expected or "")
            found.append(Moved("verdict", claim.key, before, str(claim.verdict), reason, (claim.key,)))
    if not run.header.evidence:
        found += [
            Moved("erratum", one.id, "holds", str(one.state), one.reason) for one in run.errata.values() if one.red
        ]
    found += [
        Moved("self-check", one.name, "holds", "fails", one.wrong[0]) for one in run.self_checks.values() if one.wrong
    ]
    for (work, engine), timed in run.timings.items():
        if timed.red:
            ratio = timed.comparison.ratio
            now = f"{ratio:.2f} × the stored seconds" if ratio else str(timed.comparison.state)
            found.append(Moved("time", f"{work}/{engine}", "", now, timed.comparison.reason))
    return found


def findings(cards: Mapping[str, Card]) -> list[Group]:
    """The claims of each cause of ``cases.findings``; a refuted claim that no cause names is a group of its own.

    All cases of one claim are one group. Causes none of whose claims is among the cards are left out.
    """
    groups = [Group(one.cause, tuple(cards[key] for key in one.claims if key in cards)) for one in FINDINGS]
    named = {key for one in FINDINGS for key in one.claims}
    others: dict[str, list[Card]] = {}
    for card in cards.values():
        if card.verdict is Verdict.REFUTED and card.key not in named:
            others.setdefault(card.id, []).append(card)
    groups += [Group(of[0].statement.rstrip("."), tuple(of)) for of in others.values()]
    return [group for group in groups if group.cards]


def counts(cards: Sequence[Card]) -> dict[Verdict, int]:
    """The number of claims with each verdict."""
    found = Counter(card.verdict for card in cards)
    return {verdict: found[verdict] for verdict in Verdict}
