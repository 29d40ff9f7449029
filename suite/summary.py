"""What a run ends with: verdicts in a few lines, what moved, new baselines, the path of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from baselines.drift import State
from harness.rules.holm import adjust
from harness.verdict import Verdict
from suite.catalogue import EXPERIMENTS, training_name
from suite.run import SuiteRun
from suite.stored import provenance


def adjust_all(run: SuiteRun) -> None:
    """Writes every claim's record again with p-values and verdict adjusted over all claims of the run (Holm)."""
    adjusted = adjust({key: outcome.decision for key, outcome in run.outcomes.items()})
    for key, outcome in run.outcomes.items():
        run.record(outcome, adjusted[key])


def verdict_lines(run: SuiteRun) -> Iterator[str]:
    """The verdicts, by kind; the refuted and the red ones by name."""
    counts = Counter(outcome.decision.verdict for outcome in run.outcomes.values())
    total = len(run.outcomes)
    listed = ", ".join(
        f"{counts[verdict]} {verdict.lower().replace('_', ' ')}" for verdict in Verdict if counts[verdict]
    )
    yield f"{total} claim{'s' if total != 1 else ''} in setting {run.options.setting}: {listed or 'none decided'}"
    for outcome in run.outcomes.values():
        if outcome.decision.verdict is Verdict.REFUTED:
            yield f"  refuted: {outcome.claim.key}: {outcome.decision.reason}"
    for outcome in run.outcomes.values():
        if outcome.comparison.state not in ("as expected", "new"):
            yield f"  {outcome.comparison.state}: {outcome.claim.key}: {outcome.comparison.reason}"


def baseline_lines(run: SuiteRun) -> Iterator[str]:
    """How many variants stand where against their baselines, and the hint where there are none."""
    counts = Counter(comparison.state for comparison in run.states.values())
    if not counts:
        return
    yield "baselines: " + ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    if counts[State.NEW]:
        yield (
            f"  no baseline is stored for {counts[State.NEW]} variants on {run.stored.stack} in setting "
            f'{run.options.setting}: verdicts are given, regressions cannot be. Store one: --update-baselines "reason"'
        )
    for experiment in {experiment for experiment, _ in run.states}:
        for variant in run.stored.vanished(EXPERIMENTS[experiment], run.options.setting):
            yield f"  missing: {training_name(experiment, variant)} has a baseline and is no longer declared"


def vanished(run: SuiteRun) -> bool:
    """Whether a baseline exists for a variant that its experiment no longer declares: red."""
    ran = {experiment for experiment, _ in run.states}
    return any(run.stored.vanished(EXPERIMENTS[name], run.options.setting) for name in ran)


def update_baselines(run: SuiteRun) -> Iterator[str]:
    """Stores what ran as the new baselines and gives the difference, file by file."""
    origin = provenance(run.fingerprint, run.options.update or "")
    verdicts = {key: outcome.decision.verdict for key, outcome in run.outcomes.items()}
    for experiment in EXPERIMENTS.values():
        trials = {name: done for (of, name), done in run.trials.items() if of == experiment.id}
        if trials:
            seeds = len(run.seeds(experiment.id))
            yield run.stored.renew(experiment, trials, seeds, verdicts, run.options.setting, origin)
    if any(outcome.claim.experiment is None for outcome in run.outcomes.values()):
        yield run.stored.renew(None, {}, 1, verdicts, run.options.setting, origin)
