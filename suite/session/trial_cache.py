"""Trials of earlier runs, for ``--reuse``: taken where nothing that decides a trial has changed since.

A trial is keyed by its variant's definition (which covers its size), its seed, the fingerprint of its run
(versions, device, threads, engine), and the source of the training code itself, which no fingerprint holds.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import harness
from harness.domain.trial import Trial
from harness.record.run import Fingerprint, RunStarted, TrialDone, decode
from harness.record.run_file import run_files

Key = tuple[str, str, str, int]
"""Experiment, variant, definition, seed."""


class TrialCache:
    """The trials in a folder of run files, newest first; a file is read when the newer ones did not have a trial.

    A file that cannot be read, or was written by other training code, on another fingerprint or by another --engine,
    has none to offer.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint, engine: str) -> None:
        self._wanted = (fingerprint, source(), engine)
        self._files = run_files(folder)
        self._known: dict[Key, tuple[Trial, str]] = {}

    def find(
        self, experiment: str, variant: str, definition: str, seeds: Iterable[int]
    ) -> dict[int, tuple[Trial, str]]:
        """Of these seeds those that have a trial, each with the id of the run that trained it."""
        keys: dict[int, Key] = {seed: (experiment, variant, definition, seed) for seed in seeds}
        while self._files and not all(key in self._known for key in keys.values()):
            for key, trial, run in self._trials(self._files.pop()):
                self._known.setdefault(key, (trial, run))
        return {seed: self._known[key] for seed, key in keys.items() if key in self._known}

    def _trials(self, path: Path) -> Iterator[tuple[Key, Trial, str]]:
        try:
            with path.open("rb") as file:
                header = decode(file.readline())
                if not isinstance(header, RunStarted):
                    return
                if (header.fingerprint, header.source, header.engine) != self._wanted:
                    return
                lines = file.read().split(b"\n")[:-1]
        except (OSError, ValueError):
            return
        for line in lines:
            with contextlib.suppress(ValueError):
                record = decode(line)
                if isinstance(record, TrialDone):
                    key = (*record.key, record.definition, record.trial.seed)
                    yield key, record.trial, record.reused or header.id


@functools.cache
def source() -> str:
    """16 hex digits over the files of ``harness/``: what trains, and what measures a trial."""
    root = Path(harness.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root).as_posix()).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
