"""What pytest's output says of a run: of an item, in the JUnit report and where it is red; and in the summary."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator

import msgspec
import pytest

from harness.check.stored import Stored
from harness.course import course
from harness.erratum import ErratumChecked
from harness.errors import SuiteError
from harness.record.outcomes import TrainingState
from harness.record.run import ClaimDecided, Run, SelfChecked
from harness.record.run_file import RecordError
from harness.verdict import Verdict
from reports.cards import cards
from reports.headline import alike, compared, count_text, findings, here_text, seeds_text
from reports.words import plural, some, verdict_text
from suite.session.terminal import Line, cut

FEW = 3
"""Up to this number of claims, each is printed with its verdict and reason."""
MOST = 20
"""At most this number of lines says what moved."""
NAMES = 5
"""At most this number of names in a line."""
LONGEST = 400
"""At most this number of columns of a reason. The report and the message of the failed test have all of it."""
Pairs = list[tuple[str, str]]
"""Names and texts: properties of an item in the file of ``--junitxml``."""


def tell(request: pytest.FixtureRequest, statement: str, get: Callable[[], ClaimDecided | ErratumChecked]) -> None:
    """Gets the record of the running item, passes its properties to the JUnit report, and fails the item if red."""
    with plain_errors():
        record = get()
    if isinstance(record, ErratumChecked):
        pairs, text = _of_erratum(record, statement)
    else:
        pairs, text = _of_claim(record, statement)
    request.node.user_properties += pairs
    if record.red:
        pytest.fail(text, pytrace=False)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns a SuiteError into a failure without a traceback: its text is complete.

    A RecordError ends the whole run: the results of further trainings would be lost.
    """
    try:
        yield
    except RecordError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
    except SuiteError as error:
        pytest.fail(str(error), pytrace=False)


def _of_claim(claim: ClaimDecided, statement: str) -> tuple[Pairs, str]:
    """The properties of a claim, and its message: what it says, the verdicts, the reason, and what to do next."""
    comparison, decision = claim.comparison, claim.decision
    facts: dict[str, object] = {
        "verdict": claim.verdict,
        "expected_verdict": comparison.expected or "",
        "baseline_state": comparison.state,
    }
    if claim.taken:
        facts["seeds"] = claim.taken.seeds
    if claim.here:
        facts["here"] = claim.here.state or ""
        facts["evidence"] = f"{claim.here.seeds} seeds of {claim.here.stack}"
    for number, effect in enumerate(decision.effects, start=1):
        for name in ("of", "metric", "unit", "estimate", "low", "high", "n"):
            if (value := getattr(effect, name)) is not None:
                facts[f"effect_{number}_{name}"] = value
    for number, difference in enumerate(decision.differences, start=1):
        for name, value in msgspec.structs.asdict(difference).items():
            facts[f"difference_{number}_{name}"] = value
    if isinstance(claim, SelfChecked):
        text = f"self-check {claim.key}: {decision.reason}\n  what holds: {statement} ({claim.source})"
    else:
        text = f"{claim.key}: {comparison.reason}\n  the claim: {statement}\n  {claim.verdict}: {decision.reason}"
        if claim.error:
            text += f"\n  {claim.error}"
        elif claim.verdict is not Verdict.NOT_RUN:
            text += f'\n  If this is meant, store it: --update-baselines "reason" with -k {claim.id}'
    return [(name, str(value)) for name, value in facts.items()], text


def _of_erratum(erratum: ErratumChecked, statement: str) -> tuple[Pairs, str]:
    """The properties of an erratum, and its message: what is wrong, and what to do next."""
    facts = {"state": str(erratum.state), "when": erratum.when, "error": erratum.error, "warning": erratum.warning}
    text = f"{erratum.id} {erratum.state}: {erratum.reason}\n  the erratum says: {statement}"
    if erratum.moved:
        text += f"\n  If this Keras is right, change the erratum in {course().name}/errata (or take it out)."
    return [(name, value) for name, value in facts.items() if value], text


def status_line(run: Run, *, storing: bool, interrupted: bool, failed: bool) -> Line:
    """Whether anything moved: the report's sentence, see ``reports.headline.compared``."""
    status = compared(run, storing=storing, interrupted=interrupted, failed=failed)
    return Line(str(status), "" if status.look == "partial" else status.look)


def moved_lines(run: Run) -> Iterator[Line]:
    """What is red, a line for what has something in common, ``MOST`` at most; then verdicts that changed and are not
    red."""
    groups = alike(run)
    red = [group for group in groups if group.changes[0].red]
    for group in red[:MOST]:
        first, names = group.changes[0], some([change.name for change in group.changes], NAMES)
        turned = f"{group.common}. " if len(group.changes) == 1 and first.kind == "verdict" and group.common else ""
        between = ". " if group.reason != first.reason else ": "
        yield Line(cut(f"  {group.label}: {names}{between}{turned}{group.reason}", LONGEST), "red")
    if rest := sum(len(group.changes) for group in red[MOST:]):
        yield Line(f"  and {rest} more: see REPORT.md", "red")
    for group in groups[len(red) :]:
        names = some([change.name for change in group.changes], NAMES)
        yield Line(f"  {group.changes[0].state} with these seeds, {group.common}: {names}")


def finding_lines(run: Run) -> Iterator[Line]:
    """What the lecture says and is not supported, a line for each cause; of a run of few claims, a line for each claim
    with its verdict and what was measured. A red claim is a fault of the machine and no finding."""
    known = cards(run)
    if len(run.header.planned) <= FEW:
        for card in known.values():
            here = f" Here {card.here}: {card.here_text}" if card.here else ""
            yield Line(f"  {card.key}: {verdict_text(card.standing)}. {card.sentence}{here}")
        return
    groups = [(group.cause, [card.key for card in group.open]) for group in findings(known) if group.open]
    if groups:
        yield Line(f"Not supported, {plural(sum(len(keys) for _, keys in groups), 'claim')} of the lecture:")
    for cause, keys in groups:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        yield Line(f"  {cause}: {keys[0]}{more}")


def count_lines(run: Run) -> Iterator[Line]:
    """The number of claims with each verdict, of errata, of self-checks, and of seeds with ``--seeds auto``."""
    if run.header.planned:
        yield Line(count_text(list(cards(run).values())) if run.claims else "no claim was decided")
        if here := here_text(run):
            yield Line(f"  here: {here}")
    for records, holds, hold, what in (
        (run.errata, "erratum holds", "errata hold", "code of the slides that has to be updated"),
        (run.self_checks, "self-check holds", "self-checks hold", "what the verdicts rest on"),
    ):
        if records:
            held = sum(not record.red for record in records.values())
            yield Line(f"{held} of {plural(len(records), holds, hold)}: {what}")
    if any(claim.taken for claim in run.claims.values()):
        yield Line(f"seeds as needed: {seeds_text(run)}")


def evidence_lines(run: Run, stored: Stored, storing: bool) -> Iterator[Line]:
    """Reused trials, what another Keras configures otherwise, missing evidence, and damaged files of evidence.

    ``storing``: the run is to be stored, so that nothing is missing.
    """
    if reused := sum(run.reused.values()):
        trials = sum(map(len, run.trials.values()))
        check = "; this is no reproducibility check" if run.header.reuse else ""
        yield Line(f"reused: {reused} of {trials} trials are of earlier runs{check}")
    outcomes = [training.outcome for training in run.trainings.values()]
    changed = {
        f"{name}: {then} → {now}"
        for outcome in outcomes
        if outcome.state is not TrainingState.NOT_COMPARABLE  # there the catalogue may have changed
        for name, then, now in outcome.changed
    }
    if changed:
        yield Line(f"another version of Keras configures it otherwise: {some(sorted(changed), NAMES)}")
    new = sum(outcome.state is TrainingState.NEW for outcome in outcomes)
    if new and not storing:
        yield Line(
            f"nothing is stored on {run.header.stack} for {plural(new, 'training')}. Store evidence: "
            '--full --seeds 30 --update-baselines "reason"'
        )
    for damage in stored.damaged.values():
        yield Line(damage, "red")


def more_lines(run: Run, interrupted: bool) -> Iterator[Line]:
    """How to go on with an interrupted run, and how to see why trainings moved, and one claim with its reason."""
    if interrupted:
        yield Line(f"every finished trial is in {run.path}", whole=True)
        yield Line("to go on: the same command with --resume")
        return
    if any(training.outcome.state is TrainingState.MOVED for training in run.trainings.values()):
        command = f"python -m reports{course().option} --run {shlex.quote(str(run.path))} --why"
        yield Line(f"which part of a step does otherwise: {command}", whole=True)
    if len(run.header.planned) > FEW and run.claims:
        claims = sorted(run.claims.values(), key=lambda claim: (not claim.red, claim.verdict is not Verdict.REFUTED))
        yield Line(f"one claim with its reason: the same command with -k {claims[0].id}")
