"""A stored JSON file: read strictly, written all or nothing, and updated by one process at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from baselines.validation import FormatError, OtherSchemaError, Said
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.locks import held

T = TypeVar("T")
MOST_BYTES = 200_000_000
"""Of a file; 1,000 seeds of every variant of an experiment are 20 MB."""
PATIENCE = 60.0
"""Seconds to wait for another process, which holds the lock for as long as reading and writing one file takes."""


@dataclass(frozen=True)
class JsonFile(Generic[T]):
    """One kind of stored file.

    Attributes:
        noun: what messages call its content ("baseline").
        parse, dumps: from its text (FormatError for what is not valid) and back, bit for bit.
        check: FormatError where a content does not belong at that path.
        update_command: what writes it.
    """

    noun: str
    parse: Callable[[str], T]
    dumps: Callable[[T], str]
    check: Callable[[Path, T], None]
    update_command: str

    def read(self, path: Path) -> T | None:
        """The content of that file, None where there is none; SuiteError where it cannot be read or is not valid."""
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
        """Reads the file, writes what ``change`` makes of its content unless they are equal, and returns both.

        Other processes that update the same file wait meanwhile, so none writes over what another has just written.
        SuiteError where it cannot be read, locked or written, and whatever ``change`` raises; the old one is intact.
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
        """Replaces the file in one step, so that whatever happens it holds the old content or the new one.

        SuiteError where that is impossible, or where the new content would not be read back as it is.
        """
        try:
            text = self.dumps(value)
            if self.parse(text) != value:
                raise FormatError("values that survive being written", Said("others after reading them back"))
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
    """The bytes of a file; OSError where there is none; FormatError for what would block or fill the memory."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise FormatError("a file", Said("a device, a pipe or a socket"))
    _check_size(found.st_size)
    return path.read_bytes()


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise FormatError(f"at most {MOST_BYTES} bytes", size)
