"""Compares a training of anyone's model with what is stored of it, by the suite's own comparison."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from harness.anyone.stored import FILE, READ, WHY, Result, again, evidence_of, kept, shown
from harness.anyone.training import NAME, OwnTraining, checked, stored
from harness.check.evidence import changes_text
from harness.check.judge import REFERENCE, Circumstances, Comparison, same_versions
from harness.environment import fingerprint as machine
from harness.errors import SuiteError
from harness.record.evidence import Evidence
from harness.record.outcomes import REPRODUCED, TrainingState
from harness.record.trials import Training
from harness.training.backend import device
from harness.training.backends import active_backend
from harness.training.configuration import differences

SOURCE = "the test"


def check(training: OwnTraining, path_of: Callable[[str], Path], update: bool) -> Result:
    """Trains what is compared, and compares it; stores the training where nothing is stored, or with ``update``.

    ``path_of``: the file of a stack. SuiteError for bad input, or a file that cannot be read or written.
    """
    where = device()
    here = machine.fingerprint(active_backend(), where.kind, where.model, where.precision)
    run = Circumstances(machine.stack(here), here, source=SOURCE)
    path = path_of(run.stack)
    known = FILE.read(path)
    if update or (known is None and not (known := _elsewhere(path_of, path))):
        new = stored(training)
        evidence = evidence_of(training.experiment(new.metrics), run.stack, {NAME: new}, here, update)
        kept(path, evidence, update)
        return Result(update, "\n  ".join(_of_storing(training, path, evidence.variants[NAME], known, run)))
    if WHY in os.environ:
        said, unseen = _parts(training, known.variants[NAME])
        told = said or ["every part of a step that was compared is as its formula says"]
        return Result(not said, "\n  ".join([f"{training.id}:", *told, *["Not seen:"] * bool(unseen), *unseen]))
    return _compared(training, path_of(known.stack), known, run)


def _elsewhere(path_of: Callable[[str], Path], file: Path) -> Evidence | None:
    """What is stored on another stack: the reference stack's, or else the first."""
    stacks = sorted(folder.parent.name for folder in file.parent.parent.glob(f"*/{file.name}"))
    chosen = sorted(stacks, key=lambda name: name != REFERENCE)
    return FILE.read(path_of(chosen[0])) if chosen else None


def _compared(training: OwnTraining, path: Path, known: Evidence, run: Circumstances) -> Result:
    then, own = known.variants[NAME], known.stack == run.stack
    metrics = training.experiment(then.metrics).metrics
    outcome = Comparison(run, metrics, training.measured(), then).another(versions=own)
    if outcome is None:
        paired = own and same_versions(then, run.fingerprint)
        comparison = Comparison(run, metrics, checked(training, then, paired, own), then)
        begin = f"Nothing is stored for {run.stack}. Against {known.stack}"
        outcome = comparison.outcome() if own else comparison.elsewhere(begin)
    text, movement = f"{training.id} {outcome.state}: {outcome.reason}", outcome.movement
    if outcome.state in REPRODUCED or outcome.compatible:
        return Result(True, text)
    if outcome.state is not TrainingState.MOVED:
        return Result(False, f"{text}\n  {again(path, 'here too' if outcome.state is TrainingState.NEW else 'anew')}")
    text += "".join(f"\n  which part of a step does otherwise: {cause}" for cause in _parts(training, then)[0])
    moved = f"{movement.feature} {movement.step or ''}".strip() if movement else "its end"
    return Result(False, f"{text}\n  {again(path)}", moved)


def _parts(training: OwnTraining, known: Training) -> tuple[list[str], list[str]]:
    """Which parts of a step do otherwise than their formulas, and which were not compared.

    Gradients are left out: where ReLU's input is exactly 0, as on black pixels, they are no limit of differences.
    """
    from harness.why.where import WHOLE, Part, causes, stages

    experiment = training.experiment(known.metrics)
    if not experiment.loss:
        return [], [f"{WHOLE}: not compared, as its loss is not given by name"]
    try:
        compared = stages(experiment, NAME, replace(known, hashes=None))
    except SuiteError as error:
        return [], [f"{WHOLE}: not compared, as {error}"]
    # the training itself has not ended so: it has several inputs, a layer without configuration, …
    compared = [stage._replace(difference=None) if stage.what == WHOLE else stage for stage in compared]
    compared = [stage for stage in compared if stage.part is not Part.GRADIENT]
    return list(map(str, causes(compared))), [str(stage) for stage in compared if stage.difference is None]


def _of_storing(
    training: OwnTraining, path: Path, new: Training, before: Evidence | None, run: Circumstances
) -> Iterator[str]:
    """What was stored, how much of it is compared, and what changed by it."""
    yield f"{training.id}: stored in {shown(path)}, {path.stat().st_size / 1000:.0f} kB."
    steps = (
        f"{state.steps} steps" + f" from the state after {state.start:,}" * bool(state.start)
        + (f" (limit {100 * state.limit:g} %)" if state.limit else "")
        for state in new.states
    )  # fmt: skip
    yield f"compared will be {', '.join(steps)}."
    if len(new.states) < 2:
        yield "There is no late state: its optimizer or weights are not known, or the training is too short."
    if not any(state.canonical for state in new.states):
        yield "On another backend nothing can be compared: it draws random numbers in a way of its own."
    if calm := [name for name, epochs in new.states[0].curves.items() if not epochs]:
        yield f"Rounding moves {', '.join(calm)}, so they are not compared."
    yield f"reached: {_ends(new)}."
    if before is None:
        yield READ
        return
    then = before.variants[NAME]
    if changed := differences(then.configuration, new.configuration):
        yield f"changed: {changes_text(changed)}."
    else:
        now, then_short = replace(new, trials=()), replace(then, trials=())
        outcome = Comparison(run, (), now, then_short).outcome()
        yield f"against what was stored: {outcome.state}: {outcome.reason}"
    yield f"before it reached: {_ends(then)}."


def _ends(training: Training) -> str:
    """The mean of each metric over the seeds that were trained to the end, and how many of these diverged."""
    count, broken = len(training.trials), sum(trial.divergence is not None for trial in training.trials)
    values = {
        name: [number for trial in training.trials if (number := trial.metrics.get(name)) is not None]
        for name in training.metrics
    }
    means = [f"{name} {statistics.fmean(known):.4g}" for name, known in values.items() if known]
    told = f"mean of {count} seed{'s' * (count > 1)}" + f"; {broken} ended with a loss of nan or inf" * bool(broken)
    return f"{', '.join(means) or 'no number'} ({told})"
