"""Compares a training of anyone's model with what is stored of it, by the suite's own comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from harness.anyone.stored import FILE, UPDATE, evidence_of, shown, store
from harness.anyone.training import NAME, OwnTraining, configuration, measured, stored
from harness.check.evidence import changes_text
from harness.check.judge import REFERENCE, Circumstances, Comparison, same_versions
from harness.environment import fingerprint as machine
from harness.record.evidence import Evidence
from harness.record.outcomes import REPRODUCED, TrainingState
from harness.record.trials import Fingerprint, Training
from harness.training.backend import device
from harness.training.backends import active_backend
from harness.training.configuration import differences

SOURCE = "the test"


def check(training: OwnTraining, path_of: Callable[[str], Path], update: bool) -> tuple[bool, str, str]:
    """Trains what is compared, and compares it; stores the training where nothing is stored, or with ``update``.

    Args:
        training: what is trained.
        path_of: the file of a stack.
        update: whether to store it anew.

    Returns:
        (whether it passes, what to say of it, what moved first). What was never stored does not pass.

    Raises:
        SuiteError: bad input, or a file that cannot be read or written. Nothing is overwritten.
    """
    where = device()
    here = machine.fingerprint(active_backend(), where.kind, where.model, where.precision)
    stack = machine.stack(here)
    path = path_of(stack)
    own = FILE.read(path)
    other = None if own or update else _elsewhere(path_of, stack)
    known = own or other
    if known is None or update:
        new = stored(training)
        evidence = evidence_of(training.experiment(new.metrics), stack, {NAME: new}, here, update)
        store(path, evidence, update)
        return update, _of_storing(training, path, evidence.variants[NAME], own, here), ""
    return _compared(training, path if own else path_of(known.stack), known, stack, here)


def _elsewhere(path_of: Callable[[str], Path], stack: str) -> Evidence | None:
    """What is stored on another stack: the reference stack's, or else the first."""
    file = path_of(stack)
    stacks = sorted(folder.parent.name for folder in file.parent.parent.glob(f"*/{file.name}"))
    chosen = sorted(stacks, key=lambda name: name != REFERENCE)
    return FILE.read(path_of(chosen[0])) if chosen else None


def _compared(
    training: OwnTraining, path: Path, known: Evidence, stack: str, here: Fingerprint
) -> tuple[bool, str, str]:
    then, own = known.variants[NAME], known.stack == stack
    run = Circumstances(stack, here, source=SOURCE)
    metrics = training.experiment(then.metrics).metrics
    changed = Training(configuration=configuration(training))
    comparison = Comparison(run, metrics, changed, then)
    outcome = comparison.another(versions=own)
    if outcome is None:
        trained = measured(training, then, paired=own and same_versions(then, here), own_stack=own)
        comparison = Comparison(run, metrics, trained, then)
        begin = f"Nothing is stored for {stack}. Against {known.stack}"
        outcome = comparison.outcome() if own else comparison.elsewhere(begin)
    text = f"{training.id} {outcome.state}: {outcome.reason}"
    if outcome.state in REPRODUCED or outcome.compatible:
        return True, text, ""
    moved = ""
    if outcome.state is TrainingState.MOVED:
        moved = str(outcome.movement.feature if outcome.movement else "its end")
        moved += f" {outcome.movement.step}" if outcome.movement and outcome.movement.step else ""
        text += "".join(f"\n  which part of a step does otherwise: {cause}" for cause in _causes(training, then))
    fix = f"store it here too: {UPDATE}" if outcome.state is TrainingState.NEW else f"store it anew: {UPDATE}"
    return False, f"{text}\n  If this is meant, {fix}. Stored: {shown(path)}.", moved


def _causes(training: OwnTraining, known: Training) -> list[str]:
    """Which parts of a step do otherwise than their formulas; none where the training has no form that NumPy knows.

    Gradients are left out: where ReLU's input is exactly 0, as on black pixels, they are no limit of differences.
    """
    from harness.why.where import Part, causes, stages

    experiment = training.experiment(known.metrics)
    if not experiment.loss:
        return []
    try:
        compared = stages(experiment, NAME, replace(known, hashes=None))
        return list(map(str, causes(stage for stage in compared if stage.part is not Part.GRADIENT)))
    except Exception:  # of several inputs, a layer without configuration, …: nothing is named
        return []


def _of_storing(training: OwnTraining, path: Path, new: Training, before: Evidence | None, here: Fingerprint) -> str:
    """What was stored, how much of it is compared, and what changed by it."""
    steps = ", ".join(
        f"{state.steps} steps" + (f" from the state after {state.start:,}" if state.start else "")
        + (f" (limit {100 * state.limit:g} %)" if state.limit else "")
        for state in new.states
    )  # fmt: skip
    lines = [
        f"{training.id}: stored in {shown(path)}, {path.stat().st_size / 1000:.0f} kB.",
        f"compared will be {steps}.",
    ]
    if len(new.states) < 2:
        lines.append("There is no late state: its optimizer or weights are not known, or the training is too short.")
    if not any(state.canonical for state in new.states):
        lines.append("On another backend nothing can be compared: it draws random numbers in a way of its own.")
    if calm := [name for name, epochs in new.states[0].curves.items() if not epochs]:
        lines.append(f"Rounding moves {', '.join(calm)}, so they are not compared.")
    lines.append(f"reached: {_ends(new)}.")
    if before is None:
        lines.append("Nothing was stored before. Read this, keep the file under version control, and run again.")
        return "\n  ".join(lines)
    then = before.variants[NAME]
    changed = differences(then.configuration, new.configuration)
    if changed:
        lines.append(f"changed: {changes_text(changed)}.")
    else:
        outcome = Comparison(Circumstances(before.stack, here, source=SOURCE), (), replace(new, trials=()),
                             replace(then, trials=())).outcome()  # fmt: skip
        lines.append(f"against what was stored: {outcome.state}: {outcome.reason}")
    lines.append(f"before it reached: {_ends(then)}.")
    return "\n  ".join(lines)


def _ends(training: Training) -> str:
    """The mean of each metric over the seeds that were trained to the end."""
    values: Mapping[str, list[float]] = {
        name: [value for trial in training.trials if (value := trial.metrics.get(name)) is not None]
        for name in training.metrics
    }
    means = [f"{name} {sum(known) / len(known):.4g}" for name, known in values.items() if known]
    return f"{', '.join(means)} (mean of {len(training.trials)} seeds)"
