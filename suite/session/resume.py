"""``--resume``: finds the run to continue, and checks that this command would continue the same run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import SuiteError, invalid, nearest
from harness.record.declared import experiment_declared
from harness.record.run import Run, RunStarted, decode, encode, read_run
from harness.record.run_file import run_files
from harness.training.configuration import variant_digest
from suite.catalogue import EXPERIMENTS, training_name

SAME = (
    "full", "seeds", "seeds_of", "first_seed", "auto", "backend", "engine", "precision", "stack", "reuse",
    "fingerprint", "source", "planned",
)  # fmt: skip
"""Fields of the header that must be equal."""
LABELS = {"source": "source of the training code", "planned": "claims"}
"""The names in messages of fields whose own name is not clear."""


def find(folder: Path, asked: str) -> Path:
    """The file of the run to continue: the one ``asked`` for; for "", the newest that did not reach its end.

    SuiteError where there is no such run, or where it reached its end.
    """
    runs = {path.stem: path for path in reversed(run_files(folder))}
    if asked:
        name = Path(asked).stem if asked.endswith(".jsonl") else asked
        if name not in runs:
            fix = nearest(name, runs) if runs else "No run is recorded."
            raise invalid("--resume", expected=f"a run in {folder}", received=repr(asked[:80]), fix=fix)
        if not read_run(runs[name]).open:
            raise SuiteError(f"The run {name} reached its end: there is nothing to resume. Leave --resume out.")
        return runs[name]
    for path in runs.values():
        try:
            if read_run(path).open:
                return path
        except SuiteError:  # the file is of an earlier version, damaged, or empty
            continue
    raise SuiteError(f"--resume: of the runs in {folder} none was killed or interrupted. Leave --resume out.")


def check(path: Path, header: RunStarted, with_commit: bool) -> None:
    """SuiteError where this command would not continue the run in ``path``; it lists the first eight differences.

    Args:
        path: the file of the run.
        header: the header that a new run of this command would have.
        with_commit: whether the commits must be equal: evidence names its commit.
    """
    run = read_run(path)
    now = decode(encode(header))
    assert isinstance(now, RunStarted)
    names = (*SAME, *(["commit"] if with_commit else ()))
    differences = [_difference(name, getattr(run.header, name), getattr(now, name)) for name in names]
    differences = list(filter(None, differences))
    if not differences and run.header.selected != header.selected:
        differences.append("other items are selected")
    differences += _definitions(run)
    if differences:
        shown = "; ".join([*differences[:8], *(["…"] if len(differences) > 8 else [])])
        raise SuiteError(
            f"--resume: the run {path.stem} cannot go on, because this would be another one. {shown}. "
            f"Its command was: {run.header.command}"
        )


def _difference(name: str, then: Any, now: Any) -> str:
    """The difference of a field of the header in words; "" where there is none."""
    if name == "planned":
        then, now = set(then), set(now)
    then, now = _plain(then), _plain(now)
    if then == now:
        return ""
    label = LABELS.get(name, name)
    if isinstance(then, dict) and isinstance(now, dict):
        parts = [(key, then.get(key), now.get(key)) for key in {**then, **now}]
        return "; ".join(f"{label}, {key}: then {a}, now {b}" for key, a, b in parts if a != b)
    if isinstance(then, set):
        changes = {"without": sorted(then - now), "with": sorted(now - then)}
        return f"{label}: " + ", ".join(f"now {word} {_some(names)}" for word, names in changes.items() if names)
    return f"{label}: then {then}, now {now}"


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value


def _some(names: list[str], most: int = 3) -> str:
    shown = ", ".join(name[:60] for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _definitions(run: Run) -> Iterator[str]:
    """The experiments and variants of the run whose declaration has changed since."""
    for name, record in run.experiments.items():
        experiment = EXPERIMENTS.get(name)
        today = decode(encode(experiment_declared(experiment, record.order))) if experiment else None
        if today != record:
            yield f"experiment {name}: its declaration has changed"
    for name, variant, definition in sorted(run.definitions):
        experiment = EXPERIMENTS.get(name)
        known = experiment is not None and variant in [one.name for one in experiment.variants]
        if experiment is None or not known or variant_digest(experiment, variant) != definition:
            yield f"{training_name(name, variant)}: another definition"


def digest(names: Iterable[str]) -> str:
    """16 hex digits over the names of the selected items, in any order."""
    return hashlib.sha256("\0".join(sorted(names)).encode()).hexdigest()[:16]
