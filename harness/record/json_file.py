"""A stored JSON file. It is read strictly, written whole or not at all, and updated by one process at a time."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from harness.errors import SuiteError, invalid
from harness.record.files import Held, replace_file

T = TypeVar("T")
MOST_BYTES = 200_000_000
"""The largest size of a file. 1,000 seeds of every variant of an experiment take 20 MB."""
PATIENCE = 60.0
"""Seconds to wait for another process. A process holds the lock while it reads and writes one file."""


class FormatError(ValueError):
    """A fault in a file: what was expected, and what was received. A ``foreign`` file is of another version."""

    def __init__(self, expected: str, received: str, foreign: bool = False) -> None:
        self.expected, self.received, self.foreign = _one_line(expected), _one_line(received), foreign
        super().__init__(f"{self.expected}; {self.received}")


class _Version(msgspec.Struct):
    schema: int


def decode(text: str, kind: type[T], what: str, newest: int) -> T:
    """The struct in a file's text. Raises FormatError only.

    Args:
        text: JSON without nan or infinity.
        kind: the struct's type.
        what: the name of the content in messages.
        newest: the version of the format that can be read.
    """
    try:
        schema = msgspec.json.decode(text, type=_Version).schema
        if schema != newest:
            age, fix = ("a newer", "update the suite") if schema > newest else ("an earlier", f"make the {what} again")
            received = f"schema {schema}, written by {age} version of the suite: {fix}"
            raise FormatError(f"schema {newest}", received, foreign=True)
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        wrong, _, place = str(error).partition(" - at ")
        expected, _, received = wrong.removeprefix("Expected ").partition(", got ")
        where = f" at {place}" if place else ""
        raise FormatError(
            expected + where if received else f"{what} in its format", received or wrong + where
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise FormatError("complete JSON", str(error)) from None


def _one_line(text: str) -> str:
    """Any text, such as a file's keys, on one line of at most 200 printable characters."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= 200 else f"{text[:199]}…"


@dataclass(frozen=True)
class JsonFile(Generic[T]):
    """One kind of stored file.

    Attributes:
        noun: the name of its content in messages ("evidence").
        parse: text -> content; FormatError for invalid text.
        dumps: content -> text; ``parse`` returns the same content, bit for bit.
        check: FormatError if a content does not belong at a path.
        update_command: the options that write it.
        reason: what follows the options where a file is written anew.
    """

    noun: str
    parse: Callable[[str], T]
    dumps: Callable[[T], str]
    check: Callable[[Path, T], None]
    update_command: str
    reason: str = ' "reason"'

    def read(self, path: Path) -> T | None:
        """The content of a file; None if there is no file. SuiteError if it cannot be read or is invalid."""
        try:
            value = self.parse(_text(path))
            self.check(path, value)
        except FileNotFoundError:
            return None
        except FormatError as fault:
            restore = f"Restore the file from version control (git checkout -- {path}), or delete it and write a new "
            fix = "" if fault.foreign else f"{restore}one with {self.update_command}{self.reason}."
            what = f"{self.noun} {path}"
            raise invalid(what, expected=fault.expected, received=fault.received, fix=fix) from fault
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
            with Held(lock, busy, PATIENCE):
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
                raise FormatError("values that survive being written", "others after reading them back")
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


def _text(path: Path) -> str:
    """The text of a file. FileNotFoundError if there is none, FormatError if it has no text or is too large."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise FormatError("a file", "a device, a pipe or a socket")
        _check_size(status.st_size)
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FormatError("a readable file", error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise FormatError("UTF-8 text", f"byte {error.object[error.start]:#04x} at {error.start}") from error


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise FormatError(f"at most {MOST_BYTES} bytes", f"{size}")
