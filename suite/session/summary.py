"""The summary of a run: whether anything moved, what moved, findings by cause, and counts.

Functions of its records and of the evidence, without effects.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.stored import Stored
from harness.record.outcomes import TrainingState
from harness.record.run import Run
from harness.verdict import Verdict
from reports.cards import cards
from reports.headline import compared, count_text, findings, here_text, moved, seeds_text
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


def status_line(run: Run, *, storing: bool, interrupted: bool, failed: bool) -> Line:
    """Whether anything moved: the report's sentence, see ``reports.headline.compared``."""
    status = compared(run, storing=storing, interrupted=interrupted, failed=failed)
    return Line(str(status), "" if status.look == "partial" else status.look)


def moved_lines(run: Run) -> Iterator[Line]:
    """What is red, before → now and why, ``MOST`` lines at most; then verdicts that changed and are not red."""
    groups: dict[tuple[str, str], list[str]] = {}
    changed: dict[str, list[str]] = {}
    for change in moved(run):
        turned = f"{change.before} → {change.after}" if change.kind == "verdict" and change.before else ""
        if change.red:
            reason = f"{turned}. {change.reason}" if turned else change.reason
            groups.setdefault((f"{change.kind} {change.state}", reason), []).append(change.name)
        else:
            changed.setdefault(f"  {change.state} with these seeds, {turned}", []).append(change.name)
    for (label, reason), names in list(groups.items())[:MOST]:
        yield Line(cut(f"  {label}: {some(names, NAMES)}: {reason}", LONGEST), "red")
    rest = sum(map(len, list(groups.values())[MOST:]))
    if rest:
        yield Line(f"  and {rest} more: see REPORT.md", "red")
    for text, names in changed.items():
        yield Line(f"{text}: {some(names, NAMES)}")


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
    claims = run.claims.values()
    if run.header.planned:
        yield Line(count_text(list(cards(run).values())) if claims else "no claim was decided")
        if here := here_text(run):
            yield Line(f"  here: {here}")
    errata = run.errata.values()
    if errata:
        noun = "erratum holds" if len(errata) == 1 else "errata hold"
        held = sum(not erratum.red for erratum in errata)
        yield Line(f"{held} of {len(errata)} {noun}: code of the slides that has to be updated")
    checks = run.self_checks.values()
    if checks:
        held = sum(not check.red for check in checks)
        noun = "self-check holds" if len(checks) == 1 else "self-checks hold"
        yield Line(f"{held} of {len(checks)} {noun}: what the verdicts rest on")
    if any(claim.taken for claim in claims):
        yield Line(f"seeds as needed: {seeds_text(run)}")


def evidence_lines(run: Run, stored: Stored, storing: bool) -> Iterator[Line]:
    """Reused trials, what another Keras configures otherwise, missing evidence, and damaged files of evidence.

    ``storing``: the run is to be stored, so that nothing is missing.
    """
    reused = sum(run.reused.values())
    if reused:
        trials = sum(map(len, run.trials.values()))
        check = "; this is no reproducibility check" if run.header.reuse else ""
        yield Line(f"reused: {reused} of {trials} trials are of earlier runs{check}")
    changed = {
        f"{name}: {then} → {now}"
        for training in run.trainings.values()
        if training.outcome.state is not TrainingState.NOT_COMPARABLE  # there the catalogue may have changed
        for name, then, now in training.outcome.changed
    }
    if changed:
        yield Line(f"another version of Keras configures it otherwise: {some(sorted(changed), NAMES)}")
    new = sum(training.outcome.state is TrainingState.NEW for training in run.trainings.values())
    if new and not storing:
        yield Line(
            f"nothing is stored on {run.header.stack} for {plural(new, 'training')}. Store evidence: "
            '--full --seeds 30 --update-baselines "reason"'
        )
    for damage in stored.damaged.values():
        yield Line(damage, "red")


def more_lines(run: Run, interrupted: bool) -> Iterator[Line]:
    """How to go on with an interrupted run, and how to see one claim with its reason."""
    if interrupted:
        yield Line(f"every finished trial is in {run.path}", whole=True)
        yield Line("to go on: the same command with --resume")
    elif len(run.header.planned) > FEW:
        claims = sorted(run.claims.values(), key=lambda claim: (not claim.red, claim.verdict is not Verdict.REFUTED))
        if claims:
            yield Line(f"one claim with its reason: the same command with -k {claims[0].id}")
