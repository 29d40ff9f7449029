"""Trials of earlier runs, for ``--reuse``. A trial is reused if nothing that decides its result has changed since.

The result depends on the definition of its variant (which includes the size), its seed, the fingerprint of its run
(versions, device, threads, engine), and the source of the training code, which is not in the fingerprint.
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
    """The trials in a folder of run files. The newest trial counts; an older file is read only if a trial is missing.

    A file is ignored if it cannot be read, or has another source, fingerprint or --engine.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint, engine: str) -> None:
        self._wanted = (fingerprint, source(), engine)
        self._files = run_files(folder)
        self._known: dict[Key, tuple[Trial, str]] = {}

    def find(
        self, experiment: str, variant: str, definition: str, seeds: Iterable[int]
    ) -> dict[int, tuple[Trial, str]]:
        """The known trials of these seeds: by seed, the trial and the id of the run that trained it."""
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
    """A digest (16 hex digits) of the files of ``harness/``: they train a trial and measure it."""
    root = Path(harness.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root).as_posix()).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
