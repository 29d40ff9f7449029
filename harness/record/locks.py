"""Locks between processes, which the system frees when their holder dies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import SuiteError


class Held:
    """A lock that this process has on ``path``, a file made for it, which goes with it.

    SuiteError with ``busy`` where another process keeps it for longer than ``patience`` seconds, and where the file
    cannot be made.
    """

    def __init__(self, path: Path, busy: str, patience: float = 0.0) -> None:
        self._path, self._lock = path, FileLock(path, timeout=patience)
        try:
            self._lock.acquire()
        except Timeout:
            raise SuiteError(busy) from None
        except OSError as error:
            text = f"Cannot make the lock {path}: {error.strerror or error}. Make its folder writable."
            raise SuiteError(text) from error

    def release(self) -> None:
        """A second time does nothing. The file goes first: filelock takes no lock on one that was removed meanwhile."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._lock.release()


@contextlib.contextmanager
def held(path: Path, busy: str, patience: float) -> Iterator[None]:
    """Holds the lock meanwhile; SuiteError as above."""
    lock = Held(path, busy, patience)
    try:
        yield
    finally:
        lock.release()
