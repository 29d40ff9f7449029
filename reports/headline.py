"""What a report says first: whether anything moved, what moved, and what the slides get wrong, grouped by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.check.judge import REFERENCE
from harness.course import course
from harness.domain.claim import Finding
from harness.domain.verdict import Basis, Verdict
from harness.record.outcomes import (
    REPRODUCED,
    Anchor,
    ClaimState,
    TimeState,
    TrainingOutcome,
    TrainingState,
    VerdictState,
    number_text,
)
from harness.record.run import ClaimDecided, Run, TrainingCompared
from harness.timing.slower import CHANGED
from reports.cards import Card, snippets
from reports.words import SYMBOLS, backend_name, plural, verdict_text

FAILED = (1, 3)
"""pytest's exit codes for failed tests and for an internal error."""
WORDS = {Basis.SHOWN: "shown by a test", Basis.EVERY_SEED: "in every seed", Basis.COMPUTED: "computed"}
"""How a supported claim was decided."""
STANDINGS: dict[str, str] = {
    Verdict.NEGLIGIBLE: "a tie",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.NOT_RUN: "without a result",
}
"""Words for standings that are not their own."""
UNCOMPARED = (TimeState.NEW, TimeState.NOT_COMPARABLE)


@dataclass(frozen=True)
class Status:
    """The status line: ``text`` without its symbol, and what decides the ``symbol``.

    Attributes:
        text: the line.
        red: whether anything moved or could not be checked.
        green: whether everything that was compared agrees, and the run reached its end.
        partial: whether the run did not reach its end.
    """

    text: str
    red: bool = False
    green: bool = False
    partial: bool = False

    @property
    def symbol(self) -> str:
        return "❌" if self.red else "✅" if self.green else "⚪"

    def __str__(self) -> str:
        return f"{self.symbol} {self.text}"


@dataclass(frozen=True)
class Moved:
    """Something red, or a verdict that changed.

    Attributes:
        kind: "training", "verdict", "claim", "erratum", "self-check" or "time".
        what: what became of it, as "moved" or "not run".
        name: its key.
        before, now: the stored and the new value; "" if there is none.
        reason: why it is red.
        red: False only for a verdict that other seeds explain.
        claims: keys of the claims that rest on it.
        interval: the values that would not have been a movement; "" if there is no such interval.
    """

    kind: str
    what: str
    name: str
    before: str
    now: str
    reason: str
    red: bool = True
    claims: tuple[str, ...] = ()
    interval: str = ""


@dataclass(frozen=True)
class Group:
    """Claims that one cause explains, and those of them that the lecture says and that are not supported."""

    cause: str
    cards: tuple[Card, ...]

    @property
    def open(self) -> tuple[Card, ...]:
        return tuple(card for card in self.cards if card.open)


def title(run: Run) -> str:
    """The heading of a report: the course, the backend, the kind of run, and the date."""
    header, backend = run.header, backend_name(run.header.backend)
    day = header.started[:10]
    if run.timings and not (run.claims or run.trainings or run.errata or header.evidence):
        return f"Times on {backend}, {day}"
    what = f"evidence of {header.stack}" if header.evidence else "trained to the end" if header.full else "checked"
    comma = ", " if header.evidence or header.full else " "
    return f"{course().title}: claims on {backend}, {what}{comma}{day}"


def status(run: Run, cards: Mapping[str, Card]) -> Status:
    """The status line of a report: that of the run, then the findings and the errata."""
    failed = run.end is not None and run.end.exit_status in FAILED
    first = compared(run, interrupted=run.partial, failed=failed)
    parts = [first.text]
    wrong = Counter(card.verdict for card in cards.values() if card.open)
    if wrong[Verdict.REFUTED]:
        parts.append(f"{plural(wrong[Verdict.REFUTED], 'claim')} of the slides refuted.")
    if wrong[Verdict.OUTDATED]:
        parts.append(f"{wrong[Verdict.OUTDATED]} outdated.")
    if run.errata:
        parts.append(f"{plural(len(run.errata), 'snippet')} {'needs' if len(run.errata) == 1 else 'need'} replacing.")
    return replace(first, text=" ".join(parts))


def compared(run: Run, *, interrupted: bool, failed: bool = False, storing: bool = False) -> Status:
    """Whether anything moved, in one sentence.

    Args:
        run: the run.
        interrupted: the run did not reach its end.
        failed: a test failed, or the run ended with an error.
        storing: the run is stored as evidence, and not compared.
    """
    known = f"{len(run.claims)} of {plural(len(run.header.planned), 'claim')} decided"
    begin = f"Interrupted, {known}: " if interrupted else ""
    red = Counter((one.kind, one.what) for one in moved(run) if one.red)
    if red:
        plurals = {"erratum": "errata"}
        listed = [f"{plural(count, kind, plurals.get(kind, ''))} {what}" for (kind, what), count in red.items()]
        return Status(f"{begin}{', '.join(listed)}.", red=True, partial=interrupted)
    if failed:
        return Status(f"{begin}Not everything could be run: see pytest's output.", red=True, partial=interrupted)
    if run.header.evidence:
        seeds = sorted({len(trials) for trials in run.trials.values()})
        many = " to ".join(f"{count:,}" for count in dict.fromkeys((seeds[0], seeds[-1]))) if seeds else "no"
        return Status(f"Evidence of {run.header.stack}: {plural(len(run.trials), 'training')}, {many} seeds each.")
    if storing:
        done = f"{plural(len(run.trainings), 'training')} and {plural(len(run.claims), 'verdict')}"
        return Status(f"{begin}Not compared, as this run is to be stored: {done}.", partial=interrupted)
    agree, new = _agreement(run)
    text = ", ".join([*agree, *new])
    if interrupted:
        return Status(f"Interrupted, {known}. Nothing moved so far{': ' * bool(text)}{text}.", partial=True)
    times = (one.comparison.state for one in run.timings.values())
    changed = Counter(state for state in times if state in (*CHANGED, TimeState.DISTURBED))
    if changed:
        listed = [f"{count} {state}" for state, count in changed.items()]
        return Status(f"Times changed, which is not red here: {', '.join(listed)}.")
    if agree:
        return Status(f"Nothing moved: {text}.", green=True)
    return Status(f"Nothing to compare with: {text or 'nothing was compared'}.")


def _agreement(run: Run) -> tuple[list[str], list[str]]:
    """How much agrees with the evidence, and how much has none: of the trainings, else of times, verdicts and so on."""
    outcomes = [one.outcome for one in run.trainings.values()]
    times = Counter(one.comparison.state for one in run.timings.values())
    if outcomes:
        return _trainings(outcomes, run.header.stack)
    if times:
        agree = {str(state): times[state] for state in TimeState if state not in UNCOMPARED}
        return _texts("time", agree, {str(state): times[state] for state in UNCOMPARED})
    if run.claims:
        known = sum(claim.comparison.expected is not None for claim in run.claims.values())
        return _texts("verdict", {"as expected": known}, {"without an expected one": len(run.claims) - known})
    if run.errata:
        return [f"{len(run.errata)} {'erratum holds' if len(run.errata) == 1 else 'errata hold'}"], []
    return _texts("self-check", {"passed": len(run.self_checks)}, {})


def _trainings(outcomes: Sequence[TrainingOutcome], stack: str) -> tuple[list[str], list[str]]:
    good = [one for one in outcomes if one.state in REPRODUCED]
    ended = sum(one.to_the_end for one in good)
    new = sum(one.state is TrainingState.NEW for one in outcomes)
    near = sum(one.state is TrainingState.NEW and bool(one.compatible) for one in outcomes)
    first = "reproduced from the start" if not ended else "from the start"
    agree, others = _texts(
        "training",
        {
            "reproduced to the end": ended,
            first: len(good) - ended,
            f"compatible with {REFERENCE}": near,
        },
        {f"without evidence on {stack}": new - near},
    )
    same = sum(one.state is TrainingState.IDENTICAL for one in good)
    if same:
        agree.insert(bool(ended) + (ended < len(good)), "bit for bit" if same == len(good) else f"{same} bit for bit")
    return agree, others


def _texts(noun: str, agree: Mapping[str, int], new: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """The numbers above 0, as texts; only the first has the noun: "2 times within", "1 faster"."""
    texts: dict[str, str] = {}
    for what, count in {**agree, **new}.items():
        if count:
            texts[what] = f"{count if texts else plural(count, noun)} {what}"
    return [texts[what] for what in agree if what in texts], [texts[what] for what in new if what in texts]


def moved(run: Run) -> list[Moved]:
    """Everything that is red: trainings, verdicts, errata, self-checks and times, in this order.

    Verdicts that changed and are not red are among them. A report of evidence has no red training.
    """
    found = []
    if not run.header.evidence:
        found += [_training(run, one) for one in run.trainings.values() if one.red]
    found += [_claim(one, run.header.evidence) for one in run.claims.values() if _changed(one, run.header.evidence)]
    for erratum in snippets(run):
        if erratum.red:
            record, before = erratum.record, erratum.expected.describe() if erratum.expected else ""
            now = record.error or record.warning or str(record.state)
            found.append(Moved("erratum", str(record.state), record.id, before, now, record.reason))
    for check in run.self_checks.values():
        if check.red:
            found.append(Moved("self-check", "failed", check.key, "holds", "fails", check.decision.reason))
    for (work, engine), timed in run.timings.items():
        if timed.red:
            state, ratio = str(timed.comparison.state), timed.comparison.ratio
            now = f"{ratio:.2f} × the stored seconds" if ratio else state
            found.append(Moved("time", state, f"{work}/{engine}", "", now, timed.comparison.reason))
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
    what = {TrainingState.NEW: "without evidence"} | dict.fromkeys(REPRODUCED, "not identical")
    return Moved(
        "training",
        what.get(outcome.state, str(outcome.state)),
        f"{one.experiment}/{one.variant}",
        before,
        now,
        outcome.reason.removeprefix("Moved: "),
        claims=resting,
        interval=interval,
    )


def _changed(claim: ClaimDecided, evidence: bool) -> bool:
    moved = (claim.red and not evidence) or claim.comparison.expected not in (None, claim.verdict)
    return moved or bool(claim.error)


def _claim(claim: ClaimDecided, evidence: bool) -> Moved:
    state, expected = claim.comparison.state, claim.comparison.expected
    kind, what, reason = "verdict", str(state), claim.comparison.reason
    if claim.error:
        kind, what, reason = "claim", "without readable evidence", claim.error
    elif claim.verdict is Verdict.NOT_RUN:
        kind, what, reason = "claim", "not run", claim.decision.reason
    elif state is VerdictState.NEW:
        what = "without an expected one"
    before = verdict_text(expected) if expected else ""
    return Moved(
        kind, what, claim.key, before, verdict_text(claim.verdict), reason, claim.red or evidence, (claim.key,)
    )


def _inside(anchor: Anchor) -> bool:
    return anchor.expected is None or (anchor.now is not None and anchor.expected.contains(anchor.now))


def findings(cards: Mapping[str, Card], known: Sequence[Finding] | None = None) -> list[Group]:
    """The claims of each known cause, then what no cause names: what is not supported of the lecture, by claim.

    Groups with a refuted claim come first, then those with another that is not supported. A red claim is a fault of the
    machine and in no group; neither is a claim that is ours. The known causes are by default those of the course.
    """
    known = course().findings if known is None else known
    shown = {key: card for key, card in cards.items() if not card.red and card.source != "ours"}
    groups = [Group(one.cause, tuple(shown[key] for key in one.claims if key in shown)) for one in known]
    named = {key for one in known for key in one.claims}
    others: dict[str, list[Card]] = {}
    for card in shown.values():
        if card.open and card.key not in named:
            others.setdefault(card.id, []).append(card)
    groups += [Group(of[0].statement.rstrip("."), tuple(of)) for of in others.values()]
    return sorted(
        (group for group in groups if group.cards),
        key=lambda group: (not any(card.finding for card in group.cards), not group.open),
    )


def counts(cards: Sequence[Card]) -> dict[str, int]:
    """The number of claims with each standing (``Card.standing``). Of red claims only those without a result are
    counted: where there is a result, the machine is at fault."""
    known = Counter(card.standing for card in _judged(cards))
    return {standing: known[standing] for standing in SYMBOLS}


def count_text(cards: Sequence[Card]) -> str:
    """The one count of a report, with its parts by how each was decided; cases that are ours stand for themselves.

    "111 cases: 80 supported (28 shown by a test, 13 in every seed, 39 computed), 13 not contradicted, 5 refuted; and 13
    of ours: 12 supported (12 computed), 1 refuted."
    """
    lecture, ours = ([card for card in cards if (card.source == "ours") is own] for own in (False, True))
    texts = [f"{plural(len(lecture), 'case')}: {_counted(lecture)}"] if lecture else []
    if ours:
        texts.append(f"{len(ours)} of ours: {_counted(ours)}")
    return "; and ".join(texts) + "."


def _judged(cards: Sequence[Card]) -> list[Card]:
    return [card for card in cards if not card.red or card.verdict is Verdict.NOT_RUN]


def _counted(cards: Sequence[Card]) -> str:
    judged = _judged(cards)
    bases = Counter(card.basis for card in judged if card.standing == Verdict.SUPPORTED)
    how = [f"{bases[basis]} {WORDS[basis]}" for basis in WORDS if bases[basis]]
    texts = []
    for standing, count in counts(cards).items():
        if count:
            word = STANDINGS.get(standing, standing.lower().replace("_", " "))
            texts.append(f"{count} {word}" + (f" ({', '.join(how)})" if standing == Verdict.SUPPORTED and how else ""))
    red = len(cards) - len(judged)
    if red:
        texts.append(f"{red} not judged, as {'its test fails' if red == 1 else 'their tests fail'}")
    return ", ".join(texts)


def counted(verdicts: Iterable[Verdict]) -> str:
    """How many verdicts there are of each kind: "✔ 3 supported · ✘ 1 refuted"."""
    count = Counter(verdicts)
    known = (verdict for verdict in Verdict if count[verdict])
    return " · ".join(f"{SYMBOLS[verdict]} {count[verdict]} {verdict_text(verdict)[2:].lower()}" for verdict in known)


def here_text(run: Run) -> str:
    """How many claims this machine confirms, and how far: "3 confirmed, 1 not confirmed"."""
    here = Counter(claim.here.state for claim in run.claims.values() if claim.here and claim.here.state)
    return ", ".join(f"{here[state]} {state}" for state in ClaimState if here[state])


WHY_STOPPED: Mapping[str, str] = {
    "maximum": "undecided at the maximum",
    "interrupted": "interrupted",
    "not run": "not run",
}


def seeds_text(run: Run) -> str:
    """When claims stopped, and how many trials that saved compared with the maximum for every variant."""
    taken = [(claim, claim.taken) for claim in run.claims.values() if claim.taken]
    at_once = sum(seeds.stopped == "decided" and len(seeds.looks) == 1 for _, seeds in taken)
    later = sum(seeds.stopped == "decided" and len(seeds.looks) > 1 for _, seeds in taken)
    others: Counter[str] = Counter(seeds.stopped for _, seeds in taken)
    parts = [f"{at_once} of {plural(len(taken), 'claim')} decided with the least seeds", f"{later} with more"]
    parts += [f"{others[why]} {text}" for why, text in WHY_STOPPED.items() if others[why]]
    most = {(claim.experiment or "", name): seeds.most for claim, seeds in taken for name in claim.variants}
    trials = {key: len(done) for key, done in run.trials.items()}
    saved = sum(max(limit - trials.get(key, 0), 0) for key, limit in most.items())
    used = sum(trials.get(key, 0) for key in most)
    return f"{', '.join(parts)}; {plural(used, 'trial')}, {saved} fewer than with the maximum for every variant"


def seeds_taken(claim: ClaimDecided) -> str:
    """How many seeds one claim needed; "" if the number of seeds was fixed."""
    seeds = claim.taken
    if seeds is None:
        return ""
    looked = ", ".join(map(str, seeds.looks))
    return (
        f"{seeds.seeds} of at most {seeds.most}, {seeds.saved} saved; looked at after {looked}; "
        f"{WHY_STOPPED.get(seeds.stopped, seeds.stopped)}"
    )
