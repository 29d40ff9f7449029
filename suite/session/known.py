"""Trials of earlier runs, for ``--resume`` and ``--reuse``. A trial is taken if nothing that decides it has changed.

That is the configuration of its variant (which includes the size), its seed, the fingerprint of its run (versions,
device, threads), its engine, and the source of the training code, which is not in the fingerprint.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import harness
from harness.domain.model import Trial
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import Run, RunStarted, ShortTrialDone, TrialDone, decode, read_run, whole_lines
from harness.record.run_file import locked, run_files
from harness.record.trials import ShortTrial


class Taken(NamedTuple):
    """A trial of an earlier run, and the id of the run that trained it."""

    trial: Trial | ShortTrial
    run: str


class Known:
    """The trials of these run files that agree with a run. The newest trial counts; older files are read as needed.

    A file that cannot be read, or is of another fingerprint, source or engine, has none.
    """

    def __init__(self, header: RunStarted, files: Iterable[Path]) -> None:
        self._header = header
        self._files = sorted(files)
        self._trials: dict[tuple[str, str, str, int], Taken] = {}
        self._short: dict[tuple[str, str, str, int, bool], Taken] = {}

    def trials(self, experiment: str, variant: str, definition: str, seeds: Iterable[int]) -> dict[int, Taken]:
        """The known trials of these seeds."""
        keys = {seed: (experiment, variant, definition, seed) for seed in seeds}
        while self._files and not all(key in self._trials for key in keys.values()):
            self._read(self._files.pop())
        return {seed: self._trials[key] for seed, key in keys.items() if key in self._trials}

    def short(self, experiment: str, variant: str, definition: str) -> dict[tuple[int, bool], Taken]:
        """The known shortened trials of a variant: by seed, and whether it is the canonical one."""
        while self._files:
            self._read(self._files.pop())
        key = (experiment, variant, definition)
        return {(seed, canonical): taken for (*of, seed, canonical), taken in self._short.items() if tuple(of) == key}

    def _read(self, path: Path) -> None:
        """Takes the trials of a file, whose last line may be torn."""
        records = _records(path)
        header = next(records, None)
        if not isinstance(header, RunStarted) or difference(header, self._header):
            return
        for record in records:
            if isinstance(record, TrialDone):
                key = (*record.key, record.definition, record.trial.seed)
                self._trials.setdefault(key, Taken(record.trial, record.reused or header.id))
            elif isinstance(record, ShortTrialDone) and not record.trial.perturbed:
                trial = record.trial
                short = (*record.key, record.definition, trial.seed, trial.canonical)
                self._short.setdefault(short, Taken(trial, header.id))


def _records(path: Path) -> Iterator[object]:
    """The records of a file that can be read."""
    try:
        lines = whole_lines(path)
    except SuiteError:
        return
    for line in lines:
        try:
            yield decode(line)
        except ValueError:
            yield None


def difference(then: RunStarted, now: RunStarted) -> str:
    """What of a run makes its trials others than those of this run, in words; "" if nothing."""
    prints = {**then.fingerprint, **now.fingerprint}
    pairs = {name: (then.fingerprint.get(name), now.fingerprint.get(name)) for name in prints}
    pairs |= {"engine": (then.engine, now.engine), "source of the training code": (then.source, now.source)}
    return ", ".join(f"{name}: then {a}, now {b}" for name, (a, b) in pairs.items() if a != b)


def resumable(folder: Path, asked: str, header: RunStarted, same_commit: bool = False) -> list[Path]:
    """The files of ``--resume``: the run ``asked`` for; for "", those that did not end since the last one that did.

    Only runs of the same selection count. SuiteError if there is none, if one still goes on, or if its trials are not
    those of this run. ``same_commit``: evidence names its commit, so that must be equal too.
    """
    files = {path.stem: path for path in reversed(run_files(folder))}
    if asked:
        name = Path(asked).stem if asked.endswith(".jsonl") else asked
        if name not in files:
            fix = nearest(name, files) if files else "No run is recorded."
            raise invalid("--resume", expected=f"a run in {folder}", received=repr(asked[:80]), fix=fix)
        runs = [read_run(files[name])]
        if not runs[0].open:
            raise SuiteError(f"The run {name} reached its end: there is nothing to resume. Leave --resume out.")
    else:
        runs = []
        for run in _readable(files.values()):
            if run.header.selected == header.selected:
                if not run.open:
                    break
                runs.append(run)
        if not runs:
            raise SuiteError(
                f"--resume: of the runs of these items in {folder} none was killed or interrupted. Leave --resume out."
            )
    for run in runs:
        locked(run.path).release()
    then = runs[0].header
    text = difference(then, header)
    if not text and same_commit and then.commit != header.commit:
        text = f"commit: then {then.commit}, now {header.commit}"
    if text:
        raise SuiteError(
            f"--resume: the run {runs[0].path.stem} cannot go on, because its trials would be others. {text}. Its "
            f"command was: {then.command}"
        )
    return [run.path for run in runs]


def _readable(files: Iterable[Path]) -> Iterator[Run]:
    for path in files:
        try:
            yield read_run(path)
        except SuiteError:  # of an earlier version, damaged, or empty
            continue


def selection(names: Iterable[str]) -> str:
    """16 hex digits over the names of the selected items, in any order."""
    return hashlib.sha256("\0".join(sorted(names)).encode()).hexdigest()[:16]


@functools.cache
def source() -> str:
    """A digest (16 hex digits) of the files of ``harness/``: they train a trial and measure it."""
    root = Path(harness.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root).as_posix()).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
