"""Locks between processes. The system releases a lock when its holder dies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import SuiteError


class Held:
    """A lock that this process holds. Its file ``path`` exists as long as the lock is held.

    SuiteError with the text ``busy`` if another process holds it for longer than ``patience`` seconds. SuiteError if
    the file cannot be created.
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
        """Releases the lock. A second call does nothing."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._path.unlink()  # before the release: filelock takes no lock on a file that was removed meanwhile
            self._lock.release()


@contextlib.contextmanager
def held(path: Path, busy: str, patience: float) -> Iterator[None]:
    """Holds the lock for the ``with`` block. Raises as ``Held`` does."""
    lock = Held(path, busy, patience)
    try:
        yield
    finally:
        lock.release()
