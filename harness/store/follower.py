"""Copies a run's file into the store as it is written, and what the store lacks of earlier ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import SuiteError
from harness.store.database import Database

BATCH = 500
"""Lines that are added in one transaction."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a store that is away is asked again: twice as long each time."""


class ForkedError(SuiteError):
    """A run that went on in two places: its file is not the beginning, or the continuation, of what the store has."""


class Follower:
    """Keeps the store up with one run file, whoever writes it; each call copies what is new, in order.

    Where the store is away it says so once, by ``say``, and again when it is back with all that it missed; ``fault``
    is why it lags behind, "" where it does not.
    """

    def __init__(self, database: Database, path: Path, say: Callable[[str], object]) -> None:
        self.path, self.fault = path, ""
        self._database, self._say = database, say
        self._position: int | None = None
        self._pause, self._again = 0.0, 0.0

    def __call__(self) -> None:
        """To be called after each line."""
        if not self.fault or time.monotonic() >= self._again:
            self.settle()

    def settle(self) -> str:
        """Tries now, however short ago it failed; ``fault`` afterwards."""
        try:
            if self.fault:
                self._position = None
                self._database.reopen()
            self.copy()
        except (OSError, ValueError) as error:  # SuiteError is one; or the run's file is gone
            self._pause = min(2 * self._pause, LONGEST_PAUSE) or FIRST_PAUSE
            self._again = time.monotonic() + self._pause
            if not self.fault:
                self._say(f"store: {error} The run goes on, and keeps its results in {self.path}.")
            self.fault = str(error)
        else:
            if self.fault:
                self._say(f"store: {self._database.address} is back, and has what it missed")
            self.fault, self._pause = "", 0.0
        return self.fault

    def copy(self) -> int:
        """Adds the whole lines that the store lacks, and gives their number.

        StoreError where it is away, ForkedError where it has something else, ValueError for a line that is no record.
        """
        run = self.path.stem
        if self._position is None:
            self._position = self._agreed(run)
        lines = whole_lines(self.path, self._position)
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            self._database.add(run, self._position, batch)
            self._position += sum(len(line) + 1 for line in batch)
        return len(lines)

    def _agreed(self, run: str) -> int:
        """How much of the file the store has already."""
        position, body = self._database.last(run)
        if position:
            line = body.encode() + b"\n"
            with self.path.open("rb") as file:
                file.seek(position - len(line))
                if file.read(len(line)) != line:
                    raise ForkedError(
                        f"The store {self._database.address} has another course of the run {run} than {self.path}: it "
                        "went on elsewhere. What the store has stays as it is."
                    )
        return position


def whole_lines(path: Path, position: int = 0) -> list[bytes]:
    """The lines of a file from there on, without their ends; not one that has none yet."""
    with path.open("rb") as file:
        file.seek(position)
        return file.read().split(b"\n")[:-1]


def catch_up(database: Database, folder: Path) -> list[str]:
    """Copies what the store lacks of the run files in a folder; what there is to say about it. StoreError as above.

    A file that is no run's is left alone, and one that is damaged is copied up to there.
    """
    said: list[str] = []
    copied, lines, runs = database.copied(), 0, 0
    for path in sorted(folder.glob("*.jsonl")):
        try:
            if path.stat().st_size <= copied.get(path.stem, 0) or not begins(path):
                continue
            added = Follower(database, path, said.append).copy()
        except ForkedError as error:
            said.append(str(error))
        except (OSError, ValueError):
            continue
        else:
            lines, runs = lines + added, runs + bool(added)
    if lines:
        said.append(f"caught up with {_counted(lines, 'record')} of {_counted(runs, 'earlier run')}")
    return [f"store: {text}" for text in said]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def begins(path: Path) -> bool:
    """Whether the file begins as a run's does; OSError, ValueError where it cannot be read."""
    with path.open("rb") as file:
        first = file.readline()
    header = json.loads(first) if first.endswith(b"\n") else None
    return isinstance(header, dict) and header.get("kind") == "run"
