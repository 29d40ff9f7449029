"""Stored timings: ``<root>/timing/<stack>.json``, read strictly and written all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from baselines.lock import locked
from baselines.schema import FormatError
from baselines.timing_record import SCHEMA, Timings
from baselines.timing_schema import parse_timings
from harness.atomic import replace_file
from harness.errors import SuiteError, invalid

MOST_BYTES = 50_000_000


def timings_path(root: Path, stack: str) -> Path:
    """The file of a stack (``harness.fingerprint.stack``)."""
    return root / "timing" / f"{stack}.json"


def read_timings(path: Path) -> Timings | None:
    """The timings in that file, None where there is none; SuiteError where it cannot be read or is not valid."""
    try:
        if path.exists() and not path.is_file():
            raise FormatError("a file", "a folder, a device or a pipe")
        if path.stat().st_size > MOST_BYTES:
            raise FormatError(f"at most {MOST_BYTES} bytes", path.stat().st_size)
        timings = parse_timings(path.read_bytes().decode("utf-8"))
        _check_stack(path, timings)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _invalid(path, "a readable file", error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, "UTF-8 text", f"byte {error.object[error.start]:#04x} at {error.start}") from error
    except FormatError as fault:
        raise _invalid(path, fault.expected, fault.received) from fault
    return timings


def update_timings(path: Path, change: Callable[[Timings | None], Timings]) -> None:
    """Reads the timings and writes what ``change`` makes of them; other processes that do the same wait meanwhile.

    SuiteError where that is impossible; the file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            new = change(read_timings(path))
            text = dumps_timings(new)
            if parse_timings(text) != new:
                raise FormatError("values that survive being written", "others after reading them back")
            _check_stack(path, new)
            replace_file(path, text.encode("utf-8"))
    except OSError as error:
        raise SuiteError(
            f"Cannot write timings {path}: {error.strerror or error}. The old ones, if any, are unchanged. "
            "Make the folder writable and its disk not full, then repeat --update-baselines."
        ) from error
    except SuiteError:
        raise
    except ValueError as error:  # FormatError; NaN
        raise SuiteError(f"Cannot write timings {path}: {error}. The old ones, if any, are unchanged.") from error


def dumps_timings(timings: Timings) -> str:
    """The file's text: each repeat on a line of its own, so that a diff shows which were added and which went."""
    cases = [
        f"    {_line(key)}: [\n" + ",\n".join(f"      {_line(repeat.to_json())}" for repeat in repeats) + "\n    ]"
        for key, repeats in timings.cases.items()
    ]
    inside = "{\n" + ",\n".join(cases) + "\n  }" if cases else "{}"
    return f'{{\n  "schema": {SCHEMA},\n  "stack": {_line(timings.stack)},\n  "cases": {inside}\n}}\n'


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _check_stack(path: Path, timings: Timings) -> None:
    if timings.stack != path.stem:
        raise FormatError(f"the timings of {path.stem}, as the file's name says", timings.stack)


def _invalid(path: Path, expected: str, received: object) -> SuiteError:
    return invalid(
        f"timings {path}",
        expected=expected,
        received=received,
        fix=f"Restore them from version control (git checkout -- {path}), or delete the file and store new ones with "
        '-m timing --update-baselines "reason".',
    )
