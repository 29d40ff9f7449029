"""What a run ends with: verdicts in a few lines, what moved, new baselines, the path of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from baselines.evidence import Measured
from baselines.judge import ClaimState, State
from baselines.verdicts import VerdictState
from harness.rules.holm import adjust
from harness.verdict import Verdict
from reports.seeds import told
from suite.catalogue import EXACT_CLAIMS, EXPERIMENTS, TRAINING_CLAIMS, training_name
from suite.run import SuiteRun
from suite.stored import measure

FEW = 3
"""Claims of a run up to which each is printed with all that was found."""


def adjust_all(run: SuiteRun) -> None:
    """Writes every claim's record again with p-values and verdict adjusted over all claims of the run (Holm)."""
    adjusted = adjust({key: outcome.decision for key, outcome in run.outcomes.items()})
    for key, outcome in run.outcomes.items():
        run.record(outcome, adjusted[key])


def decide_trained(run: SuiteRun) -> None:
    """Decides the planned claims that an interrupt left undecided although their trials are all there."""
    for claim in (TRAINING_CLAIMS[key] for key in run.planned if key in TRAINING_CLAIMS):
        if claim.key not in run.outcomes and run.complete(claim):
            run.decide(claim, further=False)


def give_up(run: SuiteRun) -> None:
    """Settles what no worker lived to decide: the claims whose trials are all there, and the others as NOT_RUN."""
    decide_trained(run)
    for key in run.planned:
        if key not in run.outcomes:
            run.give_up(TRAINING_CLAIMS.get(key) or EXACT_CLAIMS[key])


def interrupted_line(run: SuiteRun) -> str:
    """How far an interrupted run came, and where its trials are."""
    return (
        f"interrupted: {len(run.outcomes)} of {len(run.planned)} claims could be decided; "
        f"every finished trial is in {run.log.path}"
    )


def verdict_lines(run: SuiteRun) -> Iterator[str]:
    """The verdicts, by kind; the refuted and the red ones by name."""
    counts = Counter(outcome.decision.verdict for outcome in run.outcomes.values())
    total = len(run.outcomes)
    for broken in run.broken:
        lost = f", and with it {', '.join(broken['costs'])}" if broken["costs"] else ""
        yield f"broken: {broken['name']} ({broken['where']}) could not be read{lost}"
    if not run.planned:
        return
    listed = ", ".join(
        f"{counts[verdict]} {verdict.lower().replace('_', ' ')}" for verdict in Verdict if counts[verdict]
    )
    yield f"{_counted(total, 'claim')}: {listed or 'none decided'}"
    here = Counter(outcome.here.state for outcome in run.outcomes.values() if outcome.here and outcome.here.state)
    if here:
        yield f"  here: {', '.join(f'{here[state]} {state}' for state in map(str, ClaimState) if here[state])}"
    for outcome in run.outcomes.values() if len(run.planned) <= FEW else ():
        said = f" Here {outcome.here.state}: {outcome.here.text}" if outcome.here and outcome.here.state else ""
        yield f"  {outcome.claim.key}: {outcome.decision.verdict}. {outcome.decision.reason}.{said}"
    for outcome in run.outcomes.values():
        if outcome.decision.verdict is Verdict.REFUTED and len(run.planned) > FEW:
            yield f"  refuted: {outcome.claim.key}: {outcome.decision.reason}"
    for outcome in run.outcomes.values():
        if outcome.comparison.state not in (VerdictState.AS_EXPECTED, VerdictState.NEW):
            yield f"  {outcome.comparison.state}: {outcome.claim.key}: {outcome.comparison.reason}"


def seeds_lines(run: SuiteRun) -> Iterator[str]:
    """With ``--seeds auto``, how many seeds the claims took."""
    took = [
        {"seeds": one.taken.to_json(), "experiment": one.claim.experiment.id, "variants": one.claim.variants}
        for one in run.outcomes.values()
        if one.taken and one.claim.experiment
    ]
    if took:
        yield f"seeds as needed: {told(took, {key: len(done) for key, done in run.trials.done.items()})}"


def conformance_lines(run: SuiteRun) -> Iterator[str]:
    """How many conformance checks hold, and the others by name; nothing where the run made none."""
    if run.conformance:
        held = sum(not wrong for wrong in run.conformance.values())
        yield f"{held} of {_counted(len(run.conformance), 'conformance check')} hold: what the verdicts rest on"
        for name, wrong in run.conformance.items():
            if wrong:
                yield f"  conformance of {name}: {wrong[0]}"


def evidence_lines(run: SuiteRun) -> Iterator[str]:
    """How many trainings stand where against the evidence, and the hint where there is none."""
    counts = Counter(found.state for found in run.states.values())
    reused = sum(run.trials.reused.values())
    if reused:
        trials = sum(map(len, run.trials.done.values()))
        yield f"reused: {reused} of {trials} trials are of earlier runs; this is no reproducibility check"
    if counts:
        yield "trainings: " + ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    for (experiment, variant), found in run.states.items():
        if found.red:
            yield f"  {found.state}: {training_name(experiment, variant)}: {found.reason}"
    changed = {f"{key}: {then} → {now}" for found in run.states.values() for key, then, now in found.changed}
    for text in sorted(changed):
        yield f"  another version of Keras configures it otherwise: {text}"
    if counts[State.NEW] and run.options.update is None:
        yield (
            f"  nothing is stored on {run.stored.stack} for {_counted(counts[State.NEW], 'training')}. Store evidence: "
            '--full --seeds 30 --update-baselines "reason"'
        )
    for experiment in {experiment for experiment, _ in run.states}:
        for variant in run.stored.vanished(EXPERIMENTS[experiment]):
            yield f"  missing: {training_name(experiment, variant)} has evidence and is no longer declared"
    for damage in run.stored.damaged.values():
        yield f"  {damage}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def vanished(run: SuiteRun) -> bool:
    """Whether evidence exists for a variant that its experiment no longer declares: red."""
    ran = {experiment for experiment, _ in run.states}
    return any(run.stored.vanished(EXPERIMENTS[name]) for name in ran)


def update_baselines(run: SuiteRun) -> Iterator[str]:
    """Adds what ran to the evidence and gives the difference, file by file."""
    reason = run.options.update or ""
    for experiment in EXPERIMENTS.values():
        trials = {name: done for (of, name), done in run.trials.done.items() if of == experiment.id}
        if not trials:
            continue
        measured: dict[str, Measured] = {}
        for name, done in trials.items():
            run.progress.note(f"{training_name(experiment.id, name)}: first steps and perturbed trials")
            stored = run.stored.variant(experiment.id, name)
            measured[name] = measure(experiment, name, done, stored, run.options.engine)
        yield run.stored.add(experiment, measured, reason, run.fingerprint)
    exact = {key: one.decision.verdict for key, one in run.outcomes.items() if one.claim.experiment is None}
    if exact:
        yield run.stored.add(None, {}, reason, run.fingerprint, exact)
