"""Baseline files: ``<root>/<setting>/<stack>/<experiment>.json``, read strictly and written all or nothing."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from baselines.lock import locked
from baselines.record import Baseline
from baselines.schema import FormatError, parse
from harness.atomic import replace_file
from harness.errors import SuiteError, invalid

MOST_BYTES = 200_000_000
"""Of a file; 1,000 seeds of every variant are 20 MB."""
FLAT_DEPTH = 4  # variants / name / trials / one trial: from here on a value stays on its line


def path_of(root: Path, setting: str, stack: str, experiment: str) -> Path:
    """The file of an experiment (``record.EXACT`` for the claims without one); ``stack`` from harness.fingerprint."""
    return root / setting / stack / f"{experiment}.json"


def read(path: Path) -> Baseline | None:
    """The baseline in that file, None where there is none; SuiteError where it cannot be read or is not valid."""
    try:
        baseline = parse(_content(path).decode("utf-8"))
        _check_place(path, baseline)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _invalid(path, "a readable file", error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, "UTF-8 text", f"byte {error.object[error.start]:#04x} at {error.start}") from error
    except FormatError as fault:
        raise _invalid(path, fault.expected, fault.received) from fault
    return baseline


def update(path: Path, change: Callable[[Baseline | None], Baseline]) -> tuple[Baseline | None, Baseline]:
    """Reads the baseline, writes what ``change`` makes of it unless they are equal, and returns both.

    Other processes that update the same file wait meanwhile, so none writes over what another has just written.
    SuiteError where the file cannot be read, locked or written, and whatever ``change`` raises; the old one is intact.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            old = read(path)
            new = change(old)
            if new != old:
                write(path, new)
    except OSError as error:
        raise _unwritable(path, error) from error
    return old, new


def write(path: Path, baseline: Baseline) -> None:
    """Replaces the file in one step, so that whatever happens it holds the old baseline or the new one.

    SuiteError where that is impossible, or where the new baseline would not be read back as it is.
    """
    try:
        text = dumps(baseline)
        if parse(text) != baseline:
            raise FormatError("values that survive being written", "others after reading them back")
        _check_place(path, baseline)
        content = text.encode("utf-8")
        _check_size(len(content))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError as error:  # FormatError; NaN; text that UTF-8 cannot hold
        raise SuiteError(
            f"Cannot write baseline {path}: {error}. The old one, if any, is unchanged. "
            "Correct what was to be written, then repeat --update-baselines."
        ) from error


def _content(path: Path) -> bytes:
    """The bytes of a file; OSError where there is none; FormatError for what would block or fill the memory."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise FormatError("a file", "a device, a pipe or a socket")
    _check_size(found.st_size)
    return path.read_bytes()


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise FormatError(f"at most {MOST_BYTES} bytes", size)


def dumps(baseline: Baseline) -> str:
    """The file's text: indented, and each trial, fingerprint and verdict on a line of its own."""
    return _layout(baseline.to_json(), 0) + "\n"


def _layout(value: Any, depth: int) -> str:
    items = list(value.values()) if isinstance(value, dict) else value
    if depth >= FLAT_DEPTH or not isinstance(items, list) or not any(isinstance(i, dict | list) for i in items):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    opening, closing, keys = "[", "]", [""] * len(items)
    if isinstance(value, dict):
        opening, closing, keys = "{", "}", [json.dumps(key, ensure_ascii=False) + ": " for key in value]
    inner = "  " * (depth + 1)
    lines = ",\n".join(f"{inner}{key}{_layout(item, depth + 1)}" for key, item in zip(keys, items, strict=True))
    return f"{opening}\n{lines}\n{'  ' * depth}{closing}"


def _check_place(path: Path, baseline: Baseline) -> None:
    place = (path.parent.parent.name, path.parent.name, path.stem)
    held = (baseline.setting, baseline.stack, baseline.experiment)
    if place != held:
        raise FormatError(f"the baseline of {' / '.join(place)}, as its place says", " / ".join(held))


def _unwritable(path: Path, error: OSError) -> SuiteError:
    return SuiteError(
        f"Cannot write baseline {path}: {error.strerror or error}. The old one, if any, is unchanged. "
        "Make the folder writable and its disk not full, then repeat --update-baselines."
    )


def _invalid(path: Path, expected: str, received: object) -> SuiteError:
    return invalid(
        f"baseline {path}",
        expected=expected,
        received=received,
        fix=f"Restore it from version control (git checkout -- {path}), or delete it and write a new one with "
        '--update-baselines "reason".',
    )
