"""Where a run is recorded, settled before anything is collected: its id, its file, the store, and its lock."""

from __future__ import annotations

import contextlib
import datetime
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import SuiteError
from harness.store import new_id
from harness.record.locks import Held
from reports.folders import runs_folder
from suite import resume, workers
from suite.options import Options

if TYPE_CHECKING:
    from harness.record.address import Address
    from harness.record.database import Database
    from harness.store.follower import Follower

FILE = "store.sqlite"
"""The store of a report folder, where no other is named."""
LAST_WORDS = 20.0
"""Seconds that workers whose controller was killed may still have; execnet ends them after 15."""


@dataclass
class Recording:
    """The place of one run's results, as one of its processes has it.

    ``resumed`` is when this part of a resumed run began, "" of a new run; ``locks`` the folder in which workers lock
    each other out, "" where there are none; ``said`` what there is to say about the store, and of what is resumed.
    """

    path: Path
    started: str
    command: str
    resumed: str
    database: Database
    locks: str = ""
    said: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.path.stem

    def follower(self, say: Callable[[str], object]) -> Follower:
        """What keeps the store up with this run; ``say`` shows a line now."""
        from harness.store.follower import Follower

        return Follower(self.database, self.path, say)

    def shared(self) -> dict[str, Any]:
        """What a worker has to know of it; makes the folder of locks."""
        self.locks = self.locks or tempfile.mkdtemp(prefix="claims-locks-")
        return {name: getattr(self, name) for name in ("id", "started", "command", "resumed", "locks")}

    def close(self) -> None:
        """Frees the run for others; a second time does nothing."""
        self.database.close()
        while self.held:
            self.held.pop().release()


def begin_recording(config: pytest.Config, options: Options) -> Recording:
    """For the only process of a run, or the controller of its workers: of a new run, or of the one to be resumed.

    SuiteError where the store cannot be used, or the run not be resumed.
    """
    from harness.store.opening import open_store

    folder, now = runs_folder(options.reports), datetime.datetime.now(datetime.UTC)
    database, said = open_store(address(options), folder, now)
    held: list[Held] = []
    store = database.address.file
    places = dict.fromkeys((folder, store.parent if store else folder))
    for left in (lock for place in places for lock in place.glob(".*.lock")):
        if resume.has_ended(folder / f"{left.name.split('.')[1]}.jsonl"):  # and was killed before it could remove it
            free(left)
    try:
        if options.resume is None:
            run, started, resumed = new_id(folder, now, os.getpid()), now.isoformat(timespec="seconds"), ""
        else:
            run, started, resumed = resume.find(folder, database, options), "", now.isoformat()
        busy = f"The run {run} is still going on: another process has its lock. Wait for its end, or end it."
        for place in places:
            held.append(Held(lock_file(place, run), busy))
        if not database.claim(run):
            raise SuiteError(busy)
        path = folder / f"{run}.jsonl"
        if resumed:
            for left in worker_locks(path):  # of workers that outlived their controller
                Held(left, busy, LAST_WORDS).release()
            resume.mend(path, database)
            said.append(f"resumed: the run {run}")
    except BaseException:
        database.close()
        for lock in held:
            lock.release()
        raise
    return Recording(path, started, command(config, options), resumed, database, said=said, held=held)


def join_recording(config: pytest.Config, options: Options) -> Recording:
    """For a worker: of the run that its controller has begun, with a connection of its own."""
    from harness.record.database import Database

    shared = workers.shared_input(config)
    folder = runs_folder(options.reports)
    lock = Held(lock_file(folder, shared["id"], str(os.getpid())), "")
    path = folder / f"{shared['id']}.jsonl"
    given = {name: shared[name] for name in ("started", "command", "resumed", "locks")}
    return Recording(path, database=Database(address(options)), held=[lock], **given)


def remove_locks(recording: Recording) -> None:
    """When the workers have ended; some of them may have been killed."""
    if recording.locks:
        shutil.rmtree(recording.locks, ignore_errors=True)
    for left in worker_locks(recording.path):
        free(left)


def free(lock: Path) -> None:
    """Removes what a killed process has left; what a living one holds stays."""
    with contextlib.suppress(SuiteError):
        Held(lock, "").release()


def lock_file(folder: Path, run: str, worker: str = "") -> Path:
    """The file that a process of a run keeps locked."""
    return folder / f".{run}{'.' if worker else ''}{worker}.lock"


def worker_locks(run: Path) -> list[Path]:
    """Those of a run file's workers."""
    return list(run.parent.glob(lock_file(run.parent, run.stem, "*").name))


def address(options: Options) -> Address:
    """The store of a run."""
    from harness.record.address import sqlite_address

    return options.store or sqlite_address(options.reports / FILE)


def command(config: pytest.Config, options: Options) -> str:
    """What was typed, without a password."""
    arguments = [str(argument) for argument in config.invocation_params.args]
    return shlex.join(["pytest", *(options.store.redacted(arguments) if options.store else arguments)])
