"""What a run ends with: verdicts in a few lines, what moved, new baselines, the path of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from baselines.drift import State
from baselines.verdicts import VerdictState
from harness.rules.holm import adjust
from harness.verdict import Verdict
from reports.seeds import told
from suite.catalogue import EXACT_CLAIMS, EXPERIMENTS, TRAINING_CLAIMS, training_name
from suite.run import SuiteRun
from suite.stored import provenance


def adjust_all(run: SuiteRun) -> None:
    """Writes every claim's record again with p-values and verdict adjusted over all claims of the run (Holm)."""
    adjusted = adjust({key: outcome.decision for key, outcome in run.outcomes.items()})
    for key, outcome in run.outcomes.items():
        run.record(outcome, adjusted[key])


def decide_trained(run: SuiteRun) -> None:
    """Decides the planned claims that an interrupt left undecided although their trials are all there."""
    for claim in (TRAINING_CLAIMS[key] for key in run.planned if key in TRAINING_CLAIMS):
        if claim.key not in run.outcomes and run.trained(claim):
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
    yield f"{_counted(total, 'claim')} in setting {run.options.setting}: {listed or 'none decided'}"
    for outcome in run.outcomes.values():
        if outcome.decision.verdict is Verdict.REFUTED:
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


def baseline_lines(run: SuiteRun) -> Iterator[str]:
    """How many variants stand where against their baselines, and the hint where there are none."""
    counts = Counter(comparison.state for comparison in run.states.values())
    reused = sum(run.trials.reused.values())
    if reused:
        trials = sum(map(len, run.trials.done.values()))
        yield f"reused: {reused} of {trials} trials are of earlier runs; this is no reproducibility check"
    if counts:
        yield "baselines: " + ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    unknown = sum(outcome.comparison.state is VerdictState.NEW for outcome in run.outcomes.values())
    if counts[State.NEW] or unknown:
        yield (
            f"  nothing is stored on {run.stored.stack} in setting {run.options.setting} for "
            f"{_counted(counts[State.NEW], 'variant')} and {_counted(unknown, 'claim')}: verdicts are given, "
            'regressions cannot be. Store a baseline: --update-baselines "reason"'
        )
    for experiment in {experiment for experiment, _ in run.states}:
        for variant in run.stored.vanished(EXPERIMENTS[experiment], run.options.setting):
            yield f"  missing: {training_name(experiment, variant)} has a baseline and is no longer declared"
    for damage in run.stored.damaged.values():
        yield f"  {damage}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def vanished(run: SuiteRun) -> bool:
    """Whether a baseline exists for a variant that its experiment no longer declares: red."""
    ran = {experiment for experiment, _ in run.states}
    return any(run.stored.vanished(EXPERIMENTS[name], run.options.setting) for name in ran)


def update_baselines(run: SuiteRun) -> Iterator[str]:
    """Stores what ran as the new baselines and gives the difference, file by file."""
    origin = provenance(run.fingerprint, run.options.update or "")
    verdicts = {key: outcome.decision.verdict for key, outcome in run.outcomes.items()}
    for experiment in EXPERIMENTS.values():
        trials = {name: done for (of, name), done in run.trials.done.items() if of == experiment.id}
        if trials:
            seeds = len(run.trials.seeds(experiment.id))
            rounding = {name: found for (of, name), found in run.rounding.items() if of == experiment.id}
            yield run.stored.renew(experiment, trials, rounding, seeds, verdicts, run.options.setting, origin)
    if any(outcome.claim.experiment is None for outcome in run.outcomes.values()):
        yield run.stored.renew(None, {}, {}, 1, verdicts, run.options.setting, origin)
