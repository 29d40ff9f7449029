"""What the workers of one run share (pytest-xdist): its record, which each reads back, and a lock for each training.

A worker that needs a variant takes its lock, reads what the others have recorded, and trains only what is missing. So
each trial is trained once, whatever the order in which items are handed out; a claim whose trials nobody has begun
trains them itself, so no worker ever waits for one that waits for it. The system frees the locks of a worker that
died; its finished trials are taken over.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock

from harness.trial import Trial

POLL = 0.05  # seconds between two looks at a lock that another worker holds


class Exchange:
    """The run file ``path`` as the other workers fill it; ``locks`` is a folder of this run alone.

    ``trials`` by (experiment, variant); ``trained`` holds those that are complete, with None or the error that ended
    them; ``begun`` the experiments that have their record.
    """

    def __init__(self, path: Path, locks: Path) -> None:
        self.path = path
        self.trials: dict[tuple[str, str], list[Trial]] = {}
        self.trained: dict[tuple[str, str], str | None] = {}
        self.begun: set[str] = set()
        self._locks = locks
        self._read = 0

    def lock(self, name: str) -> BaseFileLock:
        """The lock of that name: a context manager, in which one worker is at a time."""
        file = hashlib.sha256(name.encode()).hexdigest()[:24]
        return FileLock(self._locks / f"{file}.lock", poll_interval=POLL)

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
            self.trials.setdefault((record["experiment"], record["variant"]), []).append(Trial.from_json(record))
        elif kind == "trained":
            self.trained[record["experiment"], record["variant"]] = record["error"]
