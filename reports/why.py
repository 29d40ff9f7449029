"""``--why``: which part of a step does otherwise than its formula, in the trainings of a run that moved."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.anyone.stored import WHY
from harness.check.evidence import path_of, read
from harness.course import course
from harness.errors import SuiteError, invalid, nearest
from harness.record.outcomes import TrainingState
from harness.record.run import Key, Run
from harness.training.backend import choose_backend
from reports.folders import check_course
from reports.words import plural, some

MOST = 6
"""So many trainings are looked at, one of each experiment first."""
NAMES = 5


def explained(run: Run, asked: Sequence[str], baselines: Path) -> tuple[list[str], int]:
    """The lines to print, and the exit status: 1 if a part of a step does otherwise than its formula, else 0.

    Raises SuiteError if no training moved and none is named, for an unknown one, and if the backend cannot be used.
    """
    check_course(run.header)
    chosen = _chosen(run, asked)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    choose_backend(run.header.backend)
    from harness.why.where import causes, stages

    found: dict[tuple[str, ...], list[str]] = {}
    unseen: dict[str, None] = {}
    for name, variant in chosen:
        evidence = read(path_of(baselines, run.header.stack, name))
        known = evidence.variants.get(variant) if evidence else None
        compared = stages(course().experiments[name], variant, known)
        unseen |= {f"  {stage} ({name})": None for stage in compared if stage.difference is None}
        said = tuple(map(str, causes(compared)))
        found.setdefault(said, []).append(f"{name}/{variant}")
    lines = []
    for said, names in found.items():
        lines += [f"{some(names, NAMES)}:"]
        lines += [f"  {text}" for text in said] or [f"  {NOTHING}"]
    lines += ["Not seen:", *unseen] if unseen else []
    return lines, int(any(found))


def of_tests(tests: Sequence[str]) -> int:
    """Has pytest say the same of the trainings of tests with a ``training_check``. 2 if it cannot run them."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-rN", *tests]
    return min(subprocess.run(command, env={**os.environ, WHY: "1"}, check=False).returncode, 2)


NOTHING = (
    "every part of a step that was compared is as its formula says. What moved it acts at other steps, or around a "
    "step: in the data, their order, the number of steps, a callback, or the compiler."
)


def _chosen(run: Run, asked: Sequence[str]) -> list[Key]:
    """The trainings to look at: those asked for, or MOST of those that moved, of different experiments first."""
    experiments = course().experiments
    for name in asked:
        experiment, _, variant = name.partition("/")
        if experiment not in experiments:
            fix = nearest(experiment, experiments)
            raise invalid("--why", expected="experiment/variant", received=repr(name), fix=fix)
        experiments[experiment].variant(variant)
    if asked:
        return [(name.partition("/")[0], name.partition("/")[2]) for name in asked]
    moved = [key for key, training in run.trainings.items() if training.outcome.state is TrainingState.MOVED]
    if not moved:
        raise SuiteError(
            f"No training of the run {run.header.id} moved, of {plural(len(run.trainings), 'training')}. Name one: "
            f"--why {next(iter(experiments))}/{next(iter(experiments.values())).variants[0].name!r}."
        )
    places = {key: sum(other[0] == key[0] for other in moved[:at]) for at, key in enumerate(moved)}
    return sorted(moved, key=lambda key: places[key])[:MOST]
