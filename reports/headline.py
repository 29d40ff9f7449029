"""What a report says first: its title, whether anything moved and what, what the slides get wrong, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.check.compare import Change
from harness.check.judge import REFERENCE
from harness.claim import Finding
from harness.course import course
from harness.record.outcomes import REPRODUCED, ClaimState, TimeState, TrainingState, VerdictState, number_text
from harness.record.run import ClaimDecided, Run
from harness.timing.slower import CHANGED
from harness.verdict import Basis, Verdict
from reports.cards import Card
from reports.changes import MANY, red_text
from reports.slides import snippets
from reports.words import SYMBOLS, backend_name, plural, standing_word, verdict_text

FAILED = (1, 3)
"""pytest's exit codes for failed tests and for an internal error."""
WORDS = {Basis.SHOWN: "shown by a test", Basis.EVERY_SEED: "in every seed", Basis.COMPUTED: "computed"}
"""How a supported claim was decided."""
WHY_STOPPED: Mapping[str, str] = {
    "maximum": "undecided at the maximum",
    "interrupted": "interrupted",
    "not run": "not run",
}
"""Why a claim of ``--seeds auto`` took no more seeds, if it is not decided."""
WHY_RED = {TrainingState.NEW: "without evidence"} | dict.fromkeys(REPRODUCED, "not identical")
"""What is red about a training, where its state does not say it."""


@dataclass(frozen=True)
class Status:
    """The status line.

    Attributes:
        text: the line without its symbol.
        look: "red" if anything moved or could not be checked, "partial" for any other run that did not reach its end,
            "green" if everything that was compared agrees, else "".
    """

    text: str
    look: str = ""

    @property
    def symbol(self) -> str:
        return {"red": "❌", "green": "✅"}.get(self.look, "⚪")

    def __str__(self) -> str:
        return f"{self.symbol} {self.text}"


@dataclass(frozen=True)
class Group:
    """Claims that one cause explains, and those of them that the lecture says and that are not supported."""

    cause: str
    cards: tuple[Card, ...]

    @property
    def open(self) -> tuple[Card, ...]:
        return tuple(card for card in self.cards if card.open)


@dataclass(frozen=True)
class Alike:
    """Changes of one kind and state that have something in common: where trainings part, or how verdicts turned."""

    common: str
    changes: tuple[Change, ...]

    @property
    def label(self) -> str:
        """ "training moved", "16 trainings moved, part at training loss, epoch 2"."""
        first, count = self.changes[0], len(self.changes)
        if count == 1:
            return f"{first.kind} {first.state}"
        common = f", {self.common}" if self.common not in ("", first.reason) else ""
        return f"{plural(count, first.kind, MANY.get(first.kind, ''))} {first.state}{common}"

    @property
    def trained(self) -> bool:
        """Whether trainings moved, so that ``--why`` has something to look at."""
        return self.changes[0].kind == "training" and self.changes[0].state == TrainingState.MOVED

    def concerns(self, key: str, card: Card) -> bool:
        """Whether a claim is among the changes, or rests on a training that is."""
        return any(
            change.name == key if change.kind in ("claim", "verdict") else
            change.kind == "training" and card.rests_on(change.name)
            for change in self.changes
        )  # fmt: skip

    @property
    def reason(self) -> str:
        """The reason of all, or of the first."""
        one = len({change.reason for change in self.changes}) == 1
        return self.changes[0].reason if one else f"The first: {self.changes[0].reason}"


def alike(run: Run) -> list[Alike]:
    """What moved, by what it has in common; what is red first."""
    groups: dict[tuple[bool, str, str, str], list[Change]] = {}
    for change in sorted(moved(run), key=lambda change: not change.red):
        common = ""
        if change.kind == "training":
            common = _parting(run, change.name) or change.reason
        elif change.kind == "verdict" and change.before:
            common = f"{change.before} → {change.after}"
        groups.setdefault((change.red, change.kind, str(change.state), common), []).append(change)
    return [Alike(common, tuple(changes)) for (*_, common), changes in groups.items()]


def _parting(run: Run, name: str) -> str:
    """Where a training that moved parts from the stored one: "part at training loss, step 2"; "" if unknown."""
    outcome = next((of.outcome for key, of in run.trainings.items() if "/".join(key) == name), None)
    movement = outcome.movement if outcome else None
    if movement is None:
        return ""
    return f"part at {movement.feature}{'' if movement.step is None else f' {movement.step}'}"


def title(run: Run) -> str:
    """The heading of a report: the course, the backend, the kind of run, and the date."""
    header, backend = run.header, backend_name(run.header.backend)
    day = header.started[:10]
    if run.timings and not (run.claims or run.trainings or run.errata or header.evidence):
        return f"Times on {backend}, {day}"
    what = f"evidence of {header.stack}, " if header.evidence else "trained to the end, " if header.full else "checked "
    return f"{course().title}: claims on {backend}, {what}{day}"


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
        parts.append(f"{plural(len(run.errata), 'erratum', 'errata')} to correct.")
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
    if red := red_text(moved(run)):
        return Status(f"{begin}{red}.", "red")
    if failed:
        return Status(f"{begin}Not everything could be run: see pytest's output.", "red")
    if run.header.evidence:
        seeds = sorted({len(trials) for trials in run.trials.values()})
        many_seeds = " to ".join(f"{count:,}" for count in dict.fromkeys((seeds[0], seeds[-1]))) if seeds else "no"
        return Status(
            f"Evidence of {run.header.stack}: {plural(len(run.trials), 'training')}, {many_seeds} seeds each."
        )
    if storing:
        done = f"{plural(len(run.trainings), 'training')} and {plural(len(run.claims), 'verdict')}"
        return Status(f"{begin}Not compared, as this run is to be stored: {done}.", "partial" if interrupted else "")
    agrees, text = _agreement(run)
    if interrupted:
        return Status(f"Interrupted, {known}. Nothing moved so far{': ' * bool(text)}{text}.", "partial")
    times = Counter(record.comparison.state for record in run.timings.values())
    if changed := [f"{count} {state}" for state, count in times.items() if state in (*CHANGED, TimeState.DISTURBED)]:
        return Status(f"Times changed, which is not red here: {', '.join(changed)}.")
    if agrees:
        return Status(f"Nothing moved: {text}.{_trained_anew(run)}", "green")
    return Status(f"Nothing to compare with: {text or 'nothing was compared'}.")


def _agreement(run: Run) -> tuple[bool, str]:
    """Whether anything agrees with the evidence; and in words, how much of the trainings, else of times, verdicts and
    so on agrees, and how much has no evidence."""
    noun, many, agree, new = "self-check", "", {"passed": len(run.self_checks)}, {}
    if run.trainings:
        noun, agree, new = "training", *_trainings(run)
    elif run.timings:
        times = Counter(record.comparison.state for record in run.timings.values())
        new = {str(state): times.pop(state, 0) for state in (TimeState.NEW, TimeState.NOT_COMPARABLE)}
        noun, agree = "time", {str(state): times[state] for state in TimeState}
    elif run.claims:
        known = sum(claim.comparison.expected is not None for claim in run.claims.values())
        noun, agree, new = "verdict", {"as expected": known}, {"without an expected one": len(run.claims) - known}
    elif run.errata:
        noun, many, agree = "erratum holds", "errata hold", {"": len(run.errata)}
    texts: list[str] = []
    for what, count in {**agree, **new}.items():
        if count:  # only the first number has the noun: "2 times within", "1 faster"
            number = "" if count is True else f"{count}" if texts else plural(count, noun, many)
            texts.append(f"{number} {what}".strip())
    return any(agree.values()), ", ".join(texts)


def _trained_anew(run: Run) -> str:
    """A sentence for a check that left trainings at their first steps: how many larger ones it trained to the end."""
    outcomes = [record.outcome for record in run.trainings.values()]
    if run.header.full or all(outcome.to_the_end for outcome in outcomes):
        return ""
    every, trained = len(course().anchors(every=True)), sum(bool(outcome.anchors) for outcome in outcomes)
    return f" {trained} of {every} stored accuracies of larger trainings were trained here." if every else ""


def _trainings(run: Run) -> tuple[dict[str, int], dict[str, int]]:
    """How many trainings agree, and how many have no evidence; True for all that agree, whose number is said."""
    outcomes = [record.outcome for record in run.trainings.values()]
    good = [outcome for outcome in outcomes if outcome.state in REPRODUCED]
    unknown = [outcome for outcome in outcomes if outcome.state is TrainingState.NEW]
    ended = sum(outcome.to_the_end for outcome in good)
    same = sum(outcome.state is TrainingState.IDENTICAL for outcome in good)
    near = sum(bool(outcome.compatible) for outcome in unknown)
    agree = {
        "reproduced to the end": ended,
        "from the start" if ended else "reproduced from the start": len(good) - ended,
        "from late states": sum(outcome.late > 0 for outcome in good),
        "bit for bit": same if same < len(good) else bool(same),
        f"compatible with {REFERENCE}": near,
    }
    return agree, {f"without evidence on {run.header.stack}": len(unknown) - near}


def moved(run: Run) -> list[Change]:
    """Everything red with its values before and now: trainings, verdicts, errata, self-checks and times.

    Verdicts that changed and are not red are among them. A report of evidence has no red training.
    """
    return [*_trainings_moved(run), *_claims_moved(run), *_others_moved(run)]


def _trainings_moved(run: Run) -> Iterator[Change]:
    """Each with the first value that moved, else with the first anchor outside its prediction interval."""
    for record in run.trainings.values() if not run.header.evidence else ():
        if not record.red:
            continue
        outcome = record.outcome
        outside = (
            anchor for anchor in outcome.anchors
            if anchor.expected is not None and (anchor.now is None or not anchor.expected.contains(anchor.now))
        )  # fmt: skip
        value = outcome.movement or next(outside, None)
        values = (number_text(value.before), number_text(value.now)) if value else ("", str(outcome.state))
        state = WHY_RED.get(outcome.state, outcome.state)
        yield Change("training", "/".join(record.key), state, outcome.reason, True, *values)


def _claims_moved(run: Run) -> Iterator[Change]:
    """The claims that are red or have another verdict than expected; of evidence itself only the latter is a fault."""
    evidence = run.header.evidence
    for claim in run.claims.values():
        comparison = claim.comparison
        if comparison.expected in (None, claim.verdict) and not claim.error and (evidence or not claim.red):
            continue
        what: str = "without an expected one" if comparison.state is VerdictState.NEW else comparison.state
        kind, reason = "verdict", comparison.reason
        if claim.error:
            kind, what, reason = "claim", "without readable evidence", claim.error
        elif claim.verdict is Verdict.NOT_RUN:
            kind, what, reason = "claim", "not run", claim.decision.reason
        before = verdict_text(comparison.expected) if comparison.expected else ""
        after = verdict_text(comparison.obtained)  # of the trainings of this run, where they contradict the evidence
        yield Change(kind, claim.key, what, reason, claim.red or evidence, before, after)


def _others_moved(run: Run) -> Iterator[Change]:
    """Errata, self-checks and times."""
    for snippet in snippets(run):
        if snippet.red:
            record, before = snippet.record, snippet.expected.describe() if snippet.expected else ""
            now = record.error or record.warning or str(record.state)
            yield Change("erratum", record.id, record.state, record.reason, True, before, now)
    for check in run.self_checks.values():
        if check.red:
            yield Change("self-check", check.key, "failed", check.decision.reason, True, "holds", "fails")
    for timing in run.timings.values():
        if timing.red:
            state, ratio = timing.comparison.state, timing.comparison.ratio
            now = f"{ratio:.2f} × the stored seconds" if ratio else str(state)
            yield Change("time", timing.case, state, timing.comparison.reason, True, after=now)


def findings(cards: Mapping[str, Card], known: Sequence[Finding] | None = None) -> list[Group]:
    """The claims of each known cause, then what no cause names: what is not supported of the lecture, by claim.

    Groups with a refuted claim come first, then those with another that is not supported. A red claim is a fault of the
    machine and in no group; neither is a claim that is ours. The known causes are by default those of the course.
    """
    known = course().findings if known is None else known
    shown = {key: card for key, card in cards.items() if not card.red and card.source != "ours"}
    groups = [Group(of.cause, tuple(shown[key] for key in of.claims if key in shown)) for of in known]
    named = {key for of in known for key in of.claims}
    others: dict[str, list[Card]] = {}
    for card in shown.values():
        if card.open and card.key not in named:
            others.setdefault(card.record.id, []).append(card)
    groups += [Group(of[0].statement.rstrip("."), tuple(of)) for of in others.values()]
    kept = (group for group in groups if group.cards)
    return sorted(kept, key=lambda group: (not any(card.finding for card in group.cards), not group.open))


def counts(cards: Sequence[Card]) -> dict[str, int]:
    """The number of claims with each standing (``Card.standing``). Of red claims only those without a result are
    counted: where there is a result, the machine is at fault."""
    known = Counter(card.standing for card in _judged(cards))
    return {standing: known[standing] for standing in SYMBOLS}


def count_text(cards: Sequence[Card]) -> str:
    """The one count of a report, with its parts by how each was decided; claims that are ours stand for themselves.

    "111 claims: 80 supported (28 shown by a test, 13 in every seed, 39 computed), 13 not contradicted, 5 refuted; and
    13 of ours: 12 supported (12 computed), 1 refuted."
    """
    lecture, ours = ([card for card in cards if (card.source == "ours") is own] for own in (False, True))
    texts = [f"{plural(len(lecture), 'claim')}: {_counted(lecture)}"] if lecture else []
    texts += [f"{len(ours)} of ours: {_counted(ours)}"] if ours else []
    return "; and ".join(texts) + "."


def _judged(cards: Sequence[Card]) -> list[Card]:
    return [card for card in cards if not card.red or card.verdict is Verdict.NOT_RUN]


def _counted(cards: Sequence[Card]) -> str:
    judged = _judged(cards)
    bases = Counter(card.basis for card in judged if card.standing == Verdict.SUPPORTED)
    how = ", ".join(f"{bases[basis]} {word}" for basis, word in WORDS.items() if bases[basis])
    texts = [
        f"{count} {standing_word(standing)}" + (f" ({how})" if standing == Verdict.SUPPORTED and how else "")
        for standing, count in counts(cards).items()
        if count
    ]
    if red := len(cards) - len(judged):
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


def seeds_text(run: Run) -> str:
    """When claims stopped, and how many trials that saved compared with the maximum for every variant."""
    taken = [claim for claim in run.claims.values() if claim.taken]
    why, most = Counter[str](), dict[tuple[str, str], int]()
    for claim in taken:
        assert claim.taken is not None
        why[
            "with more" if claim.taken.stopped == "decided" and len(claim.taken.looks) > 1 else claim.taken.stopped
        ] += 1
        most |= dict.fromkeys(((claim.experiment or "", name) for name in claim.variants), claim.taken.most)
    parts = [f"{why['decided']} of {plural(len(taken), 'claim')} decided with the least seeds"]
    parts += [f"{why['with more']} with more"]
    parts += [f"{why[name]} {text}" for name, text in WHY_STOPPED.items() if why[name]]
    trials = {key: len(run.trials.get(key, ())) for key in most}
    saved = sum(max(limit - trials[key], 0) for key, limit in most.items())
    used = plural(sum(trials.values()), "trial")
    return f"{', '.join(parts)}; {used}, {saved} fewer than with the maximum for every variant"


def seeds_taken(claim: ClaimDecided) -> str:
    """How many seeds one claim needed; "" if the number of seeds was fixed."""
    if (taken := claim.taken) is None:
        return ""
    looked, why = ", ".join(map(str, taken.looks)), WHY_STOPPED.get(taken.stopped, taken.stopped)
    return f"{taken.seeds} of at most {taken.most}, {taken.saved} saved; looked at after {looked}; {why}"
