"""One process at a time writes a stored file; the others wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import SuiteError

PATIENCE = 60.0
"""Seconds to wait for another process, which holds the lock for as long as reading and writing one file takes."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes from writing the file meanwhile; its folder exists.

    SuiteError where the lock is held for too long, OSError where it cannot be made. The system frees the lock of a
    process that died. The lock file goes with the lock: filelock takes no lock on a file that was removed meanwhile.
    """
    name = path.with_name(f".{path.name}.lock")
    lock = FileLock(name, timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout as error:
        raise SuiteError(
            f"Cannot write {path}: another process has held {name} for {PATIENCE:g} s. The old file, if any, is "
            "unchanged. Let that process finish, or end it, then repeat --update-baselines."
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            name.unlink()
        lock.release()
