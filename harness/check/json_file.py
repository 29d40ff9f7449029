"""A stored JSON file. It is read strictly, written whole or not at all, and updated by one process at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from harness.check.validation import Described, FormatError, OtherSchemaError
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.locks import held

T = TypeVar("T")
MOST_BYTES = 200_000_000
"""The largest size of a file. 1,000 seeds of every variant of an experiment take 20 MB."""
PATIENCE = 60.0
"""Seconds to wait for another process. A process holds the lock while it reads and writes one file."""


@dataclass(frozen=True)
class JsonFile(Generic[T]):
    """One kind of stored file.

    Attributes:
        noun: the name of its content in messages ("evidence").
        parse: text -> content; FormatError for invalid text.
        dumps: content -> text; ``parse`` returns the same content, bit for bit.
        check: FormatError if a content does not belong at a path.
        update_command: the options that write it.
    """

    noun: str
    parse: Callable[[str], T]
    dumps: Callable[[T], str]
    check: Callable[[Path, T], None]
    update_command: str

    def read(self, path: Path) -> T | None:
        """The content of a file; None if there is no file. SuiteError if it cannot be read or is invalid."""
        try:
            value = self.parse(_content(path).decode("utf-8"))
            self.check(path, value)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._invalid(path, "a readable file", error.strerror or type(error).__name__) from error
        except UnicodeDecodeError as error:
            raise self._invalid(
                path, "UTF-8 text", f"byte {error.object[error.start]:#04x} at {error.start}"
            ) from error
        except OtherSchemaError as fault:
            raise invalid(f"{self.noun} {path}", expected=fault.expected, received=fault.received) from fault
        except FormatError as fault:
            raise self._invalid(path, fault.expected, fault.received) from fault
        return value

    def update(self, path: Path, change: Callable[[T | None], T]) -> tuple[T | None, T]:
        """Reads the file, writes ``change(content)`` if it differs, and returns the old and the new content.

        Other processes that update the same file wait, so no update is lost. SuiteError if the file cannot be read,
        locked or written; errors of ``change`` pass through. Any error leaves the old file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_name(f".{path.name}.lock")
            busy = f"Cannot write {self.noun} {path}: another process has held {lock} for {PATIENCE:g} s. "
            busy += f"The old file is unchanged. Let that process finish, or end it, then repeat {self.update_command}."
            with held(lock, busy, PATIENCE):
                old = self.read(path)
                new = change(old)
                if new != old:
                    self.write(path, new)
        except OSError as error:
            raise self._unwritable(path, error) from error
        return old, new

    def write(self, path: Path, value: T) -> None:
        """Replaces the file in one step. SuiteError, and the old file stays, if that fails.

        SuiteError too if reading the new text back would give another content.
        """
        try:
            text = self.dumps(value)
            if self.parse(text) != value:
                raise FormatError("values that survive being written", Described("others after reading them back"))
            self.check(path, value)
            content = text.encode("utf-8")
            _check_size(len(content))
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        except OSError as error:
            raise self._unwritable(path, error) from error
        except ValueError as error:  # FormatError; NaN; text that UTF-8 cannot hold
            raise SuiteError(
                f"Cannot write {self.noun} {path}: {error}. The old file, if any, is unchanged. "
                f"Correct what was to be written, then repeat {self.update_command}."
            ) from error

    def _unwritable(self, path: Path, error: OSError) -> SuiteError:
        return SuiteError(
            f"Cannot write {self.noun} {path}: {error.strerror or error}. The old file, if any, is unchanged. "
            f"Make the folder writable and its disk not full, then repeat {self.update_command}."
        )

    def _invalid(self, path: Path, expected: str, received: str) -> SuiteError:
        return invalid(
            f"{self.noun} {path}",
            expected=expected,
            received=received,
            fix=f"Restore the file from version control (git checkout -- {path}), or delete it and write a new one "
            f'with {self.update_command} "reason".',
        )


def _content(path: Path) -> bytes:
    """The bytes of a file. OSError if it cannot be read; FormatError if it is no regular file, or too large."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise FormatError("a file", Described("a device, a pipe or a socket"))
    _check_size(found.st_size)
    return path.read_bytes()


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise FormatError(f"at most {MOST_BYTES} bytes", size)
