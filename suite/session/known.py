"""Trials of earlier runs, for ``--resume`` and ``--reuse``. A trial is taken if nothing that decides it has changed.

That is the configuration of its variant (which includes the size), its seed, the fingerprint of its run (versions,
device, threads), its engine, and the source of the training code, which is not in the fingerprint.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import harness
from harness.environment.fingerprint import code
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import Key, Run, RunStarted, ShortTrialDone, TrialDone, read_run
from harness.record.run_file import locked, run_files
from harness.record.trials import ShortTrial


class Known:
    """The trials of earlier runs, the newest first, that agree with a run. The newest trial counts.

    A run of another fingerprint, source or engine has none. Older runs are taken from ``runs`` as needed.
    """

    def __init__(self, header: RunStarted, runs: Iterable[Run]) -> None:
        self._unread = (run for run in runs if not difference(run.header, header))
        self._read: list[Run] = []

    def trials(self, key: Key, definition: str, seeds: Iterable[int]) -> list[TrialDone]:
        """The known trials of these seeds. Each names the run that it is taken from."""
        missing, known = set(seeds), list[TrialDone]()
        for run in self._runs(key, definition):
            taken = [trial for trial in run.trials.get(key, ()) if trial.seed in missing]
            how = {"experiment": key[0], "definition": definition, "reused": run.header.id}
            known += [TrialDone(trial=trial, **how) for trial in taken]
            missing -= {trial.seed for trial in taken}
            if not missing:
                break
        return known

    def short(self, key: Key, definition: str) -> list[ShortTrialDone]:
        """The known short trials of a variant, without perturbed ones."""
        known: dict[tuple[int, bool, int], ShortTrial] = {}
        for run in self._runs(key, definition):
            for trial in run.short.get(key, ()):
                if not trial.perturbed:
                    known.setdefault((trial.seed, trial.canonical, trial.start), trial)
        name, variant = key
        return [
            ShortTrialDone(experiment=name, variant=variant, definition=definition, trial=trial)
            for trial in known.values()
        ]

    def _runs(self, key: Key, definition: str) -> Iterator[Run]:
        """The runs that have trained a variant as it is defined now, the newest first."""
        for place in itertools.count():
            self._read += itertools.islice(self._unread, int(place == len(self._read)))
            if place == len(self._read):
                return
            if self._read[place].definitions.get(key) == definition:
                yield self._read[place]


def readable(files: Sequence[Path]) -> Iterator[Run]:
    """The runs, the newest first, of the files that are neither of an earlier version, nor damaged, nor empty."""
    for path in reversed(files):
        with contextlib.suppress(SuiteError):
            yield read_run(path)


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
    if asked:
        files = {path.stem: path for path in run_files(folder)}
        name = Path(asked).stem if asked.endswith(".jsonl") else asked
        if name not in files:
            fix = nearest(name, files) if files else "No run is recorded."
            raise invalid("--resume", expected=f"a run in {folder}", received=repr(asked[:80]), fix=fix)
        runs = [read_run(files[name])]
        if not runs[0].open:
            raise SuiteError(f"The run {name} reached its end: there is nothing to resume. Leave --resume out.")
    else:
        of_selection = (run for run in readable(run_files(folder)) if run.header.selected == selected)
        runs = list(itertools.takewhile(lambda run: run.open, of_selection))
        if not runs:
            raise SuiteError(
                f"--resume: of the runs of these items in {folder} none was killed or interrupted. Leave --resume out."
            )
    for run in runs:
        locked(run.path).release()
    return runs


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


@functools.cache
def source() -> str:
    """A digest of ``harness/``: it trains a trial and measures it."""
    return code(Path(harness.__file__).parent)
