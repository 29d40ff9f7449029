"""What moved against the evidence: everything red, and verdicts that changed."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.compare import Change
from harness.domain.verdict import Verdict
from harness.record.outcomes import REPRODUCED, Anchor, TrainingState, VerdictState, number_text
from harness.record.run import Run, TrainingCompared
from reports.snippets import snippets
from reports.words import verdict_text

WHY_RED = {TrainingState.NEW: "without evidence"} | dict.fromkeys(REPRODUCED, "not identical")
"""What is red about a training, where its state does not say it."""


def moved(run: Run) -> list[Change]:
    """Everything red with its values before and now: trainings, verdicts, errata, self-checks and times.

    Verdicts that changed and are not red are among them. A report of evidence has no red training.
    """
    trainings = [] if run.header.evidence else [_training(record) for record in run.trainings.values() if record.red]
    return [*trainings, *_claims(run), *_errata(run), *_self_checks(run), *_times(run)]


def _training(record: TrainingCompared) -> Change:
    """A red training: the first value that moved, else the first anchor outside its prediction interval."""
    outcome = record.outcome
    value = outcome.movement or next(filter(_outside, outcome.anchors), None)
    values = (number_text(value.before), number_text(value.now)) if value else ("", str(outcome.state))
    state = WHY_RED.get(outcome.state, outcome.state)
    return Change("training", "/".join(record.key), state, outcome.reason, True, *values)


def _outside(anchor: Anchor) -> bool:
    return anchor.expected is not None and (anchor.now is None or not anchor.expected.contains(anchor.now))


def _claims(run: Run) -> Iterator[Change]:
    """The claims that are red or have another verdict than expected; of evidence itself only the latter is a fault."""
    evidence = run.header.evidence
    for claim in run.claims.values():
        expected, state = claim.comparison.expected, claim.comparison.state
        if expected in (None, claim.verdict) and not claim.error and (evidence or not claim.red):
            continue
        what: str = "without an expected one" if state is VerdictState.NEW else state
        kind, reason = "verdict", claim.comparison.reason
        if claim.error:
            kind, what, reason = "claim", "without readable evidence", claim.error
        elif claim.verdict is Verdict.NOT_RUN:
            kind, what, reason = "claim", "not run", claim.decision.reason
        verdicts = verdict_text(expected) if expected else "", verdict_text(claim.verdict)
        yield Change(kind, claim.key, what, reason, claim.red or evidence, *verdicts)


def _errata(run: Run) -> Iterator[Change]:
    for snippet in snippets(run):
        if snippet.red:
            record, before = snippet.record, snippet.expected.describe() if snippet.expected else ""
            now = record.error or record.warning or str(record.state)
            yield Change("erratum", record.id, record.state, record.reason, True, before, now)


def _self_checks(run: Run) -> Iterator[Change]:
    for check in run.self_checks.values():
        if check.red:
            yield Change("self-check", check.key, "failed", check.decision.reason, True, "holds", "fails")


def _times(run: Run) -> Iterator[Change]:
    for record in run.timings.values():
        if record.red:
            state, ratio = record.comparison.state, record.comparison.ratio
            now = f"{ratio:.2f} × the stored seconds" if ratio else str(state)
            yield Change("time", record.case, state, record.comparison.reason, True, after=now)
