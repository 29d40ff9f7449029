"""A file that is replaced whole or not at all, whatever happens: a full disk, a kill -9, a reader at the same time."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

SUFFIX = ".tmp"


def replace_file(path: Path, content: bytes) -> None:
    """Writes alongside the file, then renames: it holds the old content or the new; OSError leaves the old one.

    A kill leaves the temporary file behind; the next call for the same file, from the same machine, removes it.
    """
    temporary = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}{SUFFIX}")
    _sweep(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _sweep(path: Path) -> None:
    """Removes what killed processes of this machine left of earlier attempts at the same file."""
    prefix = f".{path.name}.{_machine()}."
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            process = other.name.removeprefix(prefix).removesuffix(SUFFIX)
            if other.name == f"{prefix}{process}{SUFFIX}" and process.isdecimal() and not _alive(int(process)):
                with contextlib.suppress(OSError):
                    other.unlink()


def _alive(process: int) -> bool:
    """Whether a process of that number may exist; always, where the system cannot be asked without harm."""
    if os.name != "posix" or process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def _machine() -> str:
    """This machine's name: process numbers mean nothing on another one that shares the folder."""
    return "".join(c for c in platform.node() if c.isascii() and (c.isalnum() or c == "-"))[:32] or "localhost"
