"""Trials of earlier runs, for ``--resume`` and ``--reuse``. A trial is taken if nothing that decides it has changed.

That is the configuration of its variant (which includes the size), its seed, the fingerprint of its run (versions,
device, threads), its engine, and the source of the training code, which is not in the fingerprint.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

import harness
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import Run, RunStarted, ShortTrialDone, TrialDone, decode, read_run, whole_lines
from harness.record.run_file import locked, run_files


class Known:
    """The trials of these run files that agree with a run. The newest trial counts; older files are read as needed.

    A file that cannot be read, or is of another fingerprint, source or engine, has none; nor has a damaged line.
    """

    def __init__(self, header: RunStarted, files: Iterable[Path]) -> None:
        self._header = header
        self._files = sorted(files)
        self._trials: dict[tuple[str, str, str, int], TrialDone] = {}
        self._short: dict[tuple[str, str, str], dict[tuple[int, bool], ShortTrialDone]] = {}

    def trials(self, experiment: str, variant: str, definition: str, seeds: Iterable[int]) -> list[TrialDone]:
        """The known trials of these seeds. Each names the run that trained it."""
        keys = [(experiment, variant, definition, seed) for seed in seeds]
        while self._files and not all(key in self._trials for key in keys):
            self._read(self._files.pop())
        return [self._trials[key] for key in keys if key in self._trials]

    def short(self, experiment: str, variant: str, definition: str) -> Iterable[ShortTrialDone]:
        """The known shortened trials of a variant, without perturbed ones."""
        while self._files:
            self._read(self._files.pop())
        return self._short.get((experiment, variant, definition), {}).values()

    def _read(self, path: Path) -> None:
        """Takes the trials of a file, whose last line may be torn."""
        records = _records(path)
        header = next(records, None)
        if not isinstance(header, RunStarted) or difference(header, self._header):
            return
        for record in records:
            if isinstance(record, TrialDone):
                key = (*record.key, record.definition, record.trial.seed)
                self._trials.setdefault(key, replace(record, reused=record.reused or header.id))
            elif isinstance(record, ShortTrialDone) and not record.trial.perturbed:
                trials = self._short.setdefault((*record.key, record.definition), {})
                trials.setdefault((record.trial.seed, record.trial.canonical), record)


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


def unfinished(folder: Path, asked: str, selected: str) -> list[Run]:
    """The runs of ``--resume``: the one ``asked`` for; for "", those that did not end since the last one that did.

    Only runs of the same selection count. SuiteError if there is none, or if one still goes on.
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
        runs = list(itertools.takewhile(lambda run: run.open, _of_selection(files.values(), selected)))
        if not runs:
            raise SuiteError(
                f"--resume: of the runs of these items in {folder} none was killed or interrupted. Leave --resume out."
            )
    for run in runs:
        locked(run.path).release()
    return runs


def _of_selection(files: Iterable[Path], selected: str) -> Iterator[Run]:
    for path in files:
        with contextlib.suppress(SuiteError):  # of an earlier version, damaged, or empty
            run = read_run(path)
            if run.header.selected == selected:
                yield run


def check_same(then: Run, header: RunStarted, same_commit: bool) -> None:
    """SuiteError unless the trials of a run are those of this one.

    ``same_commit``: evidence names its commit, so that must be equal too.
    """
    text = difference(then.header, header)
    if not text and same_commit and then.header.commit != header.commit:
        text = f"commit: then {then.header.commit}, now {header.commit}"
    if text:
        raise SuiteError(
            f"--resume: the run {then.path.stem} cannot go on, because its trials would be others. {text}. Its command "
            f"was: {then.header.command}"
        )


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
