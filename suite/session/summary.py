"""The summary of a run: its verdicts, and what moved. Functions of its records and of the evidence, without effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from baselines.stored import Stored
from harness.domain.verdict import Verdict
from harness.record.outcomes import ClaimState, TrainingState, VerdictState
from harness.record.run import Run
from reports.sections.seeds import seeds_text
from suite.catalogue import EXPERIMENTS, training_name

FEW = 3
"""Up to this number of claims, each is printed with its verdict and reason."""


def interrupted_line(run: Run) -> str:
    """The number of decided claims of an interrupted run, and the file with its trials."""
    return (
        f"interrupted: {len(run.claims)} of {len(run.header.planned)} claims could be decided; "
        f"every finished trial is in {run.path}"
    )


def verdict_lines(run: Run) -> Iterator[str]:
    """The number of claims with each verdict; the refuted and the red claims by name."""
    claims, planned = run.claims.values(), run.header.planned
    for broken in run.header.broken:
        lost = f", and with it {', '.join(broken.costs)}" if broken.costs else ""
        yield f"broken: {broken.name} ({broken.where}) could not be read{lost}"
    if not planned:
        return
    counts = Counter(claim.verdict for claim in claims)
    listed = [f"{counts[verdict]} {verdict.lower().replace('_', ' ')}" for verdict in Verdict if counts[verdict]]
    yield f"{_counted(len(claims), 'claim')}: {', '.join(listed) or 'none decided'}"
    here = Counter(claim.here.state for claim in claims if claim.here and claim.here.state)
    if here:
        yield f"  here: {', '.join(f'{here[state]} {state}' for state in ClaimState if here[state])}"
    for claim in claims if len(planned) <= FEW else ():
        confirmed = f" Here {claim.here.state}: {claim.here.text}" if claim.here and claim.here.state else ""
        yield f"  {claim.key}: {claim.verdict}. {claim.decision.reason.removesuffix('.')}.{confirmed}"
    for claim in claims if len(planned) > FEW else ():
        if claim.verdict is Verdict.REFUTED:
            yield f"  refuted: {claim.key}: {claim.decision.reason}"
    for claim in claims:
        if claim.comparison.state not in (VerdictState.AS_EXPECTED, VerdictState.NEW):
            yield f"  {claim.comparison.state}: {claim.key}: {claim.comparison.reason}"


def errata_lines(run: Run) -> Iterator[str]:
    """The number of errata that hold, and the red ones by name; no line where the run examined none."""
    errata = list(run.errata.values())
    if not errata:
        return
    red = [erratum for erratum in errata if erratum.red]
    noun = "erratum holds" if len(errata) == 1 else "errata hold"
    yield f"{len(errata) - len(red)} of {len(errata)} {noun}: code of the slides that has to be updated"
    for erratum in red:
        yield f"  {erratum.state}: {erratum.id}: {erratum.reason}"


def self_check_lines(run: Run) -> Iterator[str]:
    """The number of self-checks that hold, and the red ones by name; no line where the run made none."""
    checks = list(run.self_checks.values())
    if checks:
        held = sum(not check.wrong for check in checks)
        yield f"{held} of {_counted(len(checks), 'self-check')} hold: what the verdicts rest on"
        for check in checks:
            if check.wrong:
                yield f"  self-check {check.name}: {check.wrong[0]}"


def seeds_lines(run: Run) -> Iterator[str]:
    """The number of seeds that the claims took, with ``--seeds auto``; else no line."""
    if any(claim.taken for claim in run.claims.values()):
        yield f"seeds as needed: {seeds_text(run)}"


def evidence_lines(run: Run, stored: Stored) -> Iterator[str]:
    """The number of trainings in each state, the red ones by name, and a hint where nothing is stored."""
    counts = Counter(training.outcome.state for training in run.trainings.values())
    reused = sum(run.reused.values())
    if reused:
        trials = sum(map(len, run.trials.values()))
        yield f"reused: {reused} of {trials} trials are of earlier runs; this is no reproducibility check"
    if counts:
        yield "trainings: " + ", ".join(f"{counts[state]} {state}" for state in TrainingState if counts[state])
    for key, training in run.trainings.items():
        if training.outcome.red:
            yield f"  {training.outcome.state}: {training_name(*key)}: {training.outcome.reason}"
    changed = {
        f"{name}: {then} → {now}" for training in run.trainings.values() for name, then, now in training.outcome.changed
    }
    for text in sorted(changed):
        yield f"  another version of Keras configures it otherwise: {text}"
    if counts[TrainingState.NEW]:
        yield (
            f"  nothing is stored on {run.header.stack} for {_counted(counts[TrainingState.NEW], 'training')}. Store "
            'evidence: --full --seeds 30 --update-baselines "reason"'
        )
    for experiment, variant in vanished(run, stored):
        yield f"  missing: {training_name(experiment, variant)} has evidence and is no longer declared"
    for damage in stored.damaged.values():
        yield f"  {damage}"


def vanished(run: Run, stored: Stored) -> list[tuple[str, str]]:
    """The variants that have evidence and are no longer declared, of the experiments that ran.

    Pairs of experiment and variant. They make the run red.
    """
    ran = dict.fromkeys(experiment for experiment, _ in run.trainings)
    return [(name, variant) for name in ran for variant in stored.vanished(EXPERIMENTS[name])]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
