"""What a report says first: whether anything moved, what moved, and what the slides get wrong, grouped by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cases.findings import FINDINGS, Finding
from harness.domain.verdict import Verdict
from harness.record.outcomes import REPRODUCED, Anchor, TimeState, number_text
from harness.record.run import Run, TrainingCompared
from reports.cards import Card
from reports.labels import verdict_text
from reports.text import plural


@dataclass(frozen=True)
class Status:
    """The status line: ``text`` without its symbol, and what decides the ``symbol``.

    Attributes:
        text: the line.
        red: whether anything moved or could not be checked.
        partial: whether the run did not reach its end.
        checked: whether anything was compared with what is stored.
    """

    text: str
    red: bool
    partial: bool = False
    checked: bool = True

    @property
    def symbol(self) -> str:
        return "❌" if self.red else "⚠️" if self.partial else "✅" if self.checked else "ℹ️"

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
        interval: the values that would not have been a movement; "" if there is no such interval.
    """

    kind: str
    name: str
    before: str
    now: str
    reason: str
    claims: tuple[str, ...] = ()
    interval: str = ""


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
    counted = Counter(one.kind for one in moved(run))
    broken = len(run.header.broken)
    checked = True
    if counted:
        plurals = {"erratum": "errata"}
        listed = [plural(count, kind, plurals.get(kind, "")) for kind, count in counted.items()]
        parts = [f"{', '.join(listed)} moved or could not be checked."]
    elif run.header.evidence:
        seeds = sorted({len(trials) for trials in run.trials.values()})
        many = " to ".join(f"{count:,}" for count in dict.fromkeys((seeds[0], seeds[-1]))) if seeds else "no"
        parts = [f"Evidence of {run.header.stack}: {plural(len(run.trials), 'training')}, {many} seeds each."]
        checked = False
    else:
        text, checked = _reproduced(run)
        parts = [text]
    if broken:
        parts.append(f"{plural(broken, 'mistake')} in the catalogue.")
    if run.partial:
        parts.append("The run did not reach its end.")
    wrong = sum(bool(group.refuted) for group in findings(cards))
    if wrong:
        parts.append(f"{plural(wrong, 'finding')} {'contradicts' if wrong == 1 else 'contradict'} the slides.")
    if run.errata:
        need = "needs" if len(run.errata) == 1 else "need"
        parts.append(f"{plural(len(run.errata), 'snippet')} {need} replacing.")
    return Status(" ".join(parts), bool(counted or broken), run.partial, checked)


def _reproduced(run: Run) -> tuple[str, bool]:
    """How much was reproduced, and whether anything was compared at all."""
    outcomes = [one.outcome for one in run.trainings.values()]
    good = [one for one in outcomes if one.state in REPRODUCED]
    ended = sum(one.to_the_end for one in good)
    counts = [(ended, "to the end"), (len(good) - ended, "from the start")]
    listed = [(count, how) for count, how in counts if count]
    new = len(outcomes) - len(good)
    if listed:
        (first, how), *rest = listed
        text = f"Nothing moved: {plural(first, 'training')} reproduced {how}" + "".join(f", {n} {h}" for n, h in rest)
        return text + "." + (f" {new} without evidence on this stack." if new else ""), True
    if outcomes:
        return "Nothing could be compared: no trained variant has evidence on this stack.", False
    if any(claim.comparison.expected is not None for claim in run.claims.values()):
        return "Nothing moved: the verdicts are the expected ones.", True
    if times := [one.comparison.state for one in run.timings.values()]:
        compared = sum(state not in (TimeState.NEW, TimeState.NOT_COMPARABLE) for state in times)
        return f"No time moved: {compared} of {plural(len(times), 'time')} compared with stored ones.", bool(compared)
    if run.errata or run.self_checks:
        return "Nothing moved.", True
    return "Nothing was compared.", False


def moved(run: Run) -> list[Moved]:
    """Everything that is red: trainings, verdicts, errata, self-checks and times, in this order."""
    found = []
    if not run.header.evidence:
        found += [_training(run, one) for one in run.trainings.values() if one.red]
    for claim in run.claims.values():
        if claim.red or claim.comparison.expected not in (None, claim.verdict):
            reason = claim.error or claim.comparison.reason
            before = verdict_text(claim.comparison.expected) if claim.comparison.expected else ""
            found.append(Moved("verdict", claim.key, before, verdict_text(claim.verdict), reason, (claim.key,)))
    for one in run.errata.values():
        if one.red:
            now = one.error or one.warning or str(one.state)
            found.append(Moved("erratum", one.id, one.expected, now, one.reason))
    found += [
        Moved("self-check", one.name, "holds", "fails", one.wrong[0]) for one in run.self_checks.values() if one.wrong
    ]
    for (work, engine), timed in run.timings.items():
        if timed.red:
            ratio = timed.comparison.ratio
            now = f"{ratio:.2f} × the stored seconds" if ratio else str(timed.comparison.state)
            found.append(Moved("time", f"{work}/{engine}", "", now, timed.comparison.reason))
    return found


def _training(run: Run, one: TrainingCompared) -> Moved:
    """A red training: the first value that moved, else the anchor outside its prediction interval."""
    outcome, interval = one.outcome, ""
    before, now = "", str(outcome.state)
    outside = [anchor for anchor in outcome.anchors if not _inside(anchor)]
    if outcome.movement is not None:
        before, now = number_text(outcome.movement.before), number_text(outcome.movement.now)
    elif outside:
        before, now = number_text(outside[0].before), number_text(outside[0].now)
        if expected := outside[0].expected:
            interval = f"{number_text(expected.low)} to {number_text(expected.high)}, from {expected.seeds:,} seeds"
    claims = run.claims.values()
    resting = tuple(c.key for c in claims if c.experiment == one.experiment and one.variant in c.variants)
    return Moved("training", f"{one.experiment}/{one.variant}", before, now, outcome.reason, resting, interval)


def _inside(anchor: Anchor) -> bool:
    return anchor.expected is None or (anchor.now is not None and anchor.expected.contains(anchor.now))


def findings(cards: Mapping[str, Card], known: Sequence[Finding] = FINDINGS) -> list[Group]:
    """The claims of each known cause; a refuted claim that no cause names is a group of its own.

    All cases of one claim are one group. Causes none of whose claims is among the cards are left out.
    """
    groups = [Group(one.cause, tuple(cards[key] for key in one.claims if key in cards)) for one in known]
    named = {key for one in known for key in one.claims}
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
