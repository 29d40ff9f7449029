"""What the processes of one run share: its record, which each reads back, and a lock for each training.

They are the workers of pytest-xdist, or one after another where a run is resumed.

A worker that needs a variant takes its lock, reads what the others have recorded, and trains only what is missing. So
each trial is trained once, whatever the order in which items are handed out; a claim whose trials nobody has begun
trains them itself, so no worker ever waits for one that waits for it. The system frees the locks of a worker that
died; its finished trials are taken over. Of which trial it died is known by the mark that it left, and a trial that
workers keep dying of is not tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock

from harness.errors import SuiteError
from harness.trial import Trial

POLL = 0.05  # seconds between two looks at a lock that another worker holds
FATAL = 2
"""How many workers may die of one trial: the first may have been killed by chance."""


class Exchange:
    """The run file ``path`` as others fill it; ``locks`` is a folder of this run alone, "" for a single process.

    ``trials`` by (experiment, variant), ``reused`` how many of them are of earlier runs; ``trained`` holds those that
    are complete, with None or the error that ended them (which a resumed run tries again); ``begun`` the experiments
    that have their record; ``resumed`` when the run was resumed.
    """

    def __init__(self, path: Path, locks: Path | str) -> None:
        self.path = path
        self.trials: dict[tuple[str, str], list[Trial]] = {}
        self.trained: dict[tuple[str, str], str | None] = {}
        self.reused: Counter[tuple[str, str]] = Counter()
        self.begun: set[str] = set()
        self.resumed: set[str] = set()
        self._locks = locks
        self._read = 0

    def lock(self, name: str) -> BaseFileLock | nullcontext[None]:
        """The lock of that name: a context manager, in which one worker is at a time."""
        if not self._locks:
            return nullcontext()
        return FileLock(self._file(name, "lock"), poll_interval=POLL)

    def begin(self, name: str, seed: int) -> None:
        """Marks the trial that comes next, under the training's lock; SuiteError where workers keep dying of it."""
        if not self._locks:
            return
        mark = self._file(name, "begun")
        died = mark.read_text().split().count(str(seed)) if mark.exists() else 0
        if died >= FATAL:
            raise SuiteError(
                f"{died} workers died one after the other while they trained seed {seed}. If memory ran out, make room "
                "or take fewer workers (-n), and go on with --resume."
            )
        with mark.open("a") as file:
            file.write(f"{seed}\n")

    def end(self, name: str) -> None:
        """Its worker has outlived the training, whatever came of it."""
        if self._locks:
            self._file(name, "begun").unlink(missing_ok=True)

    def _file(self, name: str, kind: str) -> Path:
        return Path(self._locks) / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.{kind}"

    def refresh(self) -> None:
        """Reads the complete lines that were added since the last time."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        if kind == "experiment":
            self.begun.add(record["id"])
        elif kind == "trial":
            key = (record["experiment"], record["variant"])
            self.trials.setdefault(key, []).append(Trial.from_json(record))
            self.reused[key] += "reused" in record
        elif kind == "trained":
            self.trained[record["experiment"], record["variant"]] = record["error"]
        elif kind == "resumed":
            self.trained.clear()
            self.resumed.add(record["started"])
