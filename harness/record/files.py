"""Replaces files whole or not at all, even with a full disk, a kill -9, or a reader at the same time; and locks.

The system releases a lock when its holder dies.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import SuiteError

SUFFIX = ".tmp"


def replace_file(path: Path, content: bytes) -> None:
    """Writes a temporary file in the same folder, then renames it. OSError leaves the old content.

    A kill leaves the temporary file behind. The next call for the same file on the same machine removes it.
    """
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Writes a temporary file for each, then renames all. OSError while writing leaves the old content of all files.

    A disk that fills therefore leaves no mixture. A kill between two renames does, each file whole.
    """
    temporary = {path: path.with_name(f".{path.name}.{_machine()}.{os.getpid()}{SUFFIX}") for path in contents}
    try:
        for path, content in contents.items():
            _sweep(path)
            with temporary[path].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path in contents:
            os.replace(temporary[path], path)
    except BaseException:
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _sweep(path: Path) -> None:
    """Removes temporary files of this file that killed processes of this machine left behind."""
    prefix = f".{path.name}.{_machine()}."
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            process = other.name.removeprefix(prefix).removesuffix(SUFFIX)
            if other.name == f"{prefix}{process}{SUFFIX}" and process.isdecimal() and not _alive(int(process)):
                with contextlib.suppress(OSError):
                    other.unlink()


def _alive(process: int) -> bool:
    """Whether a process with this number may exist. Always True on systems that cannot be asked without harm."""
    if os.name != "posix" or process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's process
        return True
    return True


def _machine() -> str:
    """This machine's name. Machines may share the folder, and process numbers are valid on one machine only."""
    return "".join(c for c in platform.node() if c.isascii() and (c.isalnum() or c == "-"))[:32] or "localhost"


class Held:
    """A lock that this process holds, until its release or the end of a ``with``. Its file exists as long.

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

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Releases the lock. A second call does nothing."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._path.unlink()  # before the release: filelock takes no lock on a file that was removed meanwhile
            self._lock.release()
